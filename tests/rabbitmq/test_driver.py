"""Drivers that die, leave, wait or are interrupted; several at once."""

from __future__ import annotations

import signal

import pytest
from tests.running.toys import toy_spec
from tests.servers.daemons import until

from femtobarn.base.errors import ExecutorError, NothingToDoError
from femtobarn.base.records import Job, Task
from femtobarn.running.engine.collect import collect
from femtobarn.running.engine.run import exit_code, run, submit
from femtobarn.running.executors.rabbitmq.executor import RabbitExecutor
from femtobarn.running.results.store import FolderStore

from .stage import PATIENCE, Stage, Told, reached, result

pytestmark = pytest.mark.services


def test_a_driver_killed_and_started_again(stage: Stage) -> None:
    total = stage.tasks()
    with stage.held(most=1) as hold:
        stage.worker()
        first = stage.driver("a")
        assert first.stdout is not None
        reached(hold)
        stage.worker()
        assert first.stdout.readline() == "reused 0\n"
        assert first.stdout.readline() == "done\n"
        first.kill()
        first.communicate()
        (token,) = [ticket.token for ticket in FolderStore(stage.tmp / "a" / "out" / "tasks").tickets()]
        store = FolderStore(stage.tmp / "a" / "out" / "tasks")
        there = len(list(store.tasks()))
        until(
            lambda: stage.count(stage.names.results(token)).ready >= total - 1 - there,
            PATIENCE,
            "results do not arrive",
        )
        second = stage.driver("a")
        said, _ = second.communicate(timeout=PATIENCE)
        lines = said.splitlines()
        assert lines[0] == f"reused {total - 1}"
        assert lines.count("done") == 1
        assert second.returncode == 0
        assert stage.count(stage.names.results(token)) is None
        assert store.tickets() == ()
    from femtobarn.api import load

    stage.same(load(stage.tmp / "a" / "out"))


def test_an_interrupted_driver_takes_its_tasks_back(stage: Stage) -> None:
    with stage.held() as hold:
        stage.worker()
        driver = stage.driver("a")
        reached(hold)
        (run_,) = stage.status().runs
        driver.send_signal(signal.SIGINT)
        driver.communicate(timeout=PATIENCE)
        assert driver.returncode != 0
        assert stage.count(stage.names.results(run_.token)) is None
        assert stage.count(stage.names.job(run_.token)) is None
        assert FolderStore(stage.tmp / "a" / "out" / "tasks").tickets() == ()
    # the worker drops what is left of it
    until(lambda: stage.count(stage.names.tasks).ready == 0, PATIENCE, "tasks stay")
    until(lambda: [w.task for w in stage.status().workers] == [""], PATIENCE, "it still works")
    (worker,) = stage.status().workers
    assert worker.done + worker.failed < stage.tasks()
    stage.same(result(stage.start("b")))


def test_two_runs_at_once_on_one_queue(stage: Stage) -> None:
    other = toy_spec(35.0)
    stage.worker()
    stage.worker()
    with stage.held() as hold:
        one, two = stage.start("one"), stage.start("two", spec=other)
        reached(hold)
        until(lambda: len(stage.status().runs) == 2, PATIENCE, "they are not both there")
    stage.same(result(one))
    stage.same(result(two), other)
    assert stage.truth(other) != stage.truth()
    assert stage.status().runs == ()


def test_tasks_that_are_delivered_twice(stage: Stage) -> None:
    class Twice(RabbitExecutor):
        def run(self, job: Job, tasks: list[Task], store: FolderStore):  # type: ignore[override]
            return super().run(job, [*tasks, *tasks], store)

    stage.worker()
    stage.worker()
    inputs, settings, told = stage.inputs(), stage.settings(), Told()
    done = run(stage.spec, inputs, settings, stage.tmp / "out", told, runner=Twice.from_settings(settings))
    stage.same(done)
    assert told.done.qsize() == stage.tasks()
    assert told.words == []


def test_handed_over_and_collected_any_number_of_times(stage: Stage) -> None:
    out, total = stage.tmp / "out", stage.tasks()
    assert submit(stage.spec, stage.inputs(), stage.settings(), out) == total
    nothing = collect(out)
    assert (nothing.info.tasks_pending, exit_code(nothing.info)) == (total, 3)
    stage.worker("--max-tasks", "4").process.wait(PATIENCE)
    some = collect(out)
    assert some.info.tasks_pending == total - 4
    assert f"{total - 4} of {total} tasks have no result yet" in some.info.notes
    again = collect(out)
    assert again.info.tasks_pending == total - 4
    (waiting,) = stage.status().runs
    assert (waiting.analysis, waiting.tasks, waiting.watched) == ("toy", total, False)
    stage.worker()
    stage.same(collect(out, wait=True))
    assert stage.status().runs == ()
    stage.same(collect(out))


def poisoned(stage: Stage) -> None:
    """Kill each worker that takes a task of the held file, until the broker puts that task away."""
    with stage.held() as hold:
        for _ in range(3):
            hold.reached.clear()
            worker = stage.worker()
            reached(hold)
            worker.kill()
        until(lambda: stage.count(stage.names.dead).ready == 1, PATIENCE, "it is not put away")


