from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot

from femtobarn.base.errors import (
    BranchMissingError,
    BranchTypeError,
    DamagedError,
    FormatError,
    SettingsError,
    UnknownNameError,
    UsageError,
)
from femtobarn.base.units import parse_unit
from femtobarn.data.columns import Column, open_tree
from femtobarn.data.formats import FIELDS, FieldSource, FileFacts, Format, format_of, formats
from femtobarn.data.formats.awkward_view import to_awkward
from femtobarn.data.formats.detect import detect_format
from femtobarn.data.formats.reader import EventReader
from femtobarn.data.formats.table import parse_fields

from .files import events, jagged, write

NEW = format_of("2025e-13tev-beta")
OLD = format_of("2020e-13tev")


def read(path: Path, paths: list[str], fmt: Format = NEW) -> dict[str, Column]:
    with open_tree(path, fmt.tree) as tree:
        return EventReader(tree, fmt).read(paths, 0, tree.entries)


def changed(tmp_path: Path, **columns: Any) -> Path:
    return write(tmp_path / "changed.root", events() | columns)


NTUPLES = ("2016e-8tev", "2020e-13tev", "2025e-13tev-beta")


@pytest.mark.realdata
@pytest.mark.parametrize("release", formats())
def test_every_field_of_the_real_files_equals_plain_uproot(realdata: Path, release: str) -> None:
    folder = {"2024r-pp": "2024r-pp", "cms-nanoaod": "cms-nanoaod"}.get(release, f"{release}/*")
    files = sorted(realdata.glob(f"{folder}/*.root"))
    assert len(files) == {
        "2016e-8tev": 6,
        "2020e-13tev": 7,
        "2025e-13tev-beta": 2,
        "cms-nanoaod": 4,
        "2024r-hi": 0,
    }.get(release, 1)
    for path in files:
        fmt = detect_format(path)
        assert fmt.release == release
        with open_tree(path, fmt.tree) as tree, uproot.open({str(path): fmt.tree}) as plain:
            reader = EventReader(tree, fmt)
            needed = [p for p in fmt.fields if resolvable(reader, p)]
            lacking = {p for p, s in fmt.fields.items() if not s.optional} - set(needed)
            assert not lacking, path
            branches = reader.resolve(needed)
            if release in NTUPLES:
                optional = {b for s in fmt.fields.values() if s.optional for b in s.branches}
                known = {b for found in branches.values() for b in found} | set(fmt.counters.values())
                assert set(plain.keys()) <= known | optional | {"jet_n"}  # of 2016: a count of selected jets
            for field, column in reader.read(needed, 0, tree.entries).items():
                if branches[field] and not fmt.fields[field].from_mass:
                    check_field(fmt, field, column, plain, branches[field][0])


def resolvable(reader: EventReader, path: str) -> bool:
    try:
        reader.resolve([path])
    except (BranchMissingError, BranchTypeError):
        return False
    return True


def check_field(fmt: Format, field: str, column: Column, plain: Any, branch: str) -> None:
    source, model = fmt.fields[field], FIELDS[field]
    expected = plain[branch].array()
    if source.first:
        expected = expected[:, 0]
    if model.kind == "string":
        assert column.content.tobytes().decode() == "".join(expected.tolist())
        return
    assert column.content.dtype.name == {"float": "float64", "int": "int64", "bool": "bool"}[model.kind]
    values = ak.to_numpy(ak.flatten(expected, axis=None))
    if source.simulation_only and len(values) == 0:
        counts = plain[fmt.counters[str(model.collection)]].array(library="np")
        assert column.offsets is not None
        np.testing.assert_array_equal(np.diff(column.offsets), counts)
        empty = np.isnan(column.content) if model.kind == "float" else column.content == 0
        assert empty.all()
        return
    if model.kind == "bool":
        np.testing.assert_array_equal(column.content, values >= (source.at_least or 1))
    else:
        scale = parse_unit(source.unit).scale
        np.testing.assert_allclose(column.content, values.astype(np.float64) * scale, rtol=1e-15)
    if model.collection is not None:
        np.testing.assert_array_equal(np.diff(column.offsets), ak.num(expected))


@pytest.mark.realdata
@pytest.mark.parametrize(("period", "expected"), [("A", 27), ("B", 86), ("C", 146), ("D", 248)])
def test_published_counts_after_type_and_charge(realdata: Path, period: str, expected: int) -> None:
    path = realdata / f"2020e-13tev/4lep/data_{period}.4lep.root"
    lep = to_awkward(read(path, ["lep.type", "lep.charge"], OLD)).lep[:, :4]
    kinds = ak.sum(lep["type"], axis=1)
    chosen = ((kinds == 44) | (kinds == 48) | (kinds == 52)) & (ak.sum(lep.charge, axis=1) == 0)
    assert ak.sum(chosen) == expected


