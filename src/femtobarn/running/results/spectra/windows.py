"""Known resonances in spectra: their bins emptied, or kept alone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from femtobarn.base.spectra import WindowRecord
from femtobarn.running.results.spectra.dense import Spectrum

_CLOSE = 1e-9  # of a bin: an edge that is a multiple of the width but for rounding is one


def matching(windows: Iterable[WindowRecord], spectrum: Spectrum) -> tuple[WindowRecord, ...]:
    """Return the windows that a spectrum has: those of its objects, and those of any.

    A transverse mass has no peak where the resonance is: only windows of any objects apply to it.
    """
    combination = spectrum.combination
    own = None if combination.quantity == "met" else combination.particles
    return tuple(w for w in windows if not w.particles or own in w.particles)


def bins_of(window: WindowRecord, width: float) -> tuple[int, int]:
    """Return the first bin that overlaps a window and the one after the last."""
    lower, upper = window.centre - window.half_width, window.centre + window.half_width
    return max(0, math.floor(lower / width + _CLOSE)), math.ceil(upper / width - _CLOSE)


def vetoed(spectrum: Spectrum, windows: Sequence[WindowRecord]) -> Spectrum:
    """Return a spectrum without what is in its windows; as it is if it has none."""
    inside = _inside(spectrum, windows)
    return trimmed(replace(spectrum, sums=np.where(inside[:, None], 0.0, spectrum.sums), variant="veto"))


def alone(spectrum: Spectrum, windows: Sequence[WindowRecord]) -> Spectrum:
    """Return only what is in the windows of a spectrum; nothing if it has none."""
    inside = _inside(spectrum, windows)
    return trimmed(
        replace(
            spectrum,
            sums=np.where(inside[:, None], spectrum.sums, 0.0),
            below=np.zeros_like(spectrum.below),
            above=np.zeros_like(spectrum.above),
            variant="only",
        )
    )


def entries_in(spectrum: Spectrum, window: WindowRecord) -> int:
    """Return how many values of a spectrum are in the bins of a window."""
    first, last = (max(0, b - spectrum.first) for b in bins_of(window, spectrum.width))
    return round(float(spectrum.sums[first:last, 0].sum()))


def trimmed(spectrum: Spectrum) -> Spectrum:
    """Return a spectrum from its first to its last bin that is not empty; it holds no other bins in memory."""
    filled = np.flatnonzero(spectrum.sums.any(axis=1))
    if not len(filled):
        return replace(spectrum, first=0, sums=np.zeros((0, len(spectrum.below))))
    first, last = int(filled[0]), int(filled[-1]) + 1
    return replace(spectrum, first=spectrum.first + first, sums=spectrum.sums[first:last].copy())


def _inside(spectrum: Spectrum, windows: Sequence[WindowRecord]) -> NDArray[np.bool_]:
    """Tell of each bin of a spectrum whether it overlaps one of its windows."""
    inside = np.zeros(len(spectrum.sums), np.bool_)
    for window in matching(windows, spectrum):
        first, last = (max(0, b - spectrum.first) for b in bins_of(window, spectrum.width))
        inside[first:last] = True
    return inside
