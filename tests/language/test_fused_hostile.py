"""What is unusual: huge events, weights that spoil sums, deep, wide and many-fold programs."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from femtobarn.base.errors import NotFiniteError
from femtobarn.data.formats.convert import RawColumn
from femtobarn.physics.language import (
    Analysis,
    GeV,
    Regular,
    Variable,
    any_,
    best,
    ev,
    mc,
    pairs,
    quadruplets,
)
from femtobarn.physics.language.fused.events import EventLoop
from femtobarn.physics.language.fused.plan import DEEPEST
from femtobarn.physics.language.fused.source import Source
from femtobarn.physics.language.fused.sums import Fused, TooLargeError
from femtobarn.physics.language.program import program
from femtobarn.running.engine.evaluation import Evaluation

from .fused_generated import raw_columns
from .fused_tools import assert_same, by_loop, by_reference, fused_sums

lep, met = ev.lep, ev.met
PT = Regular(20, 0, 200, unit="GeV")


def counted(*values: Any, cut: Any = None) -> Analysis:
    analysis = Analysis("hostile")
    selection = analysis.selection("all")
    if cut is not None:
        selection.cut("cut", cut)
    for k, value in enumerate(values):
        analysis.histogram(f"h{k}", value, PT, selections=selection)
    return analysis


def columns_of(analysis: Analysis, entries: int = 50, seed: int = 1, **kwargs: Any) -> dict[str, RawColumn]:
    paths = program(analysis.freeze()).fields("mc")
    return raw_columns(paths, entries, np.random.default_rng(seed), **kwargs)


def compared(analysis: Analysis, columns: dict[str, RawColumn], entries: int) -> None:
    spec = analysis.freeze()
    assert_same(by_loop(spec, "mc", columns, [0, entries]), by_reference(spec, "mc", columns, entries))


def one_event(analysis: Analysis, objects: int) -> dict[str, RawColumn]:
    return {
        path: RawColumn(np.ones(objects), np.array([0, objects], np.int64), None, None, "float")
        for path in program(analysis.freeze()).fields("data")
    }


@pytest.mark.parametrize(
    "value",
    [pairs(lep).mass, quadruplets(lep).mass, best(pairs(lep), key=lambda p: p.mass).mass, lep.sort(lep.pt).e],
)
def test_an_event_with_too_many_objects_adds_nothing(value: Any) -> None:
    analysis = counted(value)
    sums = fused_sums(analysis.freeze(), "data")
    with pytest.raises(TooLargeError):
        sums.add(one_event(analysis, 100_000), 1)
    assert not any(v.any() for v in sums.cutflow().values())
    assert not any(v.any() for v in sums.histograms().values())


def test_after_an_event_that_was_too_large_others_are_added() -> None:
    analysis = counted(pairs(lep).mass)
    spec = analysis.freeze()
    sums = fused_sums(spec, "data")
    with pytest.raises(TooLargeError):
        sums.add(one_event(analysis, 100_000), 1)
    columns = columns_of(analysis)
    sums.add(columns, 50)
    assert_same((sums.cutflow(), sums.histograms()), by_reference(spec, "data", columns, 50))


def test_a_long_list_needs_no_room_if_it_is_only_looped_over() -> None:
    analysis = counted(lep.pt.sum(), lep[lep.pt > 2].pt.max())
    compared(analysis, one_event(analysis, 100_000), 1)
    analysis = counted(lep.pt, cut=pairs(lep).count() == 4_999_950_000)
    cutflow, _ = by_loop(analysis.freeze(), "data", one_event(analysis, 100_000), [0, 1])
    assert cutflow["all"][0, :, 0].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_weights_that_spoil_sums_are_counted_for_the_first_variation_that_has_them(bad: float) -> None:
    analysis = counted(met.pt)
    analysis.weight(mc.generator, mc.pileup)
    analysis.vary("a", up={mc.generator: mc.generator * 1.5})
    analysis.vary("pileup", up={mc.pileup: mc.pileup / mc.vertex}, down={mc.pileup: mc.pileup / mc.sf.muon})
    analysis.vary("z", up={mc.generator: mc.generator / mc.sf.electron})
    spec, columns = analysis.freeze(), columns_of(analysis)
    spoiled = {"mc.sf.muon": 3, "mc.sf.electron": 5}
    for path, count in spoiled.items():
        content = columns[path].content.astype(np.float64)
        content[:count] = 0.0 if np.isinf(bad) else bad
        columns[path] = RawColumn(content, None, None, None, "float")
    with pytest.raises(NotFiniteError) as expected:
        by_reference(spec, "mc", columns, 50)
    with pytest.raises(NotFiniteError, match=r"3 of 50 events .*pileup:down") as found:
        by_loop(spec, "mc", columns, [0, 50])
    assert str(found.value) == str(expected.value)


def test_where_a_weight_is_not_defined_it_is_nought_even_if_it_is_no_number() -> None:
    analysis = counted(met.pt)
    analysis.weight(mc.generator, lep[1].d0_sig)
    columns = columns_of(analysis, most=3)
    compared(analysis, columns, 50)


def test_programs_that_differ_in_the_number_of_variations_only_do_not_share_code() -> None:
    for many in (2, 3, 40):
        analysis = counted(met.pt, lep.pt.sum(), cut=met.pt > 20)
        analysis.vary_many("scale", {str(k): {met.pt: met.pt * (0.5 + 0.03 * k)} for k in range(many)})
        compared(analysis, columns_of(analysis), 50)


def test_numbers_that_differ_in_their_sign_only_are_two_variations() -> None:
    flipped = Analysis("sign")
    every = flipped.selection("all")
    flipped.histogram("h", 1.0 / (met.pt / GeV), Variable([-1.0, 0.0, 1.0]), selections=every)
    flipped.vary_many("zero", {"a": {met.pt: met.pt * 0.0}, "b": {met.pt: met.pt * -0.0}})
    compared(flipped, columns_of(flipped), 50)


def test_a_value_that_is_not_a_number_is_sorted_as_by_the_reference() -> None:
    by_key = lep.sort(by=lep.d0_sig, descending=False)
    analysis = counted(
        by_key[0].pt, lep.sort(by=lep.d0_sig)[1].pt, lep.pt.sort()[0], best(lep, lep.d0_sig).pt
    )
    compared(analysis, columns_of(analysis, 400, wild=True), 400)


def test_every_dtype_and_unit_a_file_can_have() -> None:
    analysis = counted(lep.pt, lep.pt.sum(), cut=any_(lep.tight_id) & (lep.charge.sum() < 3))
    spec, columns = analysis.freeze(), columns_of(analysis)
    at = columns["lep.pt"].offsets
    assert at is not None
    size = int(at[-1])
    rng = np.random.default_rng(5)
    dtypes = ("float32", "float64", "int8", "uint8", "uint16", "uint32", "int64", "bool")
    scales = ((1000.0, None), (None, None), (None, 0.3))
    for dtype, (divide, multiply) in zip(dtypes, itertools.cycle(scales), strict=False):
        values = rng.integers(0, 120, size).astype(dtype)
        columns["lep.pt"] = RawColumn(values, at, divide, multiply, "float")
        columns["lep.tight_id"] = RawColumn(values, at, None, None, "bool")
        if not dtype.startswith("float"):
            columns["lep.charge"] = RawColumn(values, at, None, None, "int")
        expected = by_reference(spec, "mc", columns, 50)
        assert_same(by_loop(spec, "mc", columns, [0, 50]), expected, exactly=True)


def emitted(analysis: Analysis) -> str:
    """Return the code of an analysis before it is compiled."""
    plan = Fused(analysis.freeze(), "mc").plan
    return EventLoop(plan, {p: Source("float64") for p in plan.fields()}, 512).emit()


def test_the_code_of_a_group_does_not_grow_with_its_members() -> None:
    def scaled(many: int) -> Analysis:
        analysis = counted(met.pt, cut=met.pt > 20)
        analysis.vary_many("scale", {str(k): {met.pt: met.pt * (1 + 0.001 * k)} for k in range(many)})
        return analysis

    assert emitted(scaled(300)).count("\n") == emitted(scaled(30)).count("\n")
    compared(scaled(300), columns_of(scaled(300)), 50)


def test_deep_graphs_are_compiled() -> None:
    x = met.pt / GeV
    y = lep.pt / GeV
    for k in range(700):
        x = x * 0.999 + 0.001 * k if k % 2 else abs(x - 1.0)
        y = y * 0.999 + 0.001
    analysis = counted(x * GeV, y * GeV, (y * GeV).sum())
    compared(analysis, columns_of(analysis), 50)


def test_graphs_that_share_their_parts_are_walked_once() -> None:
    x, y = met.pt, lep.pt
    for _ in range(40):
        x, y = x + x, y + y
    analysis = counted(x * 1e-12, y * 1e-12, (y * 1e-12).sum())
    analysis.vary(
        "scale",
        up={met.pt: met.pt * 1.5, lep.pt: lep.pt * 1.5},
        down={met.pt: met.pt * 0.5, lep.pt: lep.pt * 0.5},
    )
    compared(analysis, columns_of(analysis), 50)


def test_what_is_nested_too_deeply_goes_to_the_reference() -> None:
    x = met.pt / GeV
    for _ in range(DEEPEST):
        x = x * 0.999
    analysis = counted(x * GeV)
    spec, columns = analysis.freeze(), columns_of(analysis)
    sums = fused_sums(spec, "mc")
    with pytest.raises(TooLargeError):
        sums.add(columns, 50)
    assert not sums.cutflow()["all"].any()
    evaluation = Evaluation(spec, "mc")
    evaluation.add(columns, 50)
    found = (evaluation.cutflow(), evaluation.histograms())
    assert_same(found, by_reference(spec, "mc", columns, 50), exactly=True)
