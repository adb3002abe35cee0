"""One plan through every executor: the same bytes, the same closed ledger, whatever dies on the way."""

from __future__ import annotations

import os
import random
import re
import signal
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Thread

import pytest
from tests.faults.samples import TRUTH
from tests.running.test_crash import prepare, start
from tests.servers.daemons import free_port, until

from femtobarn.base.records import AnalysisSpec, LedgerRow, Outcome
from femtobarn.running.engine.inputs import Inputs
from femtobarn.running.engine.observer import Silent
from femtobarn.running.engine.plan import make_plan
from femtobarn.running.engine.run import exit_code, run
from femtobarn.running.results.reader import RunResults
from femtobarn.running.results.store import FolderStore

from .conftest import BASE, DAMAGED, EMPTY, TRUNCATED
from .engines import PATIENCE, Engine, settings_of

services = pytest.mark.services
ENGINES = (
    "local-0",
    "local-1",
    "local-2",
    *(
        pytest.param(name, marks=services)
        for name in ("dask", "rabbitmq", "batch", "rabbitmq+batch", "local-2+dask")
    ),
)
MORTAL = ENGINES[2:]
each = pytest.mark.parametrize("engine", ENGINES, indirect=True)
each_mortal = pytest.mark.parametrize("engine", MORTAL, indirect=True)


class Told(Silent):
    """Hears of a run; ``on_done`` is called with the number of tasks that have ended."""

    def __init__(self, on_done: Callable[[int], None] = lambda _: None) -> None:
        self.reused, self.rows, self.words = -1, list[LedgerRow](), list[str]()
        self._on_done = on_done

    def started(self, plan: object, reused: int) -> None:
        self.reused = reused

    def task_done(self, row: LedgerRow, outcome: Outcome) -> None:
        self.rows.append(row)
        self._on_done(len(self.rows))

    def notice(self, words: str) -> None:
        self.words.append(words)


class EnoughError(Exception):
    """Ends a run in the middle, in order."""


def lines(out: Path) -> list[tuple[object, ...]]:
    rows = RunResults.load(out).ledger()
    return sorted((r.file, r.part, r.task, r.status, r.start or 0, r.stop or 0, r.reason) for r in rows)


def equal(results: RunResults, truth: Path) -> None:
    """Assert that a run is as the one in this process: bytes, ledger, exit code."""
    assert lines(results.path) == lines(truth)
    for name in TRUTH:
        assert (results.path / name).read_bytes() == (truth / name).read_bytes(), name
    assert exit_code(results.info) == 3


def test_the_plan_has_everything_in_it(spec: AnalysisSpec, inputs: Inputs, truth: Path) -> None:
    """What the other tests compare with is worth it: failures of both kinds, parts, no events, a closed ledger."""
    results = RunResults.load(truth)
    rows = results.ledger()
    plan = make_plan(spec, inputs, BASE)
    assert Counter(row.task for row in rows if row.task) == dict.fromkeys((t.id for t in plan.tasks), 1)
    states = {(row.file, row.status) for row in rows}
    assert {
        (TRUNCATED, "failed"),
        (DAMAGED, "failed"),
        (DAMAGED, "processed"),
        (EMPTY, "processed"),
    } <= states
    assert sum(max(row.part, 0) > 1 for row in rows) > 10
    for file in results.info.inputs:
        parts = [row for row in rows if row.file == file.name]
        done = sum((r.stop or 0) - (r.start or 0) for r in parts if r.status == "processed")
        assert done == file.events_processed
        if all(row.status == "processed" for row in parts):
            assert done == file.entries
    assert exit_code(results.info) == 3
    assert spec.variations


@each
def test_equal_and_nothing_is_done_twice(
    engine: Engine, spec: AnalysisSpec, inputs: Inputs, folder: Path, truth: Path, tmp_path: Path
) -> None:
    settings, told = settings_of(engine, BASE), Told()
    with engine.working([str(folder)], tmp_path):
        equal(run(spec, inputs, settings, tmp_path / "out"), truth)
        equal(run(spec, inputs, settings, tmp_path / "out", told), truth)
    processed = [row for row in RunResults.load(truth).ledger() if row.status == "processed"]
    assert told.reused == len(processed)
    assert {row.status for row in told.rows} == {"failed"}


def families(workers: Iterable[str]) -> set[str]:
    """What kind of executor the names of workers tell of."""
    kinds = {"local": r"local-\d+", "dask": r"dask-\d+", "rabbitmq": r"w\d+", "batch": r".*/slice-\d+.*"}
    return {kind for w in workers for kind, name in kinds.items() if re.fullmatch(name, w)}


@services
@pytest.mark.parametrize("engine", ["rabbitmq+batch", "local-2+dask"], indirect=True)
def test_each_of_several_does_its_part(
    engine: Engine, spec: AnalysisSpec, inputs: Inputs, folder: Path, truth: Path, tmp_path: Path
) -> None:
    store = FolderStore(tmp_path / "out" / "tasks")

    def seen() -> set[str]:
        headers = [store.header(task) for task in store.tasks()]
        return families(header.metrics.worker for whole in headers for header in (whole.parts or (whole,)))

    def hold(done: int) -> None:
        if done == 1:  # nobody takes tasks from another while this does not look
            until(lambda: len(seen()) == 2, PATIENCE, "one of two executors does nothing")

    told = Told(hold)
    with engine.working([str(folder)], tmp_path):
        equal(run(spec, inputs, settings_of(engine, BASE), tmp_path / "out", told), truth)
    assert families(row.worker for row in told.rows if row.status == "processed") == set(
        engine.name.split("+")
    )


