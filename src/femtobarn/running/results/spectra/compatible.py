"""What today's program makes of the values of a spectrum: from its peak on, up to the first gap.

Before that, values above a cutoff are dropped, and in spectra of lepton pairs those below another.

1. Equal bins from the smallest value to the largest, as few as are at most ``width`` wide; of the fullest,
   the rightmost. Values below its left edge are dropped. So the turn-on goes, not the peak.
2. The values that are left are binned in the same way. At the left edge of the first empty bin they are
   split into ``main`` and ``outliers``, unless that is the first or the second bin.

Bins hold raw numbers of values: with weights a peak could be that of a single event. Where it differs from
that program: values are those of the whole input, so the answer does not depend on how the work was split;
and what is left is filled into bins at multiples of the width, so that runs can be added. It counts with
dense bins; here only bins that hold something take memory, so a single value far away costs nothing.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from femtobarn.physics.spectra.sums import Sums

Numbers = NDArray[np.float64]
Chosen = NDArray[np.bool_]


def split(
    values: Sums, width: float, cutoff: float | None = None, lowest: float | None = None
) -> tuple[Chosen, Chosen]:
    """Return which ``values`` (n,) in GeV are of the main part, and which are outliers; the others are dropped.

    Parameters
    ----------
    values
        all of a spectrum
    width
        GeV
    cutoff
        larger values are dropped before anything else; None: none are
    lowest
        smaller values are too
    """
    left = np.ones(len(values), np.bool_) if cutoff is None else values <= cutoff
    if lowest is not None:
        left &= values >= lowest
    if not left.any():
        return left, np.zeros_like(left)
    left = left & (values >= peak(values[left], width))
    edge = gap(values[left], width)
    return left & (values < edge), left & (values >= edge)


def peak(values: Sums, width: float) -> float:
    """Return the left edge of the rightmost fullest bin."""
    bins, counts, edges = _histogram(values, width)
    return float(edges(bins[counts == counts.max()][-1:])[0])


def gap(values: Sums, width: float) -> float:
    """Return the left edge of the first empty bin if it is the third or a later one; else infinity."""
    bins, _, edges = _histogram(values, width)
    missing = np.flatnonzero(bins != np.arange(len(bins)))
    if not len(missing) or missing[0] < 2:
        return math.inf
    return float(edges(np.array([float(missing[0])]))[0])


class _Edges:
    """Left edges of equal bins from the smallest to the largest value, as `numpy.linspace` has them."""

    def __init__(self, values: Sums, width: float) -> None:
        self.least, self.most = float(values.min()), float(values.max())
        self.bins = max(1, math.ceil((self.most - self.least) / width))
        self.step = (self.most - self.least) / self.bins

    def __call__(self, number: Numbers) -> Numbers:
        return number * self.step + self.least


def _histogram(values: Sums, width: float) -> tuple[Numbers, NDArray[np.int64], _Edges]:
    """Return the bins that are not empty, ascending, how many values each has, and their left edges."""
    edges = _Edges(values, width)
    if not edges.step:
        return np.zeros(1), np.array([len(values)]), edges
    number = np.floor((values - edges.least) / edges.step)
    number -= values < edges(number)  # as edges decide, not the division
    number += values >= edges(number + 1)
    bins, counts = np.unique(np.clip(number, 0, edges.bins - 1), return_counts=True)
    return bins, counts, edges
