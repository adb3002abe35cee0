"""Formats beyond the ntuples for education: parts and joins of collections, energies, absent collections."""

from __future__ import annotations

import dataclasses
import math
import pickle
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot
from hypothesis import given, settings
from hypothesis import strategies as st

from femtobarn.base.errors import (
    BranchMissingError,
    BranchTypeError,
    DamagedError,
    FormatError,
    SettingsError,
    TreeMissingError,
    UnknownNameError,
)
from femtobarn.data.catalogue.names import RecognisedName, recognise
from femtobarn.data.columns import Column, list_trees, open_tree
from femtobarn.data.formats import Format, Join, Part, format_of, formats, register
from femtobarn.data.formats.detect import detect_format
from femtobarn.data.formats.reader import EventReader
from femtobarn.data.formats.table import parse_fields

from .memory_tree import MemoryTree, as_lists, lists, scalars

NANO = format_of("cms-nanoaod")
LITE = format_of("2024r-pp")
OLD = format_of("2020e-13tev")
FIRST = format_of("2016e-8tev")

FLOATS = st.floats(0.125, 500, width=32)
EVENTS = st.lists(
    st.lists(st.tuples(FLOATS, st.floats(-4, 4, width=32), st.sampled_from([11, 13])), max_size=4), max_size=6
)


def read(tree: MemoryTree, fmt: Format, *paths: str, start: int = 0) -> dict[str, list[Any]]:
    columns = EventReader(tree, fmt).read(paths, start, tree.entries)
    return {path: as_lists(column) for path, column in columns.items()}


@settings(deadline=None)
@given(EVENTS)
def test_electrons_and_muons_are_the_leptons_of_their_type(events: list[list[Any]]) -> None:
    tree = MemoryTree(
        {
            "lep_pt": lists([[1000 * x[0] for x in e] for e in events], "float64"),
            "lep_type": lists([[x[2] for x in e] for e in events], "uint32"),
            "lep_n": scalars([len(e) for e in events], "uint32"),
        },
        "mini",
    )
    for start in range(len(events) + 1):
        seen = read(tree, OLD, "electron.pt", "muon.pt", "lep.pt", start=start)
        for name, kind in (("electron", 11), ("muon", 13)):
            assert seen[f"{name}.pt"] == [
                [1000 * x[0] / 1000 for x in e if x[2] == kind] for e in events[start:]
            ]
        assert [len(e) for e in seen["lep.pt"]] == [len(e) for e in events[start:]]


@settings(deadline=None)
@given(EVENTS)
def test_leptons_are_electrons_then_muons(events: list[list[Any]]) -> None:
    of = {kind: [[x for x in e if x[2] == kind] for e in events] for kind in (11, 13)}
    columns: dict[str, Column] = {}
    for name, kind in (("Electron", 11), ("Muon", 13)):
        columns[f"n{name}"] = scalars([len(e) for e in of[kind]], "uint32")
        columns[f"{name}_pt"] = lists([[x[0] for x in e] for e in of[kind]])
        columns[f"{name}_eta"] = lists([[x[1] for x in e] for e in of[kind]])
    tree = MemoryTree(columns, entries=len(events))
    seen = read(tree, NANO, "lep.pt", "lep.type", "lep.e", "electron.e")
    both = [a + b for a, b in zip(of[11], of[13], strict=True)]
    assert seen["lep.pt"] == [[x[0] for x in e] for e in both]
    assert seen["lep.type"] == [[x[2] for x in e] for e in both]
    masses = {11: 0.000511, 13: 0.10566}
    energies = [math.sqrt((x[0] * math.cosh(x[1])) ** 2 + masses[x[2]] ** 2) for e in both for x in e]
    np.testing.assert_allclose([x for e in seen["lep.e"] for x in e], energies, rtol=1e-12)
    assert [len(e) for e in seen["electron.e"]] == [len(e) for e in of[11]]


