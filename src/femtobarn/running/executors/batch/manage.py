"""Looking after the submissions of a run: how far they are, what is missing, submitting that again, removing all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from femtobarn.base.errors import ExecutorError, NothingToDoError
from femtobarn.base.records import Settings, Task, Ticket
from femtobarn.running.engine.submission import elsewhere
from femtobarn.running.engine.waiting import gathered
from femtobarn.running.executors.batch.executor import BatchExecutor
from femtobarn.running.executors.batch.layout import BatchFolder
from femtobarn.running.executors.batch.submitting import NAME, jobs_of, with_jobs
from femtobarn.running.executors.batch.survey import (
    BatchReport,
    Known,
    MergeReport,
    SliceReport,
    asked,
    of_ticket,
    report,
    tickets,
)
from femtobarn.running.executors.batch.wholeness import Run, folder_of


@dataclass(frozen=True, slots=True)
class Resubmitted:
    """What was submitted again: tasks, their new token (empty if there were none), and slices left alone."""

    tasks: int
    token: str
    left_alone: tuple[SliceReport, ...]


def survey(out: Path | str) -> BatchReport:
    """Return how far the slices of a run are.

    Raises
    ------
    RunDirectoryError
        if there is no run
    """
    run = Run.of(out)
    states, notes = asked(run.store, run.settings)
    slices = tuple(report(run.directory.path, run.known(), states))
    merges = tuple(
        MergeReport(batch=token, phase=said.merge.phase, state=said.merge.words)
        for token, said in states.items()
        if said.merge is not None and said.merge.phase != "ended"
    )
    return BatchReport(slices=slices, merges=merges, notes=tuple(notes))


def resubmit(
    out: Path | str, changes: Mapping[str, str] | None = None, *, failed: bool = False
) -> Resubmitted:
    """Submit the tasks again that have no result and with which no slice is under way.

    Parameters
    ----------
    changes
        other options than before, as names and values, such as more memory
    failed
        also tasks that failed on their own

    Raises
    ------
    RunDirectoryError
        if there is no run, or somebody writes it now
    NothingToDoError
        if no task of it was ever submitted
    SettingsError
        for options that are not allowed
    ExecutorError
        if the batch system refuses, or does not say what is under way
    """
    run = Run.of(out)
    with run.directory.locked():
        for _ in gathered(run.store, run.plan.tasks, run.settings):
            pass  # what became known is kept
        now = run.known(verify=True)
        now = Known(now.done, ()) if failed else now
        states, notes = asked(run.store, run.settings)
        if notes:
            msg = f"Expected to learn which slices are under way, so that no task is submitted twice, but: {notes[0]}"
            raise ExecutorError(msg)
        alive = [s for s in report(run.directory.path, now, states) if s.phase != "ended" and s.missing]
        busy = {task.id for s in alive for task in folder_of(run, s).tasks(s.index)}
        todo = [task for task in now.missing(run.plan.tasks) if task.id not in busy]
        executor = BatchExecutor.from_settings(_settings(run, changes or {}))
        if not todo:
            return Resubmitted(0, "", tuple(alive))
        old, live = tickets(run.store), {s.batch for s in alive}
        for task in todo:
            run.store.forgive(task.id)
        after = [jobs_of(ticket)[0] for ticket in old if ticket.token in live]
        new = executor.hand_over(run.submission.job, _whole(run, todo), run.store, after=after)
        for ticket in old:
            _retire(run, ticket, alive=ticket.token in live)
    return Resubmitted(len(todo), new.token, tuple(alive))


def cancel(out: Path | str) -> tuple[str, ...]:
    """Remove every job of a run from the batch systems; return the tokens of the submissions that had any.

    Raises
    ------
    RunDirectoryError
        if there is no run
    ExecutorError
        if a batch system does not answer; what it has is remembered then
    """
    run = Run.of(out)
    removed = []
    for ticket in tickets(run.store):
        of_ticket(ticket, run.settings).release(ticket)
        run.store.drop(ticket)
        removed.append(ticket.token)
    return tuple(removed)


def _settings(run: Run, changes: Mapping[str, str]) -> Settings:
    """Return the settings of the run with the options of the last submission, and ``changes`` to them."""
    folders = BatchFolder.all(run.directory.path)
    if not folders:
        msg = f"Expected tasks of {run.directory.path} that were submitted to a batch system, but there are none. Submit them: femtobarn batch submit ANALYSIS --out {run.directory.path}"
        raise NothingToDoError(msg)
    options = {**dict(folders[-1].request.options.words()), **changes}
    return run.settings.model_copy(update={"executor": NAME, "executor_options": tuple(options.items())})


def _whole(run: Run, tasks: Sequence[Task]) -> list[Task]:
    """Return ``tasks`` with whole paths, as they were submitted; the plan has those that the user gave."""
    folders = BatchFolder.all(run.directory.path)
    submitted = {t.id: t for folder in folders for index in folder.slices for t in folder.tasks(index)}
    return [submitted.get(task.id) or elsewhere(task) for task in tasks]


def _retire(run: Run, ticket: Ticket, *, alive: bool) -> None:
    """Remove what is over of an earlier submission, and its job that merges: a later one does that."""
    executor = of_ticket(ticket, run.settings)
    array, merge = jobs_of(ticket)
    if not alive:
        executor.release(ticket)
        run.store.drop(ticket)
    elif merge:
        executor.system.cancel([merge])
        run.store.keep(with_jobs(ticket, array, ""))
