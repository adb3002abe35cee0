"""Corrections from files: against correctionlib itself where it is installed, and by hand."""

from __future__ import annotations

import gzip
import importlib.util
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from femtobarn.base.errors import (
    LanguageError,
    MissingExtraError,
    SettingsError,
    TypesError,
    UnknownNameError,
)
from femtobarn.base.records import AnalysisSpec, NodeRecord
from femtobarn.physics.language import Analysis, Expr, Regular, correction, corrections, ev, mc
from femtobarn.physics.language.evaluate import evaluate
from femtobarn.physics.language.graph import from_records
from femtobarn.physics.language.text import text

from .tools import columns, evaluated

lep, met = ev.lep, ev.met
library = pytest.mark.skipif(
    importlib.util.find_spec("correctionlib") is None, reason="correctionlib is not installed"
)
X = [{"name": "x", "type": "real"}]


def single(
    data: Any, inputs: list[dict[str, str]] | None = None, name: str = "sf", **more: Any
) -> dict[str, Any]:
    return {
        "name": name,
        "version": 1,
        "inputs": X if inputs is None else inputs,
        "output": {"name": "sf", "type": "real"},
        "data": data,
        **more,
    }


def content(*found: dict[str, Any], **more: Any) -> str:
    return json.dumps({"schema_version": 2, "corrections": list(found), **more})


def stored(folder: Path, *found: dict[str, Any], **more: Any) -> Path:
    path = folder / "sf.json"
    path.write_text(content(*found, **more))
    return path


def bins(
    values: list[Any], edges: Any = (0.0, 1.0, 2.0), flow: Any = "clamp", over: str = "x"
) -> dict[str, Any]:
    listed = edges if isinstance(edges, dict) else list(edges)
    return {"nodetype": "binning", "input": over, "edges": listed, "content": values, "flow": flow}


def formula(expression: str, *variables: str) -> dict[str, Any]:
    return {
        "nodetype": "formula",
        "expression": expression,
        "parser": "TFormula",
        "variables": list(variables),
    }


SYSTEMATIC = {
    "nodetype": "category",
    "input": "syst",
    "content": [{"key": "nominal", "value": bins([1.0, 2.0])}, {"key": "up", "value": bins([1.5, 2.5])}],
}
WITH_SYSTEMATIC = [*X, {"name": "syst", "type": "string"}]
SOME = {"met.pt": [-1.0, 0.0, 0.5, 1.0, 1.999, 2.0, 5.0, math.nan]}


# --- tables ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flow", "below", "above"),
    [("clamp", 1.0, 2.0), ("error", math.nan, math.nan), (7.5, 7.5, 7.5), (3, 3.0, 3.0)],
)
def test_bins_are_a_table(tmp_path: Path, flow: Any, below: float, above: float) -> None:
    sf = correction(stored(tmp_path, single(bins([1.0, 2], flow=flow))), "sf", met.pt / 1.0)
    assert sf.node.op == "lookup"
    got = evaluated(sf, SOME)
    np.testing.assert_array_equal(got, [below, 1.0, 1.0, 2.0, 2.0, above, above, above])


def test_a_category_is_chosen_when_the_analysis_is_declared(tmp_path: Path) -> None:
    path = stored(tmp_path, single(SYSTEMATIC, WITH_SYSTEMATIC))
    nominal, up = (correction(path, "sf", lep.pt, s) for s in ("nominal", "up"))
    values = {"lep.pt": [[0.5, 1.5], [], [9.0]]}
    assert evaluated(nominal, values) == [[1.0, 2.0], [], [2.0]]
    assert evaluated(up, values) == [[1.5, 2.5], [], [2.5]]
    assert nominal.node.type.axis is lep.pt.node
    with pytest.raises(UnknownNameError, match=r"'upp' is not a known syst of correction 'sf'.*'up'"):
        correction(path, "sf", lep.pt, "upp")


