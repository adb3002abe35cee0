"""One scan on every executor, split in every way, cut short by faults: the same spectra."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.conformance.engines import Engine
from tests.running.toys import data_name, mc_name
from tests.servers.daemons import until

from femtobarn.api import runs
from femtobarn.api import spectra as api
from femtobarn.base.errors import NothingToDoError
from femtobarn.running.results.reader import RunResults
from femtobarn.running.results.spectra.folder import SUMS, read_sums
from femtobarn.running.results.store import FolderStore

from .events import SMALL, write_config, write_events

services = pytest.mark.services
FILL = ("files", "fill")
SCAN: dict[str, Any] = {**SMALL, "quantities": ["mass", "os", "ss"]}
PARTS: dict[str, Any] = {"part_bytes": 8_000, "chunk_entries": 70}
ENGINES = (
    "local-1",
    "local-2",
    *(pytest.param(name, marks=services) for name in ("dask", "rabbitmq", "batch", "rabbitmq+batch")),
)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_config(tmp_path_factory.mktemp("config") / "scan.yaml", **SCAN)


@pytest.fixture(scope="module")
def truth(config: Path, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run directory of the scan in parts, done in this process."""
    out = tmp_path_factory.mktemp("truth") / "out"
    api.run(config, folder, out=out, stages=FILL, workers=0, **PARTS)
    assert len({row.file for row in RunResults.load(out).ledger() if row.part > 2}) == 5
    return out


def bytes_of(out: Path) -> bytes:
    return (out / "spectra" / SUMS).read_bytes()


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_equal_plans_give_equal_bytes(
    engine: Engine, config: Path, folder: Path, truth: Path, tmp_path: Path
) -> None:
    with engine.working([str(folder)], tmp_path):
        done = api.run(
            config,
            folder,
            out=tmp_path / "out",
            stages=FILL,
            executor=engine.name,
            executor_options=engine.options,
            workers=engine.workers,
            **PARTS,
        )
    assert done.exit_code == 0
    assert bytes_of(done.out) == bytes_of(truth)


@pytest.mark.parametrize(
    "engine",
    ["local-2", *(pytest.param(name, marks=services) for name in ("dask", "rabbitmq", "batch"))],
    indirect=True,
)
def test_a_plain_run_of_a_configuration_does_all(
    engine: Engine, config: Path, folder: Path, truth: Path, tmp_path: Path
) -> None:
    with engine.working([str(folder)], tmp_path):
        results = runs.run(
            config,
            folder,
            out=tmp_path / "out",
            executor=engine.name,
            executor_options=engine.options,
            workers=engine.workers,
            figures=False,
            **PARTS,
        )
    assert results.info.complete
    assert bytes_of(tmp_path / "out") == bytes_of(truth)
    names = {path.name for path in (tmp_path / "out" / "spectra").iterdir()}
    assert names >= {
        "data.root",
        "mc.root",
        "data_processed.root",
        "summary.json",
        "gallery.html",
        "stages.json",
    }


@pytest.mark.parametrize(
    "split", [{}, {"chunk_entries": 7}, {"part_bytes": 30_000}], ids=["whole", "small chunks", "two parts"]
)
def test_any_split_gives_equal_spectra(
    split: dict[str, int], config: Path, folder: Path, truth: Path, tmp_path: Path
) -> None:
    api.run(config, folder, out=tmp_path, stages=FILL, workers=0, **split)
    found, expected = read_sums(tmp_path / "spectra"), read_sums(truth / "spectra")
    assert list(found) == list(expected) == ["data", "410470", "700600"]
    for process, sums in found.items():
        other = expected[process]
        assert np.array_equal(sums.states, other.states)
        assert np.array_equal(sums.cells, other.cells)
        if process == "data":
            assert np.array_equal(sums.sums, other.sums)
            assert np.array_equal(sums.events, other.events)
        else:
            assert np.array_equal(sums.sums[:, 0], other.sums[:, 0])
            np.testing.assert_allclose(sums.sums, other.sums, rtol=1e-12, atol=1e-12)
            np.testing.assert_allclose(sums.events, other.events, rtol=1e-12, atol=1e-12)


