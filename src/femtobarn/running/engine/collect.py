"""Gathering what others have done of a run: merged and written as far as it is, any number of times."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
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
    directory = RunDirectory(Path(out))
    submission, plan = read_submission(directory), read_plan(directory)
    clock = Clock.since(submission.started)
    watcher = _Once(Silent() if observer is None else observer)
    with directory.locked():
        store = FolderStore(directory.tasks)
        files = plan.by_file
        done, failed = state_of(store, files)
        noted = {task: outcome for task, outcome in store.noted().items() if task in done}
        known = _Known(store, done, noted, failed)
        watcher.started(plan, len(done))
        arrivals = Arrivals(store, submission.settings.store)
        while True:
            _look(submission, plan, store, arrivals, known, watcher)
            waiting = [t for t in plan.tasks if t.id not in done and t.id not in failed]
            if not waiting or not wait:
                break
            if not store.tickets():
                msg = f"{len(waiting)} tasks of {directory.path} have no result, and nobody was asked to run them. Give the command of the run again to continue it: {submission.command}"
                raise NothingToDoError(msg)
            pause(_PAUSE)
        outcomes = {**known.ended, **failed, **{t.id: _not_yet(t) for t in waiting}}
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


@dataclass(frozen=True, slots=True)
class _Known:
    """What became of tasks: those with a result, how those ended that others did, and why some failed."""

    store: FolderStore
    done: set[str]
    ended: dict[str, Outcome]
    failed: dict[str, Outcome]

    def learn(self, outcome: Outcome) -> bool:
        """Take an outcome, and keep it for looks to come; return whether it says something new."""
        task = outcome.task
        if outcome.processed:
            news = task not in self.done
            if task not in self.ended:
                self.store.note(outcome)
                self.ended[task] = outcome
            self.done.add(task)
            self.failed.pop(task, None)
            return news
        before = self.failed.get(task)
        same = before is not None and (before.reason, before.attempts) == (outcome.reason, outcome.attempts)
        if outcome.pending or same or task in self.done:
            return False
        self.failed[task] = outcome
        keep(self.store, outcome)
        return True


def _look(
    submission: Submission,
    plan: Plan,
    store: FolderStore,
    arrivals: Arrivals,
    known: _Known,
    watcher: Observer,
) -> None:
    """Take what has arrived."""
    asked = [t for t in plan.tasks if t.id not in known.ended]
    by_id = {t.id: t for t in asked}
    settings = submission.settings
    for event in chain(
        fetched(gathered(store, asked, settings), store, settings.store),
        arrivals.look([t.id for t in asked if t.id not in known.done]),
    ):
        if isinstance(event, Notice):
            watcher.notice(event.words)
        elif event is not None and event.task in by_id and known.learn(event):
            watcher.task_done(row_of(by_id[event.task], event), event)


class _Once:
    """Passes everything on to an observer, but each notice once: they are found again at each look."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._said: set[str] = set()
        self.started, self.task_done, self.finished = observer.started, observer.task_done, observer.finished

    def notice(self, words: str) -> None:
        """Tell what was not told before."""
        if words not in self._said:
            self._said.add(words)
            self._observer.notice(words)


def _not_yet(task: Task) -> Outcome:
    return Outcome(task=task.id, processed=False, pending=True, reason="no result yet", attempts=0)