@pytest.mark.parametrize(
    ("n", "low", "high"), [(2, -2.5, 2.5), (5, -2.0, 3.0), (10, -2.5, 2.5), (3, 0.1, 0.7)]
)
def test_edges_of_equal_bins_are_where_the_library_changes_bins(
    tmp_path: Path, n: int, low: float, high: float
) -> None:
    path = stored(tmp_path, single(bins([float(k) for k in range(n)], {"n": n, "low": low, "high": high})))
    node = correction(path, "sf", met.pt).node
    (edges,) = node.params[0]
    assert len(edges) == n + 1
    for k, edge in enumerate(edges[1:-1], start=1):
        below = math.nextafter(edge, -math.inf)
        assert math.floor(n * (edge - low) / (high - low)) == k
        assert math.floor(n * (below - low) / (high - low)) == k - 1


def test_bins_within_equal_bins_are_one_table(tmp_path: Path) -> None:
    inner = [bins([1.0, 2.0], over="y"), bins([3.0, 4.0], over="y")]
    inputs = [*X, {"name": "y", "type": "real"}]
    path = stored(tmp_path, single(bins(inner), inputs))
    sf = correction(path, "sf", lep.pt, abs(lep.eta))
    assert text(sf.node) == "lookup(lep.pt, abs(lep.eta))"
    assert evaluated(sf, {"lep.pt": [[0.5, 0.5, 1.5]], "lep.eta": [[0.5, -1.5, 0.1]]}) == [[1.0, 2.0, 3.0]]
    flat = {
        "nodetype": "multibinning",
        "inputs": ["x", "y"],
        "edges": [[0, 1, 2], {"n": 2, "low": 0, "high": 2}],
        "content": [1.0, 2.0, 3.0, 4.0],
        "flow": "clamp",
    }
    assert correction(stored(tmp_path, single(flat, inputs)), "sf", lep.pt, abs(lep.eta)).node is sf.node


def test_a_constant_takes_the_collection_of_its_inputs(tmp_path: Path) -> None:
    path = stored(tmp_path, single(1.25))
    assert evaluated(correction(path, "sf", lep.pt), {"lep.pt": [[1.0, 2.0], []]}) == [[1.25, 1.25], []]
    assert evaluated(correction(path, "sf", met.pt), {"met.pt": [1.0]}) == [1.25]


def test_packed_files_and_units(tmp_path: Path) -> None:
    packed = tmp_path / "sf.json.gz"
    packed.write_bytes(gzip.compress(content(single(bins([1.0, 2.0]))).encode()))
    scale = correction(packed, "sf", met.pt, unit="MeV")
    assert evaluated(scale, {"met.pt": [0.5]}) == [0.001]
    assert str(scale.node.type.unit) == "GeV"


def test_a_file_is_found_beside_the_one_that_names_it(tmp_path: Path) -> None:
    stored(tmp_path, single(bins([1.0, 2.0])))
    names: dict[str, Any] = {"__file__": str(tmp_path / "analysis.py"), "correction": correction, "x": met.pt}
    exec("sf = correction('sf.json', 'sf', x)", names)
    assert isinstance(names["sf"], Expr)


# --- against the library --------------------------------------------------------------------------------

edge = st.floats(-10, 10).map(lambda x: round(x, 2))
edges = st.lists(edge, min_size=2, max_size=5, unique=True).map(sorted)
equal = st.builds(
    lambda n, low, width: {"n": n, "low": low, "high": round(low + width, 2)},
    st.integers(1, 12),
    edge,
    st.floats(0.1, 10),
)
number = st.floats(-5, 5).map(lambda x: round(x, 3))  # the library reads 17 digits with an error in the last
flows = st.one_of(st.just("clamp"), st.just("error"), number)


@st.composite
def tables(draw: Any, over: tuple[str, ...] = ("x", "y")) -> Any:
    name, *rest = over
    shape = draw(st.one_of(edges, equal))
    size = shape["n"] if isinstance(shape, dict) else len(shape) - 1
    flow = draw(flows)
    if not rest:
        return bins(draw(st.lists(number, min_size=size, max_size=size)), shape, flow, name)
    inner = draw(tables(tuple(rest)))
    values = [
        {**inner, "content": draw(st.permutations(inner["content"])), "flow": flow} for _ in range(size)
    ]
    return bins(values, shape, flow, name)


