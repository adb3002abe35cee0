"""Synthetic data events as research files have them: NumPy arrays, branch by branch, fixed by a seed.

The physics is only as real as it must be: numbers of objects that fall as those of collisions do, up to
twelve jets and soft objects besides that no analysis selects, spectra that fall, pairs of leptons with the
mass of the Z, no order by pt, full mantissas (they compress as badly as real ones). Energies are in MeV.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Array = NDArray[np.generic]

MEV = 1000.0
Z_MASS, Z_WIDTH = 91.19 * MEV, 2.5 * MEV
RUN = 302_872
MOST_JETS = 12
LEPTON_PT, JET_PT = 10.0 * MEV, 20.0 * MEV
"""Hard electrons, muons and photons, and hard jets, have more pt, soft ones less."""

HARD = {
    "AnalysisElectrons": (0.70, 0.22, 0.07, 0.009, 0.001),
    "AnalysisMuons": (0.70, 0.22, 0.07, 0.009, 0.001),
    "AnalysisPhotons": (0.90, 0.09, 0.01),
    "AnalysisTauJets": (0.80, 0.17, 0.03),
}
"""How many events have 0, 1, 2, ... hard ones of a kind. With the jets about 190 final states of electrons, muons,
jets and photons occur in 50 or more of 300,000 events."""

SOFT = {"AnalysisElectrons": 1.5, "AnalysisMuons": 0.8, "AnalysisPhotons": 2.0, "AnalysisTauJets": 1.2}
"""Mean numbers of soft ones."""

JETS, JETS_SHAPE, SOFT_JETS = 2.6, 3.0, 3.5
"""Mean number of hard jets, and how narrow its distribution is (Poisson, with a mean that varies); of soft jets."""


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
    jagged: dict[str, tuple[Counts, dict[str, Array]]]


@dataclass(frozen=True, slots=True)
class Objects:
    """Objects of one kind, hard ones of an event first.

    Parameters
    ----------
    hard
        (events,) numbers of hard ones
    counts
        (events,) numbers of all
    soft
        (objects,) which are soft
    """

    hard: Counts
    counts: Counts
    soft: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.soft)


Fields = dict[str, Array]


def make_events(seed: int, n: int) -> Events:
    """Return ``n`` events."""
    rng = np.random.default_rng(seed)
    made: dict[str, tuple[Counts, Fields]] = {}
    makers: dict[str, Callable[[np.random.Generator, Objects], Fields]] = {
        "AnalysisElectrons": _electrons,
        "AnalysisMuons": _muons,
        "AnalysisPhotons": _photons,
        "AnalysisTauJets": _taus,
    }
    for name, make in makers.items():
        objects = _objects(rng, rng.choice(len(HARD[name]), n, p=HARD[name]), SOFT[name])
        made[name] = (objects.counts, _mixed(rng, objects, make(rng, objects)))
    hard = np.minimum(rng.poisson(rng.gamma(JETS_SHAPE, JETS / JETS_SHAPE, n)), MOST_JETS)
    jets = _objects(rng, hard, SOFT_JETS)
    made["AnalysisJets"] = (jets.counts, _mixed(rng, jets, _jets(rng, jets)))
    made["BTagging_AntiKt4EMPFlow"] = (jets.counts, _tagger(rng, len(jets)))
    return Events(_event(rng, seed, n), made)


def _objects(rng: np.random.Generator, hard: Counts, soft: float) -> Objects:
    counts = hard + rng.poisson(soft, len(hard))
    rank = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return Objects(hard, counts, rank >= np.repeat(hard, counts))


def _mixed(rng: np.random.Generator, objects: Objects, fields: Fields) -> Fields:
    """Return the objects of each event in an order that says nothing."""
    owner = np.repeat(np.arange(len(objects.counts)), objects.counts)
    order = np.lexsort((rng.random(len(owner)), owner))
    return {name: values[order] for name, values in fields.items()}


def _event(rng: np.random.Generator, seed: int, n: int) -> Fields:
    return {
        "runNumber": np.full(n, RUN, np.uint32),
        "eventNumber": np.arange(n, dtype=np.uint64) + np.uint64(seed * 10_000_000),
        "lumiBlock": np.repeat(np.arange(n // 1000 + 1, dtype=np.uint32) + 1, 1000)[:n],
        "eventTypeBitmask": np.zeros(n, np.uint32),
        "averageInteractionsPerCrossing": _f32(rng.normal(25.0, 6.0, n)),
    }


def _f32(values: Floats) -> NDArray[np.float32]:
    return values.astype(np.float32)


def _flag(rng: np.random.Generator, n: int, share: float) -> Array:
    return (rng.random(n) < share).astype(np.uint8)


def _around(rng: np.random.Generator, n: int, scale: float) -> NDArray[np.float32]:
    """Return what lies around objects: often nothing, else a falling energy in MeV."""
    return _f32(np.where(rng.random(n) < 0.5, 0.0, rng.exponential(scale * MEV, n)))


def _kinematics(
    rng: np.random.Generator, objects: Objects, threshold: float, pt: Floats
) -> dict[str, Floats]:
    """Return pt, eta and phi: ``pt`` of hard ones, less than ``threshold`` of soft ones."""
    n = len(objects)
    return {
        "pt": np.where(objects.soft, threshold * rng.uniform(0.3, 0.99, n), pt),
        "eta": rng.uniform(-1.0, 1.0, n) * np.where(objects.soft, 2.7, 2.4),
        "phi": rng.uniform(-np.pi, np.pi, n),
    }


def _leptons(rng: np.random.Generator, objects: Objects) -> dict[str, NDArray[np.float32]]:
    """Return leptons; in three of five events the first two have the mass of a Z, back to back."""
    n = len(objects)
    found = _kinematics(rng, objects, LEPTON_PT, LEPTON_PT + rng.exponential(22.0 * MEV, n))
    pt, eta, phi = found["pt"], found["eta"], found["phi"]
    pairs = (objects.hard > 1) & (rng.random(len(objects.hard)) < 0.6)
    one = (np.cumsum(objects.counts) - objects.counts)[pairs]
    mass = np.clip(Z_MASS + Z_WIDTH / 2 * rng.standard_cauchy(len(one)), 0.5 * Z_MASS, 2 * Z_MASS)
    phi[one + 1] = phi[one] - np.copysign(np.pi, phi[one])
    pt[one] = mass / 2 * np.exp(rng.normal(0.0, 0.15, len(one)))
    pt[one + 1] = mass**2 / (2 * pt[one] * (1 + np.cosh(eta[one] - eta[one + 1])))
    charge = rng.choice([-1.0, 1.0], n)
    charge[one + 1] = -charge[one]
    return {name: _f32(values) for name, values in (found | {"charge": charge}).items()}


def _electrons(rng: np.random.Generator, objects: Objects) -> Fields:
    n = len(objects)
    return {
        **_leptons(rng, objects),
        "m": np.full(n, 0.511, np.float32),
        "ptvarcone30_Nonprompt_All_MaxWeightTTVALooseCone_pt1000": _around(rng, n, 1.5),
        "topoetcone20": _around(rng, n, 2.0),
        "DFCommonElectronsLHTight": _flag(rng, n, 0.7),
        "DFCommonElectronsLHMedium": _flag(rng, n, 0.8),
        "DFCommonElectronsLHLooseBL": _flag(rng, n, 0.9),
    }


def _muons(rng: np.random.Generator, objects: Objects) -> Fields:
    n = len(objects)
    found = _leptons(rng, objects)
    return {
        **found,
        "ptvarcone30_Nonprompt_All_MaxWeightTTVA_pt1000": _around(rng, n, 1.5),
        "topoetcone20": _around(rng, n, 2.0),
        "InnerDetectorPt": _f32(found["pt"] * rng.normal(1.0, 0.02, n)),
        "MuonSpectrometerPt": _f32(found["pt"] * rng.normal(0.95, 0.05, n)),
    }


def _jets(rng: np.random.Generator, objects: Objects) -> Fields:
    n = len(objects)
    hard = np.minimum(JET_PT * (1.0 - rng.random(n)) ** (-1 / 2.6), 2000.0 * MEV)  # falls as a power
    found = _kinematics(rng, objects, JET_PT, hard)
    return {
        **{name: _f32(values) for name, values in found.items()},
        "m": _f32(found["pt"] * rng.uniform(0.08, 0.2, n)),
        "NNJvtPass": _flag(rng, n, 0.9),
        "Jvt": _f32(rng.beta(4.0, 1.0, n)),
        "JvtRpt": _f32(rng.exponential(0.3, n)),
    }


def _tagger(rng: np.random.Generator, n: int) -> Fields:
    probabilities = rng.dirichlet((0.3, 0.3, 1.0), n)
    return {f"DL1dv01_{name}": _f32(probabilities[:, i]) for i, name in enumerate(("pb", "pc", "pu"))}


def _photons(rng: np.random.Generator, objects: Objects) -> Fields:
    n = len(objects)
    found = _kinematics(rng, objects, LEPTON_PT, LEPTON_PT + rng.exponential(25.0 * MEV, n))
    return {
        **{name: _f32(values) for name, values in found.items()},
        "m": np.zeros(n, np.float32),
        "ptcone20": _around(rng, n, 1.0),
        "topoetcone40": _around(rng, n, 2.5),
        "DFCommonPhotonsIsEMTight": _flag(rng, n, 0.6),
        "DFCommonPhotonsIsEMLoose": _flag(rng, n, 0.9),
    }


def _taus(rng: np.random.Generator, objects: Objects) -> Fields:
    n = len(objects)
    found = _kinematics(rng, objects, JET_PT, JET_PT + rng.exponential(20.0 * MEV, n))
    return {
        **{name: _f32(values) for name, values in found.items()},
        "m": np.zeros(n, np.float32),
        "charge": _f32(rng.choice([-1.0, 1.0], n)),
        "RNNJetScore": _f32(rng.random(n)),
        "RNNEleScore": _f32(rng.random(n)),
        "NNDecayMode": rng.integers(0, 6, n).astype(np.int32),
    }
