"""What an executor is, and how a task is tried: errors that may pass are tried again, others are not."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from importlib import import_module
from typing import Any, Protocol, TypeVar, runtime_checkable

from pydantic import ValidationError

from femtobarn.base.errors import FemtobarnError, SettingsError, UnknownNameError
from femtobarn.base.installed import registered
from femtobarn.base.record import Record, first_fault
from femtobarn.base.records import Job, Notice, Outcome, Settings, Task, Ticket
from femtobarn.base.text import without_secrets
from femtobarn.running.engine.task import run_task
from femtobarn.running.results.partial import outcome_from
from femtobarn.running.results.store import FolderStore, Sink

ATTEMPTS = 3
"""How often a task is tried in all, when the error may pass or its worker dies."""

BACKOFF = 1.0
"""Seconds before the second attempt; doubled for each further one."""

GROUP = "femtobarn.executors"
"""Entry points of executors: a class whose ``from_settings`` takes `Settings` and returns an `Executor`."""

_BUILT_IN = {
    "local": "femtobarn.running.executors.local:LocalExecutor",
    "rabbitmq": "femtobarn.running.executors.rabbitmq.executor:RabbitExecutor",
    "dask": "femtobarn.running.executors.dask.executor:DaskExecutor",
    "batch": "femtobarn.running.executors.batch.executor:BatchExecutor",
}
_SEVERAL = "femtobarn.running.executors.several:SeveralExecutor"

Options = TypeVar("Options", bound=Record)


class Executor(Protocol):
    """Runs tasks somewhere, in any order, at least once each."""

    def run(self, job: Job, tasks: Sequence[Task], store: FolderStore) -> Generator[Outcome | Notice | None]:
        """Run ``tasks`` and give one outcome for each, as they end; results go to ``store``.

        `Notice` is for whoever waits. None comes about once a second while nothing happens, so that the
        caller can close the generator, which ends whatever still runs.
        """
        ...


@runtime_checkable
class Detached(Protocol):
    """An executor to which tasks can be handed, and whose results are fetched later by another process."""

    def submit(self, job: Job, tasks: Sequence[Task], store: FolderStore) -> Ticket:
        """Hand over ``tasks``; when this returns they are safe even if this process ends."""
        ...

    def gather(self, ticket: Ticket, tasks: Sequence[Task], store: FolderStore) -> Iterator[Outcome | Notice]:
        """Put results that are there now into ``store``, and give the outcomes that became known.

        Parameters
        ----------
        tasks
            those that have no outcome yet
        """
        ...

    def release(self, ticket: Ticket) -> None:
        """Remove what is left elsewhere of a submission, also tasks that nobody has begun."""
        ...


def executor(settings: Settings) -> Executor:
    """Return the executor that ``settings`` name, or one of several that share the tasks.

    Raises
    ------
    UnknownNameError
        if none is registered under that name
    SettingsError
        if it cannot do what the settings ask for
    """
    if "+" in settings.executor:
        return _made(_SEVERAL, settings)
    place = _BUILT_IN.get(settings.executor) or registered(GROUP).get(settings.executor)
    if place is None:
        raise UnknownNameError("executor", settings.executor, _known())
    return _made(place, settings)


def settings_for(settings: Settings, name: str) -> Settings:
    """Return the settings of one of several executors: its own options, without its name before them."""
    own = tuple(
        (key[len(name) + 1 :], v) for key, v in settings.executor_options if key.startswith(f"{name}.")
    )
    return settings.model_copy(update={"executor": name, "executor_options": own})


def parse_options(kind: type[Options], settings: Settings) -> Options:
    """Return the options of an executor as a record of ``kind``.

    Raises
    ------
    UnknownNameError
        for an option that it does not have
    SettingsError
        for a value that is not allowed
    """
    check_no_secrets(settings)
    own = f"{settings.executor}."
    given: dict[str, str] = {}
    for key, value in settings.executor_options:
        other, dot, _ = key.partition(".")
        if not dot or key.startswith(own):
            given[key.removeprefix(own)] = value
        elif other not in _known():  # a file may have tables of executors that are not used now
            raise UnknownNameError("executor", other, _known())
    for name in given:
        if name not in kind.model_fields:
            raise UnknownNameError(f"option of executor {settings.executor}", name, kind.model_fields)
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        fault = first_fault(error)
        msg = f"Option {fault.where} of executor {settings.executor}: {fault.what}, not {without_secrets(repr(fault.given))}."
        raise SettingsError(msg) from error


def check_no_secrets(settings: Settings) -> None:
    """Raise `SettingsError` if an option holds what must not be kept, whosever option it is."""
    for name, value in settings.executor_options:
        if without_secrets(value) != value:
            msg = f"Option {name} holds a user name, a password or a query, which a run directory must not keep: {without_secrets(value)}. Give secrets in environment variables or files."
            raise SettingsError(msg)


def _known() -> tuple[str, ...]:
    return tuple(dict.fromkeys((*registered(GROUP), *_BUILT_IN)))


def _made(place: str, settings: Settings) -> Executor:
    module, _, attribute = place.partition(":")
    make: Any = getattr(import_module(module), attribute)
    made: Executor = make.from_settings(settings)
    return made


def attempt(
    job: Job,
    task: Task,
    sink: Sink,
    *,
    worker: str = "",
    attempts: int = ATTEMPTS,
    pause: Callable[[float], None] = time.sleep,
) -> Outcome:
    """Run a task, store its result and say how it ended; never raises for what the task is to blame for.

    Parameters
    ----------
    sink
        where its result goes
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
            sink.write(partial)
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
        return outcome_from(partial.header, task.id, attempts=number, finished=time.time())
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
        finished=time.time(),
    )
