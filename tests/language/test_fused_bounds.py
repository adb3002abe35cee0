"""Groups of variations that are decided by bounds, and lists that come from the reference evaluator."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from femtobarn.data.formats.convert import RawColumn
from femtobarn.physics.language import Analysis, GeV, Regular, any_, ev, function, log, maximum, mc, where
from femtobarn.physics.language.fused.sums import Fused, TooLargeError

from .fused_tools import assert_same, by_loop, by_reference, fused_sums

lep, met = ev.lep, ev.met
FACTORS = [-2.0, -1.0, -0.5, 0.0, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0]


def scaled(cut: Any, field: Any, factors: list[float] = FACTORS) -> Analysis:
    """An analysis with one group of members, more than are tried one by one."""
    analysis = Analysis("bounds")
    selection = analysis.selection("all")
    selection.cut("varied", cut)
    analysis.weight(mc.generator)
    analysis.histogram("pt", met.pt, Regular(20, 0, 200, unit="GeV"), selections=selection)
    for k, factor in enumerate(factors):
        analysis.vary(f"v{k}", up={field: field * factor})
    return analysis


def column(values: Any, offsets: Any = None) -> RawColumn:
    at = None if offsets is None else np.array(offsets, np.int64)
    return RawColumn(np.array(values, np.float64), at, None, None, "float")


EVENTS = {
    "met.pt": column([35.0, 10.0, 0.0, np.inf, np.nan, 29.0]),
    "met.phi": column([1.0, -1.0, 0.0, np.inf, np.nan, 2.0]),
    "mc.sf.muon": column([0.0, 0.0, 0.0, 1.0, 1.0, 2.0]),
    "mc.generator": column([1.0, 2.0, -1.0, 0.5, 1.0, 1.0]),
    "lep.pt": column([50, 20, 30, np.inf, 10, np.nan, 40, 25, 24.0], [0, 2, 3, 5, 7, 9, 9]),
}


@pytest.mark.parametrize(
    ("cut", "field"),
    [
        (maximum(met.phi / mc.sf.muon, 5.0) > 3, met.phi),  # 0/0 between bounds that are infinite
        (met.pt * 0.5 > 10, met.pt),
        (where(met.pt > 30 * GeV, 1, 0) >= 1, met.pt),
        (~(abs(met.phi) < 1.5) | (met.phi - 1 > 0), met.phi),
        (lep.sort(lep.pt)[0].pt > 30, lep.pt),
        (lep.sort(lep.pt, descending=False)[1].pt > 30, lep.pt),
        (lep[1].pt > 15, lep.pt),
        (lep.pt.sum() > 60, lep.pt),
        (any_(lep.pt > 35), lep.pt),
    ],
)
def test_members_that_are_decided_together_are_those_one_by_one(cut: Any, field: Any) -> None:
    spec = scaled(cut, field).freeze()
    assert_same(by_loop(spec, "mc", EVENTS, [0, 6]), by_reference(spec, "mc", EVENTS, 6))


def test_the_number_of_members_is_part_of_the_code() -> None:
    for count in (2, 12, 3, 9):
        spec = scaled(met.pt > 20, met.pt, FACTORS[:count]).freeze()
        assert_same(by_loop(spec, "mc", EVENTS, [0, 6]), by_reference(spec, "mc", EVENTS, 6))


@function(inputs={"x": "floats", "y": "float"}, output="floats")
def moved(x, y):  # type: ignore[no-untyped-def]
    return x + y


@pytest.mark.parametrize(("mask", "compiled"), [(lep.eta > 0.1, True), (log(lep.eta) > -1.0, False)])
def test_lists_from_outside_are_of_the_same_objects(mask: Any, compiled: bool) -> None:
    analysis = Analysis("outside")
    selection = analysis.selection("all")
    analysis.histogram(
        "sum", moved(lep[mask].eta, mc.sf.muon).sum(), Regular(20, 0, 20), selections=selection
    )
    spec = analysis.freeze()
    rng = np.random.default_rng(3)
    counts = rng.integers(0, 5, 200)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    columns = {
        "lep.eta": column(rng.random(offsets[-1]), offsets),
        "lep.pt": column(rng.random(offsets[-1]), offsets),
        "mc.sf.muon": column(rng.random(200)),
    }
    code = Fused(spec, "mc")
    assert code.plan.compilable == compiled
    if compiled:
        assert_same(by_loop(spec, "mc", columns, [0, 200], code), by_reference(spec, "mc", columns, 200))
    else:  # rounding of the logarithm could choose others: the reference evaluator does it all
        with pytest.raises(TooLargeError):
            fused_sums(spec, "mc", code).add(columns, 200)
