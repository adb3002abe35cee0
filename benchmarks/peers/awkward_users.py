"""``awkward_users.py OUT NAME FILES...``: the analyses of ``benchmarks/analyses`` as notebooks write them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import awkward as ak
import numpy as np
import uproot
from answer import write_answer
from numpy.typing import NDArray

Filled = tuple[int, dict[str, NDArray[np.float64]]]
KINEMATICS = ("pt", "eta", "phi", "e")


def objects(events: Any, name: str, more: tuple[str, ...]) -> Any:
    """Return the objects of one collection as records, kinematics in double precision."""
    wide = {field: ak.values_astype(events[f"{name}_{field}"], np.float64) for field in KINEMATICS}
    return ak.zip(wide | {field: events[f"{name}_{field}"] for field in more})


def total(*members: Any) -> tuple[Any, Any]:
    """Return mass and transverse momentum of the sum of objects."""
    px = sum(m.pt * np.cos(m.phi) for m in members)
    py = sum(m.pt * np.sin(m.phi) for m in members)
    pz = sum(m.pt * np.sinh(m.eta) for m in members)
    e = sum(m.e for m in members)
    square = e**2 - px**2 - py**2 - pz**2
    return np.sign(square) * np.sqrt(abs(square)), np.sqrt(px**2 + py**2)


def nearest(mass: Any, other: Any, target: float) -> tuple[Any, Any]:
    """Return mass and its companion of the candidate nearest to ``target``; None without candidates."""
    chosen = ak.argmin(abs(mass - target), axis=1, keepdims=True)
    return ak.firsts(mass[chosen]), ak.firsts(other[chosen])


def weights(events: Any, names: tuple[str, ...]) -> NDArray[np.float64]:
    product = np.ones(len(events))
    for name in names:
        product = product * ak.to_numpy(events[name]).astype(np.float64)
    return product


def fill(values: Any, bins: int, low: float, high: float, weight: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.histogram(ak.to_numpy(values), np.linspace(low, high, bins + 1), weights=weight)[0]


def dimuon_z(events: Any) -> Filled:
    lep = objects(events, "lep", ("charge", "type", "isLooseIso"))
    muon = lep[(lep["type"] == 13) & (lep.pt > 15) & (abs(lep.eta) < 2.5) & lep.isLooseIso]
    pairs = ak.combinations(muon, 2, fields=["a", "b"])
    pairs = pairs[pairs.a.charge + pairs.b.charge == 0]
    mass, pt = nearest(*total(pairs.a, pairs.b), 91.2)
    passed = ak.fill_none((events.trigM | events.trigE) & (mass > 60) & (mass < 120), value=False)
    weight = weights(events[passed], ("mcWeight", "ScaleFactor_PILEUP", "ScaleFactor_MUON"))
    return len(weight), {
        "mass": fill(mass[passed], 60, 60, 120, weight),
        "pt": fill(pt[passed], 50, 0, 200, weight),
    }


def jets_met(events: Any) -> Filled:
    events = events[ak.max(events.lep_pt, axis=1) > 30]
    jet = objects(events, "jet", ("jvt",))
    jet = jet[(jet.pt > 25) & (abs(jet.eta) < 2.4) & jet.jvt]
    ht = ak.sum(jet.pt, axis=1)
    passed = (ak.num(jet) >= 2) & (events.met > 30) & (ht > 80)
    events, ht = events[passed], ht[passed]
    leading = ak.firsts(ak.argsort(events.lep_pt, axis=1, ascending=False, stable=True)[:, :1])
    index = ak.local_index(events.lep_pt)
    lepton = {f: ak.firsts(events[f"lep_{f}"][index == leading]) for f in ("pt", "phi")}
    pt, phi = (ak.to_numpy(lepton[f]).astype(np.float64) for f in ("pt", "phi"))
    met, met_phi = (ak.to_numpy(events[n]).astype(np.float64) for n in ("met", "met_phi"))
    mt = np.sqrt(2 * pt * met * (1 - np.cos(phi - met_phi)))
    weight = weights(events, ("mcWeight", "ScaleFactor_PILEUP", "ScaleFactor_JVT"))
    return len(weight), {"mt": fill(mt, 50, 0, 250, weight), "ht": fill(ht, 50, 0, 500, weight)}


def three_jets(events: Any) -> Filled:
    jet = objects(events, "jet", ("btag_quantile",))
    jet = jet[(jet.pt > 20) & (abs(jet.eta) < 2.5)]
    tagged = ak.any(jet.btag_quantile >= 4, axis=1)
    jet, events = jet[tagged], events[tagged]
    three = ak.combinations(jet, 3, fields=["a", "b", "c"])
    mass, pt = nearest(*total(three.a, three.b, three.c), 172.5)
    passed = ak.fill_none((mass > 100) & (mass < 250), value=False)
    weight = weights(events[passed], ("mcWeight", "ScaleFactor_PILEUP", "ScaleFactor_BTAG"))
    return len(weight), {
        "mass": fill(mass[passed], 50, 100, 250, weight),
        "pt": fill(pt[passed], 50, 0, 400, weight),
    }


LEPTONS = ["lep_pt", "lep_eta", "lep_phi", "lep_e"]
JETS = ["jet_pt", "jet_eta", "jet_phi", "jet_e"]
COMMON = ["mcWeight", "ScaleFactor_PILEUP"]
ANALYSES: dict[str, tuple[Callable[[Any], Filled], list[str]]] = {
    "dimuon_z": (
        dimuon_z,
        [*LEPTONS, "lep_charge", "lep_type", "lep_isLooseIso", "trigE", "trigM", "ScaleFactor_MUON", *COMMON],
    ),
    "jets_met": (
        jets_met,
        [*JETS, "jet_jvt", "lep_pt", "lep_phi", "met", "met_phi", "ScaleFactor_JVT", *COMMON],
    ),
    "three_jets": (three_jets, [*JETS, "jet_btag_quantile", "ScaleFactor_BTAG", *COMMON]),
}


def main() -> None:
    out, name, *files = sys.argv[1:]
    analyse, branches = ANALYSES[name]
    count, histograms = 0, {}
    for path in files:
        for events in uproot.iterate(f"{path}:analysis", branches, step_size=100_000):
            n, filled = analyse(events)
            count += n
            histograms = {k: histograms.get(k, 0.0) + v for k, v in filled.items()}
    write_answer(out, {"nominal": count}, {k: {"nominal": v} for k, v in histograms.items()})


if __name__ == "__main__":
    main()
