"""From the objects of a chunk to bins: what the kernels are given, and what is done when they stop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from femtobarn.base.spectra import SpectraRecord
from femtobarn.physics.spectra.fast.bins import Bins
from femtobarn.physics.spectra.fast.codes import (
    ADDRESSES,
    CHARGE,
    ETA,
    MOMENTUM,
    OFFSETS,
    PHI,
    PT,
    ROOM,
    SELECTED,
    SLOTS,
    TAGGED,
    USED,
    E,
)
from femtobarn.physics.spectra.fast.known import KnownStates
from femtobarn.physics.spectra.fast.native import kernel
from femtobarn.physics.spectra.fast.singles import Singles
from femtobarn.physics.spectra.fast.steering import SLOT, steering
from femtobarn.physics.spectra.selection import Objects

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BLOCK = 8192
"""Events that the kernels take at a time: what one writes for the next stays near the processor."""


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Some events.

    Parameters
    ----------
    objects
        of each kind
    weights
        (events,) what each weighs
    met
        (events,) size in GeV and azimuth of the missing momentum; None: not that of the file
    """

    objects: tuple[Objects, ...]
    weights: Floats
    met: tuple[Floats, Floats] | None


class CrowdedError(Exception):
    """An event, given by its number in the chunk, has too many objects to be coded."""

    def __init__(self, event: int) -> None:
        super().__init__(event)
        self.event = event


class Filling:
    """Sums over events, in their order: one running sum for each.

    Parameters
    ----------
    record
        the scan
    columns
        1 for data, which count; 3 for simulation, which weighs

    Attributes
    ----------
    exclusive
        (steps + 1, 3) events, weights and their squares by the number of steps passed
    states, bins, singles
        what the kept events added up to
    """

    def __init__(self, record: SpectraRecord, columns: int, steps: int) -> None:
        self._steering, self._columns = steering(record), columns
        self.exclusive: Floats = np.zeros((steps + 1, 3))
        self.states = KnownStates(self._steering, columns)
        self.bins = Bins(columns)
        self.singles = Singles(kept=record.values, weighed=columns > 1)
        self._state = np.zeros(2, np.int64)
        self._codes = np.empty(BLOCK, np.uint64)
        self._which, self._first = np.empty(BLOCK, np.int64), np.empty(BLOCK, np.int64)
        self._momenta = np.empty(0)
        self._order = np.empty(SLOTS * (ROOM + 1), np.int64)
        self._seats = np.empty(len(self._steering.quantities), np.uint64)
        self._sums = np.empty(6 * len(self._steering.windows) + 3 + SLOTS + 1)

    def add(self, chunk: Chunk) -> None:
        """Add the events of a chunk.

        Raises
        ------
        CrowdedError
            if one that is to be kept has too many objects
        DataError
            if there are too many final states
        """
        addresses = _addresses(chunk.objects)
        for start in range(0, len(chunk.weights), BLOCK):
            stop = min(start + BLOCK, len(chunk.weights))
            kept = self._sort(chunk, addresses, start, stop)
            if kept:
                self._fill(chunk, kept)

    def _sort(self, chunk: Chunk, addresses: Ints, start: int, stop: int) -> int:
        """Write the objects and final states of the events that are kept; return how many are."""
        given = self._steering
        room = MOMENTUM * sum(int(o.offsets[stop] - o.offsets[start]) for o in chunk.objects)
        if len(self._momenta) < room:
            self._momenta = np.empty(room + room // 4)
        kept = kernel("events")(
            *_at(addresses), start, stop, *_at(given.overlaps, given.cones), len(given.overlaps),
            *_at(given.limits), len(given.limits), *_at(given.bounds, given.ranks, chunk.weights),
            *_at(self.exclusive, self._order, self._codes, self._which, self._first, self._momenta),
        )  # fmt: skip
        if kept < 0:
            raise CrowdedError(-1 - kept)
        return kept

    def _fill(self, chunk: Chunk, kept: int) -> None:
        given, known, singles = self._steering, self.states, self.singles
        places = known.places(self._codes[:kept])
        met = (0, 0) if chunk.met is None else _at(*chunk.met)
        begin = 0
        while begin < kept:
            singles.hold(known.longest)
            begin = kernel("fill")(
                begin, kept, *_at(self._codes, self._which, self._first, self._momenta, places),
                *_at(known.lists, known.edges, known.members),
                *_at(given.part_edges, given.parts, given.quantities, given.windows), len(given.windows),
                *_at(given.ranks, chunk.weights), *met, *_at(given.width), self._columns,
                *_at(known.events, self.bins.table), self.bins.bits, self.bins.most,
                *_at(singles.keys, singles.values, singles.weights), len(singles.keys),
                *_at(self._state, self._sums, self._seats),
            )  # fmt: skip
            singles.take(self._state)
            if begin < kept:
                self.bins.hold(int(self._state[USED]) + known.longest)


def _addresses(objects: tuple[Objects, ...]) -> Ints:
    found = np.zeros((SLOTS, ADDRESSES), np.int64)
    for one in objects:
        arrays = {
            OFFSETS: one.offsets,
            PT: one.pt,
            ETA: one.eta,
            PHI: one.phi,
            E: one.e,
            SELECTED: one.selected,
            CHARGE: one.charge,
            TAGGED: one.tagged,
        }
        for name, array in arrays.items():
            found[SLOT[one.letter], name] = 0 if array is None else array.ctypes.data
    return found


def _at(*arrays: NDArray[np.generic]) -> tuple[int, ...]:
    """Return where arrays are in memory."""
    return tuple(a.ctypes.data for a in arrays)
