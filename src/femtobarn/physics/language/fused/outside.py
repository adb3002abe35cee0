"""Values that the compiled loop takes from the reference evaluator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from femtobarn.base.records import FunctionRecord
from femtobarn.data.columns.interface import Column
from femtobarn.physics.language.fused.sums import External
from femtobarn.physics.language.graph import Node
from femtobarn.physics.language.reference import Chunk, flat


def external_values(
    nodes: Sequence[Node],
    columns: Mapping[str, Column],
    entries: int,
    functions: Mapping[str, FunctionRecord],
    trusted: frozenset[str] | None = None,
) -> list[External]:
    """Return the values of ``nodes``; parameters as those of `Chunk`."""
    chunk = Chunk(columns, entries, functions, trusted)
    values = []
    for node in nodes:
        value = chunk.value(node)
        if node.type.axis is None:
            values.append(External(np.asarray(value.data), None, value.defined))
        else:
            values.append(External(*flat(value.data), value.defined))
    return values
