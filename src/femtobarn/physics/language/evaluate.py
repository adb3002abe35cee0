"""From columns to what is counted: selections, weights and histogram values, for every variation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from femtobarn.base.errors import UnknownNameError
from femtobarn.base.records import AnalysisSpec, Kind
from femtobarn.data.columns import Column
from femtobarn.physics.language.graph import Node
from femtobarn.physics.language.program import Program, program
from femtobarn.physics.language.reference import Chunk, Value, flat


@dataclass(frozen=True, slots=True)
class Fill:
    """What goes into one histogram: one float64 array per axis, and the weights, aligned, in event order."""

    values: tuple[NDArray[np.float64], ...]
    weight: NDArray[np.float64]


class ChunkResult:
    """The outcome of one chunk of events, evaluated when it is asked for; each node once.

    Attributes
    ----------
    chunk
        the reference evaluator with its memory; ``chunk.evaluations`` counts evaluations per node
    """

    def __init__(self, code: Program, kind: Kind, chunk: Chunk) -> None:
        self._program, self._kind, self.chunk = code, kind, chunk
        self._passed: dict[tuple[Node, ...], NDArray[np.int64]] = {}

    def passed(self, variation: str, selection: str) -> NDArray[np.int64]:
        """Return, per event, how many cuts it passed before the first it failed (int64)."""
        cuts = self._program.cuts
        if selection not in cuts:
            raise UnknownNameError("selection", selection, cuts)
        nodes = tuple(self._program.under(variation, n) for n in cuts[selection])
        if nodes not in self._passed:
            steps = np.zeros(self.chunk.entries, np.int64)
            alive = np.ones(self.chunk.entries, np.bool_)
            for node in nodes:
                alive = alive & self.chunk.truth(node)
                steps += alive
            self._passed[nodes] = steps
        return self._passed[nodes]

    def weight(self, variation: str) -> NDArray[np.float64]:
        """Return the weight of each event (float64); 1 in data, and where it is not defined 0."""
        node = self._program.weight
        if self._kind == "data" or node is None:
            return np.ones(self.chunk.entries)
        value = self.chunk.value(self._program.under(variation, node))
        data: NDArray[np.float64] = value.data.astype(np.float64, copy=False)
        return data if value.defined is None else np.where(value.defined, data, 0.0)

    def column(self, node: Node) -> Column:
        """Return the values of a node for all events (float64); not-a-number where it is not defined."""
        value = self.chunk.value(node)
        if node.type.axis is not None:
            content, offsets = flat(value.data)
            return Column(_floats(content), offsets)
        data = _floats(value.data)
        return Column(data if value.defined is None else np.where(value.defined, data, np.nan))

    def fill(self, variation: str, selection: str, histogram: str) -> Fill:
        """Return what goes into a histogram: values of the selected events (or their objects) and weights."""
        record = self._program.histograms[histogram]
        nodes = [self._program.under(variation, self._program.nodes[v]) for v in record.values]
        values = [self.chunk.value(n) for n in nodes]
        chosen = self.passed(variation, selection) == len(self._program.cuts[selection])
        for value in values:
            if value.defined is not None:
                chosen = chosen & value.defined
        weight = self.weight(variation)[chosen]
        if all(n.type.axis is None for n in nodes):
            return Fill(tuple(_floats(v.data[chosen]) for v in values), weight)
        lists = next(v.data[chosen] for v, n in zip(values, nodes, strict=True) if n.type.axis is not None)
        counts = ak.to_numpy(ak.num(lists, axis=1))
        filled = tuple(_spread(v, n, chosen, counts) for v, n in zip(values, nodes, strict=True))
        return Fill(filled, np.repeat(weight, counts))


def _floats(array: Any) -> NDArray[np.float64]:
    return np.asarray(array).astype(np.float64, copy=False)


def _spread(
    value: Value, node: Node, chosen: NDArray[np.bool_], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return per-object values of the chosen events; a per-event one is repeated for each object."""
    if node.type.axis is None:
        return np.repeat(_floats(value.data[chosen]), counts)
    return _floats(flat(value.data[chosen])[0])


def evaluate(
    spec: AnalysisSpec,
    kind: Kind,
    columns: Mapping[str, Column],
    entries: int,
    *,
    trusted: frozenset[str] | None = None,
) -> ChunkResult:
    """Return the outcome of an analysis for some events.

    Parameters
    ----------
    spec
        the analysis
    kind
        data are not weighted and not varied
    columns
        the fields that `required_fields` names, by path
    entries
        number of events
    trusted
        digests of code that may run here; None: all
    """
    code = program(spec)
    return ChunkResult(code, kind, Chunk(columns, entries, code.functions, trusted))
