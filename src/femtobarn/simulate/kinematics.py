"""Relativistic kinematics for generated events: masses, decays, boosts.

Four-vectors are float64 arrays whose last axis is (E, px, py, pz), in GeV.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

Z_MASS = 91.1876
"""Mass of the Z boson in GeV (Particle Data Group)."""
Z_WIDTH = 2.4952
"""Width of the Z boson in GeV (Particle Data Group)."""
HIGGS_MASS = 125.0
"""Mass of the Higgs boson in the simulated datasets, in GeV."""
ELECTRON_MASS = 0.000511
MUON_MASS = 0.10566


def vector_from(pt: Floats, eta: Floats, phi: Floats, mass: Floats) -> Floats:
    """Return four-vectors of shape ``pt.shape + (4,)`` from pt [GeV], eta, phi and mass [GeV]."""
    px, py, pz = pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)
    return np.stack([np.sqrt(px**2 + py**2 + pz**2 + mass**2), px, py, pz], axis=-1)


def coordinates(p4: Floats) -> tuple[Floats, Floats, Floats]:
    """Return pt [GeV], eta and phi of four-vectors."""
    pt = np.hypot(p4[..., 1], p4[..., 2])
    eta = np.arcsinh(p4[..., 3] / np.maximum(pt, 1e-12))
    return pt, eta, np.arctan2(p4[..., 2], p4[..., 1])


def invariant_mass(p4: Floats) -> Floats:
    """Return the invariant mass in GeV; zero where rounding makes its square negative."""
    squared: Floats = p4[..., 0] ** 2 - np.sum(p4[..., 1:] ** 2, axis=-1)
    mass: Floats = np.sqrt(np.maximum(squared, 0.0))
    return mass


def breakup(mass: Floats, first: Floats, second: Floats) -> Floats:
    """Return the momentum [GeV] of two bodies in the rest frame of ``mass``; zero below threshold."""
    kallen = (mass**2 - (first + second) ** 2) * (mass**2 - (first - second) ** 2)
    allowed = (mass > first + second) & (kallen > 0)
    momentum: Floats = np.sqrt(np.where(allowed, kallen, 0.0)) / (2.0 * mass)
    return momentum


def boost(p4: Floats, parent: Floats) -> Floats:
    """Return ``p4``, given in the rest frame of ``parent``, in the frame in which ``parent`` is given."""
    mass = invariant_mass(parent)
    along = np.sum(p4[..., 1:] * parent[..., 1:], axis=-1)
    energy = (p4[..., 0] * parent[..., 0] + along) / mass
    factor = (p4[..., 0] + energy) / (parent[..., 0] + mass)
    return np.concatenate([energy[..., None], p4[..., 1:] + factor[..., None] * parent[..., 1:]], axis=-1)


def decay(rng: np.random.Generator, parent: Floats, first: Floats, second: Floats) -> tuple[Floats, Floats]:
    """Decay ``parent`` isotropically into two bodies.

    Parameters
    ----------
    rng
        source of random numbers
    parent
        four-vectors, shape (n, 4)
    first, second
        masses of the products in GeV, shape (n,); their sum is below the parent's mass

    Returns
    -------
    tuple
        two arrays of four-vectors, shape (n, 4), whose sum is ``parent``
    """
    momentum = breakup(invariant_mass(parent), first, second)
    cosine = rng.uniform(-1.0, 1.0, len(parent))
    azimuth = rng.uniform(-np.pi, np.pi, len(parent))
    sine = np.sqrt(1.0 - cosine**2)
    direction = np.stack([sine * np.cos(azimuth), sine * np.sin(azimuth), cosine], axis=-1)
    three = momentum[:, None] * direction
    one = np.concatenate([np.hypot(momentum, first)[:, None], three], axis=-1)
    two = np.concatenate([np.hypot(momentum, second)[:, None], -three], axis=-1)
    return boost(one, parent), boost(two, parent)


def breit_wigner(rng: np.random.Generator, n: int, low: float, high: float) -> Floats:
    """Return ``n`` masses [GeV] of a relativistic Breit-Wigner Z between ``low`` and ``high``."""
    scale = Z_MASS * Z_WIDTH
    edges = np.arctan((np.array([low, high]) ** 2 - Z_MASS**2) / scale)
    return np.sqrt(Z_MASS**2 + scale * np.tan(rng.uniform(edges[0], edges[1], n)))


def power_law(rng: np.random.Generator, n: int, low: float, high: float, power: float) -> Floats:
    """Return ``n`` values with density proportional to x**-power between ``low`` and ``high``; power > 1."""
    edges = np.array([low, high]) ** (1.0 - power)
    return rng.uniform(edges[1], edges[0], n) ** (1.0 / (1.0 - power))


def recoiling(rng: np.random.Generator, mass: Floats, pt_scale: float, rapidity_width: float) -> Floats:
    """Return four-vectors of systems of the given masses as produced in a proton collision.

    The transverse momentum follows pt exp(-pt / pt_scale), the rapidity a normal distribution.
    """
    n = len(mass)
    pt = rng.gamma(2.0, pt_scale, n)
    phi = rng.uniform(-np.pi, np.pi, n)
    rapidity = rng.normal(0.0, rapidity_width, n)
    transverse = np.hypot(mass, pt)
    return np.stack(
        [transverse * np.cosh(rapidity), pt * np.cos(phi), pt * np.sin(phi), transverse * np.sinh(rapidity)],
        axis=-1,
    )