@pytest.mark.realdata
def test_facts_of_real_simulation(realdata: Path) -> None:
    (path,) = realdata.glob("2025e-13tev-beta/2J2LMET30/*301333*.root")
    with open_tree(path) as tree:
        facts = EventReader(tree, NEW).facts()
    assert facts.cross_section_fb == pytest.approx(5.084)
    assert (facts.entries, facts.sum_of_weights, facts.num_events, facts.channel) == (
        365,
        30000,
        30000,
        301333,
    )
    path = realdata / "2020e-13tev/4lep/mc_361106.Zee.4lep.root"
    with open_tree(path) as tree:
        facts = EventReader(tree, OLD).facts()
    assert facts.cross_section_fb == pytest.approx(1950529.5)
    assert facts.num_events is None


@pytest.mark.parametrize("name", formats())
def test_a_format_agrees_with_the_event_model(name: str) -> None:
    fmt = format_of(name)
    for path, source in fmt.fields.items():
        assert parse_unit(source.unit).same_dimension(parse_unit(FIELDS[path].unit))
    assert set(fmt.counters) <= {FIELDS[p].collection for p in fmt.fields}
    known = {b for s in fmt.fields.values() for b in s.branches} | set(fmt.counters.values())
    assert fmt.tell_tales
    assert all(known & set(tell.split("|")) for tell in fmt.tell_tales)
    for collection in ("muon",) if name == "2024r-hi" else ("lep", "electron", "muon"):
        needed = {f"{collection}.{q}" for q in ("pt", "eta", "phi", "e", "charge")}
        assert needed <= set(fmt.paths), "every release has leptons, electrons and muons"
    for path in fmt.paths:
        assert len(fmt.branches(path)) >= (0 if path.endswith(".e") else 1)


def test_every_field_of_the_model_is_somewhere() -> None:
    offered = {path for name in formats() for path in format_of(name).paths}
    assert set(FIELDS) == offered


def test_the_digest_changes_with_the_content_only() -> None:
    fields = dict(NEW.fields)
    assert dataclasses.replace(NEW, fields=dict(reversed(fields.items()))).digest == NEW.digest
    source = dataclasses.replace(fields["lep.pt"], unit="MeV")
    assert dataclasses.replace(NEW, fields=fields | {"lep.pt": source}).digest != NEW.digest
    assert dataclasses.replace(NEW, version=2).digest != NEW.digest
    for change in ({"fill": 0.0}, {"optional": True}):
        other = dataclasses.replace(fields["lep.pt"], **change)
        assert dataclasses.replace(NEW, fields=fields | {"lep.pt": other}).digest != NEW.digest
    more = {
        "more_trees": ("other",), "may_lack": ("tau",), "parts": {}, "simulation": ("xsec",),
        "simulation_bit": ("bits",), "tell_tales": (), "counters": {},
    }  # fmt: skip
    assert len({dataclasses.replace(NEW, **{name: value}).digest for name, value in more.items()}) == len(
        more
    )
    joined = dataclasses.replace(format_of("cms-nanoaod"), joins={})
    assert joined.digest != format_of("cms-nanoaod").digest
    again = pickle.loads(pickle.dumps(NEW))
    assert again == NEW
    assert (again.digest, hash(again)) == (NEW.digest, hash(NEW))


def test_a_format_that_contradicts_the_model_is_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"Did you mean 'lep\.pt'"):
        parse_fields("lep.ptt | lep_pt | float | GeV |")
    with pytest.raises(SettingsError, match=r"field \| branch \| type"):
        parse_fields("lep.pt | lep_pt | quaternion | GeV |")
    with pytest.raises(SettingsError, match="a unit of the kind of 'GeV', got 'mm'"):
        Format("x", "t", parse_fields("lep.pt | lep_pt | float | mm |"))
    with pytest.raises(SettingsError, match="shape 'list'"):
        Format("x", "t", {"lep.pt": FieldSource("lep.pt", ("lep_pt",), ("float32",))})
    with pytest.raises(UnknownNameError, match="format of a release"):
        format_of("2020")


