"""Variations in results: bands, yields, and all variations read at once."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stnp

from femtobarn.base.errors import ResultsError
from femtobarn.base.records import AnalysisSpec, CutflowRow, Settings, VariationRecord
from femtobarn.running.engine.inputs import Inputs
from femtobarn.running.engine.run import run
from femtobarn.running.results.reader import RunResults
from femtobarn.running.results.systematics import envelopes, systematic_band
from femtobarn.running.results.yields import YieldWithErrors, effects, in_total, varied_yields

from .toys import mc_name

SUMS = st.floats(-1e6, 1e6, allow_subnormal=False)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, spec: AnalysisSpec, inputs: Inputs) -> RunResults:
    out = tmp_path_factory.mktemp("systematics") / "out"
    run(spec, inputs, Settings(workers=0, part_bytes=20_000, chunk_entries=300), out)
    return RunResults.load(out)


def variations(keys: Sequence[tuple[str, str]]) -> list[VariationRecord]:
    return [VariationRecord.model_validate({"name": n, "direction": d, "replace": ()}) for n, d in keys]


KEYS = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["up", "down"])), unique=True, max_size=8)


@given(keys=KEYS, data=st.data())
def test_the_band_is_that_of_plain_loops(keys: list[tuple[str, str]], data: st.DataObject) -> None:
    values = data.draw(stnp.arrays(np.float64, (1 + len(keys), 3), elements=SUMS))
    band = systematic_band(variations(keys), values)
    for b in range(3):
        up = down = 0.0
        for name in {n for n, _ in keys}:
            shifts = [values[1 + i, b] - values[0, b] for i, (n, _) in enumerate(keys) if n == name]
            up += max(0.0, *shifts, 0.0) ** 2
            down += min(0.0, *shifts, 0.0) ** 2
        assert band.up[b] == pytest.approx(up**0.5, rel=1e-12, abs=1e-12)
        assert band.down[b] == pytest.approx(down**0.5, rel=1e-12, abs=1e-12)


@given(values=stnp.arrays(np.float64, (5, 4), elements=SUMS))
def test_the_order_of_variations_does_not_matter(values: np.ndarray) -> None:
    keys = [("a", "up"), ("b", "up"), ("a", "down"), ("b", "down")]
    order = [0, 3, 1, 4, 2]
    one = systematic_band(variations(keys), values)
    two = systematic_band(variations([keys[i - 1] for i in order[1:]]), values[order])
    np.testing.assert_allclose(one.up, two.up, rtol=1e-14)
    np.testing.assert_allclose(one.down, two.down, rtol=1e-14)


def test_a_pair_to_one_side_leaves_the_other_at_zero() -> None:
    found = envelopes(variations([("a", "up"), ("a", "down")]), np.array([[10.0], [12.0], [11.0]]))
    assert (found["a"].up[0], found["a"].down[0]) == (2.0, 0.0)


def test_every_variation_needs_its_values() -> None:
    with pytest.raises(ValueError, match="shorter"):
        systematic_band(variations([("a", "up")]), np.ones((1, 3)))


@pytest.mark.parametrize("name", ["pt", "plane", "lead"])
def test_all_variations_at_once_are_those_one_by_one(results: RunResults, name: str) -> None:
    at_once = results.varied_values(name, "final", process="other")
    one_by_one = [
        results.histogram(name, "final", process="other", variation=v).values()
        for v in results.spec.variation_keys
    ]
    np.testing.assert_array_equal(at_once, one_by_one)
    assert not np.array_equal(at_once[0], at_once[1])
    other = results.varied_values(name, "final", process="other", luminosity=0.8)
    np.testing.assert_allclose(other, 2 * at_once, rtol=1e-13)


def test_parts_of_a_histogram_are_varied_too(results: RunResults) -> None:
    found = results.varied_values("met", "final", files=[mc_name(345060)])
    np.testing.assert_array_equal(found, results.varied_values("met", "final", process="higgs"))
    data = results.varied_values("pt", "final", process="Data")
    assert np.array_equal(data[0], data[1])
    with pytest.raises(ResultsError, match="no meaning"):
        results.varied_values("pt", "final", process=["Data", "higgs"])


def test_yields_have_the_shifts_of_the_cutflow(results: RunResults) -> None:
    last = {s.name: len(s.cuts) for s in results.spec.selections}
    sums: dict[tuple[str, str, str], float] = {}
    for row in results.cutflow():
        if row.norm is not None and row.step == last[row.selection]:
            key = (row.selection, row.process, row.variation)
            sums[key] = sums.get(key, 0.0) + 0.4 * row.norm * row.sumw
    asymmetric = 0
    for row in results.yields():
        if row.role == "data":
            assert (row.syst_down, row.syst_up) == (None, None)
            continue
        key = (row.selection, row.process)
        nominal = sums[(*key, "nominal")]
        shifts = [sums[(*key, f"lepton scale:{d}")] - nominal for d in ("up", "down")]
        assert row.syst_up == pytest.approx(max(0.0, *shifts), abs=1e-12)
        assert row.syst_down == pytest.approx(-min(0.0, *shifts), abs=1e-12)
        asymmetric += row.syst_up != row.syst_down
    assert asymmetric
    with (results.path / "yields.csv").open(newline="") as file:
        written = list(csv.DictReader(file))
    assert [w["syst_up"] for w in written] == [
        "" if row.syst_up is None else repr(row.syst_up) for row in results.yields()
    ]
    assert "syst up" in results._repr_html_()


def test_a_variation_acts_on_all_processes_at_once(results: RunResults) -> None:
    yields = varied_yields(results.spec, results.cutflow(), 0.4)
    total = in_total(yields, "final")
    assert total is not None
    other, higgs = yields["final", "other"], yields["final", "higgs"]
    assert other is not None
    assert higgs is not None
    np.testing.assert_allclose(total, other + higgs, rtol=1e-14)
    (effect,) = effects(results.spec, yields, "final")
    assert effect.nominal == pytest.approx(other[0] + higgs[0])
    assert effect.up == pytest.approx(other[1] + higgs[1] - effect.nominal)
    assert effect.down == pytest.approx(other[2] + higgs[2] - effect.nominal)
    assert effect.largest == max(abs(effect.up or 0), abs(effect.down or 0))


def test_without_a_scale_nothing_is_known(results: RunResults) -> None:
    yields = varied_yields(results.spec, results.cutflow(), None)
    assert set(yields.values()) == {None}
    assert in_total(yields, "final") is None
    assert effects(results.spec, yields, "final") == ()
    partly = [r.model_copy(update={"norm": None}) if r.dsid == 345060 else r for r in results.cutflow()]
    yields = varied_yields(results.spec, partly, 0.4)
    assert yields["final", "higgs"] is None
    assert yields["final", "other"] is not None
    assert effects(results.spec, yields, "final") == ()


def test_largest_effects_come_first(results: RunResults) -> None:
    keys = [("small", "up"), ("large", "down"), ("none", "up"), ("small", "down")]
    spec = results.spec.model_copy(update={"variations": tuple(variations(keys))})
    found = effects(spec, {("final", "other"): np.array([10.0, 10.5, 7.0, 10.0, 9.9])}, "final")
    assert [(e.name, e.largest) for e in found] == [("large", 3.0), ("small", 0.5), ("none", 0.0)]
    assert found[0].up is None


def test_alternatives_of_one_source_show_their_greatest_and_least_shift(results: RunResults) -> None:
    spec = results.spec.model_copy(update={"variations": tuple(variations([("pdf", "001"), ("pdf", "002")]))})
    (found,) = effects(spec, {("final", "other"): np.array([10.0, 15.0, 4.0])}, "final")
    assert (found.up, found.down, found.largest) == (5.0, -6.0, 6.0)


def test_a_cutflow_that_lacks_a_variation_is_refused(results: RunResults, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(results.path, out)
    lines = (out / "cutflow.csv").read_text().splitlines(keepends=True)
    (out / "cutflow.csv").write_text("".join(lines[:-1]))
    with pytest.raises(ResultsError, match=r"every variation.*'lepton scale:down' is there for 0 of 1"):
        RunResults.load(out).yields()


def test_without_variations_there_is_no_systematic_error(results: RunResults) -> None:
    spec = results.spec.model_copy(update={"variations": ()})
    info = results.info.model_copy(update={"analysis": spec})
    plain = RunResults(results.path, info, info.luminosity)
    assert {(y.syst_down, y.syst_up) for y in plain.yields()} == {(None, None)}
    assert "syst up" not in plain._repr_html_()


def test_columns_of_systematic_errors_come_last() -> None:
    assert list(YieldWithErrors.model_fields)[-3:] == ["complete", "syst_down", "syst_up"]
    assert list(CutflowRow.model_fields)[4] == "variation"