@library
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tables(), st.lists(st.tuples(st.floats(-15, 15), edge), min_size=1, max_size=20))
def test_tables_equal_the_library(tmp_path: Path, tree: Any, points: list[tuple[float, float]]) -> None:
    inputs = [*X, {"name": "y", "type": "real"}]
    exact = tree["edges"] if isinstance(tree["edges"], list) else list(tree["edges"].values())[1:]
    points = [*points, *((float(e), float(e)) for e in exact)]
    path = tmp_path / f"{abs(hash(json.dumps(tree)))}.json"  # each its own: files are remembered
    path.write_text(content(single(tree, inputs)))
    made = correction(path, "sf", met.pt / 1.0, met.phi)
    assert made.node.op == "lookup"
    got = evaluated(made, {"met.pt": [x for x, _ in points], "met.phi": [y for _, y in points]})
    np.testing.assert_array_equal(got, [by_library(path, x, y) for x, y in points])


def by_library(path: Path, *inputs: Any) -> float:
    correctionlib: Any = pytest.importorskip("correctionlib")
    try:
        return float(correctionlib.CorrectionSet.from_file(str(path))["sf"].evaluate(*inputs))
    except (RuntimeError, IndexError):
        return math.nan


@library
def test_formulas_and_categories_of_numbers_are_those_of_the_library(tmp_path: Path) -> None:
    tree = {
        "nodetype": "category",
        "input": "n",
        "content": [
            {"key": 0, "value": formula("1+0.1*log(x)", "x")},
            {"key": 1, "value": bins([formula("x*x", "x"), 3], flow="error")},
            {"key": 2, "value": {"nodetype": "transform", "input": "x", "rule": formula("x/2", "x"), "content": bins([5.0, 6.0])}},
        ],
    }  # fmt: skip
    path = stored(tmp_path, single(tree, [{"name": "n", "type": "int"}, *X]))
    sf = correction(path, "sf", lep.charge, lep.pt)
    assert sf.node.op == "correction"
    values = {"lep.charge": [[0, 1], [], [1, 2, 3, 2]], "lep.pt": [[2.0, 0.5], [], [7.0, 1.9, 1.0, 2.5]]}
    got = evaluated(sf, values)
    expected = [
        [by_library(path, *z) for z in zip(*pair, strict=True)]
        for pair in zip(values["lep.charge"], values["lep.pt"], strict=True)
    ]
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_array_equal(a, b)
    assert math.isnan(got[2][0])
    assert math.isnan(got[2][2])
    assert text(sf.node) == "correction('sf', lep.charge, lep.pt)"
    leading = correction(path, "sf", lep[0].charge, lep[0].pt)
    assert evaluated(leading, values)[:2] == [got[0][0], None]


@library
def test_text_of_events_chooses_event_by_event(tmp_path: Path) -> None:
    path = stored(tmp_path, single(SYSTEMATIC, WITH_SYSTEMATIC))
    sf = correction(path, "sf", lep.pt, ev.category)
    values = {"lep.pt": [[0.5, 1.5], [0.5], [1.0]], "category": ["up", "nominal", "other"]}
    got = evaluated(sf, values)
    assert got[:2] == [[1.5, 2.5], [1.0]]
    assert math.isnan(got[2][0])


