"""``correction()``: corrections from correctionlib's files as expressions."""

from __future__ import annotations

import json
import math
import struct
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

from femtobarn.base.errors import MissingExtraError, TypesError
from femtobarn.base.units import parse_unit
from femtobarn.physics.language.correctionfile import (
    NOT_A_NUMBER,
    Constant,
    Correction,
    mentioned,
    read_correction,
    specialised,
)
from femtobarn.physics.language.expr import Expr, lift
from femtobarn.physics.language.graph import Node, make
from femtobarn.physics.language.operators import CORRECTION_INPUTS, unit_params

_FLOWS = {"clamp": "clip"}
Flow = str | float
Edges = tuple[float, ...]


def correction(file: str | Path, name: str, *inputs: Any, unit: str = "") -> Expr:
    """Return the value of a correction of a file in correctionlib's JSON format (schema version 2).

    ``correction("sf.json.gz", "muon id", abs(lep.eta), lep.pt, "nominal")``. The correction becomes part
    of the analysis, and of the identity of its results. What consists of bins only is a table of the
    language; everything else is evaluated by correctionlib (extra ``corrections``).

    Parameters
    ----------
    file
        ``.json`` or ``.json.gz``; relative to the file that calls this, as inputs are
    name
        of a correction or compound correction in it
    inputs
        one value for each input of the correction, in its order: expressions (energies in GeV, lengths
        in mm), numbers, or text such as ``"up"``
    unit
        unit of the result

    Raises
    ------
    SettingsError
        if the file cannot be read, or is no file of corrections
    UnknownNameError
        if it has no such correction, or the correction no such category
    TypesError
        if number or kind of the inputs are others
    MissingExtraError
        if it needs correctionlib, and that is not installed

    Notes
    -----
    Where the file asks for an error (a value out of range, a category that is not there), an event or
    object gets not-a-number. A weight that is not a number fails the file.
    """
    path = Path(file)
    if not path.is_absolute():
        beside = sys._getframe(1).f_globals.get("__file__")  # noqa: SLF001 - relative to the file that names it
        path = (Path(beside).parent if beside else Path.cwd()) / path
    try:
        return _corrected(path, name, inputs, unit)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        msg = (
            f"Expected correction {name!r} of {path.name} to follow version 2 of correctionlib's schema, but it "
            f"does not ({type(error).__name__}: {error}). Correct the file."
        )
        raise TypesError(msg) from error


def _corrected(path: Path, name: str, inputs: Sequence[Any], unit: str) -> Expr:
    found = read_correction(path, name)
    nodes = _given(found, inputs)
    constants: dict[str, Constant] = {n: v.params[0] for n, v in nodes.items() if v.op == "literal"}
    scale = parse_unit(unit)
    if found.parts:
        names = [i.name for i in found.inputs]
        parts = [{**p, "data": specialised(p.get("data"), {}, name)} for p in found.parts]
        content = {"schema_version": 2, "corrections": parts, "compound_corrections": [dict(found.body)]}
        value = _by_library(found, content, names, nodes)
    else:
        tree = specialised(found.body.get("data"), constants, name)
        table = _table(tree)
        if table is not None:
            value = _looked_up(table, nodes)
        else:
            value = _by_library(found, *_reduced(found, tree), nodes)
    if unit:
        value = value * Expr(make("literal", (), (scale.scale, unit_params(scale))))
    return value


def _given(found: Correction, inputs: Sequence[Any]) -> dict[str, Node]:
    wanted = ", ".join(f"{i.name} ({i.type})" for i in found.inputs)
    if len(inputs) != len(found.inputs):
        msg = f"Correction {found.name!r} of {found.file} takes {len(found.inputs)} inputs: {wanted}; but got {len(inputs)}."
        raise TypesError(msg)
    nodes: dict[str, Node] = {}
    for declared, value in zip(found.inputs, inputs, strict=True):
        node = lift(value).node
        if node.type.kind not in CORRECTION_INPUTS.get(declared.type, ()):
            msg = f"Input {declared.name!r} of correction {found.name!r} is {declared.type}, but got a {node.type.describe()}. It takes {wanted}."
            raise TypesError(msg)
        nodes[declared.name] = node
    return nodes


# --- what is a table ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """Inputs, edges and values of bins; ``flow`` is lookup's ``outside``."""

    inputs: tuple[str, ...]
    edges: tuple[Edges, ...]
    values: tuple[float, ...]
    flow: Flow


