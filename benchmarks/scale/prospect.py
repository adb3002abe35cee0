"""The extrapolation in words and tables."""

from __future__ import annotations

from benchmarks.scale.extrapolation import LINK, WORKERS, Costs, Estimate, Release, estimate
from benchmarks.scale.tables import markdown

from femtobarn.base.settings import PART_BYTES


def prospect(what: Release, costs: Costs) -> str:
    """Return what a run of ``hzz`` over a release would take, and what would be in its way."""
    columns, whole = (estimate(what, costs, whole=one) for one in (False, True))
    head = (
        f"{what.title}: {what.files:,} files, {what.events:,} events, {what.size / 1e12:.1f} TB. "
        f"Parts of {PART_BYTES / 2**20:.0f} MiB make {columns.tasks:,} tasks.\n"
    )
    times = (
        "\nWall time, if only the needed columns are read, and if files are read whole "
        f"(a link of {LINK * 8 / 1e9:.0f} Gbit/s is assumed):\n"
    )
    ranks = (
        "\nWhat does not get faster with more workers, the largest first: above the given number of workers it "
        "is what a run waits for.\n"
    )
    parts = (head, _inputs(columns), times, _walls(columns, whole), ranks, _demands(columns, whole), "")
    return "\n".join(parts)


def _inputs(found: Estimate) -> str:
    costs = found.costs
    rows = [
        (
            "CPU of a million events, first reading",
            f"{costs.cpu_per_million:.2f} s",
            f"{costs.cpu_per_million * found.release.events / 1e6 / 3600:,.1f} core hours",
        ),
        (
            "overhead of a task on RabbitMQ",
            f"{costs.overhead * 1e3:.1f} ms",
            f"{costs.overhead * found.tasks / 3600:,.2f} core hours",
        ),
        ("together", "", f"{found.core_seconds / 3600:,.1f} core hours"),
        (
            "needed columns of an event",
            f"{costs.bytes_per_event:.0f} bytes",
            f"{found.network_bytes / 1e12:.2f} TB over the network",
        ),
        (
            "result of a task",
            f"{costs.partial_bytes:,.0f} bytes",
            f"{found.partial_bytes / 1e9:.2f} GB in the store",
        ),
        ("planning a task", f"{costs.plan * 1e6:.0f} µs", f"{found.plan_seconds:.0f} s"),
        (
            "memory of the driver for a task",
            f"{costs.plan_memory / 1e3:.1f} kB",
            f"{found.plan_memory / 1e9:.2f} GB",
        ),
        ("publishing a task", f"{costs.submit * 1e6:.0f} µs", f"{found.tasks * costs.submit:.0f} s"),
        (
            "CPU of the broker for a task",
            f"{costs.broker * 1e3:.2f} ms",
            f"{found.tasks * costs.broker:.0f} s",
        ),
        (
            "CPU of the driver for a task, with merging",
            f"{(costs.driver + costs.merge) * 1e3:.2f} ms",
            f"{found.tasks * (costs.driver + costs.merge):.0f} s",
        ),
    ]
    return markdown(("", "measured", "of this release"), rows)


def _walls(columns: Estimate, whole: Estimate) -> str:
    rows = []
    for workers in WORKERS:
        cells = []
        for one in (columns, whole):
            cells += [
                _time(one.wall(workers)),
                one.limit(workers),
                f"{one.messages_per_second(workers):,.0f}",
            ]
        rows.append([f"{workers:,}", *cells])
    head = ("workers", "columns", "waits for", "messages/s", "whole files", "waits for", "messages/s")
    return markdown(head, rows)


def _demands(columns: Estimate, whole: Estimate) -> str:
    found = {demand.name: demand for one in (columns, whole) for demand in one.demands}
    ranked = sorted(found.values(), key=lambda demand: -demand.seconds)
    rows = [
        (str(rank), demand.name, _time(demand.seconds), f"{demand.workers:,.0f}", demand.remedy)
        for rank, demand in enumerate(ranked, start=1)
    ]
    return markdown(("rank", "what", "takes", "more workers than", "what one would do"), rows)


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
