"""From what was measured to a whole release: what it would take, and what would be in the way first."""

from __future__ import annotations

import json
import math
import statistics
from dataclasses import dataclass
from pathlib import Path

from benchmarks.arithmetic import line
from benchmarks.scale.results import Results

from femtobarn.base.settings import PART_BYTES
from femtobarn.data.catalogue import bundled

RECORD = 80020
"""Of the portal: all files of the 2024 release for research."""

PROGRAM = "first reading, checksums, 1 worker"
"""The row of ``benchmarks/results.json`` that tells what an event costs that was never read before."""

LINK = 10e9 / 8
"""Bytes per second: a link of 10 Gbit/s between storage and workers. Assumed, not measured."""

WORKERS = (100, 1000, 10_000)


class MissingError(RuntimeError):
    """Something has not been measured from which something else follows."""


@dataclass(frozen=True, slots=True)
class Release:
    """How much there is to read."""

    title: str
    files: int
    events: int
    size: int


@dataclass(frozen=True, slots=True)
class Costs:
    """What was measured: seconds and bytes.

    Parameters
    ----------
    cpu_per_million
        CPU seconds of a million events
    bytes_per_event, partial_bytes
        read, and of the result of a task
    overhead
        seconds of a worker for each task beyond itself, on RabbitMQ
    driver, broker
        their CPU seconds for each task
    merge, plan, submit
        seconds for each task
    plan_memory
        bytes of the driver for each task
    """

    cpu_per_million: float
    bytes_per_event: float
    partial_bytes: float
    overhead: float
    driver: float
    broker: float
    merge: float
    plan: float
    submit: float
    plan_memory: float


@dataclass(frozen=True, slots=True)
class Demand:
    """One resource that does not grow with the number of workers.

    Parameters
    ----------
    seconds
        for which a run needs it, however many workers there are
    workers
        number of workers above which it is what a run waits for
    remedy
        what one would do
    """

    name: str
    seconds: float
    workers: float
    remedy: str


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run over a release would take."""

    release: Release
    costs: Costs
    tasks: int
    core_seconds: float
    network_bytes: float
    partial_bytes: float
    plan_seconds: float
    plan_memory: float
    demands: tuple[Demand, ...]

    def wall(self, workers: int) -> float:
        """Return the seconds with so many workers: planning, then whatever takes longest of what goes on together."""
        together = max(self.core_seconds / workers, *(demand.seconds for demand in self.demands))
        return self.plan_seconds + together

    def limit(self, workers: int) -> str:
        """Return what a run with so many workers waits for."""
        first = self.demands[0]
        return first.name if first.seconds > self.core_seconds / workers else "the workers"

    def messages_per_second(self, workers: int) -> float:
        """Return tasks and results per second at the broker: two messages for each task."""
        return 2 * self.tasks / self.wall(workers)


_REMEDIES = {
    "reading whole files": "read the needed columns only (`--access stream`), keep files or columns near the workers, or spread over sites",
    "reading the needed columns": "more links or sites: each reads what it has, one run feeds them all",
    "the driver": "larger parts, or files folded by workers so that the driver sees one result for each file",
    "the broker": "larger parts, or one queue for each site: messages are per task, and tasks are what one makes them",
    "publishing tasks": "nothing: workers begin with the first task; or larger parts",
}


def release() -> Release:
    """Return the release that is extrapolated to, as the portal describes it."""
    record = next(one for one in bundled.records() if one.record == RECORD)
    if record.files is None or record.events is None or record.size is None:
        raise MissingError(f"record {RECORD} of the catalogue does not say how large it is")
    return Release(record.title, record.files, record.events, record.size)


def cpu_per_million(path: Path) -> float:
    """Return CPU seconds per million events from the results of ``make bench``."""
    rows = [row for row in json.loads(path.read_text())["rows"] if row["name"] == PROGRAM]
    if len(rows) != 2:
        raise MissingError(f"expected two rows {PROGRAM!r} in {path}, but there are {len(rows)}")
    small, large = sorted(rows, key=lambda row: row["events"])
    return line(small["cpu"], large["cpu"], (small["events"], large["events"])).per_million.median


def costs_of(results: Results, per_million: float) -> Costs:
    """Return what one task and one event cost.

    Raises
    ------
    MissingError
        if a step was not measured from which it follows
    """
    overhead, queueing, sizes = results.overhead, results.queueing, results.sizes
    if overhead is None or queueing is None or sizes is None:
        raise MissingError("steps overhead, queueing and growth are needed")
    row = next((row for row in overhead.rows if row.executor == "rabbitmq"), None)
    if row is None:
        raise MissingError("the overhead of RabbitMQ is needed")
    base = next(
        (r for s, r in zip(queueing.seconds, queueing.rss, strict=True) if s > queueing.planned),
        queueing.rss[-1],
    )
    return Costs(
        cpu_per_million=per_million,
        bytes_per_event=sizes.bytes_per_event,
        partial_bytes=overhead.partial_bytes,
        overhead=max(0.0, statistics.median(row.overhead)),
        driver=statistics.median(cpu.driver for cpu in row.cpu) / row.cpu_tasks,
        broker=statistics.median(cpu.servers for cpu in row.cpu) / row.cpu_tasks,
        merge=overhead.merge_seconds / overhead.merged,
        plan=queueing.plan_seconds / queueing.tasks,
        submit=queueing.submit_seconds / queueing.queued,
        plan_memory=base / queueing.tasks,
    )


def estimate(what: Release, costs: Costs, *, whole: bool, part_bytes: int = PART_BYTES) -> Estimate:
    """Return what a run over a release would take; files are taken to be of equal size.

    Parameters
    ----------
    whole
        whether files are read whole, or only the columns that are needed
    part_bytes
        of a file that make a task
    """
    tasks = what.files * max(1, math.ceil(what.size / what.files / part_bytes))
    core = costs.cpu_per_million * what.events / 1e6 + costs.overhead * tasks
    network = float(what.size) if whole else costs.bytes_per_event * what.events
    needed = {
        "reading whole files" if whole else "reading the needed columns": network / LINK,
        "the driver": tasks * (costs.driver + costs.merge),
        "the broker": tasks * costs.broker,
        "publishing tasks": tasks * costs.submit,
    }
    return Estimate(
        release=what,
        costs=costs,
        tasks=tasks,
        core_seconds=core,
        network_bytes=network,
        partial_bytes=tasks * costs.partial_bytes,
        plan_seconds=tasks * costs.plan,
        plan_memory=tasks * costs.plan_memory,
        demands=ranked(needed, core),
    )


def ranked(needed: dict[str, float], core_seconds: float) -> tuple[Demand, ...]:
    """Return demands, the largest first: with ever more workers they become what a run waits for in this order."""
    demands = [
        Demand(name, seconds, core_seconds / seconds if seconds else math.inf, _REMEDIES[name])
        for name, seconds in needed.items()
    ]
    return tuple(sorted(demands, key=lambda demand: -demand.seconds))
