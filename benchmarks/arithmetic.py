"""Medians, spreads, ratios and slopes of what was measured."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some values and the quartiles around it."""

    median: float
    low: float
    high: float

    def shown(self, digits: int = 2) -> str:
        """Return ``median (low to high)``."""
        return f"{self.median:.{digits}f} ({self.low:.{digits}f} to {self.high:.{digits}f})"


def spread(values: Sequence[float]) -> Spread:
    """Return median and quartiles; of one value, that value three times.

    Raises
    ------
    ValueError
        if there are no values
    """
    if not values:
        raise ValueError("a spread needs at least one value, but got none")
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(median, low, high)


def ratios(one: Sequence[float], other: Sequence[float]) -> Spread:
    """Return ``one / other``, round by round: what slows a machine for a while slows both.

    Raises
    ------
    ValueError
        if the rounds do not correspond, or a value of ``other`` is not above 0
    """
    if len(one) != len(other):
        raise ValueError(f"ratios need the same rounds, but got {len(one)} and {len(other)}")
    if any(value <= 0 for value in other):
        raise ValueError("ratios need measured times above 0")
    return spread([a / b for a, b in zip(one, other, strict=True)])


@dataclass(frozen=True, slots=True)
class Line:
    """Time as a constant and a part proportional to the number of events."""

    start: Spread
    per_million: Spread


def line(small: Sequence[float], large: Sequence[float], events: tuple[int, int]) -> Line:
    """Return start-up seconds and seconds per million events from two sizes of input, round by round.

    Parameters
    ----------
    small, large
        seconds of the same rounds
    events
        numbers of events of the two inputs
    """
    if len(small) != len(large):
        raise ValueError(f"a slope needs the same rounds, but got {len(small)} and {len(large)}")
    few, many = events
    if not 0 < few < many:
        raise ValueError(f"a slope needs two different numbers of events, but got {few} and {many}")
    slopes = [(b - a) / (many - few) for a, b in zip(small, large, strict=True)]
    starts = [a - slope * few for a, slope in zip(small, slopes, strict=True)]
    return Line(spread(starts), spread([slope * 1e6 for slope in slopes]))
