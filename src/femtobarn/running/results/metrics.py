"""What a run cost: rates, bytes, time by step, memory, by worker and over time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from femtobarn.base.record import Record
from femtobarn.base.records import Outcome
from femtobarn.running.results.partial import PartialHeader
from femtobarn.running.results.timeline import Timeline, covered, timeline
from femtobarn.running.results.workers import WorkerCost, costs, spells


class StepCost(Record):
    """Seconds summed over all tasks; ``other`` is opening files, checking and writing results."""

    read: float
    evaluate: float
    other: float
    cpu: float
    wall: float


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
    failed_tasks
        tasks that were tried and have no result
    workers
        what each worker did, at most `femtobarn.running.results.workers.MOST_WORKERS` rows
    over_time
        tasks, events and bytes until some moments of the run
    timeline
        what each worker did in equal spans of the run; None if no task was run
    """

    events: int
    tasks: int
    reused_tasks: int
    failed_tasks: int = 0
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
    timeline: Timeline | None = None


def summarise(
    headers: Sequence[PartialHeader], seconds: float, reused: int, outcomes: Iterable[Outcome] = ()
) -> Metrics:
    """Return the cost of the tasks with these headers.

    Parameters
    ----------
    seconds
        wall time of the run
    reused
        tasks whose result was there already
    outcomes
        how tasks ended; those that failed count too
    """
    events = sum(_events(h) for h in headers)
    metrics = [h.metrics for h in headers]
    busy = sum(last - first for first, last in covered((c.started, c.started + c.seconds) for c in metrics))
    found = spells(headers, outcomes)
    steps = (
        sum(c.read_seconds for c in metrics),
        sum(c.evaluate_seconds for c in metrics),
    )
    wall = sum(c.seconds for c in metrics)
    return Metrics(
        events=events,
        tasks=len(headers),
        reused_tasks=reused,
        failed_tasks=sum(spell.error is not None for spell in found),
        bytes_read=sum(c.bytes_read for c in metrics),
        network_bytes=sum(c.network_bytes for c in metrics),
        network_requests=sum(c.network_requests for c in metrics),
        network_retries=sum(c.network_retries for c in metrics),
        seconds=seconds,
        busy_seconds=busy,
        events_per_second=events / busy if busy else 0.0,
        peak_rss=max((c.peak_rss for c in metrics), default=0),
        steps=StepCost(
            read=steps[0],
            evaluate=steps[1],
            other=max(0.0, wall - sum(steps)),
            cpu=sum(c.cpu_seconds for c in metrics),
            wall=wall,
        ),
        workers=costs(found),
        over_time=_over_time(headers),
        timeline=timeline(found),
    )


def _events(header: PartialHeader) -> int:
    return header.stop - header.start


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
