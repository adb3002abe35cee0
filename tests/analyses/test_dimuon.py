"""The analyses that run on every release, on real files, against plain uproot and NumPy."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot

from femtobarn.base.records import AnalysisSpec, Kind
from femtobarn.data.columns import list_trees, open_tree
from femtobarn.data.formats.detect import detect_format
from femtobarn.data.formats.reader import EventReader
from femtobarn.physics.analyses.find import find_analysis
from femtobarn.physics.language.evaluate import ChunkResult, evaluate
from femtobarn.physics.language.program import required_fields

FILES = (
    "2016e-8tev/4lep/skim.DataMuons.root",
    "2016e-8tev/4lep/skim.mc_147770.Zee.root",
    "2020e-13tev/4lep/data_D.4lep.root",
    "2020e-13tev/4lep/mc_361106.Zee.4lep.root",
    "2025e-13tev-beta/exactly4lep/ODEO_FEB2025_v0_exactly4lep_data15_periodD.exactly4lep.root",
    "2024r-pp/PHYSLITE_example.root",
    "cms-nanoaod/nano_dimuon.root",
    "cms-nanoaod/nano_dy.root",
    "cms-nanoaod/nano_tt_v12.root",
    "cms-nanoaod/agc_open-data-example.root",
)
MUON = 0.10566


def evaluated(name: str, path: Path, kind: Kind) -> tuple[AnalysisSpec, ChunkResult]:
    fmt = detect_format(path)
    spec = find_analysis(name).freeze(release=fmt.release)
    with open_tree(path, fmt.tree_in(list_trees(path))) as tree:
        columns = EventReader(tree, fmt).read(required_fields(spec, kind), 0, tree.entries)
        return spec, evaluate(spec, kind, columns, tree.entries)


def kind_of(path: str) -> Kind:
    return "mc" if any(word in path for word in ("mc_", "_dy", "_tt", "PHYSLITE")) else "data"


class Plain:
    """Muons, electrons and jets of a file by uproot alone, in GeV."""

    def __init__(self, path: Path) -> None:
        file = uproot.open(path)
        name = next(n for n in ("mini", "analysis", "CollectionTree", "Events") if n in file)
        self.tree = file[name]
        self.name = name

    def array(self, branch: str) -> Any:
        values = self.tree[branch].array()
        return ak.values_astype(values, np.float64)

    def muons(self) -> Any:
        """Return pt, eta, phi, e and charge."""
        if self.name == "CollectionTree":
            part = {q: self.array(f"AnalysisMuonsAuxDyn.{q}") for q in ("pt", "eta", "phi", "charge")}
            part["pt"] = part["pt"] / 1000
            return ak.zip(part | {"e": np.sqrt((part["pt"] * np.cosh(part["eta"])) ** 2 + MUON**2)})
        if self.name == "Events":
            part = {q: self.array(f"Muon_{q}") for q in ("pt", "eta", "phi", "mass", "charge")}
            return ak.zip(part | {"e": np.sqrt((part["pt"] * np.cosh(part["eta"])) ** 2 + part["mass"] ** 2)})
        part = {q: self.array(f"lep_{q}") for q in ("pt", "eta", "phi", "charge")}
        scale = 1000 if self.name == "mini" else 1
        part["e"] = self.array("lep_E" if self.name == "mini" else "lep_e") / scale
        part["pt"] = part["pt"] / scale
        return ak.zip(part)[self.array("lep_type") == 13]

    def counts(self) -> dict[str, Any]:
        """Return the numbers of objects per event."""
        keys = set(self.tree.keys())
        if self.name == "CollectionTree":
            names = {
                "electron": "Electrons",
                "muon": "Muons",
                "jet": "Jets",
                "photon": "Photons",
                "tau": "TauJets",
            }
            return {n: ak.num(self.array(f"Analysis{x}AuxDyn.pt")) for n, x in names.items()}
        if self.name == "Events":
            names = {"electron": "Electron", "muon": "Muon", "jet": "Jet", "photon": "Photon", "tau": "Tau"}
            none = np.zeros(self.tree.num_entries)
            return {n: self.array(f"n{x}") if f"{x}_pt" in keys else none for n, x in names.items()}
        kinds = self.array("lep_type")
        counts = {"electron": ak.sum(kinds == 11, axis=1), "muon": ak.sum(kinds == 13, axis=1)}
        counts["jet"] = ak.num(self.array("jet_pt"))
        return counts | {n: self.array(f"{n}_n") for n in ("photon", "tau") if f"{n}_n" in keys}

    def weights(self, kind: Kind) -> Any:
        if kind == "data":
            return np.ones(self.tree.num_entries)
        if self.name == "CollectionTree":
            return self.array("EventInfoAuxDyn.mcEventWeights")[:, 0]
        return self.array("genWeight" if self.name == "Events" else "mcWeight")


def masses(muons: Any) -> Iterator[tuple[int, float]]:
    """Give the event and mass of each pair of opposite charge, from sums of momenta."""
    for entry, event in enumerate(muons.tolist()):
        for a, b in combinations(event, 2):
            if a["charge"] + b["charge"] == 0:
                p = [
                    sum(m["pt"] * f(m) for m in (a, b))
                    for f in (
                        lambda m: np.cos(m["phi"]),
                        lambda m: np.sin(m["phi"]),
                        lambda m: np.sinh(m["eta"]),
                    )
                ]
                square = (a["e"] + b["e"]) ** 2 - sum(x * x for x in p)
                yield entry, np.copysign(np.sqrt(abs(square)), square)


@pytest.mark.realdata
@pytest.mark.parametrize("file", FILES[:-1], ids=lambda f: Path(f).stem[-20:])
def test_masses_of_all_pairs(realdata: Path, file: str) -> None:
    kind = kind_of(file)
    _, result = evaluated("dimuon", realdata / file, kind)
    fill = result.fill("nominal", "opposite sign", "m_mumu")
    plain = Plain(realdata / file)
    expected = list(masses(plain.muons()))
    assert len(fill.values[0]) == len(expected)
    found = [m for _, m in expected]
    np.testing.assert_allclose(fill.values[0], found, rtol=1e-9, atol=1e-9)
    weights = np.asarray(plain.weights(kind))[[entry for entry, _ in expected]]
    np.testing.assert_array_equal(fill.weight, weights)


@pytest.mark.realdata
def test_a_hundred_thousand_events_of_cms(realdata: Path) -> None:
    path = realdata / FILES[-1]
    _, result = evaluated("dimuon", path, "data")
    fill = result.fill("nominal", "opposite sign", "m_mumu")
    muons = Plain(path).muons()
    a, b = ak.unzip(ak.combinations(muons, 2))
    chosen = a.charge + b.charge == 0
    a, b = a[chosen], b[chosen]
    px, py = (a.pt * f(a.phi) + b.pt * f(b.phi) for f in (np.cos, np.sin))
    pz = a.pt * np.sinh(a.eta) + b.pt * np.sinh(b.eta)
    square = ak.to_numpy(ak.flatten((a.e + b.e) ** 2 - px**2 - py**2 - pz**2))
    expected = np.copysign(np.sqrt(abs(square)), square)
    assert len(expected) > 50_000
    # muons in one direction: the mass is a small difference of large energies
    total = ak.to_numpy(ak.flatten(a.e + b.e))
    mass = fill.values[0]
    assert np.all(np.abs(mass * np.abs(mass) - square) < 1e-12 * total**2)
    np.testing.assert_allclose(fill.values[0][expected > 0.5], expected[expected > 0.5], rtol=1e-9)
    counts = {
        low: int(np.sum((mass > low) & (mass < high)))
        for low, high in ((3.0, 3.2), (3.3, 3.5), (86, 96), (70, 80))
    }
    assert counts[3.0] > 2 * counts[3.3], "the J/psi stands out"
    assert counts[86] > 5 * counts[70], "the Z stands out"


@pytest.mark.realdata
@pytest.mark.parametrize("file", FILES, ids=lambda f: Path(f).stem[-20:])
def test_numbers_of_objects(realdata: Path, file: str) -> None:
    kind = kind_of(file)
    spec, result = evaluated("objects", realdata / file, kind)
    plain = Plain(realdata / file)
    counted = plain.counts()
    names = {h.name: h.selections[0] for h in spec.histograms}
    assert {n for n in names if n.startswith("n_")} == {f"n_{n}" for n in counted} | {"n_lep"}
    for name, expected in (counted | {"lep": counted["electron"] + counted["muon"]}).items():
        fill = result.fill("nominal", names[f"n_{name}"], f"n_{name}")
        np.testing.assert_array_equal(fill.values[0], expected)
        np.testing.assert_array_equal(fill.weight, plain.weights(kind))


def test_the_analysis_is_one_for_all_releases() -> None:
    specs = [
        find_analysis("dimuon").freeze(release=r)
        for r in ("2016e-8tev", "2020e-13tev", "2025e-13tev-beta", "2024r-pp", "cms-nanoaod")
    ]
    assert len({spec.model_dump_json(exclude={"release", "inputs"}) for spec in specs}) == 1
    (axis,) = specs[0].histograms[0].axes
    steps = np.diff(np.log(axis.edges))
    assert (len(axis.edges), axis.edges[0], axis.edges[-1]) == (301, 2, 120)
    np.testing.assert_allclose(steps, steps.mean(), rtol=1e-4)
