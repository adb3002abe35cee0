"""`inspect`: right for any ROOT file; what is told of the real files is what is in them."""

from __future__ import annotations

import dataclasses
import importlib
import json
import re
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st

from femtobarn.api.inspect import draft, inspect
from femtobarn.api.inspect_json import as_json
from femtobarn.api.inspect_text import plain
from femtobarn.api.inspection import Inspection
from femtobarn.base.errors import (
    DamagedError,
    DataError,
    FormatError,
    NotRootError,
    UnreadableError,
    UsageError,
)
from femtobarn.base.records import FileFacts, Origin
from femtobarn.base.text import visible
from femtobarn.data.catalogue import published
from femtobarn.data.columns import open_tree
from femtobarn.data.formats.reader import EventReader
from femtobarn.data.formats.skimmed import SkimFacts, title_of
from femtobarn.data.formats.userfile import load_format

module = importlib.import_module("femtobarn.api.inspect")  # the package has a function of this name

ODD = 'a\x1b[31m\u202e\n[bold]"'


def write(path: Path, trees: dict[str, dict[str, Any]], *, title: str = "", **more: Any) -> Path:
    with uproot.recreate(path, **more) as file:
        for name, columns in trees.items():
            types = {
                key: values.layout.form.type
                if isinstance(values, ak.Array)
                else np.dtype((values.dtype, values.shape[1:]))
                for key, values in columns.items()
            }
            file.mktree(name, types, title=title).extend(columns)
    return path


def ntuple(events: int = 50) -> dict[str, Any]:
    return {
        "Lep_pt": ak.Array([[25_000.0 + i, 12_000.0] for i in range(events)]),
        "Lep_eta": ak.Array([[0.0, 1.0]] * events),
        "Lep_phi": ak.Array([[0.0, 1.0]] * events),
        "Lep_m": ak.Array([[105.66, 105.66]] * events),
        "jet_pt": ak.Array([[30.0]] * events),
        "RunNumber": np.ones(events, dtype=np.int32),
        "something": np.zeros(events),
    }


def mini(entries: int, **other: Any) -> dict[str, Any]:
    """What tells a file of 2020 from others, and little else."""
    names = ("lep_tracksigd0pvunbiased", "scaleFactor_LepTRIGGER", "SumWeights")
    return {name: np.ones(entries, dtype=np.float32) for name in names} | other


def test_histograms_only(tmp_path: Path) -> None:
    path = tmp_path / "histograms.root"
    with uproot.recreate(path) as file:
        for number in range(20):
            file[f"folder/h{number}"] = np.histogram(np.arange(10.0))
        file["h0"] = np.histogram(np.arange(10.0))
        file["h0"] = np.histogram(np.arange(20.0))  # a second version of it
    found = inspect(path)
    assert (found.trees, found.format, found.events, found.candidates) == ((), None, None, ())
    assert [key.name for key in found.objects] == [f"folder/h{n}" for n in range(20)] + ["h0"]
    assert {key.class_name for key in found.objects} == {"TH1D"}
    text = str(found)
    assert "other objects (21)" in text
    assert "folder/h11" in text
    assert "folder/h12" not in text
    assert "... and 9 more" in text
    assert "no tree" in text
    assert "folder/h12" in plain(found, width=80, whole=True)
    with pytest.raises(FormatError, match="at least one tree"):
        draft(path)


@pytest.mark.parametrize(
    ("compression", "words"),
    [
        (uproot.ZLIB(4), "ZLIB level 4"),
        (uproot.LZ4(3), "LZ4 level 3"),
        (uproot.ZSTD(5), "ZSTD level 5"),
        (uproot.LZMA(2), "LZMA level 2"),
        (None, "none"),
    ],
)
def test_compression_and_sizes(tmp_path: Path, compression: Any, words: str) -> None:
    path = tmp_path / "file.root"
    with uproot.recreate(path, compression=compression) as file:
        tree = file.mktree("events", {"x": np.float64})
        for _ in range(3):
            tree.extend({"x": np.zeros(5000)})
    (tree,) = (found := inspect(path)).trees
    lines = str(found).splitlines()
    assert f"  compression    {words}" in lines
    assert "  clusters  3 of 5,000 entries" in lines
    assert "  branches  1, 3 baskets each" in lines
    assert found.content.size == path.stat().st_size
    assert tree.entries == 15_000
    assert (tree.ratio == pytest.approx(1.0, abs=0.01)) == (compression is None)


