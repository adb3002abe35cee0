"""What the benchmark must show, each with its number and whether it was reached."""

from __future__ import annotations

from dataclasses import dataclass

from arithmetic import line, ratios, spread
from programs import (
    COFFEA1,
    COFFEA2,
    COLUMNS1,
    FB1,
    FB2,
    FIRST_EVER,
    NOTEBOOK1,
    NOTEBOOK2,
    RDF2,
    UNVERIFIED1,
    USERS,
)
from rounds import Row


@dataclass(frozen=True, slots=True)
class Target:
    """One target.

    Parameters
    ----------
    name, unit
        what is measured
    value, limit
        what was found, and what it must be
    at_least
        whether the limit is a lower one
    """

    name: str
    value: float
    limit: float
    unit: str
    at_least: bool

    @property
    def measured(self) -> bool:
        """Whether the value says anything: noise can hide a slope, which then comes out as 0 or less."""
        return self.value > 0

    @property
    def met(self) -> bool:
        """Whether the target is reached."""
        return self.measured and self._reached()

    def _reached(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def verdict(self) -> str:
        """Return ``met`` or ``missed``, and by what factor."""
        if not self.measured:
            return "not measurable: noise hides it"
        factor = self.value / self.limit if self.at_least else self.limit / self.value
        return f"met, by a factor {factor:.2f}" if self.met else f"missed, by a factor {1 / factor:.2f}"


class Rows:
    """Rows by name and number of events."""

    def __init__(self, rows: list[Row]) -> None:
        self._rows = {(row.name, row.events): row for row in rows}
        self.few, self.many = min(r.events for r in rows), max(r.events for r in rows)

    def get(self, name: str, events: int | None = None) -> Row | None:
        """Return a row, of the large input by default; None if that program was skipped."""
        return self._rows.get((name, events or self.many))


def targets(rows: list[Row], largest: int, pair_largest: int) -> list[Target]:
    """Return the targets that can be judged from ``rows``; those of absent programs are left out.

    Parameters
    ----------
    rows
        all rows
    largest, pair_largest
        largest numbers of variations of ``hzz`` and of the best pair
    """
    table = Rows(rows)
    found = [
        _steady(table, "steady state from ROOT files, baskets checked before", FB1, 0.65),
        _steady(table, "steady state from ROOT files, first reading with checksums", UNVERIFIED1, 0.65),
        _steady(table, "steady state from the column cache", COLUMNS1, 0.25),
        _faster(table, "whole process against compiled RDataFrame, 2 threads each", (RDF2,), 3),
        _faster(table, "whole process against coffea, the faster", (COFFEA1, COFFEA2), 5),
        _faster(table, "whole process against the notebook, the faster", (NOTEBOOK1, NOTEBOOK2), 5),
    ]
    if first := table.get(FIRST_EVER):
        found.append(Target("first run ever, wall", spread(first.wall).median, 5.0, "s", at_least=False))
    if two := table.get(FB2):
        found.append(Target("peak memory, 2 workers", two.peak / 2**20, 500.0, "MiB", at_least=False))
    found += [_nominal(table, largest, events) for events in (table.few, table.many)]
    found += [_vary(table, "hzz", largest, 8), _vary(table, "pair", pair_largest, 3)]
    for name in USERS:
        one, other = (
            table.get(f"{name}: femtobarn, 1 worker"),
            table.get(f"{name}: notebook, 1 process"),
        )
        if one and other:
            faster = ratios(other.wall, one.wall).median
            found.append(Target(f"{name} against a notebook, 1 process each", faster, 3, "x", at_least=True))
    return [target for target in found if target is not None]


def _steady(table: Rows, name: str, program: str, limit: float) -> Target | None:
    small, large = table.get(program, table.few), table.get(program)
    if small is None or large is None:
        return None
    slope = line(small.cpu, large.cpu, (table.few, table.many)).per_million.median
    return Target(name, slope, limit, "CPU s per million events", at_least=False)


def _faster(table: Rows, name: str, others: tuple[str, ...], limit: float) -> Target | None:
    one = table.get(FB2)
    rows = [row for other in others if (row := table.get(other))]
    if one is None or not rows:
        return None
    best = min(rows, key=lambda row: spread(row.wall).median)
    return Target(name, ratios(best.wall, one.wall).median, limit, "x", at_least=True)


def _nominal(table: Rows, number: int, events: int) -> Target | None:
    some = table.get(f"hzz, {number} variations: femtobarn, 1 worker", events)
    none = table.get("hzz, 0 variations: femtobarn, 1 worker", events)
    if some is None or none is None:
        return None
    name = f"hzz, {number} variations against nominal, CPU of the whole process, {events:,} events"
    return Target(name, ratios(some.cpu, none.cpu).median, 1.7, "x", at_least=False)


def _vary(table: Rows, mode: str, number: int, limit: float) -> Target | None:
    one = table.get(f"{mode}, {number} variations: femtobarn, 1 worker", table.few)
    other = table.get(f"{mode}, {number} variations: compiled Vary, 1 thread", table.few)
    if one is None or other is None:
        return None
    name = f"{mode}, {number} variations against compiled Vary, 1 thread each"
    return Target(name, ratios(other.wall, one.wall).median, limit, "x", at_least=True)