def test_energies_use_the_mass_of_the_file_in_its_unit() -> None:
    tree = MemoryTree(
        {
            "AnalysisJetsAuxDyn.pt": lists([[50_000.0, 20_000.0], []]),
            "AnalysisJetsAuxDyn.eta": lists([[1.5, -0.5], []]),
            "AnalysisJetsAuxDyn.m": lists([[6_000.0, 4_000.0], []]),
        },
        "CollectionTree",
    )
    reader = EventReader(tree, LITE)
    found = reader.read(["jet.e", "jet.m"], 0, 2)
    expected = [math.hypot(50 * math.cosh(1.5), 6), math.hypot(20 * math.cosh(-0.5), 4)]
    np.testing.assert_allclose(found["jet.e"].content, expected, rtol=1e-15)
    assert found["jet.e"].content.dtype == np.float64
    assert as_lists(found["jet.m"]) == [[6.0, 4.0], []]
    assert reader.filled() == ()
    assert reader.resolve(["jet.e"]) == {
        "jet.e": ("AnalysisJetsAuxDyn.pt", "AnalysisJetsAuxDyn.eta", "AnalysisJetsAuxDyn.m")
    }
    assert LITE.branches("jet.e")[2] == "AnalysisJetsAuxDyn.m|AnalysisJetsAuxDyn:m"


def test_names_of_an_rntuple() -> None:
    tree = MemoryTree({f"AnalysisMuonsAuxDyn:{q}": lists([[2000.0]]) for q in ("pt", "charge")}, "EventData")
    assert read(tree, LITE, "muon.pt") == {"muon.pt": [[2.0]]}
    assert LITE.tree_in(["MetaData", "EventData"]) == "EventData"
    assert LITE.trees == ("CollectionTree", "EventData")
    with pytest.raises(TreeMissingError, match=r"'CollectionTree' or 'EventData' \(2024r-pp\).*'mini'"):
        LITE.tree_in(["mini"])


def test_a_file_with_an_rntuple(tmp_path: Path) -> None:
    path = tmp_path / "lite.root"
    values = [[20_000.0, 30_000.0], [], [5_000.0]]
    unit = [[1.0, -1.0], [], [1.0]]
    columns: dict[str, Any] = {"EventInfoAuxDyn:eventTypeBitmask": np.ones(3, np.uint32)}
    for q, numbers in {"pt": values, "eta": unit, "phi": unit, "charge": unit}.items():
        columns[f"AnalysisMuonsAuxDyn:{q}"] = ak.values_astype(ak.Array(numbers), np.float32)
    columns["AnalysisJetsAuxDyn:pt"] = columns["AnalysisMuonsAuxDyn:pt"]
    with uproot.recreate(path) as file:
        file.mkrntuple("EventData", columns)
    fmt = detect_format(path)
    with open_tree(path, fmt.tree_in(list_trees(path))) as tree:
        reader = EventReader(tree, fmt)
        seen = reader.read(["muon.pt", "muon.charge", "muon.e"], 0, 3)
        assert reader.facts().kind == "mc"
    assert as_lists(seen["muon.pt"]) == [[20.0, 30.0], [], [5.0]]
    assert as_lists(seen["muon.charge"]) == [[1, -1], [], [1]]
    np.testing.assert_allclose(
        seen["muon.e"].content, np.hypot(np.array([20, 30, 5]) * math.cosh(1), 0.10566), rtol=1e-15
    )


def muons_only() -> MemoryTree:
    return MemoryTree({"nMuon": scalars([1, 0], "uint32"), "Muon_pt": lists([[5.0], []])})


