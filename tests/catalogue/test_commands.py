"""``catalogue refresh``, ``status``, ``forget``: what a user sees."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from femtobarn.cli import main
from femtobarn.data.catalogue import stored

from .services import ALWAYS, Fault, Services, entry

OLD = "2020e-13tev"
URL = "root://eospublic.cern.ch//eos/opendata/x.root"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("FEMTOBARN_ATTEMPTS", "1")

    def call(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main(("catalogue", *words))
        out, err = capsys.readouterr()
        return (end.value.code if isinstance(end.value.code, int) else 0), out, err

    return call


def test_refresh_shows_what_changed(run: Run, services: Services) -> None:
    services.publish(OLD)
    files = services.records[15005]["metadata"]["files"]
    files[0]["size"] = 5
    next(d for d in services.datasets[OLD] if d["dataset_number"] == "361106")["sumOfWeights"] = 3
    code, text, _ = run("refresh", OLD)
    lines = text.splitlines()
    assert code == 0
    assert lines[0] == f"{OLD}: 1149 files, 217 datasets, from {services.base}, {services.base}/api"
    assert lines[1:] == [
        "  files with another size or checksum (1):",
        "    data_A.4lep.root: 33765 bytes, b6a8df64 -> 5 bytes, b6a8df64",
        "  numbers of datasets changed: yields will differ (1):",
        "    361106 (default) sum_of_weights: 1.502775942e+11 -> 3",
    ]
    code, text, _ = run("refresh", OLD, "--json")
    (row,) = json.loads(text)
    assert (code, row["name"], row["files"], row["changed"], row["numbers"]) == (0, OLD, 1149, [], [])
    assert row["fetched"].endswith("+00:00")


def test_refresh_json_tells_old_and_new(run: Run, services: Services) -> None:
    services.publish(OLD)
    services.records[15005]["metadata"]["files"][0]["checksum"] = "adler32:1"
    code, text, _ = run("refresh", OLD, "--json")
    (change,) = json.loads(text)[0]["changed"]
    assert code == 0
    assert change["old"] == {"size": 33765, "adler32": "b6a8df64"}
    assert change["new"] == {"size": 33765, "adler32": "00000001"}


def test_one_that_fails_does_not_stop_the_others(run: Run, services: Services) -> None:
    services.offer(1, [entry(URL)])
    services.offer(3, [entry(URL)])
    services.fail("/records/1", Fault(503), ALWAYS)
    code, text, error = run("refresh", "record:1", "record:2", "record:3", "2020e")
    assert code == 2
    assert text.startswith("record:3: 1 files, from")
    assert error.count("error: ") == 3
    assert "HTTP 503" in error
    assert "the server knows none" in error
    assert "Did you mean '2020e-13tev'?" in error
    assert stored.names() == ("record:3",)
    code, text, _ = run("refresh", "record:1", "--json")
    assert (code, list(json.loads(text)[0])) == (1, ["name", "error"])


def test_without_names_all_bundled_releases_are_refreshed(run: Run, services: Services) -> None:
    services.page = 1000
    services.publish(OLD)
    services.publish("2025e-13tev-beta")
    code, text, _ = run("refresh")
    assert code == 0
    assert [line.partition(":")[0] for line in text.splitlines() if not line.startswith(" ")] == list(
        stored.names()
    )
    assert text.count("nothing changed") == 2


def test_status_and_forget(run: Run, services: Services) -> None:
    services.offer(3, [entry(URL)])
    run("refresh", "record:3")
    code, text, _ = run("status", "--json")
    rows = {row["name"]: row for row in json.loads(text)}
    assert code == 0
    assert (rows[OLD]["origin"], rows[OLD]["files"], rows["2024r-pp"]["origin"]) == ("bundled", 1149, "none")
    assert rows["record:3"]["sources"] == [f"{services.base}/api/records/3"]
    stored.path_of_table("2025e-13tev-beta").write_bytes(b"damaged")
    code, text, _ = run("status")
    assert code == 0
    assert "comes with the package" in text
    assert "portal records only" in text
    assert "2025e-13tev-beta: a refreshed table is there and not used: Not a gzipped file" in text
    code, _, error = run("forget", "record:4")
    assert (code, "Did you mean 'record:3'?" in error) == (2, True)
    assert run("forget")[0] == 2
    assert run("forget", "record:3", "--all")[0] == 2
    assert run("forget", "record:3")[1] == "removed: record:3\n"
    assert json.loads(run("forget", "--all", "--json")[1]) == ["2025e-13tev-beta"]
    assert run("forget", "--all")[1] == "removed: nothing, there is no refreshed table\n"
