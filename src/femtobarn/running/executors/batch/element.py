"""What a job of an array runs: the tasks of one slice, and notes of how they ended."""

from __future__ import annotations

import signal
import socket
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from femtobarn.base.errors import FemtobarnError
from femtobarn.base.records import Notice, Outcome, Task
from femtobarn.data.storage.local import local_path
from femtobarn.data.storage.urls import is_remote
from femtobarn.running.engine.plan import by_file
from femtobarn.running.executors.batch.layout import BatchFolder, SliceEnd
from femtobarn.running.executors.batch.request import Request
from femtobarn.running.executors.local import LocalExecutor
from femtobarn.running.results.store import FolderStore

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def run_slice(
    out: Path,
    token: str,
    index: int,
    *,
    ends: float | None = None,
    clock: Callable[[], float] = time.time,
) -> SliceEnd:
    """Run the tasks of a slice that have no result yet; note how each ends, and how the slice does.

    Parameters
    ----------
    out
        the run directory
    token, index
        which slice of which submission
    ends
        seconds since the epoch at which it ends in order, with what it has; also on SIGTERM
    clock
        seconds since the epoch

    Raises
    ------
    RunDirectoryError
        if there is no such slice
    """
    folder = BatchFolder.of(out, token)
    request, job, tasks = folder.request, folder.job, folder.tasks(index)
    folder.begin(index)
    store = FolderStore(out / "tasks")
    done, failed = _there(store, tasks), 0
    todo = [task for task in tasks if task.id not in done]
    open_tasks = {task.id for task in todo}
    reason = ""
    with _stopping() as stopped, _sink(request, store) as (here, keep):
        executor = LocalExecutor(request.options.cores, place=f"{socket.gethostname()}/slice-{index}/")
        with closing(executor.run(job, todo, here)) as events:
            for outcome in _until(events, lambda: bool(stopped) or (ends is not None and clock() >= ends)):
                kept = keep(outcome)
                open_tasks.discard(kept.task)
                if not kept.processed:
                    failed += 1
                    store.fail(kept)
                folder.tell(index, kept)
    if open_tasks:
        reason = (
            f"it was told to end ({stopped[0]})"
            if stopped
            else f"its walltime of {request.options.walltime} is nearly over"
        )
    end = SliceEnd(
        done=len(tasks) - failed - len(open_tasks), failed=failed, left=len(open_tasks), reason=reason
    )
    folder.close(index, end)
    return end


def _there(store: FolderStore, tasks: Sequence[Task]) -> set[str]:
    return {task for group in by_file(tasks) for task in store.present([t.id for t in group])}


def _until(events: Generator[Outcome | Notice | None], over: Callable[[], bool]) -> Iterator[Outcome]:
    """Give outcomes until it is ``over``, which is asked about once a second."""
    while not over():
        try:
            event = next(events)
        except StopIteration:
            return
        if isinstance(event, Outcome):
            yield event


@contextmanager
def _stopping() -> Iterator[list[str]]:
    """Give a list to which the name of a signal is added when one asks this process to end."""
    asked: list[str] = []
    before = {s: signal.signal(s, lambda n, _: asked.append(signal.Signals(n).name)) for s in _SIGNALS}
    try:
        yield asked
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


@contextmanager
def _sink(request: Request, store: FolderStore) -> Iterator[tuple[FolderStore, Callable[[Outcome], Outcome]]]:
    """Give the folder where results are made, and what brings each from there to where it is kept."""
    if not is_remote(request.store):
        yield (FolderStore(local_path(request.store)) if request.store else store), lambda outcome: outcome
        return
    from femtobarn.running.results.remotestore import RemoteStore

    remote = RemoteStore(request.store)
    with closing(remote), tempfile.TemporaryDirectory(prefix="femtobarn-") as folder:
        here = FolderStore(Path(folder))

        def keep(outcome: Outcome) -> Outcome:
            if not outcome.processed:
                return outcome
            path = here.path(outcome.task)
            try:
                remote.put(outcome.task, path.read_bytes())
            except FemtobarnError as error:
                return outcome.model_copy(update={"processed": False, "reason": str(error)})
            path.unlink()
            return outcome

        yield here, keep
