"""What an executor is, and how a task is tried: errors that may pass are tried again, others are not."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from importlib import import_module
from typing import Any, Protocol

from femtobarn.base.errors import FemtobarnError, UnknownNameError
from femtobarn.base.installed import registered
from femtobarn.base.records import Job, Record, Settings, Task
from femtobarn.running.engine.task import run_task
from femtobarn.running.results.store import FolderStore

ATTEMPTS = 3
"""How often a task is tried in all, when the error may pass or its worker dies."""

BACKOFF = 1.0
"""Seconds before the second attempt; doubled for each further one."""

GROUP = "femtobarn.executors"
"""Entry points of executors: a class whose ``from_settings`` takes `Settings` and returns an `Executor`."""

_BUILT_IN = {"local": "femtobarn.running.executors.local:LocalExecutor"}


class Outcome(Record):
    """How a task ended. Its sums are in the store, if it was processed.

    Parameters
    ----------
    task
        its id
    processed
        whether its result is in the store
    reason
        why not
    attempts
        how often it was tried
    start, stop
        its entries, if they became known
    events, seconds, bytes_read
        what was done in the last attempt
    """

    task: str
    processed: bool
    reason: str = ""
    attempts: int = 1
    start: int | None = None
    stop: int | None = None
    events: int = 0
    seconds: float = 0.0
    bytes_read: int = 0
    worker: str = ""


class Executor(Protocol):
    """Runs tasks somewhere, in any order, at least once each."""

    def run(self, job: Job, tasks: Sequence[Task], store: FolderStore) -> Generator[Outcome]:
        """Run ``tasks`` and give one outcome for each, as they end; results go to ``store``.

        Closing the generator early ends whatever still runs.
        """
        ...


def executor(settings: Settings) -> Executor:
    """Return the executor that ``settings`` name.

    Raises
    ------
    UnknownNameError
        if none is registered under that name
    """
    place = _BUILT_IN.get(settings.executor) or registered(GROUP).get(settings.executor)
    if place is None:
        raise UnknownNameError("executor", settings.executor, (*registered(GROUP), *_BUILT_IN))
    module, _, attribute = place.partition(":")
    make: Any = getattr(import_module(module), attribute)
    made: Executor = make.from_settings(settings)
    return made


def attempt(
    job: Job,
    task: Task,
    store: FolderStore,
    *,
    worker: str = "",
    attempts: int = ATTEMPTS,
    pause: Callable[[float], None] = time.sleep,
) -> Outcome:
    """Run a task, store its result and say how it ended; never raises for what the task is to blame for.

    Parameters
    ----------
    attempts
        how often in all it is tried while the error is one that may pass
    pause
        waits the seconds between attempts
    """
    started = time.perf_counter()
    for number in range(1, attempts + 1):
        known: list[tuple[int, int]] = []
        try:
            partial = run_task(job, task, worker=worker, on_range=known.append)
            store.write(partial)
        except FemtobarnError as error:
            if error.transient and number < attempts:
                pause(BACKOFF * 2 ** (number - 1))
                continue
            return _failed(task, str(error), number, started, known, worker)
        except MemoryError:
            reason = "not enough memory for a chunk of events; use fewer --chunk-entries"
            return _failed(task, reason, number, started, known, worker)
        except Exception as error:  # noqa: BLE001 - one task never ends a run; the ledger gives the reason
            return _failed(task, f"{type(error).__name__}: {error}", number, started, known, worker)
        header = partial.header
        return Outcome(
            task=task.id,
            processed=True,
            attempts=number,
            start=header.start,
            stop=header.stop,
            events=header.stop - header.start,
            seconds=header.metrics.seconds,
            bytes_read=header.metrics.bytes_read,
            worker=worker,
        )
    msg = f"attempts must be 1 or more, got {attempts}"
    raise ValueError(msg)


def _failed(
    task: Task, reason: str, attempts: int, started: float, known: list[tuple[int, int]], worker: str
) -> Outcome:
    start, stop = known[-1] if known else (None, None)
    return Outcome(
        task=task.id,
        processed=False,
        reason=reason,
        attempts=attempts,
        start=start,
        stop=stop,
        seconds=time.perf_counter() - started,
        worker=worker,
    )
