"""From recorded leptons to the branches of the 2025 release: names, types and units as in its files."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from femtobarn.simulate.detector import Recorded, lepton_quality, measured_energy, triggers
from femtobarn.simulate.kinematics import Floats, coordinates
from femtobarn.simulate.processes import Dataset
from femtobarn.simulate.surroundings import Objects, b_tag_quantile, missing_momentum, scatter
from femtobarn.simulate.table import Array, Collection, Table, compact
from femtobarn.simulate.topologies import ELECTRON, MUON
from femtobarn.simulate.weights import Normalisation, pileup_weights, scale_factors

_OTHER_FACTORS = ("PHOTON", "TAU", "TauTRIGGER", "DiTauTRIGGER", "MLTRIGGER")


@dataclass(frozen=True, slots=True)
class Conditions:
    """What is known of each event besides its leptons; arrays have shape (n,).

    Parameters
    ----------
    label
        the file's ``category``
    run, number, channel
        run number, event number, dataset number (in data: the run number)
    year_2015
        whether the triggers of 2015 apply
    jets, b_jets
        mean numbers of light jets and b-jets
    dataset, totals, weights
        the simulated dataset, its bookkeeping and its generator weights; None for data
    """

    label: str
    run: NDArray[np.uint32]
    number: NDArray[np.uint64]
    channel: NDArray[np.uint32]
    year_2015: NDArray[np.bool_]
    jets: Floats
    b_jets: Floats
    dataset: Dataset | None = None
    totals: Normalisation | None = None
    weights: Floats | None = None


def _kinematics(objects: Objects) -> dict[str, Array]:
    pt, eta = compact(objects.pt, 10), compact(objects.eta, 10)
    energy = np.sqrt((pt * np.cosh(eta)) ** 2 + objects.mass**2)
    return {"pt": pt, "eta": eta, "phi": compact(objects.phi, 10), "e": compact(energy, 16)}


def _jets(rng: np.random.Generator, jets: Objects, *, simulated: bool) -> dict[str, Collection]:
    base = _kinematics(jets)
    base["btag_quantile"] = b_tag_quantile(rng, jets)
    base["jvt"] = rng.random(len(jets.pt)) < 0.95
    shifted = {name: compact(jets.pt * rng.normal(1.0, 0.03, len(jets.pt)), 10) for name in ("jer1", "jer2")}
    if simulated:
        base |= {f"pt_{name}": values for name, values in shifted.items()}
        return {"jet": Collection(jets.counts, base)}
    # In data the resolution variations are empty lists, so each has a length of its own.
    none = Collection(np.zeros_like(jets.counts), {"": np.zeros(0, np.float32)})
    return {"jet": Collection(jets.counts, base), "jet_pt_jer1": none, "jet_pt_jer2": none}


def _minor_objects(rng: np.random.Generator, n: int) -> dict[str, Collection]:
    def some(mean: float, pt_min: float, pt_scale: float, relative_mass: float) -> Objects:
        means = np.full(n, mean)
        return scatter(rng, means, np.zeros(n), pt_min=pt_min, pt_scale=pt_scale, relative_mass=relative_mass)

    tau, photon, large = (
        some(0.25, 20.0, 20.0, 0.02),
        some(0.02, 25.0, 25.0, 0.0),
        some(0.02, 250.0, 90.0, 0.25),
    )
    track, quality = rng.exponential(0.4, len(photon.pt)), rng.random(len(photon.pt))
    return {
        "tau": Collection(
            tau.counts,
            _kinematics(tau)
            | {
                "charge": rng.choice(np.array([-1, 1], np.float32), len(tau.pt)),
                "nTracks": rng.choice(np.array([1, 3], np.int32), len(tau.pt)),
                "isTight": rng.random(len(tau.pt)) < 0.03,
                "RNNJetScore": compact(rng.beta(0.2, 5.0, len(tau.pt)), 10),
                "RNNEleScore": compact(rng.beta(5.0, 0.2, len(tau.pt)), 10),
            },
        ),
        "photon": Collection(
            photon.counts,
            _kinematics(photon)
            | {
                "ptcone20": compact(track * photon.pt, 10),
                "topoetcone40": compact(rng.normal(0.3, 0.3, len(photon.pt)) * photon.pt, 10),
                "isLooseID": quality < 0.95,
                "isTightID": quality < 0.35,
                "isLooseIso": track < 0.2,
                "isTightIso": track < 0.05,
            },
        ),
        "largeRJet": Collection(
            large.counts,
            _kinematics(large)
            | {"m": compact(large.mass), "D2": compact(rng.gamma(6.0, 0.25, len(large.pt)), 10)},
        ),
    }


def _truth_objects(events: Recorded, jets: Objects, *, simulated: bool) -> dict[str, Collection]:
    pt, eta, phi = coordinates(events.truth.p4)
    n = len(events)
    found = {}
    for name, kind in (("truth_elec", ELECTRON), ("truth_muon", MUON)):
        chosen = (events.truth.kind == kind) & events.truth.prompt & simulated
        values = {
            "pt": compact(pt[chosen], 10),
            "eta": compact(eta[chosen], 10),
            "phi": compact(phi[chosen], 10),
        }
        found[name] = Collection(chosen.sum(axis=1).astype(np.int32), values)
    empty = np.zeros(0, np.float32)
    for name in ("truth_tau", "truth_photon"):
        found[name] = Collection(np.zeros(n, np.int32), {"pt": empty, "eta": empty, "phi": empty})
    if simulated:
        columns = {"pt": jets.pt, "eta": jets.eta, "phi": jets.phi, "m": jets.mass}
        found["truth_jet"] = Collection(jets.counts, {name: compact(a, 9) for name, a in columns.items()})
    else:
        found["truth_jet"] = Collection(
            np.zeros(n, np.int32), dict.fromkeys(("pt", "eta", "phi", "m"), empty)
        )
    return found


def _factors(
    rng: np.random.Generator, events: Recorded, jets: Objects, *, simulated: bool
) -> dict[str, Array]:
    n = len(events)
    electrons = (events.truth.kind == ELECTRON).sum(axis=1).astype(np.float64)
    ones = np.ones(n, np.float32)
    names = (
        "PILEUP",
        "ELE",
        "MUON",
        "ElTRIGGER",
        "MuTRIGGER",
        "LepTRIGGER",
        "BTAG",
        "FTAG",
        "JVT",
        *_OTHER_FACTORS,
    )
    if not simulated:
        return {f"ScaleFactor_{name}": ones for name in names}
    el_trigger = scale_factors(rng, electrons > 0, 0.005)
    mu_trigger = scale_factors(rng, electrons < 4, 0.008)
    tagging = compact(scale_factors(rng, jets.counts.astype(np.float64), 0.02), 10)
    made: dict[str, Array] = {
        "PILEUP": compact(pileup_weights(rng, n), 10),
        "ELE": compact(scale_factors(rng, electrons, 0.01), 12),
        "MUON": compact(scale_factors(rng, 4.0 - electrons, 0.006), 12),
        "ElTRIGGER": compact(el_trigger, 12),
        "MuTRIGGER": compact(mu_trigger, 12),
        "LepTRIGGER": compact(el_trigger * mu_trigger, 12),
        "BTAG": tagging,
        "FTAG": tagging,
        "JVT": compact(scale_factors(rng, jets.counts.astype(np.float64), 0.01), 10),
    }
    return {f"ScaleFactor_{name}": made.get(name, ones) for name in names}


def _bookkeeping(conditions: Conditions, n: int) -> dict[str, Array]:
    dataset, totals, weights = conditions.dataset, conditions.totals, conditions.weights
    if dataset is None or totals is None or weights is None:
        doubles, floats = (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)
        weights = np.ones(n)
    else:
        doubles = (totals.num_events, totals.sum_of_weights, totals.sum_of_weights_squared)
        floats = (dataset.xsec, dataset.filteff, dataset.kfac)
    names = ("num_events", "sum_of_weights", "sum_of_weights_squared")
    constants: dict[str, Array] = {
        name: np.full(n, value) for name, value in zip(names, doubles, strict=True)
    }
    constants |= {
        name: np.full(n, value, np.float32)
        for name, value in zip(("xsec", "filteff", "kfac"), floats, strict=True)
    }
    return constants | {
        "mcWeight": weights.astype(np.float32),
        "channelNumber": conditions.channel,
        "eventNumber": conditions.number,
        "runNumber": conditions.run,
    }


def measure(rng: np.random.Generator, events: Recorded, conditions: Conditions) -> Table:
    """Return all branches of a file for events whose leptons are recorded.

    Parameters
    ----------
    rng
        source of random numbers
    events
        n events with four leptons each
    conditions
        the rest of what is known of them

    Returns
    -------
    Table
        float branches as float32 in GeV, mm and radians
    """
    n, simulated = len(events), conditions.dataset is not None
    quality = lepton_quality(rng, events)
    fired = triggers(rng, events, quality, conditions.year_2015)
    jets = scatter(rng, conditions.jets, conditions.b_jets, pt_min=20.0, pt_scale=30.0, relative_mass=0.12)
    missing = missing_momentum(rng, events.truth.invisible, jets)
    met = np.hypot(missing[:, 0], missing[:, 1])
    met_phi = np.arctan2(missing[:, 1], missing[:, 0])
    pt, eta = compact(events.pt, 13), compact(events.eta, 13)
    lepton: dict[str, Array] = {
        "type": events.truth.kind,
        "pt": pt,
        "eta": eta,
        "phi": compact(events.phi, 13),
        "e": measured_energy(events, pt.astype(np.float64), eta.astype(np.float64)).astype(np.float32),
        "charge": events.truth.charge,
        "ptvarcone30": compact(quality.ptvarcone30, 7),
        "topoetcone20": compact(quality.topoetcone20, 7),
        "z0": compact(quality.z0, 6),
        "d0": compact(quality.d0, 6),
        "d0sig": compact(quality.d0sig, 7),
        "isTightID": quality.tight,
        "isMediumID": quality.medium,
        "isLooseID": quality.loose,
        "isTightIso": quality.tight_iso,
        "isLooseIso": quality.loose_iso,
        "isTrigMatched": fired.matched,
    }
    scalars = _bookkeeping(conditions, n)
    scalars |= _factors(rng, events, jets, simulated=simulated)
    never = np.zeros(n, np.bool_)
    invisible = events.truth.invisible * simulated
    scalars |= {
        "TriggerMatch_DILEPTON": (fired.two_electrons | fired.two_muons).astype(np.float32),
        "trigML": never,
        "trigP": rng.random(n) < 0.01,
        "trigDT": rng.random(n) < 0.005,
        "trigT": rng.random(n) < 0.01,
        "trigE": fired.electron,
        "trigDM": fired.two_muons,
        "trigDE": fired.two_electrons,
        "trigM": fired.muon,
        "trigMET": met > 110.0,
        "met": compact(met),
        "met_phi": compact(met_phi),
        "met_mpx": compact(missing[:, 0]),
        "met_mpy": compact(missing[:, 1]),
        "truth_met": compact(np.hypot(invisible[:, 0], invisible[:, 1]), 10),
        "truth_met_phi": compact(np.arctan2(invisible[:, 1], invisible[:, 0]), 10),
    }
    collections = {"lep": Collection(np.full(n, 4, np.int32), {k: a.reshape(-1) for k, a in lepton.items()})}
    collections |= _jets(rng, jets, simulated=simulated)
    collections |= _minor_objects(rng, n)
    collections |= _truth_objects(events, jets, simulated=simulated)
    return Table(conditions.label, scalars, collections)