def test_a_task_that_kills_worker_after_worker_is_a_failed_line(stage: Stage) -> None:
    running = stage.start("out", delivery_limit=2)
    poisoned(stage)
    stage.worker()
    done = result(running)
    (failed,) = [row for row in done.ledger() if row.status == "failed"]
    assert "each died or lost its connection" in failed.reason
    assert exit_code(done.info) == 3
    assert sum(row.status == "processed" for row in done.ledger()) == stage.tasks() - 1
    (dead,) = stage.keeper().dead()
    assert (dead.task, dead.file) == (failed.task, failed.file)
    assert stage.keeper().retry_dead() == (0, 1)  # its run is over
    stage.same(result(stage.start("out")))
    assert stage.keeper().drain_dead() == 1
    assert stage.keeper().dead() == ()


def test_a_task_that_was_put_away_can_be_tried_again(stage: Stage) -> None:
    out = stage.tmp / "out"
    submit(stage.spec, stage.inputs(), stage.settings(delivery_limit=2), out)
    poisoned(stage)
    assert stage.keeper().retry_dead() == (1, 0)
    assert stage.keeper().dead() == ()
    stage.worker()
    stage.same(collect(out, wait=True))


def test_a_dead_task_that_a_driver_has_counted_is_left_to_its_command(stage: Stage) -> None:
    told = Told()
    running = stage.start("out", told, delivery_limit=2)
    poisoned(stage)
    told.wait_for(1)
    assert stage.keeper().retry_dead() == (0, 1)
    stage.worker()
    assert exit_code(result(running).info) == 3
    stage.same(result(stage.start("out")))


def test_removed_tasks_are_failed_lines(stage: Stage) -> None:
    running = stage.start("out")
    until(
        lambda: (found := stage.count(stage.names.tasks)) and found.ready == stage.tasks(),
        PATIENCE,
        "no tasks",
    )
    assert stage.keeper().drain() == stage.tasks()
    done = result(running)
    assert {row.reason for row in done.ledger()} == {"removed from the queue (femtobarn queue drain)"}
    assert exit_code(done.info) == 1


def test_a_run_can_be_removed(stage: Stage) -> None:
    out = stage.tmp / "out"
    submit(stage.spec, stage.inputs(), stage.settings(), out)
    told, running = Told(), stage.start("other", Told())
    until(lambda: len(stage.status().runs) == 2, PATIENCE, "they are not both there")
    for run_ in stage.status().runs:
        with pytest.raises(ExecutorError, match="begin with 'zz'"):
            stage.keeper().drain("zz")
        stage.keeper().drain(run_.token[:10])
    removed = result(running)
    assert all("somebody has removed it" in row.reason for row in removed.ledger())
    with pytest.raises(NothingToDoError, match="Give the command of the run again"):
        collect(out, told, wait=True)  # and not for ever
    assert "knows nothing of this run" in told.words[0]
    assert collect(out).info.tasks_pending == stage.tasks()
    worker = stage.worker("--idle-exit", "2")
    assert worker.process.wait(PATIENCE) == 0
    assert stage.count(stage.names.tasks).ready == 0


def test_no_worker_is_told_with_what_to_do_and_given_up_at_last(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("femtobarn.running.executors.rabbitmq.watch._NOBODY", 0.5)
    told = Told()
    done = result(stage.start("out", told, patience=3))
    assert len(told.words) == 1
    assert told.words[0].endswith("femtobarn worker --queue femtobarn")
    assert all(row.reason.startswith("no worker for ") for row in done.ledger())
    assert exit_code(done.info) == 1


def test_what_a_run_waits_for_is_named(stage: Stage) -> None:
    told = Told()
    with stage.held() as hold:
        stage.worker()
        running = stage.start("out", told, stall=1)
        reached(hold)
        told.wait_for_words("w0 has worked on ODEO_FEB2025_v0_exactly4lep_mc_700600")
        assert told.words[-1].startswith("Nothing has ended for")
    stage.same(result(running))


def test_a_worker_ends_after_the_task_in_hand(stage: Stage) -> None:
    with stage.held(most=1) as hold:
        worker = stage.worker()
        running = stage.start("out")
        reached(hold)
        worker.process.terminate()
        until(lambda: stage.count(stage.names.tasks) is not None, PATIENCE, "")
        assert worker.process.poll() is None
        hold.release.set()
        assert worker.process.wait(PATIENCE) == 0
    assert stage.consumers() == 0
    stage.worker()
    done = result(running)
    stage.same(done)
    assert {row.attempts for row in done.ledger()} == {1}


def test_a_second_signal_ends_a_worker_at_once(stage: Stage) -> None:
    with stage.held(most=1) as hold:
        worker = stage.worker()
        running = stage.start("out")
        reached(hold)
        until(
            lambda: worker.process.send_signal(signal.SIGINT) or worker.process.poll(), PATIENCE, "it stays"
        )
        assert worker.process.returncode == 130
        stage.worker()
        stage.same(result(running))


def test_who_waits_for_results_hears_that_no_worker_takes_tasks(stage: Stage) -> None:
    out, told = stage.tmp / "out", Told()
    submit(stage.spec, stage.inputs(), stage.settings(), out)

    def pause(_: float) -> None:
        if not stage.workers:
            stage.worker(wait=True)

    stage.same(collect(out, told, wait=True, pause=pause))
    assert told.words[0].endswith("femtobarn worker --queue femtobarn")
