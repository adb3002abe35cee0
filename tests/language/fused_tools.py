"""Both evaluators over the same columns, and whether they agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from random import Random
from typing import Any

import numpy as np

from femtobarn.base.records import AnalysisSpec, Kind
from femtobarn.data.formats.convert import RawColumn
from femtobarn.physics.language import Analysis, GeV, Regular, Variable, ev, mc, nearest_delta_r, where
from femtobarn.physics.language.evaluate import evaluate
from femtobarn.physics.language.expr import Expr
from femtobarn.physics.language.fused.outside import external_values
from femtobarn.physics.language.fused.sums import Fused, FusedSums
from femtobarn.physics.language.program import program
from femtobarn.running.engine.sums import Accumulator

from .fused_generated import Generator, shifted

Sums = tuple[dict[str, Any], dict[Any, Any]]
Columns = Mapping[str, RawColumn]


def cut(columns: Columns, start: int, stop: int) -> dict[str, RawColumn]:
    """Return the columns of some events."""
    result = {}
    for path, c in columns.items():
        if c.offsets is None:
            content, at = c.content[start:stop], None
        else:
            first, last = c.offsets[start], c.offsets[stop]
            content, at = c.content[first:last], c.offsets[start : stop + 1] - first
        result[path] = RawColumn(content, at, c.divide, c.multiply, c.kind)
    return result


def by_reference(spec: AnalysisSpec, kind: Kind, columns: Columns, entries: int) -> Sums:
    sums = Accumulator(spec, kind)
    sums.add(evaluate(spec, kind, {p: c.base() for p, c in columns.items()}, entries))
    return sums.cutflow(), sums.histograms()


def fused_sums(spec: AnalysisSpec, kind: Kind, code: Fused | None = None) -> FusedSums:
    functions = {f.digest: f for f in spec.functions}
    return FusedSums(
        code or Fused(spec, kind), lambda nodes, columns, n: external_values(nodes, columns, n, functions)
    )


def by_loop(
    spec: AnalysisSpec, kind: Kind, columns: Columns, bounds: Sequence[int], code: Fused | None = None
) -> Sums:
    """Return the sums of the compiled loop, chunk by chunk."""
    sums = fused_sums(spec, kind, code)
    for start, stop in pairwise(bounds):
        sums.add(cut(columns, start, stop), stop - start)
    return sums.cutflow(), sums.histograms()


def assert_same(found: Sums, expected: Sums, *, exactly: bool = False) -> None:
    """Raise unless counts are equal, and sums to 1e-12."""
    for f, e in zip(found, expected, strict=True):
        assert f.keys() == e.keys()
        for key, sums in e.items():
            assert f[key].shape == sums.shape, key
            limit = 0.0 if exactly else 1e-12
            spread = limit * float(np.abs(sums).max(initial=0.0))
            assert np.allclose(f[key], sums, rtol=limit, atol=spread), (key, np.argwhere(f[key] != sums)[:5])
    for name, sums in expected[0].items():
        assert np.array_equal(found[0][name][..., 0], sums[..., 0]), name


def drawn_axis(g: Generator, x: Expr) -> Any:
    if x.node.type.kind != "float":
        return Regular(7, -3.5, 3.5) if g.chance(50) else Variable([-1.0, 0.0, 1.0, 2.0, 11.0, 13.0])
    return (
        Regular(g.r.randint(1, 40), -10.123, 77.1) if g.chance(60) else Variable([-5.5, 0.0, 0.25, 3.3, 60.2])
    )


def drawn_analysis(random: Random, depth: int = 3) -> Analysis:
    """Return an analysis at random."""
    g = Generator(random)
    analysis = Analysis("drawn")
    cuts = [g.draw("bool", None, depth) for _ in range(g.r.randint(2, 6))]
    selections = []
    for s in range(g.r.randint(1, 3)):
        selection = analysis.selection(f"s{s}")
        if selections and g.chance(60):
            selection.cut(g.r.choice(selections))
        for k in range(g.r.randint(0, 3)):
            selection.cut(f"cut {s} {k}", g.r.choice(cuts))
        selections.append(selection)
    analysis.weight(*_weights(g, depth))
    values = []
    for h in range(g.r.randint(2, 4)):
        group = None if g.chance(50) else g.group(depth)
        axes = [g.draw(g.r.choice(["float", "float", "int", "bool"]), group, depth)]
        if g.chance(30):
            axes.append(g.draw("float", group if g.chance(60) else None, depth))
        chosen = g.r.sample(selections, g.r.randint(1, len(selections)))
        analysis.histogram(f"h{h}", axes, [drawn_axis(g, x) for x in axes], selections=chosen)
        values += axes
    _vary(analysis, g, values)
    return analysis


def _weights(g: Generator, depth: int) -> list[Expr]:
    factors: list[Expr] = [mc.generator, mc.pileup]
    if g.chance(50):
        factors.append(where(g.draw("bool", None, depth), mc.sf.electron, 1.0))
    if g.chance(30):
        factors.append(ev.lep[0].charge * 0.5)  # not defined in some events
    if g.chance(5):
        factors.append(g.draw("float", None, depth))  # not finite perhaps
    return factors


def _vary(analysis: Analysis, g: Generator, values: list[Expr]) -> None:
    lep, jet, met = ev.lep, ev.jet, ev.met
    numbers = [g.r.choice([1.0, 0.9, 1.1, 0.0, -0.0, g.r.uniform(0.5, 2)]) for _ in range(12)]
    a, b, c, *_ = numbers
    flat = [
        v
        for v in values
        if v.node.type.axis is None and v.node.type.kind == "float" and v.node.op != "literal"
    ]
    kinds: list[Any] = [
        lambda n: analysis.vary(n, up={lep.pt: lep.pt * a}, down={lep.pt: lep.pt * b}),
        lambda n: analysis.vary_many(n, {str(k): {lep.pt: lep.pt * x, lep.e: lep.e * x} for k, x in enumerate(numbers)}),
        lambda n: analysis.vary(n, up={jet.pt: jet.pt_jer1}, down={jet.pt: jet.pt_jer2}),
        lambda n: analysis.vary(n, up={jet.pt: jet.pt + jet.pt_syst}, down={jet.pt: jet.pt - jet.pt_syst}),
        lambda n: analysis.vary(n, up={mc.pileup: mc.pileup * a}, down={mc.pileup: mc.pileup * c}),
        lambda n: analysis.vary(n, up={met.pt: met.pt + met.pt_syst, met.phi: met.phi * a}),
        lambda n: analysis.vary(n, up={lep.charge: -lep.charge}, down={lep.charge: lep.charge + 2}),
        lambda n: analysis.vary(n, up={lep.tight_id: lep.loose_iso}, down={lep.tight_id: lep.medium_id}),
        lambda n: analysis.vary(n, up={lep.pt: lep.pt}, down={mc.pileup: mc.pileup}),
        lambda n: analysis.vary(n, up={lep.pt: where(lep.eta > a, lep.pt * b, lep.pt)}),
        lambda n: analysis.vary(n, up={lep.eta: shifted(lep.eta, mc.sf.electron)}),
        lambda n: analysis.vary(n, up={jet.eta: jet.eta + nearest_delta_r(jet, lep)}),
        lambda n: analysis.vary(n, up={met.pt: met.pt + a * jet.pt.sum()}, down={met.pt: 12.5 * GeV + 0.0 * met.pt}),
        lambda n: analysis.vary(n, up={mc.generator: mc.generator * lep[0].eta}),
        lambda n: analysis.vary(n, up={lep.type: lep.type + 2}, down={lep.type: 24 - lep.type}),
    ]  # fmt: skip
    if flat:
        old = g.r.choice(flat)
        if any(n.op == "field" for n in _below(old)):
            unit = old * 0.0
            kinds.append(lambda n: analysis.vary(n, up={old: old + a + unit}, down={old: old * b}))
    for k, declare in enumerate(g.r.sample(kinds, g.r.randint(0, 3))):
        declare(f"v{k}")


def _below(x: Expr) -> list[Any]:
    from femtobarn.physics.language.graph import walk

    return list(walk([x.node]))


def shifted_columns(
    spec: AnalysisSpec, position: int, columns: Columns, entries: int
) -> dict[str, RawColumn] | None:
    """Return the columns with those of a variation in their place; None if it does not replace fields only."""
    from femtobarn.physics.language.reference import Chunk, flat

    nodes, functions = program(spec).nodes, {f.digest: f for f in spec.functions}
    chunk = Chunk({p: c.base() for p, c in columns.items()}, entries, functions)
    result = dict(columns)
    for old, new in spec.variations[position].replace:
        value = chunk.value(nodes[new])
        if nodes[old].op != "field" or value.defined is not None:
            return None
        path = str(nodes[old].params[0])
        if nodes[new].type.axis is None:
            result[path] = RawColumn(np.ascontiguousarray(value.data), None)
        else:
            result[path] = RawColumn(*flat(value.data))
    return result
