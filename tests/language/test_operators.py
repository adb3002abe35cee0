"""What the generated expressions do not cover: tables, matching, four-vectors, functions, text."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from femtobarn.physics import language
from femtobarn.physics.language import (
    Expr,
    best,
    cross,
    delta_phi,
    delta_r,
    ev,
    lookup,
    mass,
    match,
    nearest_delta_r,
    pairs,
    quirk,
    system,
    transverse_mass,
    triplets,
    where,
)
from femtobarn.physics.language.text import text

from .tools import evaluated, rebuilt

lep, jet = ev.lep, ev.jet


@pytest.mark.parametrize(
    "name",
    ["sqrt", "exp", "log", "log10", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arctan", "floor", "ceil"],
)
def test_functions_equal_pythons(name: str) -> None:
    values = {"lep.eta": [[0.25, 1.5], [], [2.75]]}
    python = getattr(math, {"arctan": "atan"}.get(name, name))
    expr = getattr(language, name, getattr(np, name))(lep.eta)
    got = evaluated(expr, values)
    assert [len(v) for v in got] == [2, 0, 1]
    for x, y in zip(itertools.chain(*values["lep.eta"]), itertools.chain(*got), strict=True):
        assert y == pytest.approx(python(x), rel=1e-12)
    assert np.sign(lep.eta).node.type.kind == "float"


def test_what_is_not_a_number_is_nan_and_fails_a_cut() -> None:
    values = {"lep.eta": [[-1.0, 1.0]]}
    assert evaluated(language.sqrt(lep.eta) >= 0, values) == [[False, True]]
    assert evaluated(1 / (lep.eta + 1), values) == [[math.inf, 0.5]]


def test_means_and_powers() -> None:
    values = {"lep.pt": [[2.0, 4.5], [], [8.0]], "lep.charge": [[1, -1], [], [-1]], "run": [2, 3, 4]}
    assert evaluated(lep.pt.mean(), values) == [3.25, None, 8.0]
    assert evaluated(lep.pt.mean().default(-1), values) == [3.25, -1.0, 8.0]
    assert evaluated(lep.pt**2, values) == [[4.0, 20.25], [], [64.0]]
    assert evaluated(ev.run**3, values) == [8, 27, 64]
    assert evaluated(ev.run**-1, values) == [0.5, 1 / 3, 0.25]
    assert evaluated((lep.pt**2).sum() ** 0.5, values)[1] == 0.0
    assert str((lep.pt**2).node.type.unit) == "GeV^2"


def test_an_undefined_default_stays_undefined() -> None:
    values = {"lep.pt": [[], [5.0], [5.0, 3.0]]}
    assert evaluated(lep[1].pt.default(lep[0].pt), values) == [None, 5.0, 3.0]
    assert evaluated(lep[1].pt.default(lep[0].pt).default(0), values) == [0.0, 5.0, 3.0]


def test_text_fields_compare_with_text() -> None:
    values = {"category": ["data15", "mc", "", "data16"]}
    assert evaluated(ev.category == "mc", values) == [False, True, False, False]
    assert evaluated(ev.category.isin("data15", "data16"), values) == [True, False, False, True]
    assert evaluated(ev.category != "mc", {"category": []}) == []


# --- tables

EDGES_X, EDGES_Y = (0.0, 1.0, 2.5), (0.0, 20.0, 50.0, 100.0)
TABLE = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]


def looked_up(x: float, y: float, outside: str | float) -> float | None:
    i = sum(x >= e for e in EDGES_X) - 1
    j = sum(y >= e for e in EDGES_Y) - 1
    inside = 0 <= i < 2 and 0 <= j < 3
    if inside or outside == "clip":
        return TABLE[min(max(i, 0), 1)][min(max(j, 0), 2)]
    return None if outside == "undefined" else float(outside)


@pytest.mark.parametrize("outside", ["clip", "undefined", -7.0])
@settings(deadline=None, max_examples=40)
@given(found=st.lists(st.lists(st.tuples(st.integers(-2, 6), st.integers(-2, 12)), max_size=3), max_size=4))
def test_tables_equal_a_search(outside: str | float, found: list[list[tuple[int, int]]]) -> None:
    values = {
        "lep.eta": [[x / 2 for x, _ in e] for e in found],
        "lep.pt": [[y * 10.0 for _, y in e] for e in found],
    }
    expr = lookup(TABLE, (lep.eta, EDGES_X), (lep.pt, EDGES_Y), outside=outside)
    got = evaluated(expr, values, len(found))
    expected = [[looked_up(x / 2, y * 10.0, outside) for x, y in e] for e in found]
    assert [[None if math.isnan(v) else v for v in e] for e in got] == expected
    first = lookup(TABLE, (lep[0].eta, EDGES_X), (lep[0].pt, EDGES_Y), outside=outside)
    assert evaluated(first, values, len(found)) == [e[0] if e else None for e in expected]


def test_tables_have_units() -> None:
    expr = lookup([1000.0, 2000.0], (ev.met.pt, [0, 50, 100]), unit="MeV")
    assert evaluated(expr, {"met.pt": [10.0, 50.0, 500.0]}) == [1.0, 2.0, 2.0]
    assert str(expr.node.type.unit) == "GeV"


# --- angles and matching

angle = st.floats(-math.pi, math.pi)
things = st.lists(st.tuples(st.floats(-2.5, 2.5), angle), max_size=4)


def distance(a: tuple[float, float], b: tuple[float, float]) -> float:
    turn = abs(a[1] - b[1])
    return math.hypot(a[0] - b[0], min(turn, 2 * math.pi - turn))


def as_columns(found: list[tuple[Any, Any]]) -> dict[str, list[Any]]:
    values: dict[str, list[Any]] = {}
    for k, name in enumerate(("lep", "jet")):
        values[f"{name}.eta"] = [[o[0] for o in e[k]] for e in found]
        values[f"{name}.phi"] = [[o[1] for o in e[k]] for e in found]
        values[f"{name}.pt"] = [[float(i) for i in range(len(e[k]))] for e in found]
    return values


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(things, things), max_size=4))
def test_the_nearest_and_all_combinations_equal_loops(found: list[tuple[Any, Any]]) -> None:
    values = as_columns(found)
    got = evaluated(nearest_delta_r(lep, jet), values, len(found))
    expected = [[min((distance(a, b) for b in e[1]), default=math.inf) for a in e[0]] for e in found]
    assert [len(v) for v in got] == [len(v) for v in expected]
    flat = [list(itertools.chain(*v)) for v in (got, expected)]
    assert flat[0] == pytest.approx(flat[1], rel=1e-12, abs=1e-12)
    both = cross(lep, jet)
    products = [list(itertools.product(range(len(a)), range(len(b)))) for a, b in found]
    assert evaluated(both.first.pt, values, len(found)) == [[float(i) for i, _ in e] for e in products]
    assert evaluated(both.second.pt, values, len(found)) == [[float(j) for _, j in e] for e in products]
    all_three = triplets(lep)
    expected_third = [[float(c[2]) for c in itertools.combinations(range(len(a)), 3)] for a, _ in found]
    assert evaluated(all_three.third.pt, values, len(found)) == expected_third


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(things, things), max_size=4), st.sampled_from([0.4, 1.0, 3.0]))
def test_matching_equals_a_loop(found: list[tuple[Any, Any]], limit: float) -> None:
    values = as_columns(found)
    pairs_ = match(lep, jet, max_delta_r=limit)
    got = [evaluated(e, values, len(found)) for e in (pairs_.first.pt, pairs_.second.pt)]
    for k, (a, b) in enumerate(found):
        matched = list(zip(*(g[k] for g in got), strict=True))
        for i, one in enumerate(a):
            mine = [int(j) for x, j in matched if int(x) == i]
            nearest = min((distance(one, o) for o in b), default=math.inf)
            if nearest < limit - 1e-9:
                assert mine
            assert all(distance(one, b[j]) <= nearest + 1e-9 for j in mine)
            if nearest > limit + 1e-9:
                assert not mine


def test_matching_chooses_the_nearest_only() -> None:
    values = as_columns(
        [([(0.0, 0.0), (2.0, 3.1)], [(0.3, 0.0), (0.1, 0.1), (2.0, -3.1)]), ([], [(0.0, 0.0)])]
    )
    pairs_ = match(lep, jet, max_delta_r=0.4)
    assert evaluated(pairs_.second.pt, values) == [[1.0, 2.0], []]
    assert evaluated(pairs_.count(), values) == [2, 0]


@given(angle, angle)
@settings(deadline=None, max_examples=60)
def test_delta_phi_is_the_short_way_round(a: float, b: float) -> None:
    (got,) = evaluated(delta_phi(lep[0], jet[0]), {"lep.phi": [[a]], "jet.phi": [[b]]})
    assert -math.pi <= got <= math.pi
    assert math.cos(got) == pytest.approx(math.cos(a - b), abs=1e-12)
    assert math.sin(got) == pytest.approx(math.sin(a - b), abs=1e-12)


# --- four-vectors in expressions

FOUR = {
    "lep.pt": [[40.0, 30.0, 20.0, 10.0], [25.0, 15.0], []],
    "lep.eta": [[0.5, -1.0, 2.0, 0.0], [1.5, -0.5], []],
    "lep.phi": [[0.1, 3.0, -2.0, 1.0], [-1.0, 2.0], []],
    "lep.charge": [[1, -1, 1, -1], [1, 1], []],
    "met.pt": [50.0, 20.0, 1.0],
    "met.phi": [1.0, -3.0, 0.0],
}
FOUR["lep.e"] = [
    [pt * math.cosh(eta) for pt, eta in zip(*both, strict=True)]
    for both in zip(FOUR["lep.pt"], FOUR["lep.eta"], strict=True)  # type: ignore[arg-type]
]


def slow_mass(event: int, chosen: list[int]) -> float:
    e = px = py = pz = 0.0
    for i in chosen:
        pt, eta, phi, energy = (FOUR[f"lep.{f}"][event][i] for f in ("pt", "eta", "phi", "e"))  # type: ignore[index]
        e, px, py, pz = e + energy, px + pt * math.cos(phi), py + pt * math.sin(phi), pz + pt * math.sinh(eta)
    return math.sqrt(e * e - px * px - py * py - pz * pz)


def test_masses_of_a_collection_of_objects_and_of_pairs() -> None:
    four, two, none = evaluated(mass(lep[:4]), FOUR)
    assert four == pytest.approx(slow_mass(0, [0, 1, 2, 3]), rel=1e-12)
    assert two is none is None
    for expr in (mass(lep[0], lep[1]), (lep[0] + lep[1]).mass, system(lep[0], lep[1]).mass, mass(lep[:2])):
        got = evaluated(expr, FOUR)
        assert got[:2] == pytest.approx([slow_mass(0, [0, 1]), slow_mass(1, [0, 1])], rel=1e-12)
        assert got[2] is None
    each = evaluated(pairs(lep).mass, FOUR)
    assert [len(v) for v in each] == [6, 1, 0]
    expected = [slow_mass(0, list(c)) for c in itertools.combinations(range(4), 2)]
    assert each[0] == pytest.approx(expected, rel=1e-12)


def test_the_best_pair() -> None:
    both = pairs(lep)
    neutral = both[both.charge == 0]
    z = best(neutral, key=lambda p: abs(p.mass - 91.2))
    candidates = [(0, 1), (0, 3), (1, 2), (2, 3)]
    chosen = min(candidates, key=lambda c: abs(slow_mass(0, list(c)) - 91.2))
    got = evaluated(z.mass, FOUR)
    assert got[0] == pytest.approx(slow_mass(0, list(chosen)), rel=1e-12)
    assert got[1:] == [None, None]
    assert evaluated(z.first.pt, FOUR)[0] == FOUR["lep.pt"][0][chosen[0]]  # type: ignore[index]
    hardest = best(lep, key=lep.pt, highest=True)
    assert evaluated(hardest.pt, FOUR) == [40.0, 25.0, None]


def test_the_transverse_mass_of_an_object_and_the_missing_momentum() -> None:
    got = evaluated(transverse_mass(lep[0], ev.met), FOUR)
    expected = [
        math.sqrt(2 * pt * met * (1 - math.cos(phi - toward)))
        for pt, phi, met, toward in ((40.0, 0.1, 50.0, 1.0), (25.0, -1.0, 20.0, -3.0))
    ]
    assert got[:2] == pytest.approx(expected, rel=1e-12)
    assert got[2] is None


def test_histograms_of_objects_are_filled_once_for_each() -> None:
    from femtobarn.physics.language import Analysis, Regular
    from femtobarn.physics.language.evaluate import evaluate

    from .tools import columns

    analysis = Analysis("a")
    selection = analysis.selection("all").cut("met", ev.met.pt > 10)
    axes = [Regular(5, 0, 50, unit="GeV"), Regular(5, 0, 100, unit="GeV")]
    analysis.histogram("pt", [lep.pt, ev.met.pt], axes, selections=selection)
    result = evaluate(analysis.freeze(), "mc", columns(FOUR), 3)
    fill = result.fill("nominal", "all", "pt")
    assert fill.values[0].tolist() == [40.0, 30.0, 20.0, 10.0, 25.0, 15.0]
    assert fill.values[1].tolist() == [50.0] * 4 + [20.0] * 2
    assert fill.weight.tolist() == [1.0] * 6


# --- text

WRITTEN: dict[str, Callable[[], Expr]] = {
    "lep.pt > 20": lambda: lep.pt > 20,
    "(lep.pt > 20) & ~lep.tight_id | lep.loose_id": lambda: (lep.pt > 20) & ~lep.tight_id | lep.loose_id,
    "lep[:4].charge.sum() == 0": lambda: lep[:4].charge.sum() == 0,
    "lep[lep.pt > 20].count() >= 2": lambda: lep[lep.pt > 20].count() >= 2,
    "lep.sort(by=lep.eta, descending=False).pt": lambda: lep.sort(lep.eta, descending=False).pt,
    "(lep.pt * 2).sort(by=lep.pt * 2)": (lep.pt * 2).sort,
    "lep[1].pt.default(0)": lambda: lep[1].pt.default(0),
    "lep[1].pt.is_defined()": lep[1].pt.is_defined,
    "system(lep[0], lep[1]).pt": lambda: (lep[0] + lep[1]).pt,
    "mass(lep[:4])": lambda: mass(lep[:4]),
    "mass(pairs(lep).first, pairs(lep).second)": lambda: pairs(lep).mass,
    "cross(lep, jet).second.pt": lambda: cross(lep, jet).second.pt,
    "lep.type.isin(11, 13)": lambda: lep.type.isin(11, 13),
    "where(lep.is_muon, lep.pt, 0)": lambda: where(lep.is_muon, lep.pt, 0),
    "-lep.pt**2": lambda: -(lep.pt**2),
    "(-lep.pt)**2": lambda: (-lep.pt) ** 2,
    "20 - (lep.pt - 5)": lambda: 20 - (lep.pt - 5),
    "abs(delta_phi(lep[0].phi, lep[1].phi))": lambda: abs(delta_phi(lep[0], lep[1])),
}


@pytest.mark.parametrize("words", WRITTEN)
def test_expressions_are_written_as_a_person_would(words: str) -> None:
    node = WRITTEN[words]().node
    assert rebuilt(words).node is node
    assert text(node).replace("lep.type == 13", "lep.is_muon") == words


def test_what_is_shown_of_collections_and_names() -> None:
    assert repr(lep[:4]) == "<lep[:4]>"
    assert repr(quirk("q", physics=lep.pt, notebook=lep.pt * 2)) == "<quirk('q'): float in GeV per lep>"
    assert {"pt", "is_muon"} <= set(dir(lep))
    assert "electron" in dir(ev.trigger)


def test_an_object_has_no_distance_to_itself() -> None:
    assert evaluated(delta_r(lep[0], lep[0]), FOUR) == [0.0, 0.0, None]
