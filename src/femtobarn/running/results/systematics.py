"""What variations do to sums: shifts of each name, and all names together as a band."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from femtobarn.base.records import VariationRecord

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class Band:
    """Distances ``down`` and ``up``, both 0 or more, from nominal values to the ends of their errors."""

    down: Floats
    up: Floats

    def with_symmetric(self, error: Floats) -> Band:
        """Return this band and an independent, symmetric ``error`` in quadrature."""
        return Band(np.hypot(self.down, error), np.hypot(self.up, error))


def envelopes(variations: Sequence[VariationRecord], values: Floats) -> dict[str, Band]:
    """Return by name of variation how far its directions reach below and above the nominal values.

    Parameters
    ----------
    variations
        as the analysis declares them
    values
        (1 + variations, ...): nominal values, then those of each variation, in this order. What is to be
        correlated, for instance processes, has been summed before

    Notes
    -----
    A name is one source of uncertainty. Of its directions the larger shift to each side counts: two
    shifts to the same side leave the other side at 0, and so does a name with one direction only.
    """
    nominal = values[0]
    found: dict[str, Band] = {}
    for variation, varied in zip(variations, values[1:], strict=True):
        shift = varied - nominal
        down, up = np.maximum(-shift, 0.0), np.maximum(shift, 0.0)
        before = found.get(variation.name)
        if before is not None:
            down, up = np.maximum(before.down, down), np.maximum(before.up, up)
        found[variation.name] = Band(down, up)
    return found


def systematic_band(variations: Sequence[VariationRecord], values: Floats) -> Band:
    """Return the quadratic sum over names of their `envelopes`: names are independent of each other."""
    down, up = np.zeros_like(values[0]), np.zeros_like(values[0])
    for band in envelopes(variations, values).values():
        down, up = np.hypot(down, band.down), np.hypot(up, band.up)
    return Band(down, up)