def test_the_least_number_of_events_is_of_the_whole_input(folder: Path, truth: Path, tmp_path: Path) -> None:
    """Final states that no part has often enough, but all of them together."""
    counts = {row.state: row.events for row in api.load(truth).states("data")}
    least = int(np.median([*counts.values()]))
    config = write_config(
        tmp_path / "scan.yaml",
        **{**SCAN, "final_states": {"most_count": 2, "min_events": least}},
    )
    expected = {state for state, events in counts.items() if events >= least}
    assert 0 < len(expected) < len(counts)
    for name, parts in (("whole", {}), ("parts", PARTS)):
        api.run(config, folder, out=tmp_path / name, stages=FILL, workers=0, **parts)
        spectra = api.load(tmp_path / name)
        assert {row.state for row in spectra.states("data") if row.kept} == expected
        assert {one.state for one in spectra.spectra("data")} <= expected


def command(config: Path, folder: Path, out: Path) -> list[str]:
    words = [sys.executable, "-m", "femtobarn", "spectra", "run", str(config), "--data", str(folder)]
    return [*words, "--out", str(out), "--workers", "1", "--part-bytes", "8000", "--stages", "files,fill"]


@pytest.mark.services
def test_a_killed_driver_and_the_same_command_again(
    config: Path, folder: Path, truth: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    environment = {**os.environ, "FEMTOBARN_CHUNK_ENTRIES": "70"}
    words = command(config, folder, out)
    driver = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, start_new_session=True)
    store = FolderStore(out / "tasks")
    until(lambda: len(list(store.tasks())) >= 3, 60, "no task ends")
    os.killpg(driver.pid, signal.SIGKILL)
    driver.wait()
    assert not (out / "run.json").exists()
    again = subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert again.returncode == 0, again.stderr
    assert "done before" in again.stdout
    assert bytes_of(out) == bytes_of(truth)
    once_more = subprocess.run(
        words, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert once_more.returncode == 0, once_more.stderr
    assert once_more.stdout.count("nothing has changed, not repeated") == 2


def test_bad_files_are_lines_of_the_ledger(config: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    good = write_events(data / data_name("data15_periodD"), 300)
    write_events(data / data_name("data15_periodE"), 0)
    truncated = write_events(data / mc_name(410470), 400, channel=410470)
    truncated.write_bytes(truncated.read_bytes()[: truncated.stat().st_size // 2])
    absent = data / mc_name(700600)
    names = tmp_path / "files.txt"
    names.write_text("\n".join(str(path) for path in (*sorted(data.iterdir()), absent)))
    done = api.run(config, names, out=tmp_path / "out", stages=FILL, workers=0)
    assert done.exit_code == 3
    assert done.results is not None
    rows = done.results.ledger()
    assert Counter(row.status for row in rows) == {"processed": 2, "failed": 2}
    assert {row.file for row in rows if row.status == "failed"} == {truncated.name, absent.name}
    assert all(row.reason for row in rows if row.status == "failed")
    assert sum((row.stop or 0) - (row.start or 0) for row in rows if row.status == "processed") == 300
    api.run(config, good, out=tmp_path / "good", stages=FILL, workers=0)
    assert bytes_of(done.out) == bytes_of(tmp_path / "good")


def test_failures_are_tried_again(config: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    write_events(data / data_name("data15_periodD"), 300)
    late = write_events(data / data_name("data15_periodE"), 300, seed=2)
    api.run(config, data, out=tmp_path / "out", stages=["files"])
    kept = late.rename(tmp_path / "elsewhere.root")
    assert api.run(config, out=tmp_path / "out", stages=["fill"], workers=0).exit_code == 3
    kept.rename(late)
    done = api.run(config, out=tmp_path / "out", stages=["fill"], workers=0)
    assert done.exit_code == 0
    assert done.results is not None
    assert done.results.info.events_processed == 600


@pytest.mark.parametrize(
    ("entries", "words"),
    [(0, "they have no events"), (None, "the first reason")],
    ids=["no events", "no ROOT file"],
)
def test_files_without_any_event_are_an_error(
    entries: int | None, words: str, config: Path, tmp_path: Path
) -> None:
    path = tmp_path / data_name("data15_periodD")
    if entries is None:
        path.write_bytes(b"this is no ROOT file")
    else:
        write_events(path, entries)
    with pytest.raises(NothingToDoError, match=words):
        api.run(config, path, out=tmp_path / "out", workers=0)
