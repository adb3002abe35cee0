"""What each worker did in equal spans of the run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from femtobarn.base.record import Record
from femtobarn.running.results.workers import Spell, groups, utc

MOST_SERIES = 64
"""Workers whose course is told one by one."""

MOST_BINS = 100
_MOST_CELLS = 3200  # workers x bins: what a page and metrics.json hold does not grow with the run
_LEAST_BINS = 10
_LEAST_PAUSE = 10.0  # seconds


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


def timeline(found: Sequence[Spell]) -> Timeline | None:
    """Return the course of the run, or None if there was none; beyond `MOST_SERIES` workers the last is the rest.

    There are at most `MOST_BINS` spans, and fewer for many workers.
    """
    known = [s for s in found if s.end > 0]
    if not known:
        return None
    parted = groups(known, MOST_SERIES)
    bins = min(MOST_BINS, _MOST_CELLS // len(parted), max(_LEAST_BINS, len(known)))
    axis = _Axis(known)
    edges = np.linspace(0.0, axis.seconds, bins + 1)
    return Timeline(
        started=utc(axis.start),
        seconds=axis.seconds,
        paused=axis.paused,
        bins=bins,
        workers=tuple(_series(name, count, own, axis, edges) for name, count, own in parted),
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