def test_an_absent_collection_is_empty_and_reported() -> None:
    reader = EventReader(muons_only(), NANO)
    assert reader.resolve(["electron.pt", "lep.pt", "jet.btag_deepflav"]) == {
        "electron.pt": (),
        "lep.pt": ("Muon_pt",),
        "jet.btag_deepflav": (),
    }
    columns = reader.read(["electron.pt", "electron.tight_id", "lep.pt", "lep.type", "jet.e"], 0, 2)
    assert as_lists(columns["electron.pt"]) == [[], []]
    assert columns["electron.tight_id"].content.dtype == np.bool_
    assert as_lists(columns["lep.type"]) == [[13], []]
    assert as_lists(columns["lep.pt"]) == [[5.0], []]
    assert [text.split(":")[0] for text in reader.filled()] == ["electron", "jet"]


def test_a_missing_field_of_a_present_collection_is_an_error() -> None:
    reader = EventReader(muons_only(), NANO)
    with pytest.raises(BranchMissingError, match=r"'Muon_charge' for muon\.charge"):
        reader.resolve(["muon.charge"])
    with pytest.raises(BranchMissingError, match=r"'Muon_charge' for muon\.charge"):
        reader.resolve(["lep.charge"])
    assert all(text.startswith("electron:") for text in reader.filled())
    counted = MemoryTree(
        {"nMuon": scalars([1], "uint32"), "Muon_pt": lists([[5.0]]), "nTau": scalars([0], "int32")}
    )
    with pytest.raises(BranchMissingError, match="'Tau_pt'"):
        EventReader(counted, NANO).resolve(["tau.pt"])


def test_a_collection_that_must_be_there_is_not_empty() -> None:
    tree = MemoryTree({"lep_pt": lists([[5.0]])}, "mini")
    with pytest.raises(BranchMissingError, match="'jet_pt'"):
        EventReader(tree, OLD).read(["jet.pt"], 0, 1)


def test_masses_that_are_taken_are_reported() -> None:
    tree = MemoryTree({"Photon_pt": lists([[5.0], []]), "Photon_eta": lists([[0.5], []])})
    reader = EventReader(tree, NANO)
    energy = reader.read(["photon.e"], 0, 2)["photon.e"]
    np.testing.assert_allclose(energy.content, [5 * math.cosh(0.5)], rtol=1e-15)
    assert reader.filled() == ("photon.e: no mass of each object, all are 0 GeV",)
    tree = MemoryTree({"Jet_pt": lists([[5.0]]), "Jet_eta": lists([[0.5]])})
    with pytest.raises(BranchMissingError, match="'Jet_mass'"):
        EventReader(tree, NANO).resolve(["jet.e"])


def test_decisions_stored_as_numbers_of_any_width() -> None:
    for dtype in ("int32", "uint8"):
        tree = MemoryTree(
            {"Electron_cutBased": lists([[0, 2], [4]], dtype), "Electron_pt": lists([[1, 2], [3]])}
        )
        seen = read(tree, NANO, "electron.loose_id", "electron.tight_id")
        assert seen == {
            "electron.loose_id": [[False, True], [True]],
            "electron.tight_id": [[False, False], [True]],
        }
    tree = MemoryTree({"lep_trigMatched": lists([[0, 3]], "uint16")}, "mini")
    assert read(tree, FIRST, "lep.trigger_matched") == {"lep.trigger_matched": [[False, True]]}


def test_the_first_of_many_weights() -> None:
    name = "EventInfoAuxDyn.mcEventWeights"
    tree = MemoryTree({name: lists([[2.5, 1.0], [3.5, 9.0]])}, "CollectionTree")
    assert read(tree, LITE, "mc.generator") == {"mc.generator": [2.5, 3.5]}
    tree = MemoryTree({name: lists([[2.5], []])}, "CollectionTree")
    with pytest.raises(DamagedError, match="in entry 1 there is none"):
        read(tree, LITE, "mc.generator")
    tree = MemoryTree({name: scalars([1.0])}, "CollectionTree")
    with pytest.raises(BranchTypeError, match="a list of float32"):
        read(tree, LITE, "mc.generator")


