"""Columns from Python lists, and values of expressions as Python lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import awkward as ak
import numpy as np

from femtobarn.data.columns import Column
from femtobarn.data.formats.model import FIELDS
from femtobarn.physics import language
from femtobarn.physics.language import Expr, ev
from femtobarn.physics.language.code import record_of
from femtobarn.physics.language.graph import walk
from femtobarn.physics.language.reference import Chunk

DTYPES = {"bool": np.bool_, "int": np.int64, "float": np.float64}

SCOPE: dict[str, Any] = {
    **{name: getattr(language, name) for name in language.__all__},
    **{name: getattr(ev, name) for name in dir(ev)},
}
"""What an expression that is written out may use."""


def column(path: str, values: Sequence[Any]) -> Column:
    """Return a column of the event model: numbers per event, lists per event, or words."""
    field = FIELDS[path]
    if field.kind == "string":
        raw = [v.encode() for v in values]
        content = np.frombuffer(b"".join(raw), np.uint8)
        return Column(content, np.cumsum([0, *map(len, raw)], dtype=np.int64))
    dtype = DTYPES[field.kind]
    if field.collection is None:
        return Column(np.array(values, dtype))
    flat = [x for v in values for x in v]
    return Column(np.array(flat, dtype), np.cumsum([0, *map(len, values)], dtype=np.int64))


def columns(values: Mapping[str, Sequence[Any]]) -> dict[str, Column]:
    return {path: column(path, v) for path, v in values.items()}


def chunk_of(values: Mapping[str, Sequence[Any]], entries: int, *exprs: Expr) -> Chunk:
    calls = {n.params[1] for n in walk(e.node for e in exprs) if n.op == "call"}
    return Chunk(columns(values), entries, {d: record_of(d) for d in calls})


def evaluated(expr: Expr, values: Mapping[str, Sequence[Any]], entries: int | None = None) -> list[Any]:
    """Return one value or list per event, None where it is not defined."""
    n = len(next(iter(values.values()))) if entries is None else entries
    value = chunk_of(values, n, expr).value(expr.node)
    data = value.data.to_list() if isinstance(value.data, ak.Array) else value.data.tolist()
    assert len(data) == n
    defined = [True] * n if value.defined is None else value.defined.tolist()
    return [v if ok else None for v, ok in zip(data, defined, strict=True)]


def rebuilt(words: str) -> Expr:
    """Return the expression that its own text makes."""
    result: Expr = eval(words, dict(SCOPE))
    return result
