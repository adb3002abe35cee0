"""How far a run is, read from its directory, also while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from heapq import nlargest
from pathlib import Path

from femtobarn.base.errors import FemtobarnError, MergeError
from femtobarn.base.record import Record
from femtobarn.running.engine.expected import Expected
from femtobarn.running.results.directory import RunDirectory
from femtobarn.running.results.reader import RunResults
from femtobarn.running.results.scan import StoreScan
from femtobarn.running.results.store import FolderStore
from femtobarn.running.results.workers import MOST_WORKERS, WorkerCost, added, costs, spells, utc

MOST_READ = 1000
"""Results, and failures, that one look opens: a look at a large run takes no longer than one at a small run."""

_WINDOW = 60.0  # seconds over which rates are told


class RunStatus(Record):
    """How far a run is.

    Parameters
    ----------
    tasks, done, waiting
        all tasks of the plan, those whose result is there, and those that neither have a result nor failed
    failed
        tasks and files that failed
    finished
        whether the results of this plan are written, and no task is left
    running
        whether a process holds the directory now
    elsewhere
        executors to which tasks were handed that may still be under way
    last_activity
        UTC time of the last result, or of the plan
    tasks_per_second, events_per_second
        over the last minute; 0 if nothing ended in it, or the run is finished
    seconds_left
        for the tasks that wait, if they end at this rate; None if nothing tells it
    workers
        what each worker did, the last seen first
    results_read
        results that ``workers`` is made of: the newest, if there are many
    """

    analysis: str
    release: str
    tasks: int
    done: int
    waiting: int
    failed: int
    finished: bool
    running: bool
    elsewhere: tuple[str, ...] = ()
    last_activity: str
    tasks_per_second: float = 0.0
    events_per_second: float = 0.0
    seconds_left: float | None = None
    workers: tuple[WorkerCost, ...] = ()
    results_read: int = 0

    @property
    def over(self) -> bool:
        """Whether nothing more is to come: nobody writes, and no task is under way elsewhere."""
        return self.finished or (not self.running and (self.waiting == 0 or not self.elsewhere))


def status(out: Path | str) -> RunStatus:
    """Return how far the run in ``out`` is, also while it runs.

    Raises
    ------
    RunDirectoryError
        if there is no run
    """
    return Watch(out).look()


class Watch:
    """Looks at a run again and again; what was read once is kept.

    Parameters
    ----------
    out
        the run directory
    clock
        seconds since the epoch
    """

    def __init__(self, out: Path | str, *, clock: Callable[[], float] = time.time) -> None:
        self._directory = RunDirectory(Path(out))
        self._store = FolderStore(self._directory.tasks)
        self._clock = clock
        self._plan: Expected | None = None
        self._info: tuple[int, bool] = (0, False)
        self._forget()

    def look(self) -> RunStatus:
        """Return how far the run is now.

        Raises
        ------
        RunDirectoryError
            if there is no run
        """
        plan = self._current_plan()
        if self._directory.info.is_file():
            try:
                if self._finished(plan):
                    return self._at_the_end(plan)
            except (OSError, FemtobarnError):
                if self._directory.info.is_file():
                    raise
                # removed at this moment: the run begins anew
        return self._under_way(plan)

    def _under_way(self, plan: Expected) -> RunStatus:
        now = self._clock()
        self._scan.refresh()
        times = {task: when for name, when in self._scan.results() for task in plan.names.get(name, ())}
        failures = {
            t: when for t, when in self._scan.failures().items() if t in plan.tasks and t not in times
        }
        self._read(plan)
        tasks_rate, events_rate = self._rates(plan, now, [*times.values(), *failures.values()])
        waiting = len(plan.tasks) - len(times) - len(failures)
        last = max((plan.written, *times.values(), *failures.values()))
        rows = self._rows(failures)
        return RunStatus(
            analysis=plan.analysis,
            release=plan.release,
            tasks=len(plan.tasks),
            done=len(times),
            waiting=waiting,
            failed=plan.failed_files + len(failures),
            finished=False,
            running=self._directory.busy(),
            elsewhere=self._elsewhere(),
            last_activity=utc(last),
            tasks_per_second=tasks_rate,
            events_per_second=events_rate,
            seconds_left=waiting / tasks_rate if tasks_rate else None,
            workers=rows,
            results_read=self._results_read,
        )

    def _current_plan(self) -> Expected:
        """Return the plan, read again if it was written again; what was known of another is forgotten."""
        written = self._directory.plan.stat().st_mtime if self._directory.plan.is_file() else 0.0
        if self._plan is None or written != self._plan.written:
            self._plan = Expected.read(self._directory, written)
            self._forget()
        return self._plan

    def _forget(self) -> None:
        self._scan = StoreScan(self._store)
        self._seen: set[str] = set()
        self._done: dict[str, WorkerCost] = {}
        self._recent: list[tuple[float, int]] = []  # when results were written, and their events
        self._results_read = 0

    def _finished(self, plan: Expected) -> bool:
        """Tell whether run.json is of this plan, and leaves no task; it is read once."""
        written = self._directory.info.stat().st_mtime_ns
        if self._info[0] != written:
            info = self._directory.read_info()
            self._info = (written, info.plan == plan.digest and not info.tasks_pending)
        return self._info[1] and not self._store.tickets() and not self._directory.busy()

    def _at_the_end(self, plan: Expected) -> RunStatus:
        results = RunResults.load(self._directory.path)
        states = [row.status for row in results.ledger()]
        metrics = results.metrics()
        return RunStatus(
            analysis=plan.analysis,
            release=plan.release,
            tasks=len(plan.tasks),
            done=states.count("processed"),
            waiting=0,
            failed=states.count("failed"),
            finished=True,
            running=self._directory.busy(),
            elsewhere=self._elsewhere(),
            last_activity=utc(self._directory.info.stat().st_mtime),
            workers=metrics.workers,
            results_read=metrics.tasks,
        )

    def _elsewhere(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(ticket.executor for ticket in self._store.tickets()))

    def _read(self, plan: Expected) -> None:
        """Open the newest results that were not opened yet, as many as one look may."""
        new = (
            (when, name)
            for name, when in self._scan.results()
            if not self._seen.issuperset(plan.names.get(name, ()))
        )
        for when, name in nlargest(MOST_READ, new):
            new_tasks = set(plan.names[name]) - self._seen  # a part may be there alone and in a fold
            self._seen |= new_tasks
            try:
                header = self._store.header(name)
            except MergeError:  # damaged, or removed: whoever merges the results will say so
                continue
            headers = tuple(h for h in header.parts or (header,) if h.task in new_tasks)
            self._results_read += len(headers)
            self._recent.append((when, sum(h.stop - h.start for h in headers)))
            for cost in costs(spells(headers, ())):
                known = self._done.get(cost.worker)
                self._done[cost.worker] = cost if known is None else added(known, cost)

    def _rates(self, plan: Expected, now: float, ended: Iterable[float]) -> tuple[float, float]:
        """Return tasks and events per second of the last minute, or since the plan was written."""
        since = max(plan.written, now - _WINDOW)
        self._recent = [item for item in self._recent if item[0] >= now - _WINDOW]
        seconds = max(now - since, 1.0)
        tasks = sum(when >= since for when in ended)
        events = sum(events for when, events in self._recent if when >= since)
        return tasks / seconds, events / seconds

    def _rows(self, failures: dict[str, float]) -> tuple[WorkerCost, ...]:
        newest = nlargest(MOST_READ, failures, key=lambda task: failures[task])
        lost = [outcome for outcome in map(self._store.failure, newest) if outcome is not None]
        rows = dict(self._done)
        for cost in costs(spells((), lost)):
            rows[cost.worker] = added(rows[cost.worker], cost) if cost.worker in rows else cost
        return tuple(nlargest(MOST_WORKERS, rows.values(), key=lambda w: w.last))