def test_members_must_agree_within_a_collection() -> None:
    tree = MemoryTree(
        {
            "Muon_pt": lists([[5.0, 6.0], []]),
            "Muon_eta": lists([[0.5], [0.5]]),
            "Muon_mass": lists([[0.1, 0.1], []]),
        }
    )
    with pytest.raises(DamagedError, match=r"in entry 0 'Muon_pt' tells of 2 objects, 'Muon_eta' of 1"):
        read(tree, NANO, "lep.e")


@pytest.mark.parametrize(
    ("fmt", "columns", "kind", "dataset"),
    [
        (OLD, {"channelNumber": 361106, "runNumber": 284500}, "mc", 361106),
        (OLD, {"channelNumber": 300415, "runNumber": 300415}, "data", None),
        (OLD, {"channelNumber": 361106}, None, 361106),
        (NANO, {"run": 1, "genWeight": 2}, "mc", None),
        (NANO, {"run": 315267}, "data", None),
        (NANO, {"run": 1}, None, None),
        (NANO, {"nMuon": 1}, None, None),
        (LITE, {"EventInfoAuxDyn.eventTypeBitmask": 1, "EventInfoAuxDyn.runNumber": 300000}, "mc", None),
        (LITE, {"EventInfoAuxDyn.eventTypeBitmask": 0, "EventInfoAuxDyn.mcChannelNumber": 0}, "data", None),
        (LITE, {"EventInfoAuxDyn.runNumber": 300000}, None, None),
    ],
)
def test_data_or_simulation(
    fmt: Format, columns: dict[str, int], kind: str | None, dataset: int | None
) -> None:
    dtypes = {"genWeight": "float32"}
    tree = MemoryTree({n: scalars([v, v], dtypes.get(n, "uint32")) for n, v in columns.items()}, fmt.tree)
    facts = EventReader(tree, fmt).facts()
    assert (facts.kind, facts.dataset) == (kind, dataset)


@pytest.mark.parametrize(
    ("fmt", "columns", "kind"),
    [
        (OLD, ("channelNumber", "runNumber"), None),
        (NANO, ("run", "genWeight"), "mc"),
        (NANO, ("run",), "data"),
    ],
)
def test_facts_of_no_events(fmt: Format, columns: tuple[str, ...], kind: str | None) -> None:
    tree = MemoryTree(
        {n: scalars([], "float32" if n == "genWeight" else "uint32") for n in columns}, fmt.tree
    )
    facts = EventReader(tree, fmt).facts()
    assert (facts.entries, facts.kind, facts.channel, facts.run) == (0, kind, None, None)


@pytest.mark.realdata
def test_facts_of_real_files(realdata: Path) -> None:
    expected = {
        "2016e-8tev/4lep/skim.DataMuons.root": ("data", None, 207490),
        "2016e-8tev/4lep/skim.mc_147770.Zee.root": ("mc", 147770, 195848),
        "2024r-pp/PHYSLITE_example.root": ("mc", 700322, 300000),
        "cms-nanoaod/agc_open-data-example.root": (None, None, None),
        "cms-nanoaod/nano_dimuon.root": ("data", None, 315267),
        "cms-nanoaod/nano_tt_v12.root": ("mc", None, 1),
    }
    for name, wanted in expected.items():
        fmt = detect_format(realdata / name)
        with open_tree(realdata / name, fmt.tree_in(list_trees(realdata / name))) as tree:
            facts = EventReader(tree, fmt).facts()
        assert (facts.kind, facts.dataset, facts.run) == wanted, name


