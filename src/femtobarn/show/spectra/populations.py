"""How many values each spectrum of a scan holds, without making histograms of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from femtobarn.physics.spectra import states
from femtobarn.physics.spectra.combinations import Combination, combinations
from femtobarn.physics.spectra.sums import COMBINATION_SHIFT, STATE_SHIFT
from femtobarn.running.results.spectra import dense
from femtobarn.running.results.spectra.naming import histogram_name
from femtobarn.running.results.spectra.reader import Spectra, Spectrum

Ints = NDArray[np.int64]
_LOW = (1 << (STATE_SHIFT - COMBINATION_SHIFT)) - 1


@dataclass(frozen=True, slots=True, eq=False)
class Populations:
    """The spectra of a group, by final state and then by combination.

    Parameters
    ----------
    codes
        (spectra,) codes of their final states
    combinations
        (spectra,) numbers of their combinations
    entries
        (spectra,) how many values each holds, also below 0 and above the upper edge
    """

    codes: NDArray[np.uint64]
    combinations: Ints
    entries: Ints

    @classmethod
    def of_groups(cls, spectra: Spectra, groups: Sequence[str]) -> Populations:
        """Return how many values the spectra of groups hold together."""
        return cls.together([cls.of(spectra, group) for group in groups])

    @classmethod
    def together(cls, parts: Sequence[Populations]) -> Populations:
        """Return the sum of populations."""
        if len(parts) == 1:
            return parts[0]
        if not parts:
            return cls(np.empty(0, np.uint64), np.empty(0, np.int64), np.empty(0, np.int64))
        codes = np.concatenate([p.codes for p in parts])
        numbers = np.concatenate([p.combinations for p in parts])
        entries = np.concatenate([p.entries for p in parts])
        order = np.lexsort((numbers, codes))
        codes, numbers, entries = codes[order], numbers[order], entries[order]
        new = np.ones(len(codes), np.bool_)
        new[1:] = (codes[1:] != codes[:-1]) | (numbers[1:] != numbers[:-1])
        first = np.flatnonzero(new)
        total = np.add.reduceat(entries, first) if len(first) else entries
        return cls(codes[first], numbers[first], total)

    @classmethod
    def of(cls, spectra: Spectra, group: str) -> Populations:
        """Return how many values the spectra of a group hold; only those of final states that are kept."""
        sums, kept = spectra.sums[group], spectra.kept(group)
        keys = sums.cells >> np.uint64(COMBINATION_SHIFT)
        found, first = np.unique(keys, return_index=True)
        entries = np.add.reduceat(sums.sums[:, 0], first) if len(found) else np.zeros(0)
        places = (found >> np.uint64(STATE_SHIFT - COMBINATION_SHIFT)).astype(np.intp)
        own = kept[places]
        return cls(
            sums.states[places[own]],
            (found[own] & np.uint64(_LOW)).astype(np.int64),
            np.rint(entries[own]).astype(np.int64),
        )

    def largest(self, most: int) -> NDArray[np.intp]:
        """Return the places of the ``most`` most populated spectra, descending; of equals the first."""
        return np.argsort(-self.entries, kind="stable")[:most]


@dataclass(frozen=True, slots=True)
class Populated:
    """A spectrum and its number of values."""

    name: str
    state: int
    combination: Combination
    entries: int

    @property
    def final_state(self) -> str:
        """Its final state without what it has none of: ``"2e 1j"``."""
        return short_state(self.state)


def most_populated(spectra: Spectra, group: str | Sequence[str], most: int) -> tuple[Populated, ...]:
    """Return the ``most`` spectra with the most values of a group, or of several together, descending."""
    groups = (group,) if isinstance(group, str) else group
    found, all_of = Populations.of_groups(spectra, groups), combinations(spectra.record)
    rows = []
    for place in found.largest(most):
        state, one = int(found.codes[place]), all_of[int(found.combinations[place])]
        name = histogram_name(one, state, spectra.record.width)
        rows.append(Populated(name, state, one, int(found.entries[place])))
    return tuple(rows)


def histograms(spectra: Spectra, group: str, wanted: Sequence[Populated]) -> tuple[Spectrum | None, ...]:
    """Return the full spectrum of each of ``wanted`` in a group, None where it has none."""
    sums, record = spectra.sums[group], spectra.record
    states_wanted = np.array([one.state for one in wanted], np.uint64)
    found = {
        (one.state, one.combination): one
        for one in dense.spectra(
            sums,
            combinations(record),
            dense.Binning.of(record),
            spectra.kept(group) & np.isin(sums.states, states_wanted),
            group=group,
            kind=spectra.group(group).kind,
        )
    }
    return tuple(found.get((one.state, one.combination)) for one in wanted)


def short_state(state: int) -> str:
    """Return a final state without what it has none of: ``"2e 1j"``; ``"none"`` without any object."""
    return " ".join(f"{n}{letter}" for letter, n in states.counts(state).items() if n) or "none"
