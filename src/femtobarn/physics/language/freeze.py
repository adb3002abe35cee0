"""From what an analysis declares to an `AnalysisSpec` for one release, mode and set of options."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence

from femtobarn.base.errors import LanguageError, UnknownNameError
from femtobarn.base.records import (
    AnalysisSpec,
    CutRecord,
    FigureRecord,
    HistogramRecord,
    InputsRecord,
    Mode,
    OptionRecord,
    SelectionRecord,
    VariationRecord,
)
from femtobarn.physics.language.code import record_of
from femtobarn.physics.language.declarations import Declarations, HistogramDeclaration, VariationDeclaration
from femtobarn.physics.language.expr import Expr
from femtobarn.physics.language.functions import product
from femtobarn.physics.language.graph import Node, make, substitute, to_records, walk
from femtobarn.physics.language.options import OptionValue, option_literal
from femtobarn.physics.language.requirements import Requirement, describe, requirements, strongest
from femtobarn.physics.language.text import shortened, text

Step = tuple[str, Node, bool]


class Freezer:
    """Resolves quirks and options, writes out selections, and numbers the nodes."""

    def __init__(
        self, declared: Declarations, *, release: str, mode: Mode, options: dict[str, OptionValue]
    ) -> None:
        self.declared, self.release, self.mode, self.options = declared, release, mode, options
        self.quirks: dict[str, None] = {}
        self._resolved: dict[Node, Node] = {}

    def applies(self, releases: tuple[str, ...] | None) -> bool:
        """Tell whether something limited to ``releases`` is part of this spec."""
        return releases is None or self.release in releases

    def resolve(self, node: Node) -> Node:
        """Return ``node`` without quirks and options."""
        for below in walk((node,)):
            if below in self._resolved:
                continue
            args = tuple(self._resolved[a] for a in below.args)
            if below.op == "quirk":
                name, *releases = below.params
                active = self.mode == "notebook" and (not releases or self.release in releases)
                if active:
                    self.quirks[name] = None
                self._resolved[below] = args[1] if active else args[0]
            elif below.op == "option":
                option = self.declared.options[below.params[0]]
                self._resolved[below] = option_literal(option, self.options[option.name])
            else:
                self._resolved[below] = below if args == below.args else make(below.op, args, below.params)
        return self._resolved[node]

    def spec(self, name: str, title: str, inputs: InputsRecord) -> AnalysisSpec:
        """Return the record."""
        selections = {
            s.name: cutflow([(n, self.resolve(c)) for n, c in s.steps])
            for s in self.declared.selections.values()
            if self.applies(s.releases)
        }
        if not selections:
            msg = (
                f"Analysis {name!r} declares no selection for release {self.release!r}: nothing would be "
                'counted. Declare one: s = analysis.selection("all").'
            )
            raise LanguageError(msg)
        histograms = [
            (h, kept)
            for h in self.declared.histograms.values()
            if (kept := tuple(s.name for s in h.selections if s.name in selections))
        ]
        values = {h.name: tuple(self.resolve(v) for v in h.values) for h, _ in histograms}
        weight = self._weight()
        roots = [node for steps in selections.values() for _, node, _ in steps]
        roots += [node for nodes in values.values() for node in nodes]
        roots += [weight] if weight is not None else []
        variations = self._variations(roots)
        roots += [node for _, replace in variations for pair in replace for node in pair]
        nodes, index = to_records(roots)
        figures = tuple(
            figure
            for figure, releases in self.declared.figures.values()
            if self.applies(releases)
            and any(h.name == figure.histogram and figure.selection in kept for h, kept in histograms)
        )
        for figure in figures:
            _check_figure(figure, inputs)
        codes = dict.fromkeys(n.params[1] for n in walk(roots) if n.op == "call")
        drawn = {h.name: kept for h, kept in histograms}
        return AnalysisSpec(
            name=name,
            title=title,
            release=self.release,
            mode=self.mode,
            quirks=tuple(self.quirks),
            options=tuple(OptionRecord(name=n, value=v) for n, v in self.options.items()),
            nodes=nodes,
            selections=tuple(_selection(n, steps, index) for n, steps in selections.items()),
            weight=None if weight is None else index[weight],
            variations=tuple(
                VariationRecord(
                    name=v.name, direction=v.direction, replace=tuple((index[a], index[b]) for a, b in r)
                )
                for v, r in variations
            ),
            histograms=tuple(_histogram(h, kept, values[h.name], index) for h, kept in histograms),
            figures=figures,
            significances=tuple(
                s for s in self.declared.significances.values() if s.selection in drawn.get(s.histogram, ())
            ),
            functions=tuple(record_of(d) for d in codes),
            inputs=inputs,
        )

    def _weight(self) -> Node | None:
        factors = [Expr(self.resolve(w)) for w in self.declared.weights]
        return product(factors).node if factors else None

    def _variations(
        self, roots: Sequence[Node]
    ) -> list[tuple[VariationDeclaration, tuple[tuple[Node, Node], ...]]]:
        """Return the variations that replace something that is used, with what they replace."""
        used = set(walk(roots))
        result = []
        for variation in self.declared.variations:
            pairs = [(self.resolve(a), self.resolve(b)) for a, b in variation.replace]
            kept = tuple((a, b) for a, b in pairs if a in used)
            if len(kept) < len(pairs):
                self._check_known(variation)
            if any(a.op != "field" for a, _ in kept):
                _check_replacement(variation, kept, roots)
            if kept:
                result.append((variation, kept))
        return result

    def _check_known(self, variation: VariationDeclaration) -> None:
        """Raise `LanguageError` for an expression that stands nowhere: then it was meant to be another one.

        A field that is not used is no mistake: an analysis may declare more than one of its files needs.
        """
        declared = set(walk(self.declared.roots()))
        for old, _ in variation.replace:
            if old.op != "field" and old not in declared:
                msg = (
                    f"Variation {variation.name!r} replaces {shortened(text(old))}, which stands in no cut, weight or "
                    "histogram. Replace the very expression that was given there, or its fields."
                )
                raise LanguageError(msg)


def _check_replacement(
    variation: VariationDeclaration, replace: Sequence[tuple[Node, Node]], roots: Sequence[Node]
) -> None:
    """Raise `LanguageError` if what is replaced no longer fits what it stands in."""
    memo: dict[Node, Node] = {}
    try:
        for root in roots:
            substitute(root, dict(replace), memo)
    except LanguageError as error:
        msg = f"Variation '{variation.name}:{variation.direction}' leaves an expression without meaning: {error}"
        raise LanguageError(msg) from error


def cutflow(cuts: Sequence[tuple[str, Node]]) -> list[Step]:
    """Put a step of its own before each cut that needs more objects than the steps before it ensure."""
    memo: dict[Node, frozenset[Requirement]] = {}
    ensured: dict[Node, int] = {}
    steps: list[Step] = []
    taken = {name for name, _ in cuts}
    for name, node in cuts:
        for count, least in strongest(requirements(node, memo), ensured):
            step = unused(describe((count, least)), taken)
            taken.add(step)
            steps.append((step, make("ge", (count, make("literal", (), (least, ())))), True))
        steps.append((name, node, False))
        if node.op == "ge" and node.args[0].op == "count" and node.args[1].op == "literal":
            count, least = node.args[0], int(node.args[1].params[0])
            ensured[count] = max(ensured.get(count, 0), least)
    return steps


def unused(name: str, taken: Collection[str]) -> str:
    """Return ``name``, numbered if it is taken: steps of one selection are told apart by their names."""
    numbered = (f"{name} ({k})" for k in itertools.count(2))
    return next(n for n in itertools.chain((name,), numbered) if n not in taken)


def _check_figure(figure: FigureRecord, inputs: InputsRecord) -> None:
    """Raise `UnknownNameError` for a process, dataset or period that the inputs do not have."""
    if not inputs.processes:
        return
    known: dict[str, tuple[Collection[object], Collection[object]]] = {
        "process": (figure.processes or (), [p.name for p in inputs.processes]),
        "dataset": (figure.datasets or (), [d for p in inputs.processes for d in p.datasets]),
        "data period": (
            [f for f in figure.files or () if not f.endswith(".root")],
            [d for p in inputs.processes for d in p.periods],
        ),
    }
    for what, (asked, there) in known.items():
        for name in asked:
            if name not in there:
                raise UnknownNameError(
                    f"{what} of {inputs.release} (for figure {figure.name!r})", name, there
                )


def _selection(name: str, steps: Sequence[Step], index: dict[Node, int]) -> SelectionRecord:
    cuts = tuple(CutRecord(name=n, node=index[node], automatic=auto) for n, node, auto in steps)
    return SelectionRecord(name=name, cuts=cuts)


def _histogram(
    declared: HistogramDeclaration,
    selections: tuple[str, ...],
    values: tuple[Node, ...],
    index: dict[Node, int],
) -> HistogramRecord:
    return HistogramRecord(
        name=declared.name,
        values=tuple(index[v] for v in values),
        axes=tuple(a.record(v, declared.name) for a, v in zip(declared.axes, values, strict=True)),
        selections=selections,
        keep=declared.keep,
    )
