"""The integrated luminosity of sets of data-taking periods."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LuminosityEntry:
    """A set of periods whose luminosity is published.

    Parameters
    ----------
    periods
        the periods that belong together
    fb
        their integrated luminosity in fb^-1
    source
        where the number is from
    """

    periods: frozenset[str]
    fb: float
    source: str


@dataclass(frozen=True, slots=True)
class LuminosityTable:
    """All published luminosities of a release, from the largest set of periods to the smallest."""

    entries: tuple[LuminosityEntry, ...]

    def luminosity(self, periods: Iterable[str]) -> float | None:
        """Return the integrated luminosity of ``periods`` in fb^-1.

        The largest published sets are used first; None where sets that do not overlap cannot make up
        exactly ``periods``, so that no number is ever guessed.
        """
        missing = frozenset(periods)
        if not missing:
            return None
        parts: list[float] = []
        for entry in sorted(self.entries, key=lambda e: (-len(e.periods), sorted(e.periods))):
            if entry.periods <= missing:
                parts.append(entry.fb)
                missing -= entry.periods
        return None if missing else math.fsum(parts)
