"""Headers and outcomes as tasks leave them, made without any."""

from __future__ import annotations

from femtobarn.base.canonical import digest
from femtobarn.base.records import Environment, FileFacts, Outcome, TaskMetrics
from femtobarn.running.results.partial import PartialHeader

START = 1_763_694_000.0  # 2025-11-21T03:00:00Z


def header(
    worker: str,
    begin: float,
    seconds: float,
    *,
    events: int = 1000,
    bytes_read: int = 5000,
    cpu: float | None = None,
    rss: int = 300_000_000,
    network: int = 0,
) -> PartialHeader:
    """A task of ``worker`` that began ``begin`` seconds after `START`."""
    return PartialHeader(
        task=digest([worker, begin]),
        start=0,
        stop=events,
        facts=FileFacts(entries=events),
        environment=Environment(instruction_set="x", versions=()),
        metrics=TaskMetrics(
            seconds=seconds,
            cpu_seconds=seconds if cpu is None else cpu,
            bytes_read=bytes_read,
            peak_rss=rss,
            worker=worker,
            started=START + begin,
            network_bytes=network,
        ),
        sum_of_weights_seen=float(events),
        histograms=(),
        selections=(),
    )


def failure(worker: str, end: float, seconds: float = 1.0, reason: str = "no such file") -> Outcome:
    """A task that failed in the hands of ``worker``, ``end`` seconds after `START`."""
    return Outcome(
        task=digest([worker, "failed", end]),
        processed=False,
        reason=reason,
        worker=worker,
        seconds=seconds,
        finished=START + end,
    )