def test_an_rntuple(tmp_path: Path) -> None:
    path = tmp_path / "file.root"
    with uproot.recreate(path) as file:
        file.mkrntuple("EventData", ak.Array({"A:pt": [[1.0, 2.0], [3.0]], "x": [1, 2], "s": ["a", "b"]}))
    (tree,) = (found := inspect(path)).trees
    assert (tree.kind, tree.entries) == ("RNTuple", 2)
    rows = {line.split()[0]: line.split() for line in str(found).splitlines() if line.startswith("  ")}
    assert rows["branch"][-1] == "pages"
    assert rows["A:pt"][2] == "float64[]"
    assert rows["x"][2] == "int64"
    assert rows["s"][2] == "string"


def test_trees_in_folders_and_empty_ones(tmp_path: Path) -> None:
    trees = {f"d{n // 5}/t{n}": {"x": np.arange(n, dtype=float)} for n in range(15)}
    found = inspect(write(tmp_path / "file.root", trees | {"empty": {"y": np.empty(0)}}))
    assert [(tree.name, tree.entries) for tree in found.trees] == [
        *((f"d{n // 5}/t{n}", n) for n in range(15)),
        ("empty", 0),
    ]
    assert found.objects == ()
    text = str(found)
    assert "3 more trees" in text  # the largest one, d2/t14, is shown at length wherever it is
    assert "tree d2/t14" in text.splitlines()
    assert "tree d2/t13" not in text.splitlines()
    assert "tree d2/t13" in plain(found, width=100, whole=True).splitlines()


def test_no_name_reaches_a_terminal_as_it_is(tmp_path: Path) -> None:
    columns = {ODD: np.zeros(3), "n" * 700: np.zeros(3, dtype=np.float32)}
    path = write(tmp_path / f"{ODD}.root", {f"t{ODD}": columns}, title=ODD)
    found = inspect(path)
    for text in (str(found), plain(found, width=60), json.dumps(as_json(found))):
        assert all(c.isprintable() or c == "\n" for c in text)
    assert r"a\x1b[31m\u202e\n[bold]" in str(found)
    assert as_json(found)["trees"][0]["branches"][0]["name"] == ODD
    assert "n" * 301 not in str(found).replace("\n", "").replace(" ", "")
    fmt = tmp_path / "draft.toml"
    fmt.write_text(draft(path))
    assert load_format(fmt).tree == f"t{ODD}"


@given(st.text(st.characters(), max_size=400))
def test_visible_text_is_visible(text: str) -> None:
    shown = visible(text)
    assert shown.isprintable()
    assert len(shown) <= 10 * 300 + 3
    if text.isprintable() and len(text) <= 300:
        assert shown == text


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Inspection:
    names = [f"Collection{n % 7}_a_rather_long_name_of_a_branch_{n}" for n in range(240)]
    path = tmp_path_factory.mktemp("wide") / "file.root"
    return inspect(write(path, {"t": {name: np.zeros(2) for name in names}}))


@pytest.mark.parametrize("width", [60, 80, 160])
def test_many_branches(wide: Inspection, width: int) -> None:
    text = plain(wide, width=width)
    assert max(map(len, text.splitlines())) <= width
    assert "... and 200 more" in text
    assert text.count("double") == 40
    if width > 60:  # no name is folded
        assert text.count("_a_rather_long_name_of_a_branch_") == 40
    assert plain(wide, width=width, whole=True).count("double") == 240


