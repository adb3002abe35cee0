"""Looking at single events: ``peek`` and ``explain``."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

from femtobarn.base.errors import SettingsError, UnreadableError
from femtobarn.physics.analyses.hzz import R2025, final, hzz
from femtobarn.physics.language import Analysis, best, columnar, ev, mass, pairs, quirk
from femtobarn.physics.language.explain import explain, explain_analysis

lep = ev.lep
PT = [[50.0, 20.0, 10.0], [], [30.0], [25.0, 24.0]]
E = [[60.0, 40.0, 10.0], [], [30.0], [50.0, 30.0]]
MUON = [True, False, True, False]


@columnar(inputs={"pt": "floats GeV"}, output="int")
def how_many(pt):  # type: ignore[no-untyped-def]
    return ak.num(pt, axis=1)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("look") / "small.root"
    lists = {"pt": ak.Array(PT), "e": ak.Array(E)}
    columns = {
        "lep": ak.zip(lists),
        "trigM": np.array(MUON),
        "sum_of_weights": np.full(4, 10.0),
        "met": np.array([1.0, 2.0, 3.0, 4.0], np.float32),
    }
    with uproot.recreate(path) as out:
        out.mktree(
            "analysis",
            {k: v.layout.form.type if isinstance(v, ak.Array) else v.dtype for k, v in columns.items()},
            counter_name=lambda counted: f"{counted}_n",
        ).extend(columns)
    return path


def test_peek_shows_values_and_none_where_undefined(file: Path) -> None:
    assert lep.pt.peek(file).to_list() == PT
    assert lep[0].pt.peek(file).to_list() == [50.0, None, 30.0, 25.0]
    assert lep[:2].e.peek(file).to_list() == [[60.0, 40.0], None, None, [50.0, 30.0]]
    assert (lep.pt > 22).peek(str(file), entries=1).to_list() == [[True, False, False]]
    assert ev.met.pt.peek(file, entries=2, start=1).to_list() == [2.0, 3.0]
    assert ev.met.pt.peek(file, start=3).to_list() == [4.0]
    assert ev.met.pt.peek(file, start=4).to_list() == []
    assert how_many(lep.pt).peek(file).to_list() == [3, 0, 1, 2]


def test_peek_takes_physics_and_defaults(file: Path) -> None:
    analysis = Analysis("a")
    least = analysis.option("least", 24.5, unit="GeV")
    chosen = quirk("q", physics=lep.pt > least, notebook=lep.pt > 0)
    assert chosen.peek(file).to_list() == [[True, False, False], [], [True], [True, False]]


def test_a_selection_explains_every_cut_of_an_event(file: Path) -> None:
    analysis = Analysis("a")
    selection = analysis.selection("all")
    selection.cut("trigger", ev.trigger.muon)
    selection.cut("pt", (lep[0].pt > 20) & (lep[1].pt > 22))
    passed = selection.explain(file, entry=0)
    assert [(s.name, s.passed) for s in passed.steps] == [
        ("trigger", True),
        ("at least 2 lep", True),
        ("pt", False),
    ]
    values = {p.text: p.value for p in passed.steps[2].parts}
    assert values == {
        "lep[0].pt": 50.0, "lep[0].pt > 20": True, "lep[1].pt": 20.0, "lep[1].pt > 22": False,
    }  # fmt: skip
    assert not passed.selected
    words = str(passed)
    assert "all: event 0 of small.root fails" in words
    assert "FAIL  pt" in words
    assert "lep[1].pt = 20.0" in words
    undefined = selection.explain(file, entry=1)
    assert [s.passed for s in undefined.steps] == [False, False, None]
    assert {p.value for p in undefined.steps[2].parts} == {None}
    assert "n/a   pt" in str(undefined)
    assert [s.passed for s in selection.explain(file, entry=3).steps] == [False, True, True]


def test_an_analysis_explains_all_its_selections(file: Path) -> None:
    analysis = Analysis("a")
    analysis.selection("hard").cut("pt", lep.pt.sum() > 60)
    analysis.selection("muon").cut("muon", ev.trigger.muon)
    by_file = explain_analysis(analysis, file, 0)
    assert [(e.selection, e.selected) for e in by_file] == [("hard", True), ("muon", True)]
    assert explain(analysis.freeze(release=R2025), file, 0) == by_file
    assert [e.selected for e in explain_analysis(analysis, file, 1)] == [False, False]


def test_wrong_questions_are_answered(file: Path, tmp_path: Path) -> None:
    selection = Analysis("a").selection("all").cut("muon", ev.trigger.muon)
    with pytest.raises(SettingsError, match=r"small.root has entries 0 to 3; there is no entry 4"):
        selection.explain(file, entry=4)
    with pytest.raises(SettingsError, match="no entry -1"):
        selection.explain(file, entry=-1)
    with pytest.raises(UnreadableError):
        lep.pt.peek(tmp_path / "none.root")


@pytest.mark.realdata
def test_real_files_in_physics_mode(realdata: Path) -> None:
    path = realdata / "2020e-13tev" / "4lep" / "data_A.4lep.root"
    with uproot.open(path) as opened:
        tree = opened["mini"]
        pt = tree["lep_pt"].array(entry_stop=10)
        energy = tree["lep_E"].array(entry_stop=10)
    got = lep.pt.peek(path)
    assert ak.num(got).to_list() == ak.num(pt).to_list()
    np.testing.assert_allclose(ak.flatten(got), ak.flatten(pt) / 1000, rtol=1e-6)
    assert lep[4].pt.peek(path, entries=39).to_list().count(None) >= 34
    masses = mass(lep[:4]).peek(path).to_list()
    assert all(m is not None and m < ak.sum(energy, axis=1)[k] / 1000 for k, m in enumerate(masses))
    z = best(pairs(lep), key=lambda p: abs(p.mass - 91.2)).mass.peek(path, entries=39)
    assert 85 < np.median(ak.drop_none(z)) < 97


@pytest.mark.realdata
def test_why_a_real_event_was_cut_in_physics_mode(realdata: Path) -> None:
    (path,) = (realdata / R2025 / "exactly4lep").glob("*periodD*.root")
    explained = final.explain(path, entry=0)
    assert [s.name for s in explained.steps][-2:] == ["4e, 2e2mu, 4mu", "neutral"]
    assert explained == next(e for e in explain_analysis(hzz, path, 0) if e.selection == "final")
