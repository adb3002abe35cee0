"""How far a run is, read from its directory, also while it runs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from femtobarn.base.records import Record
from femtobarn.running.engine.finish import plan_digest, utc
from femtobarn.running.engine.request import read_plan
from femtobarn.running.results.directory import RunDirectory
from femtobarn.running.results.folding import fold_name
from femtobarn.running.results.reader import RunResults
from femtobarn.running.results.store import FolderStore


class RunStatus(Record):
    """How far a run is.

    Parameters
    ----------
    tasks, done
        all tasks of the plan, and those whose result is there
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
    """

    analysis: str
    release: str
    tasks: int
    done: int
    failed: int
    finished: bool
    running: bool
    elsewhere: tuple[str, ...] = ()
    last_activity: str


def status(out: Path | str) -> RunStatus:
    """Return how far the run in ``out`` is, also while it runs.

    Raises
    ------
    RunDirectoryError
        if there is no run
    """
    directory = RunDirectory(Path(out))
    plan = read_plan(directory)
    store = FolderStore(directory.tasks)
    info = directory.read_info() if directory.info.is_file() else None
    ended = info is not None and info.plan == plan_digest(plan) and not info.tasks_pending
    if info is not None and ended:
        rows = RunResults(directory.path, info, info.luminosity).ledger()
        failed = sum(row.status == "failed" for row in rows)
        done = sum(row.status == "processed" for row in rows)
        last = directory.info.stat().st_mtime
    else:
        times = {group: _times(store, [t.id for t in group]) for group in plan.by_file}
        last = max([directory.plan.stat().st_mtime, *(m for found in times.values() for m in found)])
        done = sum(map(len, times.values()))
        failed = sum(f.status == "failed" for f in plan.skipped) + len(store.failures())
    return RunStatus(
        analysis=plan.analysis,
        release=plan.release,
        tasks=len(plan.tasks),
        done=done,
        failed=failed,
        finished=ended,
        running=directory.busy(),
        elsewhere=tuple(dict.fromkeys(ticket.executor for ticket in store.tickets())),
        last_activity=utc(datetime.fromtimestamp(last, UTC)),
    )


def _times(store: FolderStore, tasks: list[str]) -> list[float]:
    """Return when each result there is of one file was written, without opening it."""
    whole = store.path(fold_name(tasks)) if len(tasks) > 1 else None
    if whole is not None and whole.is_file():
        return [whole.stat().st_mtime] * len(tasks)
    return [path.stat().st_mtime for path in map(store.path, tasks) if path.is_file()]
