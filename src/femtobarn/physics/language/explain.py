"""Looking at single events: values of an expression, and why an event was cut."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np

from femtobarn.base.errors import FormatError, SettingsError
from femtobarn.base.records import AnalysisSpec
from femtobarn.data.formats.opening import open_events, reached, recognise_content
from femtobarn.data.formats.reader import EventReader
from femtobarn.data.storage.urls import shown
from femtobarn.physics.language.analysis import Analysis
from femtobarn.physics.language.code import record_of
from femtobarn.physics.language.declarations import Selection
from femtobarn.physics.language.expr import Expr
from femtobarn.physics.language.freeze import cutflow
from femtobarn.physics.language.graph import Node, walk
from femtobarn.physics.language.program import Program
from femtobarn.physics.language.reference import Chunk, Value
from femtobarn.physics.language.text import conjuncts, text


@dataclass(frozen=True)
class Part:
    """One part of a condition, or a quantity in it: how it is written, and its value in the event."""

    text: str
    value: Any


@dataclass(frozen=True)
class CutStep:
    """One cut of one event.

    Parameters
    ----------
    name
        the cut's name; ``text`` is its condition
    passed
        whether the event passes it; None if its value is not defined for this event (too few objects)
    parts
        the parts of a condition joined by ``&``, each with what it compares
    """

    name: str
    text: str
    passed: bool | None
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Explanation:
    """Every cut of one event for one selection."""

    selection: str
    file: str
    entry: int
    steps: tuple[CutStep, ...]

    @property
    def selected(self) -> bool:
        """Whether the event passes all cuts."""
        return all(step.passed for step in self.steps)

    def __str__(self) -> str:
        """Return the cuts as lines of text."""
        lines = [
            f"{self.selection}: event {self.entry} of {self.file} {'passes' if self.selected else 'fails'}"
        ]
        for step in self.steps:
            mark = {True: "pass", False: "FAIL", None: "n/a "}[step.passed]
            lines.append(f"  {mark}  {step.name}")
            lines += [f"          {p.text} = {p.value}" for p in step.parts]
        return "\n".join(lines)


@contextmanager
def _events(file: str | Path, release: str | None) -> Iterator[EventReader]:
    """Open a file in its own format; an error if it is not of ``release``."""
    with reached(file) as place:
        found = recognise_content(place)
        if release is not None and found.release != release:
            msg = f"{file}: expected a file of release {release}, but it is of {found.release}. Choose another file, or build the analysis for that release."
            raise FormatError(msg)
        with open_events(place, found.format) as tree:
            yield EventReader(tree, found.format)


def peek(expression: Expr, file: str | Path, *, entries: int = 10, start: int = 0) -> Any:
    """Return the values of an expression for ``entries`` events from ``start`` as an ``ak.Array``.

    Undefined values (too few objects) are None. Quirks and options have their ``physics`` and default
    values.
    """
    node = _plain(expression.node)
    with _events(file, None) as events:
        stop = min(events.facts().entries, start + entries)
        chunk = _chunk(events, (node,), start, max(start, stop))
        value = chunk.value(node)
    data = value.data if isinstance(value.data, ak.Array) else ak.Array(value.data)
    return data if value.defined is None else ak.mask(data, value.defined)


def _plain(node: Node) -> Node:
    """Return ``node`` with quirks as in physics mode and options at their defaults."""
    from femtobarn.physics.language.graph import substitute

    replace: dict[Node, Node] = {}
    for below in walk((node,)):
        if below.op in {"quirk", "option"}:
            replace[below] = substitute(below.args[0], replace, dict(replace))
    return substitute(node, replace, {})


def _chunk(events: EventReader, nodes: Sequence[Node], start: int, stop: int) -> Chunk:
    below = list(walk(nodes))
    paths = sorted({str(n.params[0]) for n in below if n.op == "field"})
    functions = {n.params[1]: record_of(n.params[1]) for n in below if n.op == "call"}
    return Chunk(events.read(paths, start, stop), stop - start, functions)


def explain_selection(selection: Selection, file: str | Path, entry: int) -> Explanation:
    """Return every cut of one event for one selection of an analysis that is being written."""
    cuts = [(name, _plain(node)) for name, node in selection.steps]
    steps = [(name, node) for name, node, _ in cutflow(cuts)]
    with _events(file, None) as events:
        return _explain(selection.name, steps, events, str(file), entry)


def explain(spec: AnalysisSpec, file: str | Path, entry: int) -> tuple[Explanation, ...]:
    """Return every cut of one event for every selection of an analysis."""
    program = Program(spec)
    with _events(file, spec.release or None) as events:
        return tuple(
            _explain(
                s.name,
                list(zip((c.name for c in s.cuts), program.cuts[s.name], strict=True)),
                events,
                str(file),
                entry,
            )
            for s in spec.selections
        )


def _explain(
    selection: str, cuts: list[tuple[str, Node]], events: EventReader, file: str, entry: int
) -> Explanation:
    entries = events.facts().entries
    if not 0 <= entry < entries:
        msg = f"{Path(shown(file)).name} has entries 0 to {entries - 1}; there is no entry {entry}."
        raise SettingsError(msg)
    chunk = _chunk(events, [node for _, node in cuts], entry, entry + 1)
    return Explanation(selection, Path(shown(file)).name, entry, tuple(_step(chunk, n, c) for n, c in cuts))


def _step(chunk: Chunk, name: str, node: Node) -> CutStep:
    value = chunk.value(node)
    passed = None if _undefined(value) else bool(value.data[0])
    parts: dict[str, Any] = {}
    for part in conjuncts(node):
        for quantity in _quantities(part):
            parts[text(quantity)] = _shown(chunk.value(quantity))
        if part is not node:
            parts[text(part)] = _shown(chunk.value(part))
    return CutStep(name, text(node), passed, tuple(Part(t, v) for t, v in parts.items()))


def _quantities(node: Node) -> tuple[Node, ...]:
    """Return what a condition compares: the sides of a comparison, the arguments of a reduction."""
    if node.op in {"and", "or", "not", "xor"}:
        return tuple(q for a in node.args for q in _quantities(a))
    if node.op in {"lt", "le", "gt", "ge", "eq", "ne", "isin", "any", "all"}:
        return tuple(a for a in node.args if a.op != "literal")
    return (node,)


def _undefined(value: Value) -> bool:
    return value.defined is not None and not bool(value.defined[0])


def _shown(value: Value) -> Any:
    if _undefined(value):
        return None
    first = value.data[0]
    if isinstance(first, ak.Array):
        return [_rounded(v) for v in first.to_list()]
    return _rounded(first.item() if isinstance(first, np.generic) else first)


def _rounded(value: Any) -> Any:
    return float(f"{value:.6g}") if isinstance(value, float) else value


def explain_analysis(
    analysis: Analysis, file: str | Path, entry: int, **settings: Any
) -> tuple[Explanation, ...]:
    """Return every cut of one event for every selection; the release is found from the file if not given."""
    release = settings.pop("release", None)
    if release is None:
        with reached(file) as place:
            found = recognise_content(place).release
        release = found if not analysis.inputs or found in analysis.inputs else None
    return explain(analysis.freeze(release=release, **settings), file, entry)
