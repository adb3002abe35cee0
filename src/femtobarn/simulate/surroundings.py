"""What else is in an event: jets, tau candidates, photons, large-R jets, missing transverse momentum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from femtobarn.simulate.kinematics import Floats

Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Objects:
    """Objects of one kind in n events, stored one after the other, ordered by pt within each event.

    Parameters
    ----------
    counts
        objects per event, shape (n,)
    pt, eta, phi, mass
        GeV and radians, shape (counts.sum(),)
    bottom
        whether the object comes from a b-quark
    """

    counts: Ints
    pt: Floats
    eta: Floats
    phi: Floats
    mass: Floats
    bottom: Bools

    @property
    def energy(self) -> Floats:
        """Energies in GeV."""
        return np.sqrt((self.pt * np.cosh(self.eta)) ** 2 + self.mass**2)


def scatter(
    rng: np.random.Generator,
    means: Floats,
    bottoms: Floats,
    *,
    pt_min: float,
    pt_scale: float,
    relative_mass: float,
) -> Objects:
    """Return objects strewn over the detector, with a falling spectrum above ``pt_min``.

    Parameters
    ----------
    rng
        source of random numbers
    means, bottoms
        mean number per event of light and of b-flavoured objects, shape (n,)
    pt_min, pt_scale
        threshold and mean excess over it, GeV
    relative_mass
        mean mass divided by pt
    """
    light, heavy = rng.poisson(means), rng.poisson(bottoms)
    counts = light + heavy
    total = int(counts.sum())
    event = np.repeat(np.arange(len(counts)), counts)
    position = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
    bottom = position < heavy[event]
    pt = pt_min + rng.exponential(pt_scale, total)
    order = np.lexsort((-pt, event))
    return Objects(
        counts=counts.astype(np.int32),
        pt=pt[order],
        eta=np.clip(rng.normal(0.0, 1.2, total), -2.49, 2.49),
        phi=rng.uniform(-np.pi, np.pi, total),
        mass=pt[order] * relative_mass * rng.uniform(0.5, 1.5, total),
        bottom=bottom[order],
    )


def b_tag_quantile(rng: np.random.Generator, jets: Objects) -> Ints:
    """Return the b-tag quantile of each jet: 5 passes the 60 % working point, 1 passes none.

    The steps are the working points 60, 70, 77 and 85 % for b-jets and their usual rates for others.
    """
    score = rng.random(len(jets.pt))
    b_steps, light_steps = (0.60, 0.70, 0.77, 0.85), (0.003, 0.01, 0.03, 0.10)
    quantile = np.ones(len(jets.pt), np.int32)
    for b_step, light_step in zip(b_steps, light_steps, strict=True):
        quantile += score < np.where(jets.bottom, b_step, light_step)
    return quantile


def missing_momentum(rng: np.random.Generator, invisible: Floats, jets: Objects) -> Floats:
    """Return the x and y components of the missing transverse momentum [GeV], shape (n, 2)."""
    event = np.repeat(np.arange(len(jets.counts)), jets.counts)
    activity = np.bincount(event, weights=jets.pt, minlength=len(jets.counts))
    resolution = np.hypot(12.0, 0.7 * np.sqrt(activity))
    return invisible + rng.standard_normal(invisible.shape) * resolution[:, None]
