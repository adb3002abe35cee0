"""What a scan has summed: for each final state its events, and the bins of its spectra that are not empty.

A bin has a number: 24 bits for the final state's place in ``states``, 16 for the combination's place in
`combinations`, 24 for the bin, where 0 holds what is below 0 and k + 1 what is from k to k + 1 widths.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from femtobarn.base.records import Kind

STATE_SHIFT = 40
COMBINATION_SHIFT = 24
LAST_BIN = (1 << COMBINATION_SHIFT) - 1
"""The largest number of a bin; whatever is higher is in it too."""

Numbers = NDArray[np.uint64]
Sums = NDArray[np.float64]
_PENDING = 1 << 17


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """Single values: of each spectrum those of its events, in their order.

    Parameters
    ----------
    keys
        (spectra,) number of the first bin of each, ascending
    offsets
        (spectra + 1,) where in ``values`` those of a spectrum begin
    values, weights
        (n,) GeV, and what they weigh (data: no weights, length 0)
    """

    keys: Numbers
    offsets: NDArray[np.int64]
    values: Sums
    weights: Sums


@dataclass(frozen=True, slots=True, eq=False)
class SpectraSums:
    """Sums of a scan over some events.

    Parameters
    ----------
    states
        (states,) codes of the final states that occurred, ascending
    events
        (states, 1 or 3) events of each; of simulation also the sums of weights and of their squares
    cells
        (bins,) numbers of the bins that are not empty, ascending
    sums
        (bins, 1 or 3) as ``events``
    values
        single values, if they are kept
    """

    states: Numbers
    events: Sums
    cells: Numbers
    sums: Sums
    values: Values | None = None


def columns(kind: Kind) -> int:
    """Return how many sums there are of data, which count, or of simulation, which weighs."""
    return 1 if kind == "data" else 3


def nothing(columns: int) -> SpectraSums:
    """Return the sums over no events; ``columns`` is 1 for data, 3 for simulation."""
    none = np.empty(0, np.uint64)
    return SpectraSums(none, np.zeros((0, columns)), none, np.zeros((0, columns)))


def merged(parts: Sequence[SpectraSums]) -> SpectraSums:
    """Return the sums over the events of all ``parts``: each bin is added up in their order.

    Single values of a spectrum are those of the first part, then those of the next.
    """
    if len(parts) == 1:
        return parts[0]
    states, places = _union([p.states for p in parts])
    events = _added(len(states), places, [p.events for p in parts])
    moved = [renumbered(p.cells, place) for p, place in zip(parts, places, strict=True)]
    cells, bins = _union(moved)
    kept = [
        (p.values, renumbered(p.values.keys, place))
        for p, place in zip(parts, places, strict=True)
        if p.values is not None
    ]
    return SpectraSums(
        states, events, cells, _added(len(cells), bins, [p.sums for p in parts]), _values(kept)
    )


class Total:
    """The sums of many parts, in little more memory than those of all.

    Parameters
    ----------
    columns
        1 for data, 3 for simulation
    """

    def __init__(self, columns: int) -> None:
        self._sums = nothing(columns)
        self._pending: list[SpectraSums] = []
        self._waiting = 0

    def add(self, sums: SpectraSums) -> None:
        """Add a part; its single values are left out."""
        self._pending.append(SpectraSums(sums.states, sums.events, sums.cells, sums.sums))
        self._waiting += len(sums.cells)
        if self._waiting > max(_PENDING, len(self._sums.cells)):
            self._take()

    def sums(self) -> SpectraSums:
        """Return the sums over all parts, each bin added up in their order."""
        self._take()
        return self._sums

    def _take(self) -> None:
        self._sums = merged([self._sums, *self._pending])
        self._pending, self._waiting = [], 0


def _union(numbers: Sequence[Numbers]) -> tuple[Numbers, list[NDArray[np.intp]]]:
    """Return all numbers once, ascending, and the place of each of each part."""
    together = np.concatenate(numbers)
    found, places = np.unique(together, return_inverse=True)
    ends = np.cumsum([len(n) for n in numbers])[:-1]
    return found, np.split(places.reshape(-1), ends)


def _added(length: int, places: Iterable[NDArray[np.intp]], parts: Sequence[Sums]) -> Sums:
    total: Sums = np.zeros((length, parts[0].shape[1]))
    for place, part in zip(places, parts, strict=True):
        total[place] += part  # a part has each number once
    return total


def renumbered(cells: Numbers, places: NDArray[np.intp]) -> Numbers:
    """Return bins with other places of their final states: ``places`` by those that they have."""
    low = np.uint64((1 << STATE_SHIFT) - 1)
    old = (cells >> np.uint64(STATE_SHIFT)).astype(np.intp)
    new: Any = places[old].astype(np.uint64) << np.uint64(STATE_SHIFT)
    return np.asarray(new | (cells & low), np.uint64)


def _values(parts: Sequence[tuple[Values, Numbers]]) -> Values | None:
    if not parts:
        return None
    owner = np.concatenate([np.repeat(keys, np.diff(v.offsets)) for v, keys in parts])
    order = np.argsort(owner, kind="stable")
    values = np.concatenate([v.values for v, _ in parts])[order]
    weights = np.concatenate([v.weights for v, _ in parts])
    keys, counts = np.unique(owner, return_counts=True)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Values(keys, offsets, values, weights[order] if len(weights) else weights)
