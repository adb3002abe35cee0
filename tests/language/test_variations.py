"""What a variation can replace, how many there can be, and the uncertainties that files bring along."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from femtobarn.base.errors import AxisError, LanguageError, TypesError
from femtobarn.base.records import AnalysisSpec, VariationRecord
from femtobarn.data.formats.opening import open_events, recognise_content
from femtobarn.data.formats.reader import EventReader
from femtobarn.physics.language import Analysis, Regular, ev, lookup, mc, quirk, where
from femtobarn.physics.language.evaluate import evaluate
from femtobarn.physics.language.program import required_fields

from .tools import columns

lep, jet, met = ev.lep, ev.jet, ev.met
sf = lookup([0.9, 1.1], (lep[0].pt, [0, 30, 100]))


def declared(threshold: float = 20.0) -> Analysis:
    analysis = Analysis("varied")
    chosen = analysis.selection("all").cut("hard", lep[0].pt > threshold)
    analysis.weight(mc.pileup, sf)
    analysis.histogram("pt", lep.pt, Regular(5, 0, 100, unit="GeV"), selections=chosen)
    return analysis


VALUES = {"lep.pt": [[10.0, 9.0], [25.0], [50.0, 12.0], []], "mc.pileup": [1.0, 2.0, 0.5, 1.0]}


def weights(spec: AnalysisSpec, variation: str) -> list[float]:
    return evaluate(spec, "mc", columns(VALUES), 4).weight(variation).tolist()


def test_an_expression_is_replaced_as_a_whole() -> None:
    analysis = declared()
    analysis.vary("id", up={sf: sf * 1.1}, down={sf: where(lep[0].pt > 30, sf - 0.1, sf)})
    spec = analysis.freeze()
    assert spec.variation_keys == ("nominal", "id:up", "id:down")
    nominal = [0.9, 2 * 0.9, 0.5 * 1.1, 0.0]
    assert weights(spec, "nominal") == nominal
    assert weights(spec, "id:up") == pytest.approx([w * 1.1 for w in nominal])
    assert weights(spec, "id:down") == pytest.approx([0.9, 2 * 0.9, 0.5 * 1.0, 0.0])
    assert AnalysisSpec.model_validate_json(spec.model_dump_json()).identity == spec.identity


def test_below_what_is_replaced_nothing_else_is() -> None:
    analysis = declared(threshold=19.0)
    analysis.vary("both", up={lep.pt: lep.pt * 2.0, sf: sf * 1.0 + 0.5})
    spec = analysis.freeze()
    result = evaluate(spec, "mc", columns(VALUES), 4)
    # the cut sees the doubled pt, the replaced factor the one of the file
    assert result.passed("both:up", "all").tolist() == [2, 2, 2, 0]
    assert weights(spec, "both:up") == pytest.approx([1.4, 2 * 1.4, 0.5 * 1.6, 0.0])


def test_values_of_cuts_and_histograms_can_be_replaced_too() -> None:
    hard = lep[lep.pt > 11].pt
    analysis = Analysis("values")
    chosen = analysis.selection("all").cut("one", hard.count() > 0)
    analysis.histogram("pt", hard, Regular(5, 0, 100, unit="GeV"), selections=chosen)
    analysis.histogram("sum", hard.sum(), Regular(5, 0, 200, unit="GeV"), selections=chosen)
    analysis.vary("scale", up={hard: hard * 1.5})
    result = evaluate(analysis.freeze(), "mc", columns(VALUES), 4)
    assert result.fill("scale:up", "all", "pt").values[0].tolist() == [37.5, 75.0, 18.0]
    assert result.fill("scale:up", "all", "sum").values[0].tolist() == [37.5, 93.0]
    assert result.fill("nominal", "all", "sum").values[0].tolist() == [25.0, 62.0]


def test_three_hundred_alternatives_of_one_source() -> None:
    analysis = declared()
    factors = np.linspace(0.9, 1.1, 300)
    analysis.vary_many("scale", {f"{k:03d}": {lep.pt: lep.pt * f} for k, f in enumerate(factors.tolist())})
    spec = analysis.freeze()
    assert spec.variation_keys[:3] == ("nominal", "scale:000", "scale:001")
    assert len(spec.variations) == 300
    assert {v.name for v in spec.variations} == {"scale"}
    result = evaluate(spec, "mc", columns(VALUES), 4)
    for k in (0, 150, 299):
        pt = np.array([25.0 * factors[k], 50.0 * factors[k], 12.0 * factors[k]])
        np.testing.assert_array_equal(result.fill(f"scale:{k:03d}", "all", "pt").values[0], pt)


def test_alternatives_need_names_that_results_can_carry() -> None:
    for wrong in ({}, {"a": {}}):
        with pytest.raises(LanguageError, match="one alternative or more"):
            declared().vary_many("scale", wrong)
    for name in ("a:b", "a/b", "", 1):
        with pytest.raises(LanguageError, match="alternative of variation 'scale'"):
            declared().vary_many("scale", {name: {lep.pt: lep.pt * 2}})  # type: ignore[dict-item]
    analysis = declared()
    analysis.vary("scale", up={lep.pt: lep.pt * 2})
    with pytest.raises(LanguageError, match="already a variation 'scale'"):
        analysis.vary_many("scale", {"1": {lep.pt: lep.pt * 2}})
    for direction in ("", "a:b", "a/b"):
        with pytest.raises(ValidationError):
            VariationRecord(name="n", direction=direction, replace=())


def test_a_declaration_with_a_fault_declares_nothing() -> None:
    analysis = declared()
    with pytest.raises(TypesError):
        analysis.vary("scale", up={lep.pt: lep.pt * 2}, down={lep.pt: 1})
    analysis.vary("scale", up={lep.pt: lep.pt * 2})
    assert analysis.freeze().variation_keys == ("nominal", "scale:up")


def test_what_stands_nowhere_is_refused() -> None:
    analysis = declared()
    analysis.vary("id", up={sf * 2: sf * 3})
    with pytest.raises(LanguageError, match=r"lookup\(lep\[0\]\.pt\) \* 2, which stands in no cut"):
        analysis.freeze()
    for constant in (2.0, lep, analysis.option("o", 1.0)):
        with pytest.raises(TypesError, match="replaces fields"):
            declared().vary("x", up={constant: 3.0})


def test_an_expression_of_another_release_is_no_fault() -> None:
    analysis = declared()
    only = analysis.selection("other", releases=["another"])
    only.cut("soft", lep[0].pt * 3 < 100)
    analysis.vary("soft", up={lep[0].pt * 3: lep[0].pt * 4})
    assert analysis.freeze(release="this").variations == ()
    assert len(analysis.freeze(release="another").variations) == 1


def test_quirks_within_what_is_replaced_are_resolved() -> None:
    analysis = declared()
    value = quirk("double", physics=mc.generator, notebook=mc.generator * 2)
    analysis.weight(value)
    analysis.vary("generator", up={value: value * 3.0})
    for mode in ("physics", "notebook"):
        assert len(analysis.freeze(mode=mode).variations) == 1


def test_what_no_longer_fits_is_found_before_any_event() -> None:
    hard = lep[lep.pt > 20]
    analysis = Analysis("unfit")
    analysis.selection("all").cut("any", (hard.pt > hard.e / 2).any())
    analysis.vary("both", up={lep.pt: lep.pt * 2, hard.pt: hard.pt * 2})
    with pytest.raises(LanguageError, match="'both:up' leaves an expression without meaning") as caught:
        analysis.freeze()
    assert isinstance(caught.value.__cause__, AxisError)


# --- what files bring along --------------------------------------------------------------------------


def with_own_systematics() -> Analysis:
    analysis = Analysis("own")
    chosen = analysis.selection("all").cut("met", met.pt > 20)
    for name, values in (("lep", lep.pt), ("jet", jet.pt), ("met", met.pt)):
        analysis.histogram(name, values, Regular(20, 0, 200, unit="GeV"), selections=chosen)
    analysis.vary("lepton", up={lep.pt: lep.pt + lep.pt_syst}, down={lep.pt: lep.pt - lep.pt_syst})
    analysis.vary("jet", up={jet.pt: jet.pt + jet.pt_syst}, down={jet.pt: jet.pt - jet.pt_syst})
    analysis.vary("met", up={met.pt: met.pt + met.pt_syst}, down={met.pt: met.pt - met.pt_syst})
    return analysis


def read(file: Path, fields: tuple[str, ...]) -> tuple[dict[str, Any], int]:
    found = recognise_content(file)
    with open_events(file, found.format) as tree:
        reader = EventReader(tree, found.format)
        entries = reader.facts().entries
        return dict(reader.read(fields, 0, entries)), entries


@pytest.mark.realdata
def test_the_systematics_of_2020_are_widths_in_the_unit_of_their_quantity(realdata: Path) -> None:
    file = next((realdata / "2020e-13tev" / "4lep").glob("mc_410000*"))
    spec = with_own_systematics().freeze(release="")
    values, entries = read(file, required_fields(spec, "mc"))
    result = evaluate(spec, "mc", values, entries)
    # read another way, in MeV
    import uproot

    tree = uproot.open({str(file): "mini"}, library="np")
    raw = tree.arrays(["jet_pt", "jet_pt_syst", "met_et", "met_et_syst"], library="ak")
    chosen = raw["met_et"] + raw["met_et_syst"] > 20_000
    up = result.fill("met:up", "all", "met").values[0]
    expected = ((raw["met_et"] + raw["met_et_syst"]) / 1000)[chosen].to_numpy()
    np.testing.assert_allclose(up, expected, rtol=1e-6)
    assert len(up) > len(result.fill("nominal", "all", "met").values[0])
    ratio = values["jet.pt_syst"].content / values["jet.pt"].content
    assert 0.01 < np.median(ratio) < 0.2


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("variation", "field", "sign"),
    [("lepton:down", "lep.pt", -1), ("jet:up", "jet.pt", 1), ("met:down", "met.pt", -1)],
)
def test_each_equals_a_run_over_the_shifted_column_alone(
    realdata: Path, variation: str, field: str, sign: int
) -> None:
    file = next((realdata / "2020e-13tev" / "4lep").glob("mc_361106*"))
    spec = with_own_systematics().freeze(release="")
    values, entries = read(file, required_fields(spec, "mc"))
    varied = evaluate(spec, "mc", values, entries)
    moved = dict(values)
    old, width = values[field], values[f"{field}_syst"]
    moved[field] = type(old)(old.content.astype(float) + sign * width.content.astype(float), old.offsets)
    alone = evaluate(spec, "mc", moved, entries)
    for name in ("lep", "jet", "met"):
        one, two = varied.fill(variation, "all", name), alone.fill("nominal", "all", name)
        np.testing.assert_array_equal(one.values[0], two.values[0])
    assert varied.passed(variation, "all").tolist() == alone.passed("nominal", "all").tolist()


@pytest.mark.realdata
def test_data_need_no_systematics(realdata: Path) -> None:
    spec = with_own_systematics().freeze(release="")
    assert not [f for f in required_fields(spec, "data") if f.endswith("_syst")]


@pytest.mark.realdata
def test_the_resolution_variations_of_2025_are_shifted_values(realdata: Path) -> None:
    folder = realdata / "2025e-13tev-beta"
    analysis = Analysis("resolution")
    chosen = analysis.selection("all")
    chosen.cut("one", jet.count() > 0)
    analysis.histogram("jet", jet.pt, Regular(20, 0, 200, unit="GeV"), selections=chosen)
    analysis.vary_many("resolution", {"jer1": {jet.pt: jet.pt_jer1}, "jer2": {jet.pt: jet.pt_jer2}})
    spec = analysis.freeze(release="")
    values, entries = read(next((folder / "2J2LMET30").glob("*mc_301333*.root")), required_fields(spec, "mc"))
    result = evaluate(spec, "mc", values, entries)
    nominal, jer1 = (result.fill(v, "all", "jet").values[0] for v in ("nominal", "resolution:jer1"))
    assert 0.8 < (jer1 / nominal).min() < 1.0 < (jer1 / nominal).max() < 1.2
    assert required_fields(spec, "data") == ("jet.pt",)


@pytest.mark.realdata
def test_the_unclustered_shift_of_nanoaod_is_read(realdata: Path) -> None:
    values, entries = read(
        realdata / "cms-nanoaod" / "nano_dy.root", ("met.px_unclustered", "met.py_unclustered")
    )
    shift = np.hypot(*(v.content for v in values.values()))
    assert len(shift) == entries
    assert 0 < np.median(shift) < 50
