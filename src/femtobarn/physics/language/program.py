"""The program of an analysis: its nodes, what is wanted of them, and which fields that takes.

Known before any file is opened, and without loading what evaluates it.
"""

from __future__ import annotations

from functools import cached_property

from femtobarn.base.errors import UnknownNameError
from femtobarn.base.records import NOMINAL, AnalysisSpec, HistogramRecord, Kind
from femtobarn.physics.language import operators as _operators  # noqa: F401 - installs the type rules
from femtobarn.physics.language.graph import Node, from_records, substitute, walk


class Program:
    """A spec ready to be evaluated: its nodes, and for each variation the rewritten ones."""

    def __init__(self, spec: AnalysisSpec) -> None:
        self.spec = spec
        self.nodes = from_records(spec.nodes)
        self._memos: dict[str, dict[Node, Node]] = {NOMINAL: {}}
        self._replace: dict[str, dict[Node, Node]] = {
            v.key: {self.nodes[a]: self.nodes[b] for a, b in v.replace} for v in spec.variations
        }
        self.functions = {f.digest: f for f in spec.functions}

    def under(self, variation: str, node: Node) -> Node:
        """Return ``node`` as it is under a variation; the same object if it does not depend on it."""
        if variation == NOMINAL:
            return node
        if variation not in self._replace:
            raise UnknownNameError("variation", variation, (NOMINAL, *self._replace))
        return substitute(node, self._replace[variation], self._memos.setdefault(variation, {}))

    @cached_property
    def cuts(self) -> dict[str, tuple[Node, ...]]:
        """The conditions of each selection."""
        return {s.name: tuple(self.nodes[c.node] for c in s.cuts) for s in self.spec.selections}

    @cached_property
    def histograms(self) -> dict[str, HistogramRecord]:
        """The histograms by name."""
        return {h.name: h for h in self.spec.histograms}

    @cached_property
    def weight(self) -> Node | None:
        """The weight of simulated events."""
        return None if self.spec.weight is None else self.nodes[self.spec.weight]

    def variations(self, kind: Kind) -> tuple[str, ...]:
        """Return the variations that are evaluated: all in simulation, nominal in data."""
        return self.spec.variation_keys if kind == "mc" else (NOMINAL,)

    def fields(self, kind: Kind) -> tuple[str, ...]:
        """Return the fields of the event model that are read, sorted.

        What a variation puts in place of a node counts if that node is used; no variation is written
        out for this, of which there may be hundreds.
        """
        used = set(walk(self._wanted(kind)))
        if kind == "mc":
            for replace in self._replace.values():
                used.update(walk(b for a, b in replace.items() if a in used))
        return tuple(sorted({str(n.params[0]) for n in used if n.op == "field"}))

    def _wanted(self, kind: Kind) -> tuple[Node, ...]:
        """Return all nodes whose values are wanted, as they are without variations."""
        own = [n for cuts in self.cuts.values() for n in cuts]
        own += [self.nodes[v] for h in self.spec.histograms for v in h.values]
        return tuple(own if kind == "data" or self.weight is None else [*own, self.weight])


_programs: dict[str, Program] = {}


def program(spec: AnalysisSpec) -> Program:
    """Return the program of ``spec``, made once in a process."""
    if spec.identity not in _programs:
        if len(_programs) >= 16:
            _programs.clear()
        _programs[spec.identity] = Program(spec)
    return _programs[spec.identity]


def required_fields(spec: AnalysisSpec, kind: Kind) -> tuple[str, ...]:
    """Return the fields that an analysis needs of data or simulation, known before any file is opened."""
    return program(spec).fields(kind)
