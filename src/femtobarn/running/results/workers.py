"""What each worker did in all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from femtobarn.base.record import Record
from femtobarn.base.records import Outcome
from femtobarn.base.text import without_secrets
from femtobarn.running.results.partial import PartialHeader

MOST_WORKERS = 1000
"""Workers that are told one by one; the rest is told as one."""

_LONGEST_ERROR = 300  # characters


class WorkerCost(Record):
    """What one worker did, or the rest of them.

    Parameters
    ----------
    count
        how many workers these are: more than 1 only for the rest
    tasks, failed
        tasks with a result, and tasks that failed in its hands
    events_per_second
        events / busy_seconds
    bytes_read, network_bytes
        compressed bytes of the baskets that were read, and bytes that came over the network
    busy_seconds
        with a task, also with one that failed in the end
    peak_rss
        the largest memory of its process in bytes; 0 if no task told it
    first, last
        UTC times by its own clock: begin of its first task, end of its last; empty if not known
    last_error, last_failed
        why its last failed task did, and when (UTC); empty if none failed
    """

    worker: str
    count: int = 1
    tasks: int
    failed: int = 0
    events: int
    events_per_second: float = 0.0
    bytes_read: int
    network_bytes: int = 0
    cpu_seconds: float = 0.0
    busy_seconds: float
    peak_rss: int
    first: str = ""
    last: str = ""
    last_error: str = ""
    last_failed: str = ""


@dataclass(frozen=True, slots=True)
class Spell:
    """One task in the hands of one worker; ``begin`` and ``end`` are seconds since the epoch, 0 if not known."""

    worker: str
    task: str
    begin: float
    end: float
    seconds: float
    events: int = 0
    bytes_read: int = 0
    network_bytes: int = 0
    cpu_seconds: float = 0.0
    peak_rss: int = 0
    error: str | None = None


def spells(headers: Iterable[PartialHeader], outcomes: Iterable[Outcome]) -> tuple[Spell, ...]:
    """Return what workers did, in an order that does not depend on that of the arguments.

    Parameters
    ----------
    headers
        of the results there are
    outcomes
        how tasks ended; those that failed are taken, unless they have a result
    """
    done = {h.task: _done(h) for h in headers}
    lost = {o.task: _lost(o) for o in outcomes if not o.processed and not o.pending and o.task not in done}
    return tuple(
        sorted((*done.values(), *lost.values()), key=lambda s: (_natural(s.worker), s.begin, s.task))
    )


def costs(found: Sequence[Spell]) -> tuple[WorkerCost, ...]:
    """Return what each worker did in all; beyond `MOST_WORKERS`, the last row is the rest."""
    return tuple(_cost(name, count, own) for name, count, own in groups(found, MOST_WORKERS))


def added(one: WorkerCost, other: WorkerCost) -> WorkerCost:
    """Return what a worker did in two times of which each is told by one of the arguments."""
    events, busy = one.events + other.events, one.busy_seconds + other.busy_seconds
    later = max(one, other, key=lambda w: (w.last_failed, w.last_error))
    return WorkerCost(
        worker=one.worker,
        tasks=one.tasks + other.tasks,
        failed=one.failed + other.failed,
        events=events,
        events_per_second=events / busy if busy else 0.0,
        bytes_read=one.bytes_read + other.bytes_read,
        network_bytes=one.network_bytes + other.network_bytes,
        cpu_seconds=one.cpu_seconds + other.cpu_seconds,
        busy_seconds=busy,
        peak_rss=max(one.peak_rss, other.peak_rss),
        first=min(filter(None, (one.first, other.first)), default=""),
        last=max(one.last, other.last),
        last_error=later.last_error,
        last_failed=later.last_failed,
    )


def groups(found: Sequence[Spell], most: int) -> list[tuple[str, int, list[Spell]]]:
    """Return name, number of workers and tasks of each worker; the least busy without failures as one."""
    own: dict[str, list[Spell]] = {}
    for spell in found:
        own.setdefault(spell.worker, []).append(spell)
    if len(own) <= most:
        return [(name, 1, spells) for name, spells in own.items()]

    def weight(name: str) -> tuple[int, float, str]:
        failures = sum(s.error is not None for s in own[name])
        return -failures, -sum(s.seconds for s in own[name]), name

    first = set(sorted(own, key=weight)[: most - 1])
    rest = [spell for spell in found if spell.worker not in first]
    others = len(own) - len(first)
    return [
        *((name, 1, spells) for name, spells in own.items() if name in first),
        (f"{others} others", others, rest),
    ]


def utc(seconds: float) -> str:
    """Return a time since the epoch as run directories write it; empty for 0, which is not known."""
    latest = datetime.max.replace(tzinfo=UTC).timestamp() - 1
    when = datetime.fromtimestamp(min(seconds, latest), UTC)
    return when.strftime("%Y-%m-%dT%H:%M:%SZ") if seconds > 0 else ""


def _done(header: PartialHeader) -> Spell:
    cost = header.metrics
    return Spell(
        worker=cost.worker,
        task=header.task,
        begin=cost.started,
        end=cost.started + cost.seconds,
        seconds=cost.seconds,
        events=header.stop - header.start,
        bytes_read=cost.bytes_read,
        network_bytes=cost.network_bytes,
        cpu_seconds=cost.cpu_seconds,
        peak_rss=cost.peak_rss,
    )


def _lost(outcome: Outcome) -> Spell:
    begin = outcome.finished - outcome.seconds if outcome.finished else 0.0
    words = without_secrets(outcome.reason)
    error = words if len(words) <= _LONGEST_ERROR else f"{words[:_LONGEST_ERROR]}..."
    return Spell(outcome.worker, outcome.task, begin, outcome.finished, outcome.seconds, error=error)


def _natural(name: str) -> str:
    """Return what sorts worker 2 before worker 10."""
    return re.sub(r"[0-9]+", lambda found: found[0].zfill(20), name)


def _cost(name: str, count: int, own: Sequence[Spell]) -> WorkerCost:
    lost = sorted((s for s in own if s.error is not None), key=lambda s: (s.end, s.task))
    events, busy = sum(s.events for s in own), sum(s.seconds for s in own)
    return WorkerCost(
        worker=name,
        count=count,
        tasks=len(own) - len(lost),
        failed=len(lost),
        events=events,
        events_per_second=events / busy if busy else 0.0,
        bytes_read=sum(s.bytes_read for s in own),
        network_bytes=sum(s.network_bytes for s in own),
        cpu_seconds=sum(s.cpu_seconds for s in own),
        busy_seconds=busy,
        peak_rss=max(s.peak_rss for s in own),
        first=utc(min((s.begin for s in own if s.end > 0), default=0.0)),
        last=utc(max(s.end for s in own)),
        last_error=(lost[-1].error or "") if lost else "",
        last_failed=utc(lost[-1].end) if lost else "",
    )