@pytest.mark.realdata
def test_energies_of_real_files_by_another_way(realdata: Path) -> None:
    path = realdata / "cms-nanoaod/nano_tt_v12.root"
    with open_tree(path, "Events") as tree, uproot.open({str(path): "Events"}) as plain:
        reader = EventReader(tree, NANO)
        columns = reader.read(["lep.e", "lep.charge", "jet.e", "photon.e", "tau.charge"], 0, 200)
        reported = reader.filled()
        raw = {
            c: ak.values_astype(
                ak.zip({q: plain[f"{c}_{q}"].array() for q in ("pt", "eta", "mass")}), np.float64
            )
            for c in ("Electron", "Muon", "Jet")
        }
    energies = {c: np.sqrt((v.pt * np.cosh(v.eta)) ** 2 + v.mass**2) for c, v in raw.items()}
    leptons = ak.concatenate([energies["Electron"], energies["Muon"]], axis=1)
    np.testing.assert_allclose(columns["lep.e"].content, ak.flatten(leptons), rtol=1e-12)
    np.testing.assert_array_equal(np.diff(columns["lep.e"].offsets), ak.num(leptons))
    np.testing.assert_array_equal(columns["lep.e"].offsets, columns["lep.charge"].offsets)
    np.testing.assert_allclose(columns["jet.e"].content, ak.flatten(energies["Jet"]), rtol=1e-12)
    assert columns["photon.e"].entries == columns["tau.charge"].entries == 200
    assert len(reported) == 2


@pytest.mark.realdata
def test_jets_of_2016_are_all_in_the_lists(realdata: Path) -> None:
    path = realdata / "2016e-8tev/4lep/skim.DataMuons.root"
    with open_tree(path) as tree, uproot.open({str(path): "mini"}) as plain:
        jets = EventReader(tree, FIRST).read(["jet.pt"], 0, tree.entries)["jet.pt"]
        np.testing.assert_array_equal(np.diff(jets.offsets), plain["alljet_n"].array())
        assert ak.any(plain["alljet_n"].array() != plain["jet_n"].array())


FIELDS_OF_MINE = parse_fields("""
lep.pt   | pt   | float | MeV |
lep.eta  | eta  | float |     |
lep.e    |      | mass  | GeV | fill=0.1
lep.type | kind | int   |     |
met.pt   | met  | float | GeV | fill=7.5
lep.z0   | z0   | float | mm  | fill=-1
""")


def test_stated_values_are_filled() -> None:
    fmt = Format("mine", "t", FIELDS_OF_MINE, parts={"muon": Part("lep", "lep.type", 13)})
    tree = MemoryTree(
        {
            "pt": lists([[3000.0], [4000.0, 5000.0]]),
            "eta": lists([[0], [0, 0]]),
            "kind": lists([[13], [11, 13]], "int32"),
        },
        "t",
    )
    reader = EventReader(tree, fmt)
    columns = reader.read(["met.pt", "lep.z0", "muon.z0", "muon.e"], 0, 2)
    assert as_lists(columns["met.pt"]) == [7.5, 7.5]
    assert as_lists(columns["lep.z0"]) == [[-1.0], [-1.0, -1.0]]
    assert as_lists(columns["muon.z0"]) == [[-1.0], [-1.0]]
    np.testing.assert_allclose(columns["muon.e"].content, np.hypot([3, 5], 0.1), rtol=1e-15)
    assert reader.filled() == ("met.pt: 7.5", "lep.z0: -1", "lep.e: no mass of each object, all are 0.1 GeV")
    assert reader.resolve(["met.pt"]) == {"met.pt": ()}


