"""Steps that a cutflow gets for "too few objects"."""

from __future__ import annotations

import pytest

from femtobarn.physics.language import Analysis, Expr, any_, best, ev, mass, pairs, where
from femtobarn.physics.language.evaluate import evaluate

from .tools import columns

lep, jet = ev.lep, ev.jet


def steps(*conditions: Expr) -> list[str]:
    analysis = Analysis("a")
    selection = analysis.selection("all")
    for k, condition in enumerate(conditions):
        selection.cut(f"cut {k}", condition)
    return [c.name for c in analysis.freeze().selections[0].cuts]


@pytest.mark.parametrize(
    ("condition", "step"),
    [
        (mass(lep[:4]) > 100, "at least 4 lep"),
        (lep[1].pt > 10, "at least 2 lep"),
        (lep[-3].pt > 10, "at least 3 lep"),
        (lep.pt.max() > 10, "at least 1 lep"),
        (lep[lep.pt > 10][0].eta > 0, "at least 1 lep[...]"),
        (best(pairs(lep), key=lambda p: p.mass).mass > 80, "at least 1 pairs(lep)"),
    ],
)
def test_an_expression_that_needs_objects_gets_a_step_before_it(condition: Expr, step: str) -> None:
    assert steps(condition) == [step, "cut 0"]


@pytest.mark.parametrize(
    "condition",
    [
        (lep[0].pt > 20) | (jet[0].pt > 20),
        where(lep.count() >= 2, lep[1].pt, 0) > 10,
        lep[0].pt.default(0) > 20,
        lep[0].pt.is_defined(),
        any_(lep.pt > 20),
        lep.pt.sum() > 20,
        lep.head(2).pt.sum() > 20,
        lep.count() >= 4,
    ],
    ids=str,
)
def test_what_can_do_without_gets_none(condition: Expr) -> None:
    assert steps(condition) == ["cut 0"]


def test_what_both_sides_of_an_or_need_is_needed() -> None:
    assert steps((lep[0].pt > 20) | (lep[0].e > 30)) == ["at least 1 lep", "cut 0"]
    assert steps(where(ev.trigger.muon, lep[1].pt, lep[1].e) > 3) == ["at least 2 lep", "cut 0"]
    assert steps(where(lep[0].pt > 3, ev.met.pt, 1) > 3) == ["at least 1 lep", "cut 0"]


def test_a_step_comes_once_and_again_only_for_more() -> None:
    assert steps(lep[1].pt > 5, lep[0].pt > 20, lep[:2].pt.sum() > 30) == [
        "at least 2 lep", "cut 0", "cut 1", "cut 2",
    ]  # fmt: skip
    assert steps(lep[0].pt > 20, lep[2].pt > 5) == ["at least 1 lep", "cut 0", "at least 3 lep", "cut 1"]
    assert steps((lep[0].pt > 20) & (lep[2].pt > 5)) == ["at least 3 lep", "cut 0"]


def test_an_explicit_count_is_enough() -> None:
    assert steps(lep.count() >= 4, mass(lep[:4]) > 100) == ["cut 0", "cut 1"]
    assert steps(lep.count() >= 3, mass(lep[:4]) > 100) == ["cut 0", "at least 4 lep", "cut 1"]


def test_steps_of_different_filters_are_told_apart() -> None:
    hard, central = lep[lep.pt > 20], lep[abs(lep.eta) < 1]
    assert steps(hard[1].e > 1, central[1].e > 1) == [
        "at least 2 lep[...]", "cut 0", "at least 2 lep[...] (2)", "cut 1",
    ]  # fmt: skip


def test_too_few_is_counted_in_the_step_and_failing_in_the_cut() -> None:
    analysis = Analysis("a")
    analysis.selection("all").cut("pt", lep[1].pt > 10)
    spec = analysis.freeze()
    assert [c.automatic for c in spec.selections[0].cuts] == [True, False]
    values = {"lep.pt": [[], [50], [50, 5], [50, 20]]}
    assert evaluate(spec, "data", columns(values), 4).passed("nominal", "all").tolist() == [0, 0, 1, 2]


def test_nested_selections_are_written_out_with_one_step() -> None:
    analysis = Analysis("a")
    loose = analysis.selection("loose").cut("sum", lep[:2].charge.sum() == 0)
    tight = analysis.selection("tight").cut("leading", lep[0].pt > 20).cut(loose)
    names = [c.name for c in analysis.freeze().selections[1].cuts]
    assert names == ["at least 1 lep", "leading", "at least 2 lep", "sum"]
    assert tight.name == "tight"
