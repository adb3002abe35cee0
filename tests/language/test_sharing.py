"""Variations: what does not depend on them is evaluated once, and each equals a run of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from femtobarn.base.errors import UnknownNameError
from femtobarn.base.records import AnalysisSpec
from femtobarn.physics.language import Analysis, Regular, any_, cross, ev, mass, match, mc, pairs
from femtobarn.physics.language.evaluate import evaluate
from femtobarn.physics.language.graph import walk
from femtobarn.physics.language.program import Program, required_fields

from .tools import columns

lep, jet = ev.lep, ev.jet


def events(n: int = 200, seed: int = 3) -> dict[str, list[Any]]:
    rng = np.random.default_rng(seed)
    found: dict[str, list[Any]] = {"mc.pileup": rng.normal(1, 0.1, n).tolist()}
    for name, most in (("lep", 5), ("jet", 3)):
        counts = rng.integers(0, most, n)
        for field, draw in (
            ("pt", lambda k: rng.exponential(30, k)),
            ("eta", lambda k: rng.normal(0, 1.5, k)),
            ("phi", lambda k: rng.uniform(-np.pi, np.pi, k)),
            ("e", lambda k: rng.exponential(60, k) + 30),
        ):
            found[f"{name}.{field}"] = [draw(k).tolist() for k in counts]
    found["lep.tight_id"] = [[bool(x > 20) for x in v] for v in found["lep.pt"]]
    found["lep.charge"] = [[1 if x > 0 else -1 for x in v] for v in found["lep.eta"]]
    return found


def declared(*, varied: bool) -> Analysis:
    analysis = Analysis("shared")
    selection = analysis.selection("all")
    selection.cut("tight", any_(lep.tight_id))
    selection.cut("pt", lep[0].pt > 20)
    selection.cut("near", match(lep[lep.pt > 10], jet, max_delta_r=3.0).count() < 3)
    selection.cut("jets", cross(lep, jet).count() < 9)
    analysis.weight(mc.pileup)
    hard = lep[lep.pt > 15]
    both = pairs(hard)
    for name, values, axis in (
        ("eta", lep.eta, Regular(10, -3, 3)),
        ("pt", lep.pt, Regular(10, 0, 100, unit="GeV")),
        ("hard eta", hard.eta, Regular(10, -3, 3)),
        ("m", mass(lep), Regular(10, 0, 200, unit="GeV")),
        ("pairs", both.mass, Regular(10, 0, 200, unit="GeV")),
        ("jet pt", jet.pt, Regular(10, 0, 100, unit="GeV")),
        ("charge", lep.charge.sum(), Regular(9, -4.5, 4.5)),
    ):
        analysis.histogram(name, values, axis, selections=selection)
    if varied:
        analysis.vary("scale", up={lep.pt: lep.pt * 1.1}, down={lep.pt: lep.pt * 0.9})
        analysis.vary("jets", up={jet.pt: jet.pt * 1.1, jet.e: jet.e * 1.1})
        analysis.vary("pile-up", up={mc.pileup: mc.pileup * 1.5})
    return analysis


def outcome(spec: AnalysisSpec, values: dict[str, list[Any]], variation: str) -> dict[str, Any]:
    n = len(values["mc.pileup"])
    result = evaluate(spec, "mc", columns(values), n)
    fills = {h.name: result.fill(variation, "all", h.name) for h in spec.histograms}
    return {
        "passed": result.passed(variation, "all").tolist(),
        **{k: (f.values[0].tolist(), f.weight.tolist()) for k, f in fills.items()},
    }


def test_nodes_are_evaluated_once_for_each_variation_they_depend_on() -> None:
    spec = declared(varied=True).freeze()
    values = events()
    result = evaluate(spec, "mc", columns(values), len(values["mc.pileup"]))
    for variation in spec.variation_keys:
        result.passed(variation, "all")
        for histogram in spec.histograms:
            result.fill(variation, "all", histogram.name)
    counts = result.chunk.evaluations
    assert set(counts.values()) == {1}
    program = Program(spec)
    roots = [n for s in program.cuts.values() for n in s]
    roots += [program.nodes[v] for h in spec.histograms for v in h.values]
    scaled = 0
    for node in walk(roots):
        varied = {program.under(v, node).digest for v in spec.variation_keys}
        below = {str(n.params[0]) for n in walk([node]) if n.op == "field"}
        ways = 1 + 2 * ("lep.pt" in below) + bool(below & {"jet.pt", "jet.e"})
        assert len(varied) == ways
        assert sum(counts[d] for d in varied) == ways
        scaled += ways > 1
    assert scaled > 10
    assert counts[lep.eta.node.digest] == counts[any_(lep.tight_id).node.digest] == 1


@pytest.mark.parametrize(
    ("variation", "shifted"),
    [
        ("scale:up", {"lep.pt": 1.1}),
        ("scale:down", {"lep.pt": 0.9}),
        ("jets:up", {"jet.pt": 1.1, "jet.e": 1.1}),
    ],
)
def test_a_variation_equals_a_run_over_shifted_columns(variation: str, shifted: dict[str, float]) -> None:
    values = events()
    moved = dict(values)
    for path, factor in shifted.items():
        moved[path] = [[x * factor for x in v] for v in values[path]]
    alone = outcome(declared(varied=False).freeze(), moved, "nominal")
    assert outcome(declared(varied=True).freeze(), values, variation) == alone
    assert alone != outcome(declared(varied=False).freeze(), values, "nominal")


def test_a_varied_weight_changes_the_weights_only() -> None:
    spec, values = declared(varied=True).freeze(), events()
    nominal, up = (outcome(spec, values, v) for v in ("nominal", "pile-up:up"))
    assert nominal["passed"] == up["passed"]
    np.testing.assert_array_equal(np.array(up["m"][1]), np.array(nominal["m"][1]) * 1.5)


def test_data_are_neither_weighted_nor_varied() -> None:
    spec, values = declared(varied=True).freeze(), events()
    assert "mc.pileup" in required_fields(spec, "mc")
    assert not [f for f in required_fields(spec, "data") if f.startswith("mc.")]
    result = evaluate(spec, "data", columns(values), len(values["mc.pileup"]))
    assert set(result.weight("nominal").tolist()) == {1.0}


def test_a_variation_of_what_is_not_used_is_left_out() -> None:
    analysis = declared(varied=False)
    analysis.vary("photons", up={ev.photon.pt: ev.photon.pt * 2})
    assert analysis.freeze().variations == ()
    assert analysis.freeze().identity == declared(varied=False).freeze().identity


def test_unknown_names_are_answered_with_the_nearest() -> None:
    spec, values = declared(varied=True).freeze(), events(5)
    result = evaluate(spec, "mc", columns(values), 5)
    with pytest.raises(UnknownNameError, match="Did you mean 'scale:up'"):
        result.passed("scale:upp", "all")
    with pytest.raises(UnknownNameError, match=r"'al' is not a known selection.*'all'"):
        result.passed("nominal", "al")
