"""Histograms as sparse sums, one after the other."""

from __future__ import annotations

import numpy as np

from femtobarn.physics.spectra.sums import (
    COMBINATION_SHIFT,
    LAST_BIN,
    STATE_SHIFT,
    Numbers,
    SpectraSums,
    Sums,
)
from femtobarn.running.results.spectra.dense import Spectrum


class Sparse:
    """Sums of spectra that are given in any order; empty spectra are not forgotten.

    Parameters
    ----------
    states
        (states,) codes of all final states, ascending
    events
        (states, 1 or 3) as in `SpectraSums`
    """

    def __init__(self, states: Numbers, events: Sums) -> None:
        self._states, self._events = states, events
        self._cells: list[Numbers] = []
        self._sums: list[Sums] = []
        self.spectra = self.entries = 0

    def add(self, spectrum: Spectrum, combination: int) -> None:
        """Add a spectrum whose combination has this place among all."""
        place = int(np.searchsorted(self._states, np.uint64(spectrum.state)))
        key = np.uint64((place << STATE_SHIFT) | (combination << COMBINATION_SHIFT))
        bins = np.flatnonzero(spectrum.sums.any(axis=1))
        numbers, sums = [bins + spectrum.first + 1], [spectrum.sums[bins]]
        if spectrum.below.any() or not (len(bins) or spectrum.above.any()):
            numbers.insert(0, np.array([0]))
            sums.insert(0, spectrum.below[None])
        if spectrum.above.any():
            numbers.append(np.array([LAST_BIN]))
            sums.append(spectrum.above[None])
        self._cells.append(np.concatenate(numbers).astype(np.uint64) | key)
        self._sums.append(np.concatenate(sums))
        self.spectra += 1
        self.entries += spectrum.entries

    def sums(self) -> SpectraSums:
        """Return the sums of all spectra."""
        cells = np.concatenate([np.empty(0, np.uint64), *self._cells])
        sums = np.concatenate([np.zeros((0, self._events.shape[1])), *self._sums])
        order = np.argsort(cells, kind="stable")
        return SpectraSums(self._states, self._events, cells[order], sums[order])
