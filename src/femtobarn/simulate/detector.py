"""A toy of the detector for leptons: acceptance, resolution, identification, isolation, trigger.

Efficiencies and resolutions have the size and trend of those of the ATLAS detector in 2015 and 2016; they are
not measurements.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from femtobarn.simulate.kinematics import Floats, coordinates
from femtobarn.simulate.topologies import ELECTRON, Truth, lepton_mass

if TYPE_CHECKING:
    from collections.abc import Sequence

Bools = NDArray[np.bool_]

PT_MIN = 7.0
"""Threshold of recorded leptons, GeV."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """Events with exactly four recorded leptons, ordered by transverse momentum.

    Parameters
    ----------
    truth
        generated leptons in the same order
    pt, eta, phi
        measured, GeV and radians, shape (n, 4)
    """

    truth: Truth
    pt: Floats
    eta: Floats
    phi: Floats

    def __len__(self) -> int:
        return len(self.pt)

    def take(self, index: NDArray[np.intp] | slice) -> Recorded:
        """Return the chosen events."""
        truth = Truth(*(getattr(self.truth, field.name)[index] for field in fields(Truth)))
        return Recorded(truth, self.pt[index], self.eta[index], self.phi[index])


def join(parts: Sequence[Recorded]) -> Recorded:
    """Return the events of all parts, one after the other."""
    truth = Truth(*(np.concatenate([getattr(p.truth, f.name) for p in parts]) for f in fields(Truth)))
    return Recorded(
        truth, *(np.concatenate([getattr(p, name) for p in parts]) for name in ("pt", "eta", "phi"))
    )


@dataclass(frozen=True, slots=True)
class LeptonQuality:
    """What the detector says of each lepton; every array has shape (n, 4).

    Parameters
    ----------
    loose, medium, tight
        identification; tight implies medium, medium implies loose
    loose_iso, tight_iso
        isolation; tight implies loose
    ptvarcone30, topoetcone20
        track and calorimeter isolation, GeV
    d0, d0sig, z0
        impact parameters (mm) and significance of d0
    """

    loose: Bools
    medium: Bools
    tight: Bools
    loose_iso: Bools
    tight_iso: Bools
    ptvarcone30: Floats
    topoetcone20: Floats
    d0: Floats
    d0sig: Floats
    z0: Floats


@dataclass(frozen=True, slots=True)
class Triggers:
    """Which triggers fired, shape (n,), and which leptons made one of them fire, shape (n, 4)."""

    electron: Bools
    muon: Bools
    two_electrons: Bools
    two_muons: Bools
    matched: Bools


def record(rng: np.random.Generator, truth: Truth) -> Recorded:
    """Measure the leptons and keep the events in which all four are recorded.

    Electrons are measured by the calorimeter, muons by their tracks; both radiate photons that are not
    recovered, electrons also in the detector's material.
    """
    pt, eta, phi = coordinates(truth.p4)
    electron = truth.kind == ELECTRON
    energy = truth.p4[..., 0]
    calorimeter = np.hypot(0.12 / np.sqrt(energy), 0.014)
    tracks = np.hypot(0.021 + 0.008 * (np.abs(eta) > 1.5), 0.00012 * pt)
    shift = np.where(electron, calorimeter, tracks) * rng.standard_normal(pt.shape)
    radiated = rng.random(pt.shape) < np.where(electron, 0.18, 0.08)
    lost = np.where(radiated, rng.exponential(0.05, pt.shape), 0.0)
    pt = pt * np.maximum(1.0 + shift - lost, 0.05)
    eta = eta + rng.normal(0.0, 0.0006, eta.shape)
    phi = np.remainder(phi + rng.normal(0.0, 0.0004, phi.shape) + np.pi, 2.0 * np.pi) - np.pi
    kept = np.all((pt > PT_MIN) & (np.abs(eta) < np.where(electron, 2.47, 2.5)), axis=1)
    order = np.argsort(-pt[kept], axis=1)

    def ordered(values: NDArray[np.generic]) -> NDArray[np.generic]:
        return np.take_along_axis(values[kept], order, axis=1)

    in_order = Truth(
        p4=np.take_along_axis(truth.p4[kept], order[..., None], axis=1),
        kind=ordered(truth.kind),  # type: ignore[arg-type]
        charge=ordered(truth.charge),  # type: ignore[arg-type]
        prompt=ordered(truth.prompt),  # type: ignore[arg-type]
        isolated=ordered(truth.isolated),  # type: ignore[arg-type]
        invisible=truth.invisible[kept],
    )
    return Recorded(in_order, ordered(pt), ordered(eta), ordered(phi))  # type: ignore[arg-type]


def measured_energy(events: Recorded, pt: Floats, eta: Floats) -> Floats:
    """Return the energies [GeV] that belong to measured ``pt`` and ``eta``."""
    return np.sqrt((pt * np.cosh(eta)) ** 2 + lepton_mass(events.truth.kind) ** 2)


def lepton_quality(rng: np.random.Generator, events: Recorded) -> LeptonQuality:
    """Identify and isolate leptons: prompt ones mostly pass, non-prompt ones mostly fail."""
    truth, pt = events.truth, events.pt
    shape = pt.shape
    electron, prompt = truth.kind == ELECTRON, truth.prompt
    near = truth.isolated & ~prompt
    turn_on = 1.0 - 0.12 * np.exp(-(pt - PT_MIN) / 8.0)
    score = rng.random(shape)
    points = []
    for e_prompt, mu_prompt, e_near, mu_near, e_jet, mu_jet in (
        (0.955, 0.985, 0.45, 0.96, 0.20, 0.50),
        (0.90, 0.968, 0.30, 0.93, 0.12, 0.35),
        (0.80, 0.92, 0.15, 0.80, 0.07, 0.25),
    ):
        real = np.where(electron, e_prompt * turn_on, mu_prompt)
        close = np.where(electron, e_near, mu_near)
        points.append(score < np.select([prompt, near], [real, close], np.where(electron, e_jet, mu_jet)))
    busy = rng.random(shape) < np.where(prompt, 0.35, 0.98)
    track = busy * rng.exponential(np.select([prompt, near], [0.03, np.where(electron, 0.1, 0.3)], 2.0))
    calo = rng.normal(0.02, 0.05, shape)
    calo += rng.exponential(np.select([prompt, near], [0.0, np.where(electron, 0.1, 0.25)], 0.5))
    d0sig = rng.standard_normal(shape) * np.where(prompt, 1.0, np.where(electron, 2.0, 5.0))
    return LeptonQuality(
        loose=points[0],
        medium=points[1],
        tight=points[2],
        loose_iso=(track < 0.15) & (calo < 0.20),
        tight_iso=(track < 0.06) & (calo < 0.06),
        ptvarcone30=track * pt,
        topoetcone20=calo * pt,
        d0=d0sig * (0.008 + 0.08 / pt),
        d0sig=d0sig,
        z0=rng.normal(0.0, 0.05, shape) * np.where(prompt, 1.0, 3.0),
    )


def triggers(
    rng: np.random.Generator, events: Recorded, quality: LeptonQuality, year_2015: Bools
) -> Triggers:
    """Return what fired, with the thresholds of each event's year (24/20 GeV in 2015, 26 GeV in 2016)."""
    electron = events.truth.kind == ELECTRON
    threshold = np.where(
        electron, np.where(year_2015, 24.0, 26.0)[:, None], np.where(year_2015, 20.0, 26.0)[:, None]
    )
    efficiency = np.where(electron, 0.93, np.where(np.abs(events.eta) < 1.05, 0.70, 0.85))
    online = np.where(electron, quality.loose, True) & (
        events.truth.prompt | quality.loose_iso | (events.pt > 50.0)
    )
    single = (events.pt > threshold) & online & (rng.random(events.pt.shape) < efficiency)
    leg = (
        (events.pt > np.where(electron, 17.0, 14.0))
        & quality.loose
        & (rng.random(events.pt.shape) < efficiency)
    )
    two_electrons = (leg & electron).sum(axis=1) >= 2
    two_muons = (leg & ~electron).sum(axis=1) >= 2
    of_pair = leg & np.where(electron, two_electrons[:, None], two_muons[:, None])
    return Triggers(
        electron=(single & electron).any(axis=1),
        muon=(single & ~electron).any(axis=1),
        two_electrons=two_electrons,
        two_muons=two_muons,
        matched=single | of_pair,
    )
