"""What each worker did: in all, and in equal spans of the run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from femtobarn.base.records import Outcome, Record
from femtobarn.base.text import without_secrets
from femtobarn.running.results.partial import PartialHeader

MOST_WORKERS = 1000
"""Workers that are told one by one; the rest is told as one."""

MOST_SERIES = 64
"""Workers whose course is told one by one."""

MOST_BINS = 100
_MOST_CELLS = 3200  # workers x bins: what a page and metrics.json hold does not grow with the run
_LEAST_BINS = 10
_LEAST_PAUSE = 10.0  # seconds
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
    last_error
        why its last failed task did; empty if none failed
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


class WorkerSeries(Record):
    """What one worker did, one number for each span of a `Timeline`.

    Parameters
    ----------
    tasks, failed
        that ended in the span
    events, bytes_read, cpu_seconds
        of its tasks, spread evenly over the time each took
    busy
        share of the span for which it had a task; above 1 if it had several at once
    peak_rss
        the largest memory in bytes until the end of a task that ran in the span; 0 without one
    """

    worker: str
    count: int = 1
    tasks: tuple[int, ...]
    failed: tuple[int, ...]
    events: tuple[int, ...]
    bytes_read: tuple[int, ...]
    cpu_seconds: tuple[float, ...]
    busy: tuple[float, ...]
    peak_rss: tuple[int, ...]


class Timeline(Record):
    """The run in ``bins`` spans of equal width.

    Parameters
    ----------
    started
        UTC time at which the first task began
    seconds
        from then to the end of the last task, without ``paused``
    paused
        seconds in all of long pauses in which no task ran, as in a run that was continued; they are
        longer than a tenth of the time in which tasks ran
    workers
        each worker's numbers
    """

    started: str
    seconds: float
    paused: float
    bins: int
    workers: tuple[WorkerSeries, ...]


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
    return tuple(_cost(name, count, own) for name, count, own in _groups(found, MOST_WORKERS))


def timeline(found: Sequence[Spell]) -> Timeline | None:
    """Return the course of the run, or None if there was none; beyond `MOST_SERIES` workers the last is the rest.

    There are at most `MOST_BINS` spans, and fewer for many workers.
    """
    known = [s for s in found if s.end > 0]
    if not known:
        return None
    groups = _groups(known, MOST_SERIES)
    bins = min(MOST_BINS, _MOST_CELLS // len(groups), max(_LEAST_BINS, len(known)))
    axis = _Axis(known)
    edges = np.linspace(0.0, axis.seconds, bins + 1)
    return Timeline(
        started=utc(axis.start),
        seconds=axis.seconds,
        paused=axis.paused,
        bins=bins,
        workers=tuple(_series(name, count, own, axis, edges) for name, count, own in groups),
    )


def covered(spans: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the union of ``spans`` as spans that do not touch, in order."""
    union: list[tuple[float, float]] = []
    for first, last in sorted(spans):
        if union and first <= union[-1][1]:
            union[-1] = (union[-1][0], max(union[-1][1], last))
        else:
            union.append((first, last))
    return union


def utc(seconds: float) -> str:
    """Return a time since the epoch as run directories write it; empty for 0, which is not known."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if seconds > 0 else ""


class _Axis:
    """From times to seconds of the run, without its long pauses."""

    def __init__(self, known: Sequence[Spell]) -> None:
        union = covered((s.begin, s.end) for s in known)
        longest = max(_LEAST_PAUSE, 0.1 * sum(last - first for first, last in union))
        self.start, self.paused = union[0][0], 0.0
        times, places = [union[0][0]], [0.0]
        for (_, before), (after, _) in pairwise(union):
            if after - before > longest:
                self.paused += after - before
                times += [before, after]
                places += [before - self.start - self.paused + (after - before)] * 2
        times.append(union[-1][1])
        places.append(times[-1] - self.start - self.paused)
        self._times, self._places = np.array(times), np.array(places)
        self.seconds = places[-1]

    def of(self, times: Iterable[float]) -> NDArray[np.float64]:
        """Return the seconds of ``times`` since the start."""
        found: NDArray[np.float64] = np.interp(np.fromiter(times, float), self._times, self._places)
        return found


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


def _groups(found: Sequence[Spell], most: int) -> list[tuple[str, int, list[Spell]]]:
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
    )


def _series(
    name: str, count: int, own: Sequence[Spell], axis: _Axis, edges: NDArray[np.float64]
) -> WorkerSeries:
    begin, end = axis.of(s.begin for s in own), axis.of(s.end for s in own)
    bins, width = len(edges) - 1, float(edges[1] - edges[0])
    amounts = np.array([[s.events, s.bytes_read, s.cpu_seconds, s.seconds] for s in own]).T
    amounts[3] = end - begin  # what a clock on the wall says, for shares of a span
    until = np.zeros((4, bins + 1))
    length = np.maximum(end - begin, 1e-9)
    for i, edge in enumerate(edges[1:-1], start=1):
        until[:, i] = amounts @ np.clip((edge - begin) / length, 0.0, 1.0)
    until[:, -1] = amounts.sum(axis=1)
    counts = np.diff(np.floor(until[:2] + 0.5)).astype(np.int64)  # so that they sum to the whole
    cpu, busy = np.diff(until[2:])
    lost = np.array([s.error is not None for s in own])
    peak = np.zeros(bins, np.int64)
    firsts, lasts = (np.clip(np.searchsorted(edges, t, "right") - 1, 0, bins - 1) for t in (begin, end))
    for spell, first, last in zip(own, firsts, lasts, strict=True):
        span = peak[first : last + 1]
        np.maximum(span, spell.peak_rss, out=span)
    return WorkerSeries(
        worker=name,
        count=count,
        tasks=_ints(np.bincount(lasts[~lost], minlength=bins)),
        failed=_ints(np.bincount(lasts[lost], minlength=bins)),
        events=_ints(counts[0]),
        bytes_read=_ints(counts[1]),
        cpu_seconds=tuple(round(float(v), 6) for v in cpu),
        busy=tuple(round(float(v) / width, 4) if width else 0.0 for v in busy),
        peak_rss=_ints(peak),
    )


def _ints(values: NDArray[np.int64]) -> tuple[int, ...]:
    return tuple(int(v) for v in values)
