"""What a run cost: rates, bytes, time by step, memory, by worker and over time."""

from __future__ import annotations

from collections.abc import Sequence

from femtobarn.base.records import Record
from femtobarn.running.results.partial import PartialHeader


class StepCost(Record):
    """Seconds summed over all tasks; ``other`` is opening files, checking and writing results."""

    read: float
    evaluate: float
    other: float
    cpu: float
    wall: float


class WorkerCost(Record):
    """What one worker did."""

    worker: str
    tasks: int
    events: int
    bytes_read: int
    busy_seconds: float
    peak_rss: int


class Moment(Record):
    """Events and bytes of the tasks that ended until ``seconds`` after the start of the first one."""

    seconds: float
    tasks: int
    events: int
    bytes_read: int


class Metrics(Record):
    """metrics.json.

    Parameters
    ----------
    events, tasks, bytes_read
        totals; bytes are compressed bytes of the baskets that were read
    network_bytes, network_requests, network_retries
        bytes that came over the network, requests for them, and how many of these were repeats
    seconds
        wall time since the run was last started
    busy_seconds
        from the start of the first task to the end of the last, leaving out pauses in which none ran
    events_per_second
        events / busy_seconds
    peak_rss
        the largest memory of any worker, in bytes
    reused_tasks
        tasks whose result was there already
    """

    events: int
    tasks: int
    reused_tasks: int
    bytes_read: int
    network_bytes: int = 0
    network_requests: int = 0
    network_retries: int = 0
    seconds: float
    busy_seconds: float
    events_per_second: float
    peak_rss: int
    steps: StepCost
    workers: tuple[WorkerCost, ...]
    over_time: tuple[Moment, ...]


def summarise(headers: Sequence[PartialHeader], seconds: float, reused: int) -> Metrics:
    """Return the cost of the tasks with these headers."""
    events = sum(_events(h) for h in headers)
    costs = [h.metrics for h in headers]
    busy = _covered([(c.started, c.started + c.seconds) for c in costs])
    steps = (
        sum(c.read_seconds for c in costs),
        sum(c.evaluate_seconds for c in costs),
    )
    wall = sum(c.seconds for c in costs)
    return Metrics(
        events=events,
        tasks=len(headers),
        reused_tasks=reused,
        bytes_read=sum(c.bytes_read for c in costs),
        network_bytes=sum(c.network_bytes for c in costs),
        network_requests=sum(c.network_requests for c in costs),
        network_retries=sum(c.network_retries for c in costs),
        seconds=seconds,
        busy_seconds=busy,
        events_per_second=events / busy if busy else 0.0,
        peak_rss=max((c.peak_rss for c in costs), default=0),
        steps=StepCost(
            read=steps[0],
            evaluate=steps[1],
            other=max(0.0, wall - sum(steps)),
            cpu=sum(c.cpu_seconds for c in costs),
            wall=wall,
        ),
        workers=_by_worker(headers),
        over_time=_over_time(headers),
    )


def _events(header: PartialHeader) -> int:
    return header.stop - header.start


def _by_worker(headers: Sequence[PartialHeader]) -> tuple[WorkerCost, ...]:
    groups: dict[str, list[PartialHeader]] = {}
    for header in headers:
        groups.setdefault(header.metrics.worker, []).append(header)
    return tuple(
        WorkerCost(
            worker=name,
            tasks=len(group),
            events=sum(_events(h) for h in group),
            bytes_read=sum(h.metrics.bytes_read for h in group),
            busy_seconds=sum(h.metrics.seconds for h in group),
            peak_rss=max(h.metrics.peak_rss for h in group),
        )
        for name, group in sorted(groups.items())
    )


def _over_time(headers: Sequence[PartialHeader], most: int = 200) -> tuple[Moment, ...]:
    if not headers:
        return ()
    start = min(h.metrics.started for h in headers)
    ended = sorted(headers, key=lambda h: h.metrics.started + h.metrics.seconds)
    stride = max(1, -(-len(ended) // most))
    moments: list[Moment] = []
    events = size = 0
    for i, header in enumerate(ended, start=1):
        events += _events(header)
        size += header.metrics.bytes_read
        if i % stride == 0 or i == len(ended):
            after = header.metrics.started + header.metrics.seconds - start
            moments.append(Moment(seconds=after, tasks=i, events=events, bytes_read=size))
    return tuple(moments)


def _covered(spans: Sequence[tuple[float, float]]) -> float:
    """Return the length of the union of ``spans``."""
    total = 0.0
    end = float("-inf")
    for first, last in sorted(spans):
        if last > end:
            total += last - max(first, end)
            end = last
    return total
