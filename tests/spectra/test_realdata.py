"""Every value and bin of scans of real files equals that of a plain scan that shares no code with ours."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from femtobarn.base.records import Kind

from .comparing import record_of, require_equal
from .plain import Cuts, Rules, Where, read, scan
from .scanning import filled

pytestmark = pytest.mark.realdata

LITE = {
    "e": Where(
        "AnalysisElectronsAuxDyn.",
        mass="AnalysisElectronsAuxDyn.m",
        scale=1000,
        charge="AnalysisElectronsAuxDyn.charge",
        track="AnalysisElectronsAuxDyn.ptvarcone30_Nonprompt_All_MaxWeightTTVALooseCone_pt1000",
        calorimeter="AnalysisElectronsAuxDyn.topoetcone20",
    ),
    "m": Where("AnalysisMuonsAuxDyn.", mass=0.10566, scale=1000, charge="AnalysisMuonsAuxDyn.charge"),
    "j": Where(
        "AnalysisJetsAuxDyn.",
        mass="AnalysisJetsAuxDyn.m",
        scale=1000,
        dl1d="BTagging_AntiKt4EMPFlowAuxDyn.DL1dv01",
    ),
    "g": Where("AnalysisPhotonsAuxDyn.", mass="AnalysisPhotonsAuxDyn.m", scale=1000),
    "t": Where("AnalysisTauJetsAuxDyn.", mass="AnalysisTauJetsAuxDyn.m", scale=1000),
}
LITE_NUMBERS = {"weight": ("EventInfoAuxDyn.mcEventWeights", 0)}
NANO = {
    "e": Where(
        "Electron_", mass="Electron_mass", charge="Electron_charge", relative="Electron_pfRelIso03_all"
    ),
    "m": Where(
        "Muon_",
        mass="Muon_mass",
        charge="Muon_charge",
        relative="Muon_pfRelIso04_all",
        passes=("Muon_looseId", 1),
    ),
    "j": Where("Jet_", mass="Jet_mass", tag="Jet_btagDeepFlavB"),
    "g": Where("Photon_", mass="Photon_mass"),
    "t": Where("Tau_", mass="Tau_mass"),
}


def ntuple(*, energy: str, scale: float, kinds: str) -> dict[str, Where]:
    leptons = {
        letter: Where(
            "lep_", energy=f"lep_{energy}", scale=scale, only=("lep_type", number), charge="lep_charge"
        )
        for letter, number in (("e", 11), ("m", 13))
    }
    others = {"j": "jet_", "g": "photon_", "t": "tau_"}
    return leptons | {
        letter: Where(others[letter], energy=f"{others[letter]}{energy}", scale=scale)
        for letter in kinds
        if letter in others
    }


RECOMMENDED = (
    ("e", "m", 0.01, 0.0),
    ("j", "e", 0.2, 0.0),
    ("e", "j", 0.4, 10.0),
    ("j", "m", 0.2, 0.0),
    ("m", "j", 0.4, 10.0),
    ("g", "e", 0.4, 0.0),
    ("g", "m", 0.4, 0.0),
    ("j", "g", 0.4, 0.0),
)
LITE_RULES = {
    "all objects": Rules(),
    "subleading ones": Rules(subleading=1),
    "exact": Rules(subleading=2, exact=True),
    "taus": Rules(letters="emjgt", total=3),
    "tagged": Rules(letters="emjgb", tag=2.51, cuts={"j": Cuts(pt=20, eta=2.5)}, subleading=1, total=3),
    "isolated": Rules(
        cuts={
            "e": Cuts(pt=7, eta=2.47, crack=(1.37, 1.52), track=0.15, calorimeter=0.2),
            "m": Cuts(pt=6, eta=2.5),
            "j": Cuts(pt=20, eta=4.5),
            "g": Cuts(pt=15, eta=2.37, crack=(1.37, 1.52)),
        },
        overlap=RECOMMENDED,
        quantities=("mass", "os", "ss", "met"),
        balance=True,
    ),
    "limited": Rules(limits={"e": (0, 1), "j": (1, 8)}, kinds=(2, 3), counts=(1, 4)),
    "everything": Rules(
        letters="emjgtb",
        tag=1.5,
        cuts={"e": Cuts(pt=7, track=0.3), "j": Cuts(pt=20, eta=2.5), "g": Cuts(pt=10), "t": Cuts(pt=15)},
        overlap=(*RECOMMENDED, ("t", "e", 0.2, 0.0), ("j", "t", 0.2, 0.0)),
        quantities=("mass", "os", "ss", "met"),
        balance=True,
        subleading=1,
        total=3,
    ),
}


@pytest.mark.services
@pytest.mark.parametrize("name", LITE_RULES)
def test_physlite(name: str, realdata: Path) -> None:
    rules, path = LITE_RULES[name], realdata / "2024r-pp/PHYSLITE_example.root"
    scanned = record_of(rules, tag="dl1d", width=2.5)
    kinds = {letter: where for letter, where in LITE.items() if letter in rules.letters}
    plain = scan(read(path, "CollectionTree", kinds, LITE_NUMBERS), rules)
    (partial,) = filled("2024r-pp", scanned, path)
    assert partial.spectra is not None
    assert require_equal(partial.spectra, scanned, plain, weighed=True) > 20
    passed = partial.cutflow["final states"][0, :, 0]
    assert (passed[0], passed[-1]) == (plain.read, sum(map(len, plain.events.values())))


@pytest.mark.parametrize(
    ("name", "kind", "letters"),
    [("nano_dy", "mc", "emjgt"), ("nano_dimuon", "data", "emjgt"), ("nano_tt_v12", "mc", "emj")],
)
def test_nanoaod(name: str, kind: Kind, letters: str, realdata: Path) -> None:
    path = realdata / f"cms-nanoaod/{name}.root"
    rules = Rules(
        letters=letters + "b",
        tag=0.2,
        cuts={
            "e": Cuts(pt=5, relative=0.3),
            "m": Cuts(pt=3, relative=0.4),
            "j": Cuts(pt=25, eta=2.5),
            "g": Cuts(pt=8),
        },
        overlap=(("j", "e", 0.4, 0.0), ("j", "m", 0.4, 0.0)),
        quantities=("mass", "os", "ss", "met"),
        total=3,
        subleading=1,
    )
    scanned = record_of(rules, tag="jet.btag_deepflav")
    muons = scanned.objects[1].model_copy(update={"identification": "loose_id"})
    scanned = scanned.model_copy(update={"objects": (scanned.objects[0], muons, *scanned.objects[2:])})
    numbers = {"met": "MET_pt", "met_phi": "MET_phi"} | ({"weight": "genWeight"} if kind == "mc" else {})
    kinds = {letter: where for letter, where in NANO.items() if letter in letters}
    plain = scan(read(path, "Events", kinds, numbers), rules)
    (partial,) = filled("cms-nanoaod", scanned, path)
    assert partial.spectra is not None
    assert require_equal(partial.spectra, scanned, plain, weighed=kind == "mc") > 200


def test_a_collection_that_one_file_lacks_is_empty_in_that_file(realdata: Path) -> None:
    rules = Rules(letters="emjg", total=3)
    scanned = record_of(rules)
    lacking, having = (realdata / f"cms-nanoaod/{name}.root" for name in ("nano_tt_v12", "nano_dy"))
    weight = {"weight": "genWeight"}
    found = filled("cms-nanoaod", scanned, lacking, having)
    there = {"e": NANO["e"], "m": replace(NANO["m"], passes=None), "j": NANO["j"]}
    plain = {
        having: scan(read(having, "Events", there | {"g": NANO["g"]}, weight), rules),
        lacking: scan(read(lacking, "Events", there, weight), rules),
    }
    by_entries = {plain[path].read: path for path in (lacking, having)}
    for partial in found:
        path = by_entries[partial.header.stop]
        said = [words for words in partial.header.filled if words.startswith("photon: the file has no such")]
        assert bool(said) == (path == lacking)
        assert partial.spectra is not None
        require_equal(partial.spectra, scanned, plain[path], weighed=True)


def test_a_reduced_nanoaod_without_weights(realdata: Path) -> None:
    path = realdata / "cms-nanoaod/agc_open-data-example.root"
    rules = Rules(letters="em", quantities=("mass", "os", "ss"), cuts={"m": Cuts(pt=4)})
    scanned = record_of(rules)
    events = read(path, "Events", {"m": Where("Muon_", mass="Muon_mass", charge="Muon_charge")}, most=4000)
    plain = scan(events, rules)
    (partial,) = filled("cms-nanoaod", scanned, path, kind="data", max_events=4000)
    assert partial.spectra is not None
    assert require_equal(partial.spectra, scanned, plain, weighed=False) > 2000
    assert any(words.startswith("electron: the file has no such") for words in partial.header.filled)


NTUPLES = {
    "2020 A": ("2020e-13tev", "4lep/data_A*", "data"),
    "2020 B": ("2020e-13tev", "4lep/data_B*", "data"),
    "2020 C": ("2020e-13tev", "4lep/data_C*", "data"),
    "2020 D": ("2020e-13tev", "4lep/data_D*", "data"),
    "2020 Zee": ("2020e-13tev", "4lep/mc_361106*", "mc"),
    "2020 Ztautau": ("2020e-13tev", "4lep/mc_361108*", "mc"),
    "2020 ttbar": ("2020e-13tev", "4lep/mc_410000*", "mc"),
    "2025 D": ("2025e-13tev-beta", "exactly4lep/*data15_periodD*", "data"),
    "2025 Z'": ("2025e-13tev-beta", "2J2LMET30/*mc_301333*", "mc"),
    "2016 electrons": ("2016e-8tev", "4lep/skim.DataEgamma.root", "data"),
    "2016 muons": ("2016e-8tev", "4lep/skim.DataMuons.root", "data"),
    "2016 Zee": ("2016e-8tev", "4lep/*mc_147770*", "mc"),
    "2016 tautau": ("2016e-8tev", "exactly2lep/*mc_173045*", "mc"),
}
MET = {"2020e-13tev": ("met_et", 1000.0), "2016e-8tev": ("met_et", 1000.0), "2025e-13tev-beta": ("met", 1.0)}


@pytest.mark.parametrize("name", NTUPLES)
def test_ntuples(name: str, realdata: Path) -> None:
    release, pattern, kind = NTUPLES[name]
    (path,) = (realdata / release).glob(pattern)
    met, scale = MET[release]
    letters = "emj" if release == "2016e-8tev" else "emjg"
    rules = Rules(
        letters=letters,
        cuts={"e": Cuts(pt=10), "j": Cuts(pt=20)},
        quantities=("mass", "os", "ss", "met"),
        subleading=1,
        exact=name == "2020 C",
        overlap=RECOMMENDED[:5] if name == "2020 D" else (),
    )
    weights = {"2025e-13tev-beta": "ScaleFactor_PILEUP"}.get(release, "scaleFactor_PILEUP")
    numbers = {"met": met, "met_phi": "met_phi"}
    if kind == "mc":
        numbers |= {"generator": "mcWeight", "pileup": weights}
    tree = "analysis" if scale == 1 else "mini"
    objects = ntuple(energy="e" if scale == 1 else "E", scale=scale, kinds=letters)
    most = 400
    events = read(path, tree, objects, numbers, most)
    for _, own in events:
        own["met"] /= scale
        if kind == "mc":
            own["weight"] = own["generator"] * own["pileup"]
    scanned = record_of(rules, weight=("mc.generator", "mc.pileup"))
    (partial,) = filled(release, scanned, path, chunk_entries=100, max_events=most)
    assert partial.spectra is not None
    assert require_equal(partial.spectra, scanned, scan(events, rules), weighed=kind == "mc") > 50