@library
def test_compound_corrections_and_inputs_that_make_no_difference(tmp_path: Path) -> None:
    one, two = single(bins([1.1, 1.2]), name="one"), single(formula("1+x/10", "x"), name="two")
    compound = {
        "name": "all", "inputs": X, "output": {"name": "sf", "type": "real"}, "inputs_update": [],
        "input_op": "*", "output_op": "*", "stack": ["one", "two"],
    }  # fmt: skip
    path = stored(tmp_path, one, two, compound_corrections=[compound])
    assert evaluated(correction(path, "all", met.pt), {"met.pt": [0.5]}) == pytest.approx([1.1 * 1.05])
    other = [*X, {"name": "y", "type": "real"}]
    path = stored(tmp_path, single(formula("x", "y"), other))
    assert evaluated(correction(path, "sf", lep.pt, 2.0), {"lep.pt": [[1.0, 3.0], []]}) == [[2.0, 2.0], []]


@library
def test_what_the_library_refuses_is_refused_when_declared(tmp_path: Path) -> None:
    path = stored(tmp_path, single(formula("x^(", "x")))
    with pytest.raises(TypesError, match="not one that correctionlib can evaluate"):
        correction(path, "sf", met.pt)


def test_without_the_library_tables_work_and_formulas_name_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corrections, "find_spec", lambda _: None)
    path = stored(tmp_path, single(formula("x", "x")), single(bins([1.0, 2.0]), name="table"))
    assert correction(path, "table", met.pt).node.op == "lookup"
    with pytest.raises(MissingExtraError, match=r"femtobarn\[corrections\]"):
        correction(path, "sf", met.pt)


# --- in an analysis -----------------------------------------------------------------------------------


def declared(path: Path) -> AnalysisSpec:
    analysis = Analysis("corrected")
    chosen = analysis.selection("all").cut("one", lep.count() > 0)
    nominal, up = (correction(path, "sf", lep[0].pt, s) for s in ("nominal", "up"))
    analysis.weight(mc.generator, nominal)
    analysis.vary("id", up={nominal: up})
    analysis.histogram("pt", lep[0].pt, Regular(2, 0, 2, unit="GeV"), selections=chosen)
    return analysis.freeze()


def test_a_category_is_a_variation_of_the_weight_and_travels_with_the_analysis(tmp_path: Path) -> None:
    path = stored(tmp_path, single(SYSTEMATIC, WITH_SYSTEMATIC))
    spec = declared(path)
    again = AnalysisSpec.model_validate_json(spec.model_dump_json())
    assert again.identity == spec.identity
    changed = json.loads(json.dumps(SYSTEMATIC).replace("2.5", "2.6"))
    (tmp_path / "other").mkdir()
    assert declared(stored(tmp_path / "other", single(changed, WITH_SYSTEMATIC))).identity != spec.identity
    path.unlink()  # what is declared needs the file no more
    values = columns({"lep.pt": [[0.5], [1.5], []], "mc.generator": [2.0, 2.0, 2.0]})
    result = evaluate(again, "mc", values, 3)
    assert result.weight("nominal").tolist() == [2.0, 4.0, 0.0]
    assert result.weight("id:up").tolist() == [3.0, 5.0, 0.0]


@pytest.mark.parametrize(
    "record",
    [
        NodeRecord(op="correction", args=(0,), params=("sf", 1, ("real",))),
        NodeRecord(op="correction", args=(0,), params=("sf", "{}", ("complex",))),
        NodeRecord(op="correction", args=(0,), params=("sf", "{}", ("int",))),
        NodeRecord(op="correction", args=(0, 0, 0), params=("sf", "{}", ("real",))),
        NodeRecord(op="correction", args=(0,), params=("sf",)),
        NodeRecord(op="index", args=(0,)),
        NodeRecord(op="lookup", args=(0,), params=(((0.0, 1.0),), (1.0,), "nowhere", ())),
    ],
)
def test_a_graph_from_elsewhere_is_checked(record: NodeRecord) -> None:
    with pytest.raises(LanguageError):
        from_records([NodeRecord(op="field", params=("met.pt",)), record])


