"""What runs on Dask workers: functions that take texts and bytes, and return texts and bytes."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from functools import lru_cache

from femtobarn.base.records import Outcome, Task
from femtobarn.running.engine.executor import attempt
from femtobarn.running.executors.dask.messages import Order
from femtobarn.running.executors.dask.versions import own_versions, refusal
from femtobarn.running.results.folding import fold
from femtobarn.running.results.partial import Partial, from_bytes, to_bytes
from femtobarn.running.results.remotestore import sink_of
from femtobarn.running.results.store import Sink

Answer = tuple[str, bytes]
"""How a task ended (an `Outcome` as JSON), and its result; no bytes if there is none, or it is in a store."""

Whole = tuple[tuple[str, ...], bytes, tuple[bytes, ...]]
"""How the parts of a file ended, and their folded result; or else the results of the parts."""

_alone = threading.Lock()
"""Columns, caches and compiled code belong to one task at a time; Dask may have several threads."""


def versions() -> str:
    """Return the versions of this process as JSON."""
    return json.dumps(dict(own_versions()))


def order(text: str) -> str:
    """Return ``text``: what all tasks need is a task itself, so that it is made anew if it is lost."""
    return text


def part(order: str, task: str, topic: str) -> Answer:
    """Run one task.

    Parameters
    ----------
    order, task
        `Order` and `Task` as JSON
    topic
        of Dask's events, under which it is told that the task begins

    Raises
    ------
    ImportError
        if this worker has other versions than the driver
    ConnectionAbortedError
        if the task failed while this worker was being ended, perhaps because of that
    """
    _agree(order)
    told = _order(order)
    kept = _Kept()
    sink = _store(order) or kept
    wanted = Task.model_validate_json(task)
    with _alone:
        _say(topic, wanted.id)
        outcome = attempt(told.job, wanted, sink, worker=_name())
    if not outcome.processed and _ending():
        msg = f"Dask worker {_name()} was ended while it ran this task: {outcome.reason}"
        raise ConnectionAbortedError(msg)
    return outcome.model_dump_json(), kept.data


def whole(*parts: Answer) -> Whole:
    """Fold the parts of one file, in order; if one of them failed, return the others as they are."""
    told = tuple(outcome for outcome, _ in parts)
    if all(Outcome.model_validate_json(outcome).processed for outcome in told):
        return told, to_bytes(fold([from_bytes(data) for _, data in parts])), ()
    return told, b"", tuple(data for _, data in parts)


@dataclass
class _Kept:
    """A store of one result, as bytes."""

    data: bytes = b""

    def write(self, partial: Partial) -> None:
        self.data = to_bytes(partial)


@lru_cache(maxsize=4)
def _order(text: str) -> Order:
    return Order.model_validate_json(text)


@lru_cache(maxsize=4)
def _agree(text: str) -> None:
    # an order of another version may have other fields: only its versions are looked at
    why = refusal(f"Dask worker {_name()}", dict(own_versions()), dict(json.loads(text)["versions"]))
    if why:
        raise ImportError(why)


@lru_cache(maxsize=4)
def _store(text: str) -> Sink | None:
    told = _order(text)
    return sink_of(told.store, allowed=told.job.access.prefixes) if told.store else None


def _say(topic: str, words: str) -> None:
    from distributed import get_worker

    get_worker().log_event(topic, words)


def _ending() -> bool:
    from distributed import Status, get_worker

    return get_worker().status in {Status.closing, Status.closing_gracefully, Status.closed}


def _name() -> str:
    from distributed import get_worker

    name = get_worker().name
    return name if isinstance(name, str) else f"dask-{name}"