def test_c_arrays_in_base_units_and_model_types(tmp_path: Path) -> None:
    path = write(tmp_path / "new.root", events(), chunks=2)
    columns = read(path, ["lep.pt", "lep.e", "lep.type", "lep.loose_id", "met.pt", "number", "jet.jvt_pass"])
    written = events()
    assert columns["lep.pt"].content.dtype == np.float64
    assert ak.array_equal(to_awkward(columns).lep.pt, ak.values_astype(written["lep"].pt, np.float64))
    assert columns["number"].content.tolist() == list(range(10, 60))
    assert columns["lep.type"].content.dtype == np.int64
    assert columns["jet.jvt_pass"].content.dtype == np.bool_
    np.testing.assert_array_equal(columns["lep.pt"].offsets, columns["lep.loose_id"].offsets)


def test_mev_are_divided_once(tmp_path: Path) -> None:
    values = np.array([49138.34375, 0.1, 1e6 / 3], dtype=np.float64)
    path = write(tmp_path / "old.root", {"met_et": values, "ditau_m": values}, tree="mini")
    columns = read(path, ["met.pt", "ditau_mass"], OLD)
    np.testing.assert_array_equal(columns["met.pt"].content, values / 1000)
    np.testing.assert_array_equal(columns["ditau_mass"].content, values)


def test_facts_of_demo_data_and_of_no_events(tmp_path: Path) -> None:
    path = write(tmp_path / "demo.root", events(), title="Simulated demo data of femtobarn")
    assert detect_format(path) == NEW
    with open_tree(path) as tree:
        facts = EventReader(tree, NEW).facts()
        uuid = tree.uuid
    assert facts == FileFacts(
        entries=50,
        uuid=uuid,
        title="Simulated demo data of femtobarn",
        simulated_demo=True,
        cross_section_fb=pytest.approx(28.3e3 * 1.5 * 0.25, rel=1e-6),
        sum_of_weights=123456.0,
        num_events=1000.0,
        channel=345060,
    )
    none = write(tmp_path / "none.root", {name: values[:0] for name, values in events().items()})
    with open_tree(none) as tree:
        reader = EventReader(tree, NEW)
        facts = reader.facts()
        columns = reader.read(["lep.pt", "trigger.electron"], 0, 0)
    assert (facts.entries, facts.simulated_demo) == (0, False)
    assert (facts.cross_section_fb, facts.sum_of_weights, facts.num_events) == (None, None, None)
    assert columns["lep.pt"].content.dtype == np.float64
    assert columns["lep.pt"].offsets.tolist() == [0]


def test_a_missing_branch_is_found_before_reading(tmp_path: Path) -> None:
    path = changed(tmp_path)
    with open_tree(path) as tree:
        reader = EventReader(tree, NEW)
        with pytest.raises(BranchMissingError, match=r"changed\.root.*'lep_eta' for lep\.eta.*Did you mean"):
            reader.resolve(["lep.pt", "lep.eta"])
        with pytest.raises(FormatError, match=r"2025e-13tev-beta has no field jet\.mv2c10.*2020e-13tev"):
            reader.resolve(["jet.mv2c10"])
        with pytest.raises(UnknownNameError, match=r"Did you mean 'lep\.pt'"):
            reader.resolve(["lep.ppt"])
        assert reader.resolve(iter(["lep.pt"])) == {"lep.pt": ("lep_pt",)}


def test_a_mistyped_branch_is_found_before_reading(tmp_path: Path) -> None:
    entries = np.arange(50)
    path = changed(tmp_path, met=entries.astype(np.int32), trigE=entries.astype(np.float32))
    with open_tree(path) as tree:
        reader = EventReader(tree, NEW)
        with pytest.raises(BranchTypeError, match=r"'met' for met\.pt.*float32 or float64.*int32_t"):
            reader.resolve(["met.pt"])
        with pytest.raises(BranchTypeError, match="a scalar of bool"):
            reader.resolve(["trigger.electron"])
        with pytest.raises(BranchTypeError, match=r"Use jet\.jvt_pass"):
            reader.resolve(["jet.jvt"])


def test_a_list_where_a_number_is_needed(tmp_path: Path) -> None:
    lists = jagged(np.ones(50, dtype=np.float32), np.ones(50, dtype=int))
    path = changed(tmp_path, met=ak.zip({"x": lists}))
    with open_tree(path) as tree, pytest.raises(BranchMissingError, match="met"):
        EventReader(tree, NEW).resolve(["met.pt"])
    path = write(tmp_path / "list.root", {"met": lists})
    with open_tree(path) as tree, pytest.raises(BranchTypeError, match="list of float32"):
        EventReader(tree, NEW).resolve(["met.pt"])


