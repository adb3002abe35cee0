"""Sudden deaths: of a worker, and of the whole run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from tests.processes import group_is_empty

from femtobarn.base.records import AnalysisSpec, Outcome, Settings, Task
from femtobarn.running.engine.inputs import Inputs
from femtobarn.running.engine.observer import Silent
from femtobarn.running.engine.plan import make_plan
from femtobarn.running.engine.run import exit_code, run
from femtobarn.running.executors.local import LocalExecutor
from femtobarn.running.executors.messages import Setup, Work, encode, receive
from femtobarn.running.results.store import FolderStore

from .toys import job

Make = Callable[..., Settings]
TRUTH = ("histograms.npz", "histograms.json", "cutflow.csv", "yields.csv")
SOURCE = Path(__file__).resolve().parents[2] / "src"

# no `if __name__ == "__main__"`: workers must not import it
DRIVER = """
import os, sys
from pathlib import Path
from femtobarn.base.records import AnalysisSpec, Settings
from femtobarn.running.engine.inputs import gather
from femtobarn.running.engine.observer import Silent
from femtobarn.running.engine.run import run

class Tells(Silent):
    def started(self, plan, reused):
        print("reused", reused, flush=True)
    def task_done(self, row, outcome):
        print("done", row.task, flush=True)

here = Path(sys.argv[1])
spec = AnalysisSpec.model_validate_json((here / "spec.json").read_text())
settings = Settings.model_validate_json((here / "settings.json").read_text())
run(spec, gather(spec, sys.argv[2]), settings, here / "out", Tells())
"""


def start(here: Path, data: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(here / "driver.py"), str(here), str(data)],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def prepare(here: Path, spec: AnalysisSpec, settings: Settings) -> None:
    (here / "driver.py").write_text(DRIVER)
    (here / "spec.json").write_text(spec.model_dump_json())
    (here / "settings.json").write_text(settings.model_dump_json())


def wait_for_empty(group: int) -> None:
    deadline = time.monotonic() + 20
    while not group_is_empty(group):
        assert time.monotonic() < deadline, "processes of a killed run live on"
        os.sched_yield()


def test_kill_9_of_the_whole_run_then_the_same_command(
    spec: AnalysisSpec, inputs: Inputs, folder: Path, tmp_path: Path, settings: Make
) -> None:
    chosen = settings(workers=2, part_bytes=8_000, chunk_entries=50)
    run(spec, inputs, chosen.model_copy(update={"workers": 0}), tmp_path / "reference")
    prepare(tmp_path, spec, chosen)
    total = len(make_plan(spec, inputs, chosen).tasks)
    moments = random.Random(20).sample(range(1, total - 4), 3)
    finished: set[str] = set()
    done = 0
    for moment in sorted(moments):
        process = start(tmp_path, folder)
        assert process.stdout is not None
        reused = int(process.stdout.readline().split()[1])
        # a result can be on disk whose end was not told any more
        assert reused >= len(finished)
        while done < moment and (line := process.stdout.readline()):
            task = line.split()[1]
            assert task not in finished, "a finished task was run again"
            finished.add(task)
            done += 1
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        wait_for_empty(process.pid)
        assert not (tmp_path / "out" / "run.json").exists()
    process = start(tmp_path, folder)
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert not finished & {line.split()[1] for line in told.splitlines() if line.startswith("done")}
    for name in TRUTH:
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "reference" / name).read_bytes()
    assert not list((tmp_path / "out").rglob("*.tmp"))


def test_workers_end_when_only_the_parent_is_killed(
    spec: AnalysisSpec, folder: Path, tmp_path: Path, settings: Make
) -> None:
    prepare(tmp_path, spec, settings(workers=3, part_bytes=2_000, chunk_entries=50))
    process = start(tmp_path, folder)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.readline()  # one task ended: workers run
    process.kill()
    process.communicate()
    wait_for_empty(process.pid)


def test_a_worker_that_dies_is_replaced_and_its_task_tried_again(
    spec: AnalysisSpec, inputs: Inputs, tmp_path: Path, settings: Make
) -> None:
    tasks = make_plan(spec, inputs, settings()).tasks
    killed: list[int] = []

    def kill_first(task: Task, pid: int) -> None:
        if task.id == tasks[0].id and not killed:
            killed.append(pid)
            os.kill(pid, signal.SIGKILL)

    runner = LocalExecutor(2, on_dispatch=kill_first)
    results = run(spec, inputs, settings(), tmp_path / "out", runner=runner)
    rows = {row.task: row for row in results.ledger()}
    assert len(killed) == 1
    assert rows[tasks[0].id].attempts == 2
    assert all(row.status == "processed" for row in rows.values())
    assert exit_code(results.info) == 0
    run(spec, inputs, settings(), tmp_path / "reference")
    for name in TRUTH:
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "reference" / name).read_bytes()


def test_a_task_that_kills_every_worker_fails_and_the_others_do_not(
    spec: AnalysisSpec, inputs: Inputs, tmp_path: Path, settings: Make
) -> None:
    tasks = make_plan(spec, inputs, settings()).tasks
    poison = tasks[1].id

    def kill(task: Task, pid: int) -> None:
        if task.id == poison:
            os.kill(pid, signal.SIGKILL)

    results = run(spec, inputs, settings(), tmp_path / "out", runner=LocalExecutor(2, on_dispatch=kill))
    failed = [row for row in results.ledger() if row.status != "processed"]
    assert [(row.task, row.attempts) for row in failed] == [(poison, 3)]
    ranges = sorted((r.start, r.stop) for r in results.ledger() if r.file == failed[0].file and r.task)
    assert ranges[0][0] == 0
    assert all(a[1] == b[0] for a, b in pairwise(ranges))
    assert failed[0].reason.startswith("worker died (signal 9)")
    assert exit_code(results.info) == 3
    assert results.info.files_failed == 1
    again = run(spec, inputs, settings(), tmp_path / "out")
    assert again.info.complete


def test_closing_early_ends_the_workers(
    spec: AnalysisSpec, inputs: Inputs, tmp_path: Path, settings: Make
) -> None:
    pids: set[int] = set()
    runner = LocalExecutor(2, on_dispatch=lambda _, pid: pids.add(pid))
    outcomes = runner.run(job(spec), make_plan(spec, inputs, settings()).tasks, FolderStore(tmp_path))
    assert next(iter(outcomes)).processed
    outcomes.close()
    assert len(pids) == 2
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_an_interrupted_caller_leaves_no_worker_and_a_run_to_continue(
    spec: AnalysisSpec, inputs: Inputs, tmp_path: Path, settings: Make
) -> None:
    pids: set[int] = set()

    class Interrupts(Silent):
        def task_done(self, row: object, outcome: Outcome) -> None:
            raise KeyboardInterrupt

    runner = LocalExecutor(2, on_dispatch=lambda _, pid: pids.add(pid))
    with pytest.raises(KeyboardInterrupt):
        run(spec, inputs, settings(), tmp_path / "out", Interrupts(), runner=runner)
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert run(spec, inputs, settings(), tmp_path / "out").info.complete


def test_what_a_task_prints_does_not_disturb_the_pipe(
    spec: AnalysisSpec, inputs: Inputs, tmp_path: Path, settings: Make
) -> None:
    task = make_plan(spec, inputs, settings()).tasks[0]
    noisy = """
import femtobarn.running.engine.executor as executor, femtobarn.running.executors.worker as worker
plain = executor.attempt
def attempt(*args, **options):
    print("noise" * 1000, flush=True)
    return plain(*args, **options)
executor.attempt = attempt
worker.main()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", noisy],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdin.write(encode(Setup(job=job(spec), store=str(tmp_path))) + encode(Work(task=task)))
    process.stdin.flush()
    body = receive(process.stdout)
    assert body is not None
    outcome = Outcome.model_validate_json(body)
    process.stdin.close()
    assert outcome.task == task.id
    assert outcome.processed
    assert FolderStore(tmp_path).has(task.id)
    assert process.wait(20) == 0
    assert b"noise" in process.stderr.read()
    process.stdout.close()
    process.stderr.close()
