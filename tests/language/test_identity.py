"""The identity of an analysis: the meaning of its file, not its text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from femtobarn.base.errors import LanguageError, TypesError, UnknownNameError, UsageError
from femtobarn.base.records import AnalysisSpec, NodeRecord
from femtobarn.physics.analyses import analyses, find_analysis, load_file
from femtobarn.physics.language import Analysis, Regular, Variable, abs_, ev, mass, mc, quirk
from femtobarn.physics.language.graph import from_records, to_records
from femtobarn.physics.language.options import OptionValue

lep = ev.lep


def built(**change: Any) -> AnalysisSpec:
    """Return an analysis with one thing changed."""
    analysis = Analysis("a", title=change.get("title", ""))
    threshold = analysis.option("threshold", 20.0, unit="GeV")
    selection = analysis.selection(change.get("selection", "all"))
    selection.cut(change.get("cut", "pt"), lep[0].pt > change.get("value", 25))
    selection.cut("second", lep[1].pt > threshold)
    signed = mc.generator * mc.pileup
    analysis.weight(quirk("absolute weights", physics=signed, notebook=abs_(signed)))
    if change.get("weighted"):
        analysis.weight(mc.sf.muon)
    axis = change.get("axis", Regular(change.get("bins", 10), 0, 100, unit="GeV"))
    analysis.histogram("m", mass(lep[:2]), axis, selections=selection, keep=change.get("keep", "dataset"))
    if change.get("varied"):
        analysis.vary("scale", up={lep.pt: lep.pt * change["varied"]})
    if change.get("drawn"):
        analysis.figure("m", "m", selection, text="words")
        analysis.significance("s", "m", selection, window=(10, 20))
    options: dict[str, OptionValue] = change.get("options", {})
    return analysis.freeze(mode=change.get("mode", "physics"), options=options)


def test_json_and_back_is_equal_and_has_the_same_identity() -> None:
    spec = built(varied=1.1, drawn=True)
    again = AnalysisSpec.model_validate_json(spec.model_dump_json())
    assert again == spec
    assert again.identity == spec.identity
    nodes = from_records(again.nodes)
    assert to_records([nodes[-1]])[0] == to_records([from_records(spec.nodes)[-1]])[0]
    assert [n.digest for n in nodes] == list(spec.node_digests)


@pytest.mark.parametrize(
    "change",
    [
        {"title": "other"},
        {"drawn": True},
        {"keep": "file"},
        {"axis": Regular(10, 0, 100, unit="GeV", label="x")},
    ],
    ids=lambda c: next(iter(c)),
)
def test_what_is_only_shown_is_not_part_of_it(change: dict[str, Any]) -> None:
    assert built(**change).identity == built().identity


@pytest.mark.parametrize(
    "change",
    [
        {"value": 25.5}, {"cut": "leading pt"}, {"selection": "every"}, {"bins": 11}, {"weighted": True},
        {"mode": "notebook"}, {"options": {"threshold": 21}}, {"varied": 1.1}, {"varied": 1.2},
        {"axis": Variable([0, 50, 100], unit="GeV")}, {"axis": Regular(10, 0, 101, unit="GeV")},
    ],
    ids=str,
)  # fmt: skip
def test_what_decides_numbers_is_part_of_it(change: dict[str, Any]) -> None:
    assert built(**change).identity != built().identity
    assert built(**change).identity == built(**change).identity


def test_units_write_the_same_number_differently() -> None:
    assert built(axis=Regular(10, 0, 0.1, unit="TeV")).identity == built().identity


def test_the_mode_chooses_the_quirk_and_names_it() -> None:
    physics, notebook = built(), built(mode="notebook")
    assert physics.quirks == ()
    assert notebook.quirks == ("absolute weights",)
    assert notebook.mode == "notebook"


FIRST = '''
"""A file."""
from femtobarn.physics.language import Analysis, Regular, ev, mass, where

demo = Analysis("demo")
four = ev.lep[:4]
all_events = demo.selection("all")
all_events.cut("charge", four.charge.sum() == 0)
all_events.cut("id", where(four.is_muon, four.medium_id, four.loose_id).all())
demo.histogram("m", mass(four), Regular(10, 80, 250, unit="GeV"), selections=all_events)
'''

SECOND = """
# Comments, other names, another order of imports and of statements.
from femtobarn.physics.language import where
from femtobarn.physics.language import ev as event, Regular, mass
from femtobarn.physics.language import (
    Analysis,
)

leptons = event.lep  # a local
best_four = leptons[0:4]
m = mass(best_four)
identified = where(
    best_four.type == 13,
    best_four.medium_id,
    best_four.loose_id,
)
analysis = Analysis("demo", title="Another title")
sel = analysis.selection("all")
(sel.cut("charge", best_four.charge.sum() == 0)
    .cut("id", identified.all()))