def _table(tree: Any) -> _Table | None:
    """Return bins of constants, also bins within equal bins, as one table; None for anything else."""
    if isinstance(tree, float):
        return _Table((), (), (tree,), "clip") if math.isfinite(tree) else None
    if not isinstance(tree, dict) or tree["nodetype"] not in {"binning", "multibinning"}:
        return None
    many = tree["nodetype"] == "multibinning"
    flow = _flow(tree.get("flow"))
    edges = [
        _edges(e, len(tree.get("content", ())))
        for e in (tree.get("edges", ()) if many else (tree.get("edges"),))
    ]
    inner = [_table(c) for c in tree.get("content", ())]
    known = [t for t in inner if t is not None]
    if flow is None or not known or len(known) < len(inner):
        return None
    complete = [e for e in edges if e is not None]
    bins = math.prod(len(e) - 1 for e in complete)
    first = known[0]
    alike = all(t.inputs == first.inputs and t.edges == first.edges and t.flow == first.flow for t in known)
    if len(complete) < len(edges) or bins != len(known) or not alike or (first.inputs and first.flow != flow):
        return None
    names = tuple(tree.get("inputs", ())) if many else (tree.get("input"),)
    if len(names) != len(complete):
        return None
    return _Table(
        (*(str(n) for n in names), *first.inputs),
        (*complete, *first.edges),
        tuple(v for t in known for v in t.values),
        flow,
    )


def _flow(flow: Any) -> Flow | None:
    if flow == NOT_A_NUMBER:
        return "nan"
    if isinstance(flow, str):
        return _FLOWS.get(flow)
    return flow if isinstance(flow, float) and math.isfinite(flow) else None


def _edges(given: Any, most: int) -> Edges | None:
    """Return finite edges; of equal bins, ``most`` or fewer, those at which correctionlib's bin number changes."""
    if isinstance(given, dict):
        try:
            n, low, high = int(given["n"]), float(given["low"]), float(given["high"])
        except (KeyError, TypeError, ValueError):
            return None
        if not (0 < n <= most and math.isfinite(high - low) and low < high):
            return None
        return (low, *(_equal_edge(k, n, low, high) for k in range(1, n)), high)
    if not isinstance(given, list) or len(given) < 2:
        return None
    try:
        edges = tuple(min(max(float(e), -sys.float_info.max), sys.float_info.max) for e in given)
    except (TypeError, ValueError):
        return None
    return edges if all(a < b for a, b in pairwise(edges)) else None


def _equal_edge(k: int, n: int, low: float, high: float) -> float:
    def number(x: float) -> float:
        return n * (x - low) / (high - low)

    # numbers in their order are integers in theirs: the first of bin k is found by halving
    below, edge = _ordered(low), _ordered(high)
    while edge - below > 1:
        middle = (below + edge) // 2
        if number(_from_ordered(middle)) >= k:
            edge = middle
        else:
            below = middle
    return _from_ordered(edge)


def _ordered(x: float) -> int:
    """Return the position of a number among all of 64 bits, from 0 upwards and downwards."""
    (bits,) = struct.unpack("<q", struct.pack("<d", abs(x)))
    return -int(bits) if x < 0 else int(bits)


def _from_ordered(position: int) -> float:
    (size,) = struct.unpack("<d", struct.pack("<q", abs(position)))
    return -float(size) if position < 0 else float(size)


def _looked_up(table: _Table, nodes: Mapping[str, Node]) -> Expr:
    inputs, edges = list(table.inputs), list(table.edges)
    everywhere = (-sys.float_info.max, sys.float_info.max)
    used = [nodes[n] for n in inputs]
    # per object if any input is, also one that makes no difference
    for name, node in nodes.items():
        if node.type.axis is not None and all(u.type.axis is None for u in used):
            inputs.append(name)
            edges.append(everywhere)
            used.append(node)
    if not inputs:
        return lift(table.values[0])
    return Expr(make("lookup", used, (tuple(edges), table.values, table.flow, ())))


# --- what correctionlib evaluates ----------------------------------------------------------------------


def _reduced(found: Correction, tree: Any) -> tuple[dict[str, Any], list[str]]:
    """Return the file with this correction only, for constant inputs, and the inputs that are left."""
    formulas = found.body.get("generic_formulas")
    names = [i.name for i in found.inputs]
    left = mentioned([tree, formulas], names)
    kept = [n for n in names if n in left]
    body = {
        "name": found.name,
        "version": 1,
        "inputs": [{"name": i.name, "type": i.type} for i in found.inputs if i.name in left],
        "output": {"name": "value", "type": "real"},
        "data": tree,
        **({} if formulas is None else {"generic_formulas": formulas}),
    }
    return {"schema_version": 2, "corrections": [body]}, kept


def _by_library(
    found: Correction, content: Mapping[str, Any], names: Sequence[str], nodes: Mapping[str, Node]
) -> Expr:
    if find_spec("correctionlib") is None:
        raise MissingExtraError(f"the correction {found.name!r} of {found.file}", "corrections")
    from femtobarn.physics.language.correctionvalues import prepared

    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    prepared(text, found.name)  # what the library refuses is refused here
    used = [nodes[n] for n in names]
    # an input that makes no difference still tells the collection
    used += [n for n in nodes.values() if n.type.axis is not None and n not in used][:1]
    types = tuple(i.type for n in names for i in found.inputs if i.name == n)
    return Expr(make("correction", used, (found.name, text, types)))