@services
def test_a_broker_out_of_reach_is_told_and_the_others_do_all(
    spec: AnalysisSpec, inputs: Inputs, truth: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEMTOBARN_BROKER", f"amqp://me:secret@127.0.0.1:{free_port()}/")
    both = {"executor": "rabbitmq+local", "executor_options": (("rabbitmq.connect", "1"),), "workers": 1}
    told = Told()
    equal(run(spec, inputs, BASE.model_copy(update=both), tmp_path / "out", told), truth)
    (words,) = (w for w in told.words if "gave up" in w)
    assert words.startswith("rabbitmq gave up, the others take its tasks: ")
    assert "secret" not in "".join(told.words)


@services
@pytest.mark.parametrize(
    ("engine", "store"),
    [
        *((name, kind) for name in ("rabbitmq", "dask", "batch") for kind in ("folder", "http", "root")),
        ("rabbitmq+batch", "http"),
        ("local-2+dask", "root"),
    ],
    indirect=True,
)
def test_equal_by_way_of_a_store_and_on_another_machine(
    engine: Engine,
    store: str,
    spec: AnalysisSpec,
    inputs: Inputs,
    folder: Path,
    truth: Path,
    tmp_path: Path,
) -> None:
    settings, told = settings_of(engine, BASE, store), Told()
    with engine.working([str(folder), store], tmp_path):
        equal(run(spec, inputs, settings, tmp_path / "out"), truth)
        if "local" not in engine.name:  # what is done here stays here
            equal(run(spec, inputs, settings, tmp_path / "another", told), truth)
            assert {row.status for row in told.rows} == {"failed"}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("local-2", "local-0"),
        *(
            pytest.param(*pair, marks=services)
            for pair in (
                ("local-2", "rabbitmq"),
                ("rabbitmq", "dask"),
                ("dask", "batch"),
                ("batch", "rabbitmq+batch"),
                ("rabbitmq+batch", "local-2+dask"),
                ("local-2+dask", "local-1"),
            )
        ),
    ],
)
def test_begun_with_one_and_finished_with_another(
    first: str,
    second: str,
    engine_of: Callable[[str], Engine],
    spec: AnalysisSpec,
    inputs: Inputs,
    folder: Path,
    truth: Path,
    tmp_path: Path,
) -> None:
    enough = len(make_plan(spec, inputs, BASE).tasks) // 3

    def stop(done: int) -> None:
        if done >= enough:
            raise EnoughError

    one, other, begun, told = engine_of(first), engine_of(second), Told(stop), Told()
    with one.working([str(folder)], tmp_path), pytest.raises(EnoughError):
        run(spec, inputs, settings_of(one, BASE), tmp_path / "out", begun)
    assert FolderStore(tmp_path / "out" / "tasks").tickets() == ()
    with other.working([str(folder)], tmp_path):
        equal(run(spec, inputs, settings_of(other, BASE), tmp_path / "out", told), truth)
    done = {row.task for row in begun.rows if row.status == "processed"}
    assert told.reused >= len(done)
    assert not done & {row.task for row in told.rows}


@each_mortal
@pytest.mark.parametrize("seed", [1, 2])
def test_workers_killed_at_random(
    engine: Engine,
    seed: int,
    spec: AnalysisSpec,
    inputs: Inputs,
    folder: Path,
    truth: Path,
    tmp_path: Path,
) -> None:
    total = len(make_plan(spec, inputs, BASE).tasks)
    moments = set(random.Random(seed).sample(range(1, 2 * total // 3), 2))
    killed: list[bool] = []

    def kill(done: int) -> None:
        if done in moments:
            killed.append(engine.kill_a_worker())

    def kill_the_first() -> None:
        until(engine.kill_a_worker, PATIENCE, f"{engine.name} had no worker to kill")
        killed.append(True)

    striker = Thread(target=kill_the_first)
    with engine.working([str(folder)], tmp_path):
        if engine.late:
            striker.start()
        equal(run(spec, inputs, settings_of(engine, BASE), tmp_path / "out", Told(kill)), truth)
        if engine.late:
            striker.join()
    assert any(killed)


@each_mortal
def test_the_driver_killed_and_started_again(
    engine: Engine, spec: AnalysisSpec, folder: Path, truth: Path, tmp_path: Path
) -> None:
    prepare(tmp_path, spec, settings_of(engine, BASE))
    with engine.working([str(folder)], tmp_path):
        process = start(tmp_path, folder)
        assert process.stdout is not None
        assert process.stdout.readline() == "reused 0\n"
        finished = {process.stdout.readline().split()[1] for _ in range(5)}
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        process = start(tmp_path, folder)
        told, _ = process.communicate(timeout=2 * PATIENCE)
        assert process.returncode == 0
    reused = int(told.split()[1])
    again = {line.split()[1] for line in told.splitlines() if line.startswith("done")}
    failed = {row.task for row in RunResults.load(truth).ledger() if row.status == "failed"}
    assert reused >= len(finished - failed)
    assert not (finished - failed) & again
    equal(RunResults.load(tmp_path / "out"), truth)