analysis.histogram("m", m, Regular(10, 80., 250., unit="GeV", label="mass"), selections=[sel])
analysis.figure("m", "m", sel)
"""


def load(folder: Path, name: str, source: str) -> AnalysisSpec:
    path = folder / name
    path.write_text(source)
    return load_file(path).freeze()


def test_two_files_that_say_the_same_have_one_identity(tmp_path: Path) -> None:
    one, two = load(tmp_path, "first.py", FIRST), load(tmp_path, "second.py", SECOND)
    assert one.identity == two.identity
    assert one.title != two.title
    changed = load(tmp_path, "third.py", FIRST.replace("== 0", "== 1"))
    assert changed.identity != one.identity


CODE = """
from femtobarn.physics.language import Analysis, Regular, columnar, ev
LIMIT = 20.0
@columnar(inputs={"pt": "floats GeV"}, output="float GeV", files={"table": FILE})
def hard(pt):
    # a comment
    return ak.sum(pt[pt > LIMIT] * table[0], axis=1)
demo = Analysis("demo")
everything = demo.selection("all").cut("hard", hard(ev.lep.pt) > 10)
"""


def test_code_its_constants_and_files_are_part_of_it(tmp_path: Path) -> None:
    table = tmp_path / "table.txt"
    table.write_text("1.5\n")
    code = CODE.replace("FILE", repr(str(table)))
    one = load(tmp_path, "one.py", code)
    assert load(tmp_path, "two.py", code.replace("# a comment", "# another")).identity == one.identity
    assert load(tmp_path, "three.py", code.replace("20.0", "21.0")).identity != one.identity
    assert load(tmp_path, "four.py", code.replace("pt > LIMIT", "pt >= LIMIT")).identity != one.identity
    table.write_text("1.6\n")
    assert load(tmp_path, "five.py", code).identity != one.identity
    again = AnalysisSpec.model_validate_json(one.model_dump_json())
    assert again.identity == one.identity
    assert again.functions[0].digest == one.functions[0].digest


@pytest.mark.parametrize(
    "record",
    [
        NodeRecord(op="system_call", params=("rm",)),
        NodeRecord(op="field", params=("lep.password",)),
        NodeRecord(op="neg", args=(0,)),
        NodeRecord(op="neg", args=(-1,)),
        NodeRecord(op="literal", params=((1, 2), ())),
        NodeRecord(op="field"),
    ],
)
def test_a_graph_from_elsewhere_is_checked(record: NodeRecord) -> None:
    with pytest.raises(LanguageError):
        from_records([record])


def test_wrong_parameters_from_elsewhere_are_language_errors() -> None:
    pt = NodeRecord(op="field", params=("lep.pt",))
    for op, params in (("slice", ("a", None)), ("head", (2.5,)), ("head", ("a",)), ("member", ("x", 0))):
        with pytest.raises(TypesError):
            from_records([pt, NodeRecord(op=op, args=(0,), params=params)])


# --- finding


def test_analyses_are_found_by_name_or_file(tmp_path: Path) -> None:
    assert {"hzz", "zll"} <= set(analyses())
    (tmp_path / "mine.py").write_text(FIRST)
    assert find_analysis(tmp_path / "mine.py").name == "demo"
    assert find_analysis("zll").name == "zll"
    with pytest.raises(UnknownNameError, match="Did you mean 'hzz'"):
        find_analysis("hzzz")
    with pytest.raises(UsageError, match="no analysis file"):
        find_analysis(tmp_path / "none.py")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("x = 1\n", r"must declare one Analysis at its top level, but declares none"),
        (FIRST + 'other = Analysis("second")\n', r"declares 'demo', 'second'"),
        ("import nothing_of_this_name\n", r"bad.py, line 1: ModuleNotFoundError"),
        ("from femtobarn.physics.language import ev\n\nev.lep.pt > ev.lep.z0\n", r"bad.py, line 3: Units"),
        ("def f(:\n", r"bad.py, line 1: SyntaxError"),
        ("from femtobarn.physics.language import ev\nif ev.met.pt > 20: pass\n", r"line 2: .*use|where"),
    ],
)
def test_a_bad_file_is_answered_with_file_and_line(tmp_path: Path, source: str, words: str) -> None:
    (tmp_path / "bad.py").write_text(source)
    with pytest.raises(LanguageError, match=words):
        load_file(tmp_path / "bad.py")


def test_a_field_that_does_not_exist_is_found_when_the_file_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text(
        "from femtobarn.physics.language import ev, any_\n\nany_(ev.lep.tightid)\n"
    )
    with pytest.raises(
        LanguageError, match=r"bad.py, line 3: The collection 'lep' has no 'tightid'.*'tight_id'"
    ):
        load_file(tmp_path / "bad.py")
