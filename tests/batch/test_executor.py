"""How a driver follows slices: what it does when they wait, end badly, or nobody answers."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from tests.running.toys import job as toy_job

from femtobarn.base.errors import ExecutorError
from femtobarn.base.records import AnalysisSpec, Job, Notice, Outcome, Settings, Task
from femtobarn.running.engine.executor import Detached, executor
from femtobarn.running.engine.inputs import Inputs
from femtobarn.running.engine.plan import make_plan
from femtobarn.running.engine.submission import elsewhere
from femtobarn.running.executors.batch import submitting
from femtobarn.running.executors.batch.executor import BatchExecutor
from femtobarn.running.executors.batch.layout import BatchFolder
from femtobarn.running.executors.batch.notes import Notes
from femtobarn.running.executors.batch.options import BatchOptions
from femtobarn.running.executors.batch.request import JobState
from femtobarn.running.executors.batch.watch import Watch
from femtobarn.running.results.store import FolderStore

from .desk import KILLED, RUNS, Desk
from .wide import OPTIONS

Make = Callable[..., Settings]
Events = list[Outcome | Notice | None]


class Drive:
    """A driver whose time passes when it waits: a second at each look, with what the test does in it."""

    def __init__(self, desk: Desk, job: Job, tasks: list[Task], out: Path) -> None:
        self.desk, self.job, self.tasks = desk, job, tasks
        self.store = FolderStore(out / "tasks")
        self.now = 0.0
        self.steps: dict[int, Callable[[], None]] = {}

    def executor(self, **options: str) -> BatchExecutor:
        asked = BatchOptions.model_validate({**OPTIONS, "jobs": "3", **options})
        return BatchExecutor(asked, pause=self._pause, clock=lambda: self.now)

    def begin(self, **options: str) -> Generator[Outcome | Notice | None]:
        return self.executor(**options).run(self.job, self.tasks, self.store)

    def all(self, **options: str) -> Events:
        return list(self.begin(**options))

    def _pause(self, seconds: float) -> None:
        self.now += seconds
        assert self.now < 1000, "it waits for ever"
        self.steps.pop(int(self.now), lambda: None)()

    @property
    def tokens(self) -> list[str]:
        return [request.token for request in self.desk.submitted]


@pytest.fixture
def drive(desk: Desk, spec: AnalysisSpec, inputs: Inputs, settings: Make, tmp_path: Path) -> Drive:
    tasks = [elsewhere(task) for task in make_plan(spec, inputs, settings()).tasks]
    return Drive(desk, toy_job(spec), tasks, tmp_path / "out")


def outcomes(events: Events) -> list[Outcome]:
    return [event for event in events if isinstance(event, Outcome)]


def notices(events: Events) -> list[str]:
    return [event.words for event in events if isinstance(event, Notice)]


def test_outcomes_come_as_slices_note_them(drive: Drive) -> None:
    drive.steps = {
        2: lambda: drive.desk.work(drive.tokens[0], 1),
        5: lambda: drive.desk.work_all(drive.tokens[0]),
    }
    events = drive.all()
    assert sorted(o.task for o in outcomes(events)) == sorted(t.id for t in drive.tasks)
    assert all(o.processed and o.events for o in outcomes(events))
    first = next(i for i, e in enumerate(events) if isinstance(e, Outcome))
    own = {t.id for t in drive.desk.folder(drive.tokens[0]).tasks(1)}
    assert {o.task for o in outcomes(events[first : first + len(own)])} == own
    assert len([e for e in events[:first] if e is None]) == 1, "a sign of life each second"
    assert [r.merge for r in drive.desk.submitted] == [False]
    assert drive.desk.cancelled == []
    assert drive.store.tickets() == ()


def test_nothing_to_run_is_nothing_to_submit(drive: Drive) -> None:
    drive.tasks = []
    assert drive.all() == []
    assert drive.tokens == []


def test_a_slice_that_dies_is_submitted_again_and_only_its_tasks(drive: Drive) -> None:
    def die() -> None:
        drive.desk.work_all(drive.tokens[0], but=[2])
        drive.desk.end(drive.tokens[0], 2)

    drive.steps = {2: die, 9: lambda: drive.desk.work_all(drive.tokens[1])}
    events = drive.all()
    lost = {t.id for t in drive.desk.folder(drive.tokens[0]).tasks(2)}
    again = drive.desk.folder(drive.tokens[1])
    assert {t.id for i in again.slices for t in again.tasks(i)} == lost
    assert all(o.processed for o in outcomes(events))
    assert len(outcomes(events)) == len(drive.tasks)
    assert notices(events)[1:] == [
        f"{len(lost)} tasks are submitted again: slice 2 ended without {len(lost)} (NODE_FAIL)"
    ]


def test_a_result_of_which_a_killed_slice_could_not_tell_is_not_lost(drive: Drive) -> None:
    def die() -> None:
        token = drive.tokens[0]
        drive.desk.work_all(token)
        (drive.desk.folder(token).path / "slices" / "0000.outcomes").write_text("")
        drive.desk.end(token, 0)

    drive.steps = {1: die}
    events = drive.all()
    assert all(o.processed and o.events for o in outcomes(events))
    assert len(outcomes(events)) == len(drive.tasks)
    assert len(drive.tokens) == 1


def test_after_its_last_retry_a_slice_has_failed_with_words(drive: Drive) -> None:
    def die() -> None:
        token = drive.tokens[-1]
        for index in list(drive.desk.states[token]):
            log = drive.desk.folder(token).path / "logs" / f"slice-{index:04}.log"
            log.write_text("loading\nfemtobarn: command not found\n\n")
            drive.desk.end(token, index, JobState(phase="ended", word="FAILED", reason="NonZeroExitCode"))

    drive.steps = {1: die, 5: die}
    found = outcomes(drive.all())
    assert len(found) == len(drive.tasks)
    assert len(drive.tokens) == 2
    assert {o.attempts for o in found} == {0}
    assert all(
        o.reason.endswith(
            "ended without it (FAILED (NonZeroExitCode); its log ends: femtobarn: command not found)"
        )
        for o in found
    )


def test_when_the_second_submission_is_refused_the_others_go_on(drive: Drive) -> None:
    def die() -> None:
        drive.desk.end(drive.tokens[0], 1)
        drive.desk.refuses = True

    drive.steps = {1: die, 6: lambda: drive.desk.work_all(drive.tokens[0], but=[1])}
    found = outcomes(drive.all())
    lost = {t.id for t in drive.desk.folder(drive.tokens[0]).tasks(1)}
    assert {o.task for o in found if not o.processed} == lost
    assert "Expected the batch system to take `false`" in next(o.reason for o in found if not o.processed)
    assert len(found) == len(drive.tasks)
    assert len(drive.store.tickets()) == 0


def test_a_batch_system_that_is_silent_ends_no_slice(drive: Drive) -> None:
    def silent() -> None:
        drive.desk.silent = True
        drive.desk.end(drive.tokens[0], 0)

    def back() -> None:
        drive.desk.silent = False
        drive.desk.states[drive.tokens[0]][0] = RUNS

    drive.steps = {1: silent, 60: back, 70: lambda: drive.desk.work_all(drive.tokens[0])}
    events = drive.all()
    assert all(o.processed for o in outcomes(events))
    assert len(drive.tokens) == 1
    assert notices(events)[0] == "What slices do is not known now: nobody is at the desk"


def test_what_slices_wait_for_is_told_when_it_changes_but_not_often(drive: Drive) -> None:
    def other() -> None:
        drive.desk.end(drive.tokens[0], 0, JobState(phase="waiting", word="PENDING", reason="Resources"))

    drive.steps = {10: other, 100: lambda: drive.desk.work_all(drive.tokens[0])}
    assert notices(drive.all()) == [
        "3 of 3 slices wait: 3 Priority",
        "3 of 3 slices wait: 2 Priority, 1 Resources",
    ]
    assert drive.desk.asked >= 90, "each second, as was asked for"


def test_the_batch_system_is_asked_as_often_as_wanted(drive: Drive) -> None:
    drive.steps = {60: lambda: drive.desk.work_all(drive.tokens[0])}
    drive.all(poll="20")
    assert drive.desk.asked <= 3


def test_closing_removes_all_jobs(drive: Drive) -> None:
    running = drive.begin()
    next(running)
    assert [t.token for t in drive.store.tickets()] == drive.tokens
    running.close()
    assert drive.desk.cancelled == drive.tokens
    assert drive.store.tickets() == ()


def test_what_cannot_be_removed_is_remembered(drive: Drive) -> None:
    running = drive.begin()
    next(running)
    drive.desk.silent = True
    running.close()
    (ticket,) = drive.store.tickets()
    drive.desk.silent = False
    drive.executor().release(ticket)
    assert drive.desk.cancelled == drive.tokens


def test_a_ticket_is_enough_for_another_process(drive: Drive, settings: Make) -> None:
    ticket = drive.executor(cores="2", poll="600").submit(drive.job, drive.tasks, drive.store)
    assert drive.store.tickets() == (ticket,)
    made = executor(
        settings().model_copy(update={"executor": ticket.executor, "executor_options": ticket.details})
    )
    assert isinstance(made, Detached)
    assert isinstance(made, BatchExecutor)
    assert made.options.cores == 2
    assert list(made.gather(ticket, drive.tasks, drive.store)) == []
    drive.desk.work(drive.tokens[0], 0)
    assert drive.desk.asked == 1
    found = list(made.gather(ticket, drive.tasks, drive.store))
    assert drive.desk.asked == 1, "not again so soon"
    assert [o.task for o in found if isinstance(o, Outcome)] == [
        t.id for t in drive.desk.folder(drive.tokens[0]).tasks(0)
    ]
    made.release(ticket)
    assert drive.desk.cancelled == [drive.tokens[0], f"merge-{drive.tokens[0]}"]


def test_the_job_that_merges_does_not_remove_itself(drive: Drive, monkeypatch: pytest.MonkeyPatch) -> None:
    made = drive.executor()
    ticket = made.submit(drive.job, drive.tasks, drive.store)
    monkeypatch.setenv("FEMTOBARN_BATCH_MERGE", ticket.token)
    made.release(ticket)
    assert drive.desk.cancelled == [ticket.token]
    made.release(submitting.with_jobs(ticket, "dag", ""))
    assert drive.desk.cancelled == [ticket.token], "the merge is a part of this one"


def test_gathering_tells_of_what_is_lost_unless_it_was_submitted_again(drive: Drive) -> None:
    made = drive.executor()
    first = made.submit(drive.job, drive.tasks, drive.store)
    drive.desk.work_all(first.token, but=[1])
    drive.desk.end(first.token, 1)
    lost = drive.desk.folder(first.token).tasks(1)
    found = outcomes(list(made.gather(first, drive.tasks, drive.store)))
    assert {o.task for o in found if not o.processed} == {t.id for t in lost}
    drive.now += 60
    second = made.submit(drive.job, lost, drive.store)
    assert second.token > first.token
    assert all(o.processed for o in outcomes(list(made.gather(first, drive.tasks, drive.store))))


def test_gathering_gives_what_is_there_before_it_says_that_nobody_answers(drive: Drive) -> None:
    made = drive.executor()
    ticket = made.submit(drive.job, drive.tasks, drive.store)
    drive.desk.work(ticket.token, 0)
    drive.desk.silent = True
    found: Events = []
    with pytest.raises(ExecutorError, match="nobody is at the desk"):
        found.extend(made.gather(ticket, drive.tasks, drive.store))
    assert len(found) == len(drive.desk.folder(ticket.token).tasks(0))


def test_a_submission_that_is_refused_leaves_nothing(drive: Drive) -> None:
    drive.desk.refuses = True
    with pytest.raises(ExecutorError):
        drive.executor().submit(drive.job, drive.tasks, drive.store)
    assert drive.store.tickets() == ()
    assert not drive.desk.folder(drive.tokens[0]).path.exists()


def test_a_result_that_is_not_to_be_seen_yet_is_waited_for(drive: Drive) -> None:
    """File systems of many machines show a file some time after it was written elsewhere."""
    ticket = drive.executor().submit(drive.job, drive.tasks, drive.store)
    folder = drive.desk.folder(ticket.token)
    task = folder.tasks(0)[0]
    drive.desk.work(ticket.token, 0)
    path = drive.store.path(task.id)
    hidden = path.rename(path.with_name("hidden"))
    watch = Watch(folder, {task.id}, drive.store, clock=lambda: drive.now)
    states = drive.desk.system.states(ticket.token, "")
    watch.look(states)
    assert list(watch.take()) == []
    assert list(watch.lost(states)) == []
    hidden.rename(path)
    assert [o.task for o in watch.take()] == [task.id]
    assert not watch.open
    path.unlink()
    watch = Watch(folder, {task.id}, drive.store, clock=lambda: drive.now)
    watch.look(states)
    assert list(watch.take()) == []
    drive.now += 1000
    assert [lost.index for lost in watch.lost(states)] == [0]


def test_a_result_that_is_not_whole_is_waited_for_too(drive: Drive) -> None:
    ticket = drive.executor().submit(drive.job, drive.tasks, drive.store)
    folder = drive.desk.folder(ticket.token)
    task = folder.tasks(0)[0]
    drive.desk.work(ticket.token, 0)
    path = drive.store.path(task.id)
    whole = path.read_bytes()
    path.write_bytes(whole[:-50])
    watch = Watch(folder, {task.id}, drive.store)
    assert list(watch.take()) == []
    path.write_bytes(whole)
    assert [o.task for o in watch.take()] == [task.id]


def test_gathering_reads_what_is_new_only(drive: Drive, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who collects and waits looks each second, with an executor made anew."""
    ticket = drive.executor().submit(drive.job, drive.tasks, drive.store)
    drive.desk.work(ticket.token, 0)
    first = outcomes(list(drive.executor().gather(ticket, drive.tasks, drive.store)))
    with monkeypatch.context() as patch:
        patch.setattr(BatchFolder, "tasks", lambda *_: pytest.fail("it reads the tasks again"))
        patch.setattr(BatchFolder, "told", lambda *_: pytest.fail("it reads what was noted again"))
        assert outcomes(list(drive.executor().gather(ticket, drive.tasks, drive.store))) == first
    drive.desk.work(ticket.token, 1)
    found = outcomes(list(drive.executor().gather(ticket, drive.tasks, drive.store)))
    assert len(found) == len(first) + len(drive.desk.folder(ticket.token).tasks(1)) > len(first) > 0


def test_notes_that_were_made_anew_are_read_anew(drive: Drive) -> None:
    ticket = drive.executor().submit(drive.job, drive.tasks, drive.store)
    drive.desk.work(ticket.token, 0)
    folder = drive.desk.folder(ticket.token)
    assert len(Notes.of(folder).told(0)) == len(folder.tasks(0))
    (folder.path / "slices" / "0000.outcomes").write_text("")
    assert Notes.of(folder).told(0) == []


def test_a_slice_that_is_requeued_is_not_lost(drive: Drive) -> None:
    token = []

    def die() -> None:
        token.append(drive.tokens[0])
        drive.desk.end(token[0], 0, KILLED.model_copy(update={"phase": "waiting", "word": "REQUEUED"}))

    drive.steps = {1: die, 10: lambda: drive.desk.work_all(token[0])}
    assert all(o.processed for o in outcomes(drive.all()))
    assert len(drive.tokens) == 1
