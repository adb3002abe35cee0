"""``releases`` and ``datasets``: what is published, from the tables in use."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from femtobarn.cli import main
from femtobarn.data.catalogue import records, search

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def nothing_refreshed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEMTOBARN_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main(words)
        out, err = capsys.readouterr()
        return (end.value.code if isinstance(end.value.code, int) else 0), out, err

    return call


def test_releases(run: Run) -> None:
    code, text, _ = run("releases", "--json")
    rows = {row["release"]: row for row in json.loads(text)}
    assert code == 0
    assert list(rows) == ["2020e-13tev", "2025e-13tev-beta", "2016e-8tev", "2024r-pp"]
    assert (rows["2025e-13tev-beta"]["files"], rows["2025e-13tev-beta"]["datasets"]) == (4668, 373)
    assert rows["2025e-13tev-beta"]["bytes"] == next(r.size for r in records() if r.record == 93910)
    assert "files" not in rows["2024r-pp"]
    assert [row["energy"] for row in rows.values()] == ["13 TeV", "13 TeV", "8 TeV", "13 TeV"]
    assert 80020 in rows["2024r-pp"]["records"]
    code, text, _ = run("releases")
    assert (code, "2763.1 GB" in text, "portal only" in text) == (0, True, True)


def test_search_needs_every_word_in_any_case(run: Run) -> None:
    found = {d.dsid for _, d in search("HIGGS llll", "2025e-13tev-beta")}
    assert {345060, 346340, 346341, 346342} <= found
    assert 700600 not in found
    assert 700600 in {d.dsid for _, d in search("4lepton diboson")}
    code, text, _ = run("datasets", "search", "Zee", "--release", "2020e-13tev", "--json")
    assert (code, 361106 in {row["dsid"] for row in json.loads(text)}) == (0, True)
    code, text, _ = run("datasets", "search", "no", "such", "thing")
    assert (code, text) == (1, "no dataset has all of: no such thing\n")


def test_show(run: Run) -> None:
    code, text, _ = run("datasets", "show", "700600")
    assert code == 0
    assert "1.2974 pb" in text
    assert "exactly4lep" in text
    code, _, error = run("datasets", "show", "5")
    assert (code, "No release has a dataset 5." in error) == (2, True)
    code, _, error = run("datasets", "show", "700600", "--release", "2025")
    assert (code, "Did you mean '2025e-13tev-beta'?" in error) == (2, True)


def test_files(run: Run) -> None:
    code, text, _ = run("datasets", "files", "700600", "--skim", "exactly4lep", "--json")
    (row,) = json.loads(text)
    assert code == 0
    assert (row["size"], row["adler32"]) == (5407367, "1a80cedf")
    assert (row["release"], row["skim"], row["record"]) == ("2025e-13tev-beta", "exactly4lep", 93928)
    assert row["url"].startswith("root://")
    assert row["url"].endswith(row["name"])
    code, text, _ = run("datasets", "files", "700600")
    assert (code, len(text.splitlines())) == (0, 12)
    code, _, error = run("datasets", "files", "700600", "--skim", "exactly4le")
    assert (code, "Did you mean 'exactly4lep'?" in error) == (2, True)
