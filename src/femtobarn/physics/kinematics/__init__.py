"""Four-vectors, angles, combinations, pairing and overlaps: arrays in, arrays out, in double precision.

`vectors` takes NumPy or awkward arrays that broadcast together. The rest takes flat arrays, and the
offsets (events + 1,) at which the objects of each event begin.
"""

from __future__ import annotations

from femtobarn.physics.kinematics.combine import best_of, choose, nearest, products
from femtobarn.physics.kinematics.overlap import (
    BOOSTED,
    RECOMMENDED,
    Directions,
    OverlapStep,
    remove_overlaps,
)
from femtobarn.physics.kinematics.pairing import (
    Z_MASS,
    pair_nearest,
    same_flavour_opposite_sign,
    two_pairs,
)
from femtobarn.physics.kinematics.vectors import (
    cartesian,
    delta_phi,
    delta_r,
    invariant_mass,
    pseudorapidity,
    rapidity,
    transverse_mass,
    transverse_mass_of_system,
)

__all__ = [
    "BOOSTED",
    "RECOMMENDED",
    "Z_MASS",
    "Directions",
    "OverlapStep",
    "best_of",
    "cartesian",
    "choose",
    "delta_phi",
    "delta_r",
    "invariant_mass",
    "nearest",
    "pair_nearest",
    "products",
    "pseudorapidity",
    "rapidity",
    "remove_overlaps",
    "same_flavour_opposite_sign",
    "transverse_mass",
    "transverse_mass_of_system",
    "two_pairs",
]