def test_formats_that_contradict_themselves_are_refused() -> None:
    def made(**change: Any) -> Format:
        return dataclasses.replace(Format("mine", "t", FIELDS_OF_MINE), **change)

    with pytest.raises(SettingsError, match="either in the files or made of others"):
        made(parts={"lep": Part("lep", "lep.type", 13)})
    with pytest.raises(SettingsError, match=r"'jet\.pt', of whose collection"):
        made(parts={"muon": Part("jet", "lep.type", 13)})
    with pytest.raises(UnknownNameError, match=r"lep\.charge"):
        made(parts={"muon": Part("lep", "lep.charge", 13)})
    with pytest.raises(UnknownNameError, match="field of 'lep' in the files of mine"):
        made(parts={"muon": Part("lep", "met.pt", 13)})
    with pytest.raises(UnknownNameError, match="field of 'muon'"):
        made(joins={"muon": Join((("lep", 13),), "lep.type")})
    with pytest.raises(SettingsError, match="numbers of 64 bits"):
        made(joins={"electron": Join((("lep", 2**63),), "electron.charge")})
    with pytest.raises(UnknownNameError, match="Did you mean 'photon'"):
        made(may_lack=("photons",))
    for line, text in {
        "jet.e | m | mass | GeV |": r"have jet\.pt too",
        "jet.pt | m | mass | GeV |": "'mass' for an energy",
        "jet.pt | m | float | GeV | least=2": "'at_least' for a decision",
        "jet.pt | m | float | GeV | first": "'first' for one value per event",
        "jet.pt | | float | GeV |": "at least one branch",
        "jet.pt | m | float | GeV | fill=two": r"field \| branch \| type",
        "met.pt | m | float | GeV | fill=nan": "expected a finite 'fill'",
        "run | r | int | | fill=0.5": "fits a field of kind int",
        "jet.pt | m | float | GeV | maybe": r"field \| branch \| type",
    }.items():
        with pytest.raises(SettingsError, match=text):
            Format("mine", "t", parse_fields(line))


@pytest.mark.parametrize("name", formats())
def test_processes_can_hand_formats_to_each_other(name: str) -> None:
    fmt = format_of(name)
    again = pickle.loads(pickle.dumps(fmt))
    assert again == fmt
    assert (again.digest, again.paths) == (fmt.digest, fmt.paths)


def test_formats_that_are_handed_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("femtobarn.data.formats.registry._handed_in", {})
    mine = Format("mine", "mini", FIELDS_OF_MINE, tell_tales=("pt",))
    register(mine)
    assert formats()[-1] == "mine"
    assert format_of("mine") is mine
    register(dataclasses.replace(mine, version=2))
    assert format_of("mine").version == 2
    with pytest.raises(SettingsError, match=r"'2020e-13tev' is the name of a known one"):
        register(dataclasses.replace(mine, release="2020e-13tev"))
    path = tmp_path / "mine.root"
    with uproot.recreate(path) as file:
        file.mktree("mini", {"pt": np.dtype("f4")}).extend({"pt": np.ones(3, np.float32)})
    assert detect_format(path).release == "mine"


def test_a_file_of_no_known_format(tmp_path: Path) -> None:
    path = tmp_path / "other.root"
    with uproot.recreate(path) as file:
        file.mktree("mini", {"pt": np.dtype("f4")}).extend({"pt": np.ones(3, np.float32)})
    with pytest.raises(
        FormatError, match=r"2016e-8tev needs the branch 'lep_flag' in tree 'mini'.*'EventData'"
    ):
        detect_format(path)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("DataEgamma.root", RecognisedName("2016e-8tev", "noskim", "data", period="DataEgamma")),
        ("a/skim.DataMuons.root", RecognisedName("2016e-8tev", "skim", "data", period="DataMuons")),
        ("mc_117050.ttbar_lep.root", RecognisedName("2016e-8tev", "noskim", "mc", dsid=117050)),
        (
            "exactly2lep.mc_173045.DYtautauM08to15.root",
            RecognisedName("2016e-8tev", "exactly2lep", "mc", dsid=173045),
        ),
        ("mc_410000.ttbar_lep.4lep.root", RecognisedName("2020e-13tev", "4lep", "mc", dsid=410000)),
        ("mc_410000.ttbar_lep.root", None),
        ("DataPhotons.root", None),
        ("DAOD_PHYSLITE.37000000._000001.pool.root.1", None),
    ],
)
def test_names_of_files(name: str, expected: RecognisedName | None) -> None:
    assert recognise(name) == expected
