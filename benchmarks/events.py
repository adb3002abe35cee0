"""Synthetic events in the format of the 2025 release: NumPy arrays, branch by branch, fixed by a seed.

The physics is only as real as it must be for a benchmark: leptons from Z, Z* and b decays, jets with a
falling spectrum, flags with correlations, floats with full mantissas (they compress as badly as real ones).
About a sixth of the events pass the final selection of ``hzz``, as in the published four-lepton files of signal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Array = NDArray[np.generic]

LEPTONS = np.array([2, 3, 4, 5])
SHARES = np.array([0.07, 0.22, 0.66, 0.05])
"""How many leptons events have: fewer than four must be cut, more than four must not confuse."""
ELECTRON_MASS, MUON_MASS = 0.000511, 0.10566


@dataclass(frozen=True, slots=True)
class Events:
    """The branches of one file.

    Parameters
    ----------
    scalars
        one value per event, by branch
    jagged
        per collection: number of objects per event, and their flat values by branch
    """

    scalars: dict[str, Array]
    jagged: dict[str, tuple[NDArray[np.int32], dict[str, Array]]]


def _f32(values: Floats) -> NDArray[np.float32]:
    return values.astype(np.float32)


def _two_body(rng: np.random.Generator, n: int, on_shell: NDArray[np.bool_]) -> Floats:
    """Return massless daughters of a moving resonance, shape (n, 2, 3): px, py, pz in GeV."""
    resonance = 91.19 + 1.25 * np.tan(np.pi * (rng.random(n) - 0.5) * 0.97)
    mass = np.where(on_shell, np.clip(resonance, 15.0, 400.0), rng.uniform(12.0, 60.0, n))
    cos, phi = rng.uniform(-1, 1, n), rng.uniform(-np.pi, np.pi, n)
    sin = np.sqrt(1 - cos**2)
    direction = np.stack([sin * np.cos(phi), sin * np.sin(phi), cos], axis=1)
    pt, around, rapidity = rng.exponential(25.0, n), rng.uniform(-np.pi, np.pi, n), rng.normal(0, 0.9, n)
    mt = np.sqrt(mass**2 + pt**2)
    momentum = np.stack([pt * np.cos(around), pt * np.sin(around), mt * np.sinh(rapidity)], axis=1)
    energy = mt * np.cosh(rapidity)
    daughters = []
    for sign in (1.0, -1.0):
        rest = sign * direction * (mass / 2)[:, None]
        along = (rest * momentum).sum(axis=1)
        factor = (mass / 2 + along / (energy + mass)) / mass
        daughters.append(rest + momentum * factor[:, None])
    return np.stack(daughters, axis=1)


def _leptons(rng: np.random.Generator, n: int) -> tuple[NDArray[np.int32], dict[str, Array]]:
    """Return the leptons: electrons before muons, each by pt, as in the published files."""
    signal = rng.random(n) < 0.62
    slots = np.arange(5)
    p = np.concatenate(
        [_two_body(rng, n, rng.random(n) < 0.85), _two_body(rng, n, rng.random(n) < 0.35)], axis=1
    )
    pt = np.hypot(p[..., 0], p[..., 1]) * rng.normal(1.0, 0.015, (n, 4))
    eta = np.arcsinh(p[..., 2] / np.maximum(np.hypot(p[..., 0], p[..., 1]), 1e-3))
    phi = np.arctan2(p[..., 1], p[..., 0])
    extra = np.ones((n, 1))
    pt = np.concatenate([np.maximum(pt, 0.0) + 5.0, extra * (5 + rng.exponential(6.0, (n, 1)))], axis=1)
    eta = np.concatenate([np.clip(eta, -2.7, 2.7), rng.uniform(-2.5, 2.5, (n, 1))], axis=1)
    phi = np.concatenate([phi, rng.uniform(-np.pi, np.pi, (n, 1))], axis=1)
    flavours = rng.choice([11, 13], (n, 2))
    types = np.concatenate([flavours.repeat(2, axis=1), rng.choice([11, 13], (n, 1))], axis=1)
    charges = np.where(slots % 2 == 0, 1, -1) * rng.choice([-1, 1], (n, 5))
    paired = np.where(slots % 2 == 0, 1, -1) * rng.choice([-1, 1], (n, 1))
    charges = np.where((signal[:, None]) & (slots < 4), paired, charges)
    counts = rng.choice(LEPTONS, n, p=SHARES).astype(np.int32)
    kept = slots < counts[:, None]
    order = np.lexsort((-pt, types, ~kept), axis=1)
    prompt = signal[:, None] & (slots < 4)
    quality = rng.random((n, 5)) ** np.where(prompt, 2.5, 0.8)
    isolation = rng.exponential(np.where(prompt, 0.075, 0.35))
    mass = np.where(types == 11, ELECTRON_MASS, MUON_MASS)
    columns: dict[str, Array] = {
        "type": types.astype(np.int32),
        "pt": _f32(pt),
        "eta": _f32(eta),
        "phi": _f32(phi),
        "e": _f32(np.sqrt((pt * np.cosh(eta)) ** 2 + mass**2)),
        "charge": charges.astype(np.int32),
        "ptvarcone30": _f32(isolation * pt * (rng.random((n, 5)) < 0.5)),
        "topoetcone20": _f32((isolation + rng.normal(0.0, 0.02, (n, 5))) * pt),
        "z0": _f32(rng.normal(0.0, 0.05, (n, 5))),
        "d0": _f32(rng.normal(0.0, 0.02, (n, 5))),
        "d0sig": _f32(rng.normal(0.0, 1.5, (n, 5))),
        "isTightID": quality < 0.55,
        "isMediumID": quality < 0.75,
        "isLooseID": quality < 0.93,
        "isTightIso": isolation < 0.06,
        "isLooseIso": isolation < 0.18,
        "isTrigMatched": (pt > 27.0) & (rng.random((n, 5)) < 0.8),
    }
    mask = np.take_along_axis(kept, order, axis=1)
    return counts, {k: np.take_along_axis(a, order, axis=1)[mask] for k, a in columns.items()}


def _objects(
    rng: np.random.Generator, n: int, mean: float, pt_min: float, pt_scale: float, mass: float
) -> tuple[NDArray[np.int32], dict[str, Array]]:
    counts = rng.poisson(mean, n).astype(np.int32)
    total = int(counts.sum())
    event = np.repeat(np.arange(n), counts)
    pt = pt_min + rng.exponential(pt_scale, total) ** 1.2
    pt = pt[np.lexsort((-pt, event))]
    eta = np.clip(rng.normal(0.0, 1.3, total), -2.5, 2.5)
    columns: dict[str, Array] = {
        "pt": _f32(pt),
        "eta": _f32(eta),
        "phi": _f32(rng.uniform(-np.pi, np.pi, total)),
        "e": _f32(pt * np.sqrt(np.cosh(eta) ** 2 + mass**2)),
    }
    return counts, columns


def _jets(rng: np.random.Generator, n: int) -> tuple[NDArray[np.int32], dict[str, Array]]:
    counts, jet = _objects(rng, n, 1.8, 20.0, 22.0, 0.12)
    total = len(jet["pt"])
    jet["btag_quantile"] = rng.choice(np.arange(1, 7), total, p=[0.7, 0.1, 0.06, 0.05, 0.04, 0.05]).astype(
        np.int32
    )
    jet["jvt"] = rng.random(total) < 0.95
    for name in ("pt_jer1", "pt_jer2"):
        jet[name] = _f32(jet["pt"] * rng.normal(1.0, 0.03, total))
    return counts, jet


def _photons(rng: np.random.Generator, n: int) -> tuple[NDArray[np.int32], dict[str, Array]]:
    counts, photon = _objects(rng, n, 0.1, 25.0, 20.0, 0.0)
    total = len(photon["pt"])
    photon |= {
        "ptcone20": _f32(rng.exponential(3.0, total)),
        "topoetcone40": _f32(rng.normal(2.0, 4.0, total)),
    }
    photon |= {
        name: rng.random(total) < share
        for name, share in (("isLooseID", 0.95), ("isTightID", 0.4), ("isLooseIso", 0.7), ("isTightIso", 0.4))
    }
    return counts, photon


def _taus(rng: np.random.Generator, n: int) -> tuple[NDArray[np.int32], dict[str, Array]]:
    counts, tau = _objects(rng, n, 0.25, 20.0, 15.0, 0.02)
    total = len(tau["pt"])
    tau |= {
        "charge": rng.choice(np.array([-1, 1], np.float32), total),
        "nTracks": rng.choice(np.array([1, 3], np.int32), total),
        "isTight": rng.random(total) < 0.05,
        "RNNJetScore": _f32(rng.beta(0.2, 5.0, total)),
        "RNNEleScore": _f32(rng.beta(5.0, 0.2, total)),
    }
    return counts, tau


def _large_jets(rng: np.random.Generator, n: int) -> tuple[NDArray[np.int32], dict[str, Array]]:
    counts, jet = _objects(rng, n, 0.04, 250.0, 80.0, 0.25)
    jet["m"] = _f32(jet["pt"] * 0.25)
    jet["D2"] = _f32(rng.gamma(6.0, 0.25, len(jet["pt"])))
    return counts, jet


FACTORS = ("PILEUP", "ELE", "MUON", "LepTRIGGER", "ElTRIGGER", "MuTRIGGER", "BTAG", "FTAG", "JVT")


def make_events(seed: int, n: int, channel: int) -> Events:
    """Return n events.

    Parameters
    ----------
    seed
        of all random numbers
    n
        number of events
    channel
        dataset id
    """
    rng = np.random.default_rng((seed, channel))
    leptons = _leptons(rng, n)
    jets = _jets(rng, n)
    met, met_phi = rng.gamma(2.0, 14.0, n), rng.uniform(-np.pi, np.pi, n)
    weights = np.where(rng.random(n) < 0.04, -1.0, 1.0) * np.abs(rng.normal(1.0, 0.05, n))
    scalars: dict[str, Array] = {
        "num_events": np.full(n, float(n)),
        "sum_of_weights": np.full(n, float(_f32(weights).astype(np.float64).sum())),
        "sum_of_weights_squared": np.full(n, float((_f32(weights).astype(np.float64) ** 2).sum())),
        "xsec": np.full(n, 0.5),
        "kfac": np.full(n, 1.0),
        "filteff": np.full(n, 1.0),
        "mcWeight": _f32(weights),
        "channelNumber": np.full(n, channel, np.uint32),
        "eventNumber": rng.permutation(n).astype(np.uint64) + 1,
        "runNumber": rng.choice(np.array([284500, 300000], np.uint32), n),
        "met": _f32(met),
        "met_phi": _f32(met_phi),
        "met_mpx": _f32(met * np.cos(met_phi)),
        "met_mpy": _f32(met * np.sin(met_phi)),
    }
    rates = {"E": 0.62, "M": 0.62, "P": 0.01, "T": 0.01, "DT": 0.005, "DE": 0.3, "DM": 0.3, "ML": 0.02}
    scalars |= {f"trig{name}": rng.random(n) < rate for name, rate in rates.items()}
    scalars["trigMET"] = met > 110.0
    scalars |= {f"ScaleFactor_{name}": _f32(rng.normal(0.98, 0.03, n)) for name in FACTORS}
    return Events(
        scalars,
        {
            "lep": leptons,
            "jet": jets,
            "photon": _photons(rng, n),
            "tau": _taus(rng, n),
            "largeRJet": _large_jets(rng, n),
        },
    )