def test_only_matching_branches(wide: Inspection) -> None:
    names = {b.name for b in wide.trees[0].branches}
    (chosen,) = wide.matching("Collection3_*_?[01]").trees
    assert {b.name for b in chosen.branches} == {
        name for name in names if re.fullmatch(r"Collection3_.*_.[01]", name)
    }
    assert (chosen.entries, chosen.compressed) == (2, wide.trees[0].compressed)
    assert wide.matching("collection3*").trees == ()


def test_a_branch_that_cannot_be_read(tmp_path: Path) -> None:
    columns = {"good": np.zeros(3), "bad": np.zeros((3, 2, 2))}
    found = inspect(write(tmp_path / "file.root", {"t": columns}))
    assert {b.name: b.shape for b in found.trees[0].branches} == {"good": "scalar", "bad": "other"}
    assert "2, 1 basket each; 1 of them unreadable" in str(found)


def test_the_event_model_tells_what_it_misses(tmp_path: Path) -> None:
    columns = mini(
        4,
        runNumber=np.full(4, 284500, dtype=np.int32),
        channelNumber=np.full(4, 361106, dtype=np.int32),
        trigE=np.zeros(4),  # decisions are no floats
    )
    found = inspect(write(tmp_path / "mc_361106.Zee.4lep.root", {"mini": columns}))
    assert (found.format, found.release) == ("2020e-13tev", "2020e-13tev")
    assert found.events is not None
    assert found.facts is not None
    assert (found.facts.kind, found.facts.dataset, found.dataset_name) == ("mc", 361106, "Zee")
    assert {"run", "channel", "mc.sum_of_weights"} <= set(found.events.found)
    lacking = {one.path: one for one in found.events.lacking}
    assert lacking["lep.pt"] == dataclasses.replace(
        lacking["lep.pt"], branches=("lep_pt",), optional=False, reason=""
    )
    assert "to hold" in lacking["trigger.electron"].reason
    assert "file.root" not in lacking["trigger.electron"].reason
    assert set(found.events.found).isdisjoint(lacking)
    text = str(found)
    assert "number: expected eventNumber" in text
    assert "more: --all lists them" in text.partition("MISSING")[2]
    assert "muon.pt: expected" in plain(found, width=100, whole=True)


def test_a_name_that_contradicts_the_content(tmp_path: Path) -> None:
    run = {"runNumber": np.full(2, 7, dtype=np.int32), "channelNumber": np.full(2, 410000, dtype=np.int32)}
    path = write(tmp_path / "mc_361106.Zee.4lep.root", {"mini": mini(2, **run)})
    assert inspect(path).warnings == ("the name is that of dataset 361106, the content is of 410000",)
    other = tmp_path / "ODEO_FEB2025_v0_exactly4lep_data15_periodD.exactly4lep.root"
    shutil.copy(path, other)
    assert inspect(other).warnings == (
        "the name is one of 2025e-13tev-beta, the content is of 2020e-13tev",
        "the name is one of data, the content is simulation",
    )
    assert "warning: the name is one of data" in str(inspect(other))
    assert inspect(shutil.copy(path, tmp_path / "mine.root")).warnings == ()


def test_a_skim(tmp_path: Path) -> None:
    origin = Origin(
        name="x.root",
        size=9,
        identity="adler32:00000001",
        uuid="u",
        entries=10,
        processed=10,
        steps=("a/b (c)",),
    )
    facts = SkimFacts(
        release="2025e-13tev-beta",
        kind="data",
        dataset=None,
        period="data15_periodD",
        facts=FileFacts(entries=3, origin=origin),
    )
    columns = {"met_pt": np.ones(3), "run": np.ones(3, dtype=np.int64)}
    found = inspect(write(tmp_path / "s.root", {"events": columns}, title=title_of(facts)))
    assert (found.format, found.release, found.skim) == ("femtobarn-skim", "2025e-13tev-beta", facts)
    assert found.events is not None
    assert found.events.found == ("run", "met.pt")
    assert all(one.optional for one in found.events.lacking)
    assert "x.root of 2025e-13tev-beta: data, data15_periodD, 10 events" in str(found)
    assert "MISSING" not in str(found)
    assert as_json(found)["skim"]["steps"] == ["a/b (c)"]


