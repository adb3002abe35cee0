"""What is computed for each event, in terms: cuts, weights and fills, nominal and per group of variations."""

from __future__ import annotations

from dataclasses import dataclass

from femtobarn.base.canonical import digest
from femtobarn.base.records import AnalysisSpec, AxisRecord, Kind
from femtobarn.physics.language.fused.groups import Varied, grouped
from femtobarn.physics.language.fused.lower import Externals, Lowered, Lowering
from femtobarn.physics.language.fused.terms import CALLS, Term, Terms, walk
from femtobarn.physics.language.graph import Node
from femtobarn.physics.language.graph import walk as walk_nodes


@dataclass(frozen=True, slots=True)
class FillPlan:
    """What goes into one histogram in one selection.

    Parameters
    ----------
    name, selection
        the histogram, and the position of the selection
    values
        one per axis
    ok
        the condition under which they are defined; None: always
    axes
        the histogram's axes
    """

    name: str
    selection: int
    values: tuple[Term, ...]
    ok: Term | None
    axes: tuple[AxisRecord, ...]

    @property
    def bins(self) -> int:
        """Number of bins with underflow and overflow, over all axes."""
        total = 1
        for axis in self.axes:
            total *= axis.bins + 2
        return total

    @property
    def objects(self) -> Term | None:
        """The collection whose objects are filled; None: one fill per event."""
        return next((v.axis for v in self.values if v.axis is not None), None)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is computed for one set of values of the variations' parameters.

    Parameters
    ----------
    weight
        weight of an event; None: 1
    cuts
        per selection the conditions in their order
    fills
        what is filled, all selections
    """

    weight: Term | None
    cuts: tuple[tuple[Term, ...], ...]
    fills: tuple[FillPlan, ...]

    def terms(self) -> tuple[Term, ...]:
        """Return everything that is computed."""
        roots = [c for cuts in self.cuts for c in cuts]
        roots += [v for fill in self.fills for v in fill.values]
        roots += [fill.ok for fill in self.fills if fill.ok is not None]
        return tuple(roots if self.weight is None else [*roots, self.weight])


@dataclass(frozen=True, slots=True)
class Group:
    """Variations that share code: positions of the members, their parameters, and what is computed."""

    members: tuple[int, ...]
    numbers: tuple[tuple[float, ...], ...]
    fields: tuple[tuple[str, ...], ...]
    outcome: Outcome


class Plan:
    """The program of an analysis for data or for simulation.

    Attributes
    ----------
    selections
        their names
    nominal, groups
        what is computed; position 0 of the variations is nominal
    externals
        nodes that the reference evaluator gives
    compilable
        whether the loop can be made; else the reference evaluator does all
    """

    def __init__(self, spec: AnalysisSpec, nodes: tuple[Node, ...], kind: Kind) -> None:
        self.kind = kind
        self.terms = Terms()
        self.variations = spec.variation_keys if kind == "mc" else spec.variation_keys[:1]
        self.selections = tuple(s.name for s in spec.selections)
        self._spec, self._nodes = spec, nodes
        gathered = Externals()
        self.nominal = self._outcome(Lowering(self.terms, gathered))
        roots = self._roots()
        known = set(walk_nodes(roots))
        replaced = {}
        for position, variation in enumerate(spec.variations if kind == "mc" else (), start=1):
            pairs = {nodes[a]: nodes[b] for a, b in variation.replace}
            replaced[position] = {a: b for a, b in pairs.items() if a in known and a is not b}
        wanted = {p: pairs for p, pairs in replaced.items() if pairs}
        self.groups = tuple(self._group(g, gathered) for g in grouped(wanted, roots, self.terms, gathered))
        self.externals = tuple(gathered.nodes)
        self.compilable = _compilable(self.roots())

    def fields(self) -> tuple[str, ...]:
        """Return the fields of the event model that the compiled loop reads by itself, sorted."""
        return tuple(sorted({str(t.params[0]) for t in walk(self.roots()) if t.op == "field"}))

    def roots(self) -> tuple[Term, ...]:
        """Return everything that is computed."""
        return tuple(t for o in (self.nominal, *(g.outcome for g in self.groups)) for t in o.terms())

    def digest(self) -> str:
        """Return what tells this program from others that would be compiled to other code."""
        outcomes = [self.nominal, *(g.outcome for g in self.groups)]
        return digest(
            [
                self.terms.text(self.roots()),
                [len(g.members) for g in self.groups],
                [[len(g.members), len(g.numbers), len(g.fields)] for g in self.groups],
                [[[c.number for c in cuts] for cuts in o.cuts] for o in outcomes],
                [None if o.weight is None else o.weight.number for o in outcomes],
                [
                    [
                        [f.selection, [v.number for v in f.values], f.ok.number if f.ok is not None else None]
                        + [[a.kind, a.bins, [repr(e) for e in a.edges]] for a in f.axes]
                        for f in o.fills
                    ]
                    for o in outcomes
                ],
            ]
        )

    def _roots(self) -> list[Node]:
        spec, nodes = self._spec, self._nodes
        roots = [nodes[c.node] for s in spec.selections for c in s.cuts]
        roots += [nodes[v] for h in spec.histograms for v in h.values]
        return roots if self.kind == "data" or spec.weight is None else [*roots, nodes[spec.weight]]

    def _group(self, varied: Varied, gathered: Externals) -> Group:
        lowering = Lowering(self.terms, gathered, varied.replaced, varied.substitutes)
        return Group(varied.members, varied.numbers, varied.fields, self._outcome(lowering))

    def _outcome(self, lowering: Lowering) -> Outcome:
        spec, nodes = self._spec, self._nodes
        cuts = tuple(tuple(lowering.truth(nodes[c.node]) for c in s.cuts) for s in spec.selections)
        positions = {s.name: i for i, s in enumerate(spec.selections)}
        fills = []
        for record in spec.histograms:
            lows = [lowering(nodes[v]) for v in record.values]
            for selection in record.selections:
                values = tuple(self._float(low.data) for low in lows)
                ok = self.terms.both(*(low.ok for low in lows))
                fills.append(FillPlan(record.name, positions[selection], values, ok, record.axes))
        weight = None
        if self.kind == "mc" and spec.weight is not None:
            weight = self._weight(lowering(nodes[spec.weight]))
        return Outcome(weight, cuts, tuple(fills))

    def _float(self, term: Term) -> Term:
        if term.sort == "float":
            return term
        return self.terms.make("to_float", (term,), sort="float", axis=term.axis)

    def _weight(self, low: Lowered) -> Term:
        """Return the weight; where it is not defined it is 0."""
        data = self._float(low.data)
        if low.ok is None:
            return data
        return self.terms.make("where", (low.ok, data, self.terms.const(0.0)), sort="float")


DEEPEST = 1500
"""Operations within each other that are compiled: a limit of our own, since that of the stack differs."""


def _compilable(roots: tuple[Term, ...]) -> bool:
    """Whether terms are not too deep, and lists from outside are of collections that are the same there.

    A condition that takes the mathematics library may differ by rounding between the two evaluators, and
    with it the objects that a list from outside is about.
    """
    depth: dict[int, int] = {}
    rounded: dict[int, bool] = {}
    for term in walk(roots):
        below = term.args if term.axis is None else (*term.args, term.axis)
        depth[term.number] = 1 + max((depth[t.number] for t in below), default=0)
        rounded[term.number] = term.op in CALLS or any(rounded[t.number] for t in below)
        if depth[term.number] > DEEPEST:
            return False
        if term.op == "external" and term.axis is not None and rounded[term.axis.number]:
            return False
    return True


def differs(fill: FillPlan, nominal: FillPlan) -> bool:
    """Whether other values are filled."""
    return fill.ok is not nominal.ok or any(
        a is not b for a, b in zip(fill.values, nominal.values, strict=True)
    )