def test_an_alternative_name_is_used(tmp_path: Path) -> None:
    n = np.full(50, 2)
    large = ak.zip({name: jagged(np.arange(100, dtype=np.float32), n) for name in ("pt", "Eta")})
    path = changed(tmp_path, largeRJet=large)
    assert read(path, ["large_jet.eta"])["large_jet.eta"].content.tolist() == list(range(100))


def test_a_charge_stored_as_float_is_an_integer(tmp_path: Path) -> None:
    n = np.full(50, 2)
    tau = {"charge": jagged(np.tile(np.array([1, -1], dtype=np.float32), 50), n)}
    path = changed(tmp_path, tau=ak.zip(tau))
    content = read(path, ["tau.charge"])["tau.charge"].content
    assert content.dtype == np.int64
    assert content[:2].tolist() == [1, -1]
    path = changed(tmp_path, tau=ak.zip({"charge": tau["charge"] + np.float32(0.5)}))
    with pytest.raises(BranchTypeError, match="whole numbers"):
        read(path, ["tau.charge"])


def test_an_event_number_above_63_bits_is_refused(tmp_path: Path) -> None:
    path = changed(tmp_path, eventNumber=np.full(50, 2**63, dtype=np.uint64))
    with pytest.raises(BranchTypeError, match="whole numbers"):
        read(path, ["number"])


def two_lists(tmp_path: Path, first: Any, second: Any, names: tuple[str, str]) -> Path:
    """Lists with counters of their own, as a faulty writer would leave them."""
    return write(tmp_path / "lists.root", dict(zip(names, (first, second), strict=True)))


def test_lists_of_one_collection_must_agree(tmp_path: Path) -> None:
    first = ak.Array([[1.0, 2.0], [3.0], []])
    second = ak.Array([[1.0, 2.0], [], [3.0]])
    path = two_lists(tmp_path, first, second, ("lep_pt", "lep_e"))
    with pytest.raises(DamagedError, match=r"in entry 1 'lep_pt' tells of 1 objects, 'lep_e' of 0"):
        read(path, ["lep.pt", "lep.e"])
    assert read(path, ["lep.e"])["lep.e"].entries == 3


def test_the_counter_must_agree(tmp_path: Path) -> None:
    path = two_lists(
        tmp_path, ak.Array([[1.0, 2.0], [3.0]]), np.array([2, 2], dtype=np.int32), ("lep_pt", "lep_n")
    )
    with pytest.raises(DamagedError, match=r"in entry 1 'lep_n' tells of 2 objects, 'lep_pt' of 1"):
        read(path, ["lep.pt"])


def test_lists_that_data_leave_empty_are_filled_with_nothing(tmp_path: Path) -> None:
    pt = ak.Array([[10.0, 20.0], [], [30.0]])
    empty = ak.values_astype(ak.Array([[0.0], [], []])[:, :0], np.float64)
    path = two_lists(tmp_path, pt, empty, ("jet_pt", "jet_pt_jer1"))
    columns = read(path, ["jet.pt_jer1", "jet.pt"])
    assert list(columns) == ["jet.pt_jer1", "jet.pt"]
    assert np.isnan(columns["jet.pt_jer1"].content).tolist() == [True] * 3
    np.testing.assert_array_equal(columns["jet.pt_jer1"].offsets, columns["jet.pt"].offsets)
    partly = ak.Array([[10.0], [], [30.0]])
    path = two_lists(tmp_path, pt, partly, ("jet_pt", "jet_pt_jer1"))
    with pytest.raises(DamagedError, match="entry 0"):
        read(path, ["jet.pt", "jet.pt_jer1"])


def test_awkward_records_nest(tmp_path: Path) -> None:
    path = write(tmp_path / "new.root", events())
    columns = read(path, ["lep.pt", "lep.type", "met.pt", "trigger.electron", "mc.cross_section"])
    seen = to_awkward(columns)
    assert (len(seen), seen.fields) == (50, ["met", "trigger", "mc", "lep"])
    assert seen.lep.fields == ["pt", "type"]
    assert seen.lep["type"].ndim == 2
    assert seen.mc.cross_section[0] == pytest.approx(28.3e3)
    assert to_awkward(columns, ["met.pt"]).fields == ["met"]
    letters = Column(np.frombuffer(b"data15data16", dtype=np.uint8), np.array([0, 6, 12]))
    assert to_awkward({"category": letters}).category.tolist() == ["data15", "data16"]
    with pytest.raises(UsageError, match=r"not read: jet\.pt"):
        to_awkward(columns, ["met.pt", "jet.pt"])
    with pytest.raises(UsageError, match="at least one field"):
        to_awkward({})
