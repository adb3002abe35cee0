"""Where the four leptons of an event come from: the hard process before the detector.

Each topology is a function of a random generator, a number of events and a
:class:`~femtobarn.simulate.processes.Component`, and returns :class:`Truth`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from femtobarn.simulate.kinematics import (
    ELECTRON_MASS,
    HIGGS_MASS,
    MUON_MASS,
    Z_MASS,
    Z_WIDTH,
    Floats,
    breakup,
    breit_wigner,
    decay,
    power_law,
    recoiling,
    vector_from,
)
from femtobarn.simulate.processes import Component, Topology

ELECTRON, MUON = 11, 13


@dataclass(frozen=True, slots=True)
class Truth:
    """The generated leptons of n events, four each.

    Parameters
    ----------
    p4
        four-vectors (E, px, py, pz) in GeV, shape (n, 4, 4)
    kind
        11 for electrons, 13 for muons, shape (n, 4)
    charge
        +1 or -1, shape (n, 4)
    prompt
        False for leptons from hadrons, photon conversions or misidentified jets, shape (n, 4)
    isolated
        whether a non-prompt lepton looks almost like a prompt one, shape (n, 4)
    invisible
        x and y momentum of the neutrinos in GeV, shape (n, 2)
    """

    p4: Floats
    kind: NDArray[np.int32]
    charge: NDArray[np.int32]
    prompt: NDArray[np.bool_]
    isolated: NDArray[np.bool_]
    invisible: Floats

    def __len__(self) -> int:
        return len(self.p4)


def lepton_mass(kind: NDArray[np.int32]) -> Floats:
    """Return the mass in GeV of leptons of the given kind."""
    return np.where(kind == ELECTRON, ELECTRON_MASS, MUON_MASS)


def _z_flavour(rng: np.random.Generator, n: int, component: Component) -> NDArray[np.int32]:
    if component.z_decay == "any":
        return np.where(rng.random(n) < 0.5, ELECTRON, MUON).astype(np.int32)
    return np.full(n, ELECTRON if component.z_decay == "ee" else MUON, np.int32)


def _signs(rng: np.random.Generator, n: int) -> NDArray[np.int32]:
    return np.where(rng.random(n) < 0.5, 1, -1).astype(np.int32)


def _two_pairs(
    rng: np.random.Generator, system: Floats, first: Floats, second: Floats, component: Component
) -> Truth:
    n = len(system)
    kinds = np.stack([_z_flavour(rng, n, component), np.where(rng.random(n) < 0.5, ELECTRON, MUON)], axis=-1)
    kinds = kinds.astype(np.int32)
    masses = lepton_mass(kinds)
    one, two = decay(rng, system, first, second)
    leptons = [*decay(rng, one, masses[:, 0], masses[:, 0]), *decay(rng, two, masses[:, 1], masses[:, 1])]
    signs = [_signs(rng, n), _signs(rng, n)]
    return Truth(
        p4=np.stack(leptons, axis=1),
        kind=np.repeat(kinds, 2, axis=1),
        charge=np.stack([signs[0], -signs[0], signs[1], -signs[1]], axis=1),
        prompt=np.ones((n, 4), np.bool_),
        isolated=np.ones((n, 4), np.bool_),
        invisible=np.zeros((n, 2)),
    )


def _width(m12: Floats, m34: Floats) -> Floats:
    """Return the weight of a pair of masses in H -> ZZ*, for m12 drawn from a Breit-Wigner in m12 squared."""
    total = np.full_like(m12, HIGGS_MASS)
    kallen = (2.0 * total * breakup(total, m12, m34)) ** 2
    propagator = m34**3 / ((m34**2 - Z_MASS**2) ** 2 + (Z_MASS * Z_WIDTH) ** 2)
    weight: Floats = np.sqrt(kallen) * (kallen + 12.0 * (m12 * m34) ** 2) * propagator * m12**2
    return np.where(m34 < m12, weight, 0.0)


_HIGGS_M12, _HIGGS_M34 = (45.0, HIGGS_MASS - 4.0), (4.0, 62.5)
_GRID = np.meshgrid(np.linspace(*_HIGGS_M12, 300), np.linspace(*_HIGGS_M34, 300))
_LARGEST_WIDTH = 1.02 * float(_width(_GRID[0], _GRID[1]).max())


def higgs(rng: np.random.Generator, n: int, component: Component) -> Truth:
    """H -> ZZ* -> 4l: one Z near its mass shell, the other far below; a part of ``n`` trials is kept.

    The two masses follow the spin-summed width of a scalar into two vector bosons, proportional to
    the break-up momentum times (kallen + 12 m12^2 m34^2) times both propagators
    (W.-Y. Keung and W. J. Marciano, Phys. Rev. D 30 (1984) 248).
    """
    m12, m34 = breit_wigner(rng, n, *_HIGGS_M12), rng.uniform(*_HIGGS_M34, n)
    keep = rng.random(n) * _LARGEST_WIDTH < _width(m12, m34)
    system = recoiling(rng, np.full(int(keep.sum()), HIGGS_MASS), component.pt_scale, 1.0)
    return _two_pairs(rng, system, m12[keep], m34[keep], component)


def zz_continuum(rng: np.random.Generator, n: int, component: Component) -> Truth:
    """Pairs of Z or virtual photons; the threshold at twice the Z mass follows from phase space."""
    m4l = power_law(rng, n, 70.0, 1500.0, 3.9)
    pairs = np.empty((2, n))
    for pair in pairs:
        photon = rng.random(n) < 0.042
        pair[:] = breit_wigner(rng, n, 10.0, 200.0)
        pair[photon] = np.exp(rng.uniform(np.log(5.0), np.log(110.0), int(photon.sum())))
    keep = rng.random(n) < 2.0 * breakup(m4l, pairs[0], pairs[1]) / m4l
    system = recoiling(rng, m4l[keep], component.pt_scale, 1.1)
    return _two_pairs(rng, system, pairs[0][keep], pairs[1][keep], component)


def single_resonant(rng: np.random.Generator, n: int, component: Component) -> Truth:
    """Z -> l l gamma* -> 4l: a Breit-Wigner peak of the four-lepton mass at the Z mass."""
    m4l = breit_wigner(rng, n, 70.0, 115.0)
    m34 = np.exp(rng.uniform(np.log(4.0), np.log(50.0), n))
    m12 = m4l * rng.uniform(0.1, 1.0, n)
    keep = rng.random(n) < 2.0 * breakup(m4l, m12, m34) * m12 / m4l**2
    system = recoiling(rng, m4l[keep], component.pt_scale, 1.2)
    return _two_pairs(rng, system, m12[keep], m34[keep], component)


def _from_w(
    rng: np.random.Generator, n: int, component: Component
) -> tuple[Floats, NDArray[np.int32], Floats]:
    kind = np.where(rng.random(n) < 0.5, ELECTRON, MUON).astype(np.int32)
    pt = rng.gamma(2.0, component.lepton_pt / 2.0, n)
    p4 = vector_from(pt, rng.normal(0.0, 1.1, n), rng.uniform(-np.pi, np.pi, n), lepton_mass(kind))
    neutrino, angle = rng.gamma(2.0, component.lepton_pt / 2.0, n), rng.uniform(-np.pi, np.pi, n)
    return p4, kind, np.stack([neutrino * np.cos(angle), neutrino * np.sin(angle)], axis=-1)


def _non_prompt(
    rng: np.random.Generator, n: int, kind: NDArray[np.int32] | None
) -> tuple[Floats, NDArray[np.int32]]:
    made = np.where(rng.random(n) < 0.55, ELECTRON, MUON).astype(np.int32)
    if kind is not None:
        # Two fakes are of one kind more often than chance: the same heavy quarks or jets make both.
        made = np.where(rng.random(n) < 0.15, kind, made)
    pt = 6.0 + rng.exponential(7.0, n)
    p4 = vector_from(pt, rng.uniform(-2.6, 2.6, n), rng.uniform(-np.pi, np.pi, n), lepton_mass(made))
    return p4, made


def assembled(rng: np.random.Generator, n: int, component: Component) -> Truth:
    """Independent leptons: Z -> ll if the component has one, then leptons of W, then non-prompt ones."""
    p4s: list[Floats] = []
    kinds: list[NDArray[np.int32]] = []
    charges: list[NDArray[np.int32]] = []
    invisible = np.zeros((n, 2))
    if component.z_decay != "none":
        kind = _z_flavour(rng, n, component)
        z = recoiling(rng, breit_wigner(rng, n, 40.0, 150.0), component.pt_scale, 1.2)
        mass, sign = lepton_mass(kind), _signs(rng, n)
        p4s += decay(rng, z, mass, mass)
        kinds += [kind, kind]
        charges += [sign, -sign]
    sign = _signs(rng, n)
    for _ in range(component.from_w):
        p4, kind, neutrino = _from_w(rng, n, component)
        p4s.append(p4)
        kinds.append(kind)
        charges.append(sign)
        invisible += neutrino
        sign = -sign
    prompt = len(p4s)
    previous: NDArray[np.int32] | None = None
    for _ in range(4 - prompt):
        p4, previous = _non_prompt(rng, n, previous)
        p4s.append(p4)
        kinds.append(previous)
        charges.append(_signs(rng, n))
    return Truth(
        p4=np.stack(p4s, axis=1),
        kind=np.stack(kinds, axis=1),
        charge=np.stack(charges, axis=1),
        prompt=np.broadcast_to(np.arange(4) < prompt, (n, 4)).copy(),
        isolated=np.full((n, 4), component.isolated_fakes),
        invisible=invisible,
    )


GENERATORS: Mapping[Topology, Callable[[np.random.Generator, int, Component], Truth]] = {
    "higgs": higgs,
    "zz": zz_continuum,
    "z4l": single_resonant,
    "assembled": assembled,
}
