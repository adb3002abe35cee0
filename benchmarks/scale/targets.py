"""What the benchmark must show, each with its number and whether it was reached."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.scale.far import ENOUGH, efficiencies
from benchmarks.scale.fits import fitted
from benchmarks.scale.results import Queueing, Results, SizeRow
from benchmarks.scale.tables import fit_of

EFFICIENCY_AT = 16
QUEUED = 100_000


@dataclass(frozen=True, slots=True)
class Target:
    """One target; ``at_least`` says whether the limit is a lower one."""

    name: str
    value: float
    limit: float
    unit: str
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether it was reached."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def targets(results: Results) -> list[Target]:
    """Return the targets that can be judged from what was measured."""
    found: list[Target] = []
    if (queueing := results.queueing) is not None:
        found += _queueing(queueing)
    if results.far is not None:
        found += [
            Target(
                f"efficiency of {workers} workers that wait for a far server, {name}",
                value,
                0.9,
                "",
                at_least=True,
            )
            for (name, workers, connections), value in efficiencies(results.far.rows).items()
            if workers == EFFICIENCY_AT and connections == ENOUGH and name in {"local", "rabbitmq"}
        ]
    if results.sizes is not None:
        found += [_straight(row) for row in results.sizes.rows]
    return found


def flatness(queueing: Queueing) -> tuple[float, float]:
    """Return bytes that the driver grew while it handed tasks over, and the slope in bytes per second."""
    pairs = zip(queueing.seconds, queueing.rss, strict=True)
    during = [(s, r) for s, r in pairs if queueing.planned <= s <= queueing.submitted]
    if len({s for s, _ in during}) < 2:
        return 0.0, 0.0
    line = fitted([s for s, _ in during], [float(r) for _, r in during])
    return line.slope * (during[-1][0] - during[0][0]), line.slope


def _queueing(queueing: Queueing) -> list[Target]:
    number = f"{queueing.tasks:,} tasks"
    seconds = queueing.plan_seconds + queueing.submit_seconds
    return [
        Target(f"{number} planned and queued", seconds, 90.0, "s"),
        Target(f"{number}: peak memory of the driver", max(queueing.rss) / 1e6, 500.0, "MB"),
        Target(f"{number}: growth of the driver while queueing", flatness(queueing)[0] / 1e6, 25.0, "MB"),
    ]


def _straight(row: SizeRow) -> Target:
    name = f"time against input size, distance from a line, {row.executor}, {row.workers} worker(s)"
    return Target(name, 100 * fit_of(row).residual, 5.0, "% of the largest")
