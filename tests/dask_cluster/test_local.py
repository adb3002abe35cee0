"""Clusters that are started on this machine for a run: equal bits, whatever happens to their workers."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.running.toys import job
from tests.servers.daemons import bears, processes, until

from femtobarn.base.records import AnalysisSpec, LedgerRow, Settings
from femtobarn.running.engine.inputs import Inputs
from femtobarn.running.engine.plan import make_plan
from femtobarn.running.engine.run import exit_code, run
from femtobarn.running.executors.dask.executor import DaskExecutor
from femtobarn.running.results.folding import fold_name
from femtobarn.running.results.store import FolderStore

from .clusters import SOURCE, Told, appears, archives, dask, same, trouble

pytestmark = pytest.mark.services

Make = Callable[..., Settings]


@pytest.fixture
def mark(monkeypatch: pytest.MonkeyPatch) -> str:
    """What the processes of this test, and only they, have in their environment."""
    value = f"dask-{os.getpid()}-{random.SystemRandom().randrange(10**9)}"
    monkeypatch.setenv("TEST_MARK", value)
    return f"TEST_MARK={value}"


def living(mark: str) -> list[int]:
    own = os.getpid()
    return [pid for pid in processes(lambda folder: bears(folder, mark)) if pid != own]


def computing(mark: str) -> list[int]:
    """The processes in which tasks run: those with no child."""
    parents = {}
    for pid in living(mark):
        with contextlib.suppress(OSError):
            parents[pid] = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return [pid for pid in parents if pid not in parents.values()]


def set_trouble(monkeypatch: pytest.MonkeyPatch, **files: str) -> None:
    for name, value in trouble(**files).items():
        monkeypatch.setenv(name, value)


def failed(out: Path) -> dict[str, str]:
    from femtobarn.running.results.reader import read_results

    return {row.file: row.reason for row in read_results(out).ledger() if row.status == "failed"}


@pytest.mark.parametrize("workers", [1, 2])
def test_equal_bits_and_folded_files(
    spec: AnalysisSpec, inputs: Inputs, settings: Make, local: Path, tmp_path: Path, workers: int, mark: str
) -> None:
    out, told = tmp_path / "out", Told()
    chosen = dask(settings, workers=workers)
    info = run(spec, inputs, chosen, out, told).info
    assert exit_code(info) == 0
    assert same(out, local)
    groups = make_plan(spec, inputs, chosen).by_file
    assert min(map(len, groups)) > 2
    assert archives(out) == {fold_name([task.id for task in group]) for group in groups}
    assert {row.worker for row in told.rows} <= {f"dask-{n}" for n in range(workers)}
    assert told.words == []
    assert living(mark) == []


def test_what_is_done_is_not_done_again_and_parts_are_kept_when_others_are_there(
    spec: AnalysisSpec, inputs: Inputs, settings: Make, local: Path, tmp_path: Path
) -> None:
    chosen = dask(settings)
    groups = make_plan(spec, inputs, chosen).by_file
    out = tmp_path / "out"
    run(spec, inputs, chosen, out)
    store = FolderStore(out / "tasks")
    # of the first file only one part is there; the second file is lost
    store.path(fold_name([task.id for task in groups[0]])).unlink()
    store.path(fold_name([task.id for task in groups[1]])).unlink()
    there = groups[0][1].id
    store.write(FolderStore(local / "tasks").read(there))
    told = Told()
    run(spec, inputs, chosen, out, told)
    wanted = {task.id for task in (*groups[0], *groups[1])} - {there}
    assert {row.task for row in told.rows} == wanted
    assert {task.id for task in groups[0]} <= archives(out), "parts of a file of which some were there"
    assert fold_name([task.id for task in groups[1]]) in archives(out)
    assert same(out, local)


@pytest.mark.parametrize("seed", [1, 2])
def test_workers_killed_at_random_moments(
    spec: AnalysisSpec, inputs: Inputs, settings: Make, local: Path, tmp_path: Path, mark: str, seed: int
) -> None:
    chance = random.Random(seed)
    moments = set(chance.sample(range(1, len(inputs.files)), 2))
    files: set[str] = set()
    killed: list[int] = []

    def kill(row: LedgerRow) -> None:
        if row.file not in files:
            files.add(row.file)
            if len(files) in moments:
                victim = chance.choice(computing(mark))
                with contextlib.suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
                    killed.append(victim)

    out = tmp_path / "out"
    info = run(spec, inputs, dask(settings), out, Told(kill)).info
    assert exit_code(info) == 0
    assert killed
    assert same(out, local)
    assert living(mark) == []


def test_a_task_that_kills_its_worker_fails_and_all_others_do_not(
    spec: AnalysisSpec,
    inputs: Inputs,
    settings: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bad = inputs.files[1].name
    set_trouble(monkeypatch, **{bad: "die"})
    out, told = tmp_path / "out", Told()
    # whole files: one task each, of which this one waits beside others at the only worker
    chosen = dask(settings, workers=1).model_copy(update={"part_bytes": 10**6})
    info = run(spec, inputs, chosen, out, told).info
    assert exit_code(info) == 3
    assert {row.file for row in told.rows if row.status == "failed"} == {bad}
    (row,) = (row for row in told.rows if row.file == bad)
    assert row.reason.startswith("worker died 4 times while it ran this task (the last was dask-0")
    assert row.attempts == 4


def test_a_task_above_the_memory_limit_fails_with_the_limit_in_words(
    spec: AnalysisSpec,
    inputs: Inputs,
    settings: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bad = inputs.files[-1].name
    set_trouble(monkeypatch, **{bad: "hog"})
    told = Told()
    chosen = dask(settings, memory="700MB").model_copy(update={"part_bytes": 10**6})
    run(spec, inputs, chosen, tmp_path / "out", told)
    assert {row.file for row in told.rows if row.status == "failed"} == {bad}
    (reason,) = (row.reason for row in told.rows if row.file == bad)
    assert "memory limit 0.7 GB" in reason
    assert "--chunk-entries" in reason


def test_what_does_not_end_is_named(
    spec: AnalysisSpec,
    inputs: Inputs,
    settings: Make,
    local: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slow, gate = inputs.files[0].name, tmp_path / "go"
    set_trouble(monkeypatch, **{slow: f"hold:{gate}"})

    class Opens(Told):
        def notice(self, words: str) -> None:
            super().notice(words)
            gate.touch()

    told = Opens()
    run(spec, inputs, dask(settings, stall=1.5), tmp_path / "out", told)
    assert told.words[0].startswith("No task has finished for")
    assert f"{slow} part 0 at tls://127.0.0.1:" in told.words[0]
    assert same(tmp_path / "out", local)


def test_closing_in_the_middle_ends_everything(
    spec: AnalysisSpec,
    inputs: Inputs,
    settings: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    mark: str,
) -> None:
    gate = tmp_path / "never"
    set_trouble(monkeypatch, **{inputs.files[-1].name: f"hold:{gate}"})
    chosen = dask(settings)
    tasks = make_plan(spec, inputs, chosen).tasks
    running = DaskExecutor.from_settings(chosen).run(job(spec), tasks, FolderStore(tmp_path / "tasks"))
    until(
        lambda: next(running) is None and gate.with_suffix(".held").exists(),
        60,
        "the slow task does not begin",
    )
    assert living(mark)
    running.close()
    assert living(mark) == []


DRIVER = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever starts the tests may ignore it
import sys
from pathlib import Path
from femtobarn.base.records import AnalysisSpec, Settings
from femtobarn.running.engine.inputs import gather
from femtobarn.running.engine.run import run

here = Path(sys.argv[1])
spec = AnalysisSpec.model_validate_json((here / "spec.json").read_text())
settings = Settings.model_validate_json((here / "settings.json").read_text())
run(spec, gather(spec, sys.argv[2]), settings, here / "out")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda n: n.name)
def test_no_process_outlives_the_driver(
    spec: AnalysisSpec,
    inputs: Inputs,
    folder: Path,
    settings: Make,
    local: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    mark: str,
    number: signal.Signals,
) -> None:
    gate = tmp_path / "go"
    set_trouble(monkeypatch, **{inputs.files[-1].name: f"hold:{gate}"})
    (tmp_path / "driver.py").write_text(DRIVER)  # without a main guard
    (tmp_path / "spec.json").write_text(spec.model_dump_json())
    (tmp_path / "settings.json").write_text(dask(settings).model_dump_json())
    words = [sys.executable, str(tmp_path / "driver.py"), str(tmp_path), str(folder)]
    with subprocess.Popen(
        words, env={**os.environ, "PYTHONPATH": str(SOURCE)}, stderr=subprocess.PIPE, text=True
    ) as driver:
        try:
            appears(gate.with_suffix(".held"))
            driver.send_signal(number)
            _, said = driver.communicate(timeout=60)
        finally:
            driver.kill()
    assert driver.returncode
    until(lambda: not living(mark), 60, f"processes live on: {living(mark)}")
    if number == signal.SIGINT:
        assert said.strip().endswith("KeyboardInterrupt")
        assert "distributed" not in said.rpartition("Traceback")[2].replace("site-packages/distributed", "")
    gate.touch()
    run(spec, inputs, dask(settings), tmp_path / "out")
    assert same(tmp_path / "out", local)


def test_a_cluster_that_cannot_start_says_why(
    spec: AnalysisSpec, inputs: Inputs, settings: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from femtobarn.base.errors import ExecutorError

    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__TLS__MIN_VERSION", "'7'")
    with pytest.raises(ExecutorError, match=r"Expected to start the Dask cluster of 2 workers .*, but: "):
        run(spec, inputs, dask(settings), tmp_path / "out")
