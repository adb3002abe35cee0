"""Gathering what others have done of a run: merged and written as far as it is, any number of times."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import chain
from pathlib import Path

from femtobarn.base.errors import NothingToDoError
from femtobarn.base.records import Notice, Outcome, Task
from femtobarn.running.engine.fetching import Arrivals, fetched
from femtobarn.running.engine.finish import Clock, finish
from femtobarn.running.engine.ledger import row_of
from femtobarn.running.engine.observer import Observer, Silent
from femtobarn.running.engine.plan import Plan
from femtobarn.running.engine.request import read_plan
from femtobarn.running.engine.submission import Submission, read_submission
from femtobarn.running.engine.waiting import gathered, keep, released, state_of
from femtobarn.running.results.directory import RunDirectory
from femtobarn.running.results.reader import RunResults
from femtobarn.running.results.store import FolderStore

_PAUSE = 1.0  # seconds between two looks


def collect(
    out: Path | str,
    observer: Observer | None = None,
    *,
    wait: bool = False,
    pause: Callable[[float], None] = time.sleep,
) -> RunResults:
    """Gather the results that are there of a run, merge them and write its directory.

    Parameters
    ----------
    out
        the run directory, of a run that was handed to others, or was interrupted
    observer
        is told of the progress
    wait
        until every task has ended; else what is there is taken, and the rest is ``pending``
    pause
        waits the seconds between two looks

    Raises
    ------
    RunDirectoryError
        if there is no run, or somebody else writes it now
    NothingToDoError
        if it is to be waited for tasks on which nobody works
    """
    clock = Clock.start()
    watcher: Observer = Silent() if observer is None else observer
    directory = RunDirectory(Path(out))
    submission, plan = read_submission(directory), read_plan(directory)
    with directory.locked():
        store = FolderStore(directory.tasks)
        files = plan.by_file
        done, failed = state_of(store, files)
        watcher.started(plan, len(done))
        arrivals = Arrivals(store, submission.settings.store)
        while True:
            _look(submission, plan, store, arrivals, done, failed, watcher)
            waiting = [t for t in plan.tasks if t.id not in done and t.id not in failed]
            if not waiting or not wait:
                break
            if not store.tickets():
                msg = f"{len(waiting)} tasks of {directory.path} have no result, and nobody was asked to run them. Give the command of the run again to continue it: {submission.command}"
                raise NothingToDoError(msg)
            pause(_PAUSE)
        outcomes = {**failed, **{t.id: _not_yet(t) for t in waiting}}
        info = finish(
            submission.spec,
            submission.inputs,
            submission.settings,
            plan,
            outcomes,
            directory,
            clock,
            submission.command,
        )
        if not waiting:
            for notice in released(store, submission.settings):
                watcher.notice(notice.words)
    watcher.finished(info)
    return RunResults(directory.path, info, info.luminosity)


def _look(
    submission: Submission,
    plan: Plan,
    store: FolderStore,
    arrivals: Arrivals,
    done: set[str],
    failed: dict[str, Outcome],
    watcher: Observer,
) -> None:
    """Take what has arrived; ``done`` and ``failed`` are changed."""
    open_tasks = [t for t in plan.tasks if t.id not in done]
    by_id = {t.id: t for t in open_tasks}
    settings = submission.settings
    for event in chain(
        fetched(gathered(store, open_tasks, settings), store, settings.store),
        arrivals.look([t.id for t in open_tasks if t.id not in done]),
    ):
        if isinstance(event, Notice):
            watcher.notice(event.words)
        elif event is None:
            continue
        elif (task := by_id.get(event.task)) is not None and event.task not in done:
            if event.processed:
                done.add(event.task)
                failed.pop(event.task, None)
            elif not event.pending:
                failed[event.task] = event
                keep(store, event)
            else:
                continue
            watcher.task_done(row_of(task, event), event)


def _not_yet(task: Task) -> Outcome:
    return Outcome(task=task.id, processed=False, pending=True, reason="no result yet", attempts=0)
