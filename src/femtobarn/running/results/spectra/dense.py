"""Sparse sums as dense histograms, one at a time, and back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from femtobarn.base.records import Kind
from femtobarn.base.spectra import SpectraRecord
from femtobarn.physics.spectra.combinations import Combination
from femtobarn.physics.spectra.sums import COMBINATION_SHIFT, LAST_BIN, STATE_SHIFT, SpectraSums, Sums
from femtobarn.running.results.spectra.naming import final_state, histogram_name


@dataclass(frozen=True, slots=True)
class Binning:
    """The bins of all spectra of a scan: bin k is from ``k * width`` to ``(k + 1) * width``.

    Parameters
    ----------
    width
        GeV
    bins
        how many there are from 0 to the upper edge of written histograms; what is above is summed up
    """

    width: float
    bins: int

    @classmethod
    def of(cls, record: SpectraRecord) -> Binning:
        """Return the bins of a scan."""
        return cls(record.width, min(round(record.output.maximum / record.width), LAST_BIN - 1))


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """One histogram.

    Parameters
    ----------
    group
        ``data``, ``mc``, or a process
    kind
        data have one sum, counts; simulation has three: counts, weights, squared weights
    state
        code of the final state
    combination
        of which objects, and which quantity
    width
        of the bins in GeV
    first
        number of the first bin: its lower edge is ``first * width``
    sums
        (bins, 1 or 3) from ``first`` to the last bin that is not empty
    below
        (1 or 3,) what lies below 0
    variant
        ``full``, or what was made of it: ``veto``, ``only``, ``main``, ``outliers``
    above
        (1 or 3,) what lies at or above the upper edge of written histograms; none if not given
    """

    group: str
    kind: Kind
    state: int
    combination: Combination
    width: float
    first: int
    sums: Sums
    below: Sums
    variant: str = "full"
    above: Sums = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        """Take nothing above where it is not given."""
        if not len(self.above):
            object.__setattr__(self, "above", np.zeros_like(self.below))

    @property
    def name(self) -> str:
        """BumpNet's name: ``ROI_mass_e0e1_cat_2ex_0mx_3jx_0gx_0tx_0bx_width_10.0``."""
        return histogram_name(self.combination, self.state, self.width)

    @property
    def final_state(self) -> str:
        """How the final state is written: ``2e_0m_3j_0g_0t_0b``."""
        return final_state(self.state)

    @property
    def entries(self) -> int:
        """Number of values, whatever they weigh, with those below and above."""
        return round(float(self.sums[:, 0].sum() + self.below[0] + self.above[0]))

    @property
    def values(self) -> Sums:
        """(bins,) counts of data, sums of weights of simulation."""
        return self.sums[:, 1 if self.kind == "mc" else 0]

    @property
    def variances(self) -> Sums:
        """(bins,) their variances."""
        return self.sums[:, 2 if self.kind == "mc" else 0]

    @property
    def edges(self) -> Sums:
        """(bins + 1,) edges in GeV: multiples of the width."""
        return np.arange(self.first, self.first + len(self.sums) + 1, dtype=np.float64) * self.width

    @property
    def centres(self) -> Sums:
        """(bins,) centres in GeV."""
        return (np.arange(self.first, self.first + len(self.sums), dtype=np.float64) + 0.5) * self.width


def spectra(
    sums: SpectraSums,
    found: Sequence[Combination],
    binning: Binning,
    kept: NDArray[np.bool_],
    *,
    group: str,
    kind: Kind,
    variant: str = "full",
) -> Iterator[Spectrum]:
    """Give the spectra of the final states that are ``kept`` (states,): by state, then by combination."""
    below = np.zeros(sums.sums.shape[1])
    for place in np.flatnonzero(kept):
        start, stop = np.searchsorted(
            sums.cells, [np.uint64(int(p) << STATE_SHIFT) for p in (place, place + 1)]
        )
        cells = sums.cells[start:stop]
        of = ((cells >> np.uint64(COMBINATION_SHIFT)) & np.uint64(0xFFFF)).astype(np.intp)
        bins = (cells & np.uint64(LAST_BIN)).astype(np.intp)
        limits = [*np.flatnonzero(np.diff(of, prepend=-1)).tolist(), len(of)]
        for first, last in pairwise(limits):
            numbers, values = bins[first:last], sums.sums[start + first : start + last]
            lower = int(numbers[0] == 0)
            upper = int(np.searchsorted(numbers, binning.bins + 1))
            inside = numbers[lower:upper] - 1
            origin = int(inside[0]) if len(inside) else 0
            filled = np.zeros((int(inside[-1]) + 1 - origin if len(inside) else 0, values.shape[1]))
            filled[inside - origin] = values[lower:upper]
            yield Spectrum(
                group,
                kind,
                int(sums.states[place]),
                found[int(of[first])],
                binning.width,
                origin,
                filled,
                values[0].copy() if lower else below.copy(),
                variant,
                values[upper:].sum(axis=0),
            )
