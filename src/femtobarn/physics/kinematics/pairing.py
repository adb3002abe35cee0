"""Leptons made into Z bosons: same flavour, opposite sign, and two pairs of four."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from femtobarn.physics.kinematics.combine import Index, best_of, products

Z_MASS = 91.1876
"""Mass of the Z boson in GeV (Particle Data Group, 2024)."""


def same_flavour_opposite_sign(flavour: Any, charge: Any, first: Any, second: Any) -> NDArray[np.bool_]:
    """Tell which pairs are of one flavour and of charges that cancel.

    Parameters
    ----------
    flavour, charge
        flat arrays, one entry per object
    first, second
        positions of the members of each pair
    """
    kinds, charges = np.asarray(flavour), np.asarray(charge, np.int64)
    one, two = np.asarray(first), np.asarray(second)
    return np.asarray((kinds[one] == kinds[two]) & (charges[one] + charges[two] == 0), np.bool_)


def pair_nearest(mass: Any, offsets: Any, target: float = Z_MASS) -> Index:
    """Return the position of the pair whose mass is nearest to ``target`` in each event; -1 without pairs."""
    return best_of(np.abs(np.asarray(mass, np.float64) - target), offsets)


def two_pairs(
    mass: Any, first: Any, second: Any, offsets: Any, target: float = Z_MASS
) -> tuple[Index, Index]:
    """Return for each event the two pairs without a common member that make ZZ* best.

    Of all ways to choose two such pairs, z1 is the pair nearest to ``target`` for which there is
    another, and z2 the nearest of these others; as in ATLAS, Eur. Phys. J. C 80 (2020) 957.

    Parameters
    ----------
    mass, first, second
        flat arrays, one entry per pair: its mass in GeV and the positions of its members
    offsets
        (events + 1,) where the pairs of each event begin
    target
        in GeV

    Returns
    -------
    tuple
        positions of z1 and of z2, one per event; -1 where there are no two such pairs
    """
    pulls = np.abs(np.asarray(mass, np.float64) - target)
    members = np.asarray(first, np.int64), np.asarray(second, np.int64)
    one, two, bounds = products(offsets, offsets)
    apart = np.ones(len(one), np.bool_)
    for a in members:
        for b in members:
            apart &= a[one] != b[two]
    apart &= pulls[one] <= pulls[two]
    kept = np.concatenate([[0], np.cumsum(apart)])[bounds]
    one, two = one[apart], two[apart]
    # by z2 first: of equal z1 the first one then has the best z2
    events = np.repeat(np.arange(len(kept) - 1), np.diff(kept))
    order = np.lexsort((pulls[two], events))
    one, two = one[order], two[order]
    at = best_of(pulls[one], kept)
    found = at >= 0
    z1, z2 = np.full(len(at), -1, np.int64), np.full(len(at), -1, np.int64)
    z1[found], z2[found] = one[at[found]], two[at[found]]
    return z1, z2
