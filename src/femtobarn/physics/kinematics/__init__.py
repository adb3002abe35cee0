"""Four-vectors and angles: NumPy or awkward arrays in, arrays out, in double precision."""

from __future__ import annotations

from femtobarn.physics.kinematics.vectors import (
    cartesian,
    delta_phi,
    delta_r,
    invariant_mass,
    pseudorapidity,
    rapidity,
    transverse_mass,
)

__all__ = [
    "cartesian",
    "delta_phi",
    "delta_r",
    "invariant_mass",
    "pseudorapidity",
    "rapidity",
    "transverse_mass",
]