def test_demo_data_say_that_they_are(demo_folder: Path) -> None:
    found = inspect(demo_folder / "ODEO_FEB2025_v0_exactly4lep_data15_periodD.exactly4lep.root")
    assert found.facts is not None
    assert found.facts.simulated_demo
    assert found.published.state == "not known"
    assert "SIMULATED DEMO DATA, no measurement" in str(found)


def test_an_unknown_ntuple_and_its_draft(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.root", {"nominal": ntuple(), "other": {"x": np.zeros(2)}})
    found = inspect(path)
    assert (found.format, found.events, found.facts) == (None, None, None)
    assert [c.tree for c in found.candidates] == ["nominal"] * len(found.candidates)
    near = found.candidates[0]
    assert "the tree 'mini'" in near.lacking
    assert near.found == 1  # jet_pt
    assert "nothing is read as events" in str(found)
    text = draft(path, release="mine")
    (tmp_path / "mine.toml").write_text(text)
    fmt = load_format(tmp_path / "mine.toml")
    assert (fmt.release, fmt.tree, fmt.fields["lep.pt"].unit) == ("mine", "nominal", "MeV")
    assert fmt.fields["jet.pt"].unit == "GeV"
    assert "the median of lep.pt is 18500" in text
    with open_tree(path, "nominal") as tree:
        column = EventReader(tree, fmt).read(["lep.pt"], 0, 1)["lep.pt"]
    assert column.content.tolist() == [25.0, 12.0]


def test_medians_are_of_the_first_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOOKED_AT", 3)
    values = np.array([np.nan, 40.0, 0.0, 9e5, 9e5, 9e5])
    lists = ak.unflatten(values, np.ones(6, dtype=int))
    path = write(tmp_path / "f.root", {"t": {"jet_pt": lists, "jet_eta": lists}})
    assert "the median of jet.pt is 40" in draft(path)
    empty = write(tmp_path / "e.root", {"t": {"jet_pt": lists[:0], "jet_eta": lists[:0]}})
    assert "no values were looked at" in draft(empty)


def test_json_has_the_keys_that_are_documented(tmp_path: Path) -> None:
    found = as_json(inspect(write(tmp_path / "mc_361106.Zee.4lep.root", {"mini": mini(2)})))
    told = as_json.__doc__
    assert told is not None
    parts = [found, found["compression"], found["named"], found["facts"], found["published"]]
    parts += [found["event_model"], found["event_model"]["lacking"][0]]
    parts += [found["trees"][0], found["trees"][0]["branches"][0], found["trees"][0]["clusters"]]
    for key in (key for part in parts for key in part):
        assert f"``{key}``" in told
    assert list(json.loads(json.dumps(found))) == list(found)
    assert found["trees"][0]["branches"][0] == {
        "name": "lep_tracksigd0pvunbiased", "type": "float", "shape": "scalar", "dtype": "float32",
        "compressed": found["trees"][0]["branches"][0]["compressed"], "uncompressed": found["trees"][0]["branches"][0]["uncompressed"],
        "ratio": found["trees"][0]["branches"][0]["ratio"], "baskets": 1, "compression": "none",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("content", "error"),
    [(b"", NotRootError), (b"no root file at all", NotRootError), (b"root" + bytes(200), DataError)],
)
def test_no_root_file(tmp_path: Path, content: bytes, error: type[Exception]) -> None:
    path = tmp_path / "file.root"
    path.write_bytes(content)
    with pytest.raises(error, match=r"file\.root"):
        inspect(path)


def test_absent_and_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        inspect(tmp_path / "absent.root")
    with pytest.raises(UnreadableError):
        inspect(tmp_path)


def test_damaged_files_are_told_or_shown(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.root", {"mini": mini(5), "t": ntuple(5)}).read_bytes()
    path = tmp_path / "part.root"
    for size in (30, 61, 100, 300, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises((DamagedError, NotRootError), match=r"part\.root"):
            inspect(path)
    rng = np.random.default_rng(5)
    for _ in range(40):
        broken = bytearray(whole)
        at = int(rng.integers(64, len(whole)))
        broken[at : at + 40] = rng.bytes(len(broken[at : at + 40]))
        path.write_bytes(broken)
        with suppress(DataError):  # and nothing else
            str(inspect(path))


class TestCatalogue:
    NAME = "data_A.4lep.root"

    def test_large_files_are_compared_by_size_only(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = write(tmp_path / self.NAME, {"mini": mini(2)})
        (known, *_) = published(self.NAME)
        assert inspect(path).published.state == "another edition"
        monkeypatch.setattr(module, "CHECKED_BYTES", 10)
        verdict = inspect(path).published
        assert (verdict.state, "adler32" in verdict.words) == ("another edition", False)
        with path.open("ab") as file:
            file.write(bytes(known.size - path.stat().st_size))
        verdict = inspect(path).published
        assert (verdict.state, "checksum not computed" in verdict.words) == ("not compared", True)
        monkeypatch.undo()
        assert inspect(path).published.state == "damaged"  # its size, and another content

    def test_an_unknown_name(self, tmp_path: Path) -> None:
        assert inspect(write(tmp_path / "x.root", {"t": {"x": np.zeros(1)}})).published.state == "not known"


REAL = {
    "data_A.4lep.root": ("another edition", "data", None),
    "mc_361106.Zee.4lep.root": ("another edition", "mc", 361106),
    "skim.mc_117050.ttbar_lep.root": ("not known", "mc", 117050),
    "skim.DataMuons.root": ("not known", "data", None),
    "ODEO_FEB2025_v0_exactly4lep_data15_periodD.exactly4lep.root": ("same", "data", None),
    "PHYSLITE_example.root": ("not known", "mc", 700322),
    "nano_tt_v12.root": ("not known", "mc", None),
    "nano_dimuon.root": ("not known", "data", None),
    "agc_open-data-example.root": ("not known", None, None),
}


@pytest.mark.realdata
@pytest.mark.parametrize(
    "release", ["2016e-8tev", "2020e-13tev", "2024r-pp", "2025e-13tev-beta", "cms-nanoaod"]
)
def test_the_real_files(realdata: Path, release: str) -> None:
    for path in sorted((realdata / release).rglob("*.root")):
        found = inspect(path)
        assert found.release == found.format == release
        assert found.warnings == ()
        assert found.content.size == path.stat().st_size
        assert (found.named is not None) == (release not in {"2024r-pp", "cms-nanoaod"})
        with uproot.open(path) as file:
            for tree in found.trees:
                there = file[tree.name]
                assert tree.entries == there.num_entries
                assert {b.name for b in tree.branches} == {b.name for b in there.itervalues(recursive=True)}
                assert tree.clusters.smallest <= tree.clusters.median <= tree.clusters.largest
        assert found.events is not None
        assert found.facts is not None
        # of the two decisions that share a branch, a file has one
        assert all(one.optional or one.path in {"jet.jvt", "jet.jvt_pass"} for one in found.events.lacking)
        state = (found.published.state, found.facts.kind, found.facts.dataset)
        assert state == REAL.get(path.name, state)
        for width in (80, 160):
            assert max(map(len, plain(found, width=width).splitlines())) <= width


@pytest.mark.realdata
def test_a_reduced_nanoaod_has_empty_collections(realdata: Path) -> None:
    found = inspect(realdata / "cms-nanoaod/agc_open-data-example.root")
    assert found.events is not None
    assert {"muon.pt", "muon.e", "lep.pt", "lep.type"} <= set(found.events.found)
    assert {path.partition(".")[0] for path in found.events.empty} == {
        "electron", "jet", "photon", "tau", "boosted_tau", "large_jet",
    }  # fmt: skip
    assert "electron jet photon tau boosted_tau large_jet: the file has none of them" in " ".join(
        str(found).split()
    )