@library
@pytest.mark.parametrize(
    "words",
    ["", "{}", "[" * 100_000, '{"schema_version":2,"corrections":[]}'],
    ids=["empty", "nothing", "deep", "none"],
)
def test_text_from_elsewhere_is_no_crash(words: str) -> None:
    field = NodeRecord(op="field", params=("met.pt",))
    made = from_records([field, NodeRecord(op="correction", args=(0,), params=("sf", words, ("real",)))])
    with pytest.raises(TypesError, match="not one that correctionlib can evaluate"):
        evaluated(Expr(made[1]), {"met.pt": [1.0]})


# --- what can be wrong ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "Expected a file of corrections in JSON"),
        (b"{", "Expected a file of corrections in JSON"),
        (b"[" * 100_000, "Expected a file of corrections in JSON"),
        (b"\xff\xfe\x00", "Expected a file of corrections in JSON"),
        (b"\x1f\x8bnot gzip", "cannot be read"),
        (gzip.compress(b"{}" * 99)[:-9], "cannot be read"),
        (b"[]", "schema_version 2.*'list'"),
        (b"{}", "schema_version 2.*None"),
        (b'{"schema_version": 1, "corrections": []}', "schema_version 2.*1"),
        (b'{"schema_version": 2}', "a list of corrections"),
        (b'{"schema_version": 2, "corrections": [3]}', "a list of corrections"),
        (b'{"schema_version": 2, "corrections": [{"name": "sf"}]}', "must have inputs"),
    ],
    ids=[
        "empty", "open", "deep", "binary", "not gzip", "cut gzip", "list", "no version", "version 1", "no list",
        "no names", "no inputs",
    ],
)  # fmt: skip
def test_files_of_another_kind(tmp_path: Path, raw: bytes, words: str) -> None:
    path = tmp_path / "sf.json"
    path.write_bytes(raw)
    with pytest.raises(SettingsError, match=words):
        correction(path, "sf", met.pt)


def test_a_file_that_unpacks_to_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from femtobarn.physics.language import correctionfile

    monkeypatch.setattr(correctionfile, "MOST_BYTES", 1000)
    path = tmp_path / "sf.json.gz"
    path.write_bytes(gzip.compress(b" " * 2000))
    with pytest.raises(SettingsError, match="needed corrections only"):
        correction(path, "sf", met.pt)


def test_absent_files_and_names(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"absent\.json cannot be read: No such file"):
        correction(tmp_path / "absent.json", "sf", met.pt)
    path = stored(tmp_path, single(bins([1.0, 2.0])), single(1.0, name="other"))
    with pytest.raises(
        UnknownNameError, match=r"'sff' is not a known correction of sf\.json\. Did you mean 'sf'"
    ):
        correction(path, "sff", met.pt)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ((), r"takes 2 inputs: n \(int\), x \(real\); but got 0"),
        ((lep.pt, lep.pt), r"'n' of correction 'sf' is int, but got a float in GeV per lep"),
        ((lep.charge, "up"), "'x' of correction 'sf' is real, but got a string"),
        ((lep.charge, lep), "Expected a number or an expression"),
    ],
)
def test_inputs_that_do_not_fit(tmp_path: Path, inputs: tuple[Any, ...], words: str) -> None:
    path = stored(tmp_path, single(bins([1.0, 2.0]), [{"name": "n", "type": "int"}, *X]))
    with pytest.raises(TypesError, match=words):
        correction(path, "sf", *inputs)


@pytest.mark.parametrize(
    "tree",
    [
        None,
        "words",
        [],
        {"nodetype": "category"},
        {"no": "node"},
        bins([None, 1.0]),
        bins([10**400, 1.0]),
        bins([1.0, 2.0], over="z"),
        {**bins([]), "content": 5},
        {"nodetype": [1]},
        {"nodetype": "multibinning", "inputs": ["x"], "edges": 5, "content": [1.0], "flow": "clamp"},
        bins([1.0], {"n": 10**12, "low": 0, "high": 1}),
    ],
)
def test_trees_that_are_none(tmp_path: Path, tree: Any) -> None:
    with pytest.raises(TypesError, match="orrection 'sf'"):
        correction(stored(tmp_path, single(tree)), "sf", met.pt)
