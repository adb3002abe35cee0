"""The reference evaluator: what every operator means, in awkward-array and float64.

A per-event value is a NumPy array, a per-object one an awkward array of lists; both come with a mask
of the events where they are defined (None: everywhere). Any other evaluator must equal this one.
"""

from __future__ import annotations

import itertools
import operator
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from femtobarn.base.errors import CodeError, TypesError
from femtobarn.base.records import FunctionRecord
from femtobarn.data.columns import Column
from femtobarn.physics import kinematics
from femtobarn.physics.language.code import build, parse_type
from femtobarn.physics.language.graph import Node, walk

Mask = NDArray[np.bool_] | None
_DTYPES = {"bool": np.bool_, "int": np.int64, "float": np.float64}


@dataclass(frozen=True, slots=True)
class Value:
    """The values of a node in a chunk.

    Parameters
    ----------
    data
        NumPy array (one value per event) or awkward array (one list per event)
    defined
        events where it has a meaning; None: all
    """

    data: Any
    defined: Mask = None


@dataclass
class Chunk:
    """Evaluates nodes over the columns of some entries; each node once.

    Parameters
    ----------
    columns
        the fields of the event model that are needed, by path
    entries
        number of events
    functions
        code of the analysis by digest
    trusted
        digests of code that may run; None: all
    """

    columns: Mapping[str, Column]
    entries: int
    functions: Mapping[str, FunctionRecord] = field(default_factory=dict)
    trusted: frozenset[str] | None = None
    evaluations: Counter[str] = field(default_factory=Counter)
    _memo: dict[Node, Value] = field(default_factory=dict)

    def value(self, node: Node) -> Value:
        """Return the values of ``node``, evaluating what is not known yet."""
        with np.errstate(all="ignore"):  # 0/0 and the like give NaN and inf; that is their meaning
            for below in walk((node,)):
                if below not in self._memo:
                    self.evaluations[below.digest] += 1
                    self._memo[below] = self._evaluate(below)
        return self._memo[node]

    def truth(self, node: Node) -> NDArray[np.bool_]:
        """Return where a per-event bool is defined and true."""
        value = self.value(node)
        data: NDArray[np.bool_] = value.data
        return data if value.defined is None else data & value.defined

    def _evaluate(self, node: Node) -> Value:
        special = _SPECIAL.get(node.op)
        if special is not None:
            return special(self, node, [self._memo[a] for a in node.args])
        args = [self._memo[a] for a in node.args]
        data = _PLAIN[node.op](node, *(a.data for a in args))
        return Value(_typed(data, node), _both(*(a.defined for a in args)))

    def _code(self, digest: str) -> Callable[..., Any]:
        if digest not in self.functions:
            msg = f"The analysis calls code with digest {digest}, which it does not carry."
            raise CodeError(msg)
        return _built(self.functions[digest], self.trusted)


_code_cache: dict[str, Callable[..., Any]] = {}


def _built(record: FunctionRecord, trusted: frozenset[str] | None) -> Callable[..., Any]:
    if trusted is not None and record.digest not in trusted:
        build(record, trusted)  # raises
    if record.digest not in _code_cache:
        _code_cache[record.digest] = build(record, trusted)
    return _code_cache[record.digest]


def _both(*masks: Mask) -> Mask:
    result: Mask = None
    for mask in masks:
        if mask is not None:
            result = mask if result is None else result & mask
    return result


def _typed(data: Any, node: Node) -> Any:
    """Bring numbers to the type that the language gives them (bool, int64, float64)."""
    dtype = _DTYPES.get(node.type.kind)
    if dtype is None:
        return data
    if isinstance(data, ak.Array):
        return ak.values_astype(data, dtype)
    return np.asarray(data).astype(dtype, copy=False)


# --- element by element ----------------------------------------------------------------------------


def _numbers(node: Node, data: tuple[Any, ...]) -> list[Any]:
    """Return the arguments with bools as integers, so that arithmetic means numbers."""
    result = []
    for arg, x in zip(node.args, data, strict=True):
        if arg.type.kind != "bool":
            result.append(x)
        else:
            result.append(ak.values_astype(x, np.int64) if isinstance(x, ak.Array) else x.astype(np.int64))
    return result


def _on_numbers(compute: Callable[..., Any]) -> Callable[..., Any]:
    return lambda node, *data: compute(*_numbers(node, data))


def _compared(compare: Callable[..., Any]) -> Callable[..., Any]:
    return lambda node, a, b: compare(a, b)


def _isin(node: Node, x: Any) -> Any:
    result = x == node.params[0]
    for value in node.params[1:]:
        result = result | (x == value)
    return result


def _power(node: Node, x: Any) -> Any:
    exponent = node.params[0]
    (base,) = _numbers(node, (x,))
    if node.type.kind == "float":
        base = ak.values_astype(base, np.float64) if isinstance(base, ak.Array) else base.astype(np.float64)
        return base ** float(exponent)
    return base**exponent


def _system(node: Node, *data: Any) -> Any:
    quantity, *groups = node.params
    px: Any = 0.0
    py: Any = 0.0
    pz: Any = 0.0
    energy: Any = 0.0
    for g, how in enumerate(groups):
        pt, eta, phi, e = data[4 * g : 4 * g + 4]
        x, y, z = kinematics.cartesian(pt, eta, phi)
        if how == "all":
            x, y, z, e = (ak.to_numpy(ak.sum(v, axis=1)) for v in (x, y, z, e))
        px, py, pz, energy = px + x, py + y, pz + z, energy + e
    return _quantity(quantity, px, py, pz, energy)


def _quantity(quantity: str, px: Any, py: Any, pz: Any, energy: Any) -> Any:
    if quantity == "mass":
        return kinematics.invariant_mass(energy, px, py, pz)
    if quantity == "pt":
        return np.hypot(px, py)
    if quantity == "phi":
        return np.arctan2(py, px)
    if quantity == "eta":
        return kinematics.pseudorapidity(px, py, pz)
    if quantity == "rapidity":
        return kinematics.rapidity(energy, pz)
    return {"px": px, "py": py, "pz": pz, "e": energy}[quantity]


_PLAIN: dict[str, Callable[..., Any]] = {
    "add": _on_numbers(operator.add),
    "sub": _on_numbers(operator.sub),
    "mul": _on_numbers(operator.mul),
    "div": _on_numbers(operator.truediv),
    "minimum": _on_numbers(np.minimum),
    "maximum": _on_numbers(np.maximum),
    "neg": _on_numbers(operator.neg),
    "abs": _on_numbers(np.absolute),
    "sign": _on_numbers(np.sign),
    "pow": _power,
    "arctan2": _on_numbers(np.arctan2),
    **{
        name: _on_numbers(getattr(np, name))
        for name in ("floor", "ceil", "sqrt", "exp", "log", "log10", "sin", "cos", "tan", "arcsin", "arccos")
    },
    **{name: _on_numbers(getattr(np, name)) for name in ("arctan", "sinh", "cosh", "tanh")},
    **{name: _compared(getattr(operator, name)) for name in ("lt", "le", "gt", "ge", "eq", "ne")},
    "xor": lambda node, a, b: a ^ b,
    "not": lambda node, a: ~a,
    "isin": _isin,
    "count": lambda node, x: ak.to_numpy(ak.num(x, axis=1)),
    "index": lambda node, x: ak.local_index(x, axis=1),
    "sum": lambda node, x: ak.to_numpy(ak.sum(*_numbers(node, (x,)), axis=1)),
    "any": lambda node, x: ak.to_numpy(ak.any(x, axis=1)),
    "all": lambda node, x: ak.to_numpy(ak.all(x, axis=1)),
    "filter": lambda node, x, mask: x[mask],
    "head": lambda node, x: x[:, : node.params[0]],
    "order": lambda node, x, key: x[ak.argsort(key, axis=1, ascending=not node.params[0], stable=True)],
    "member": lambda node, x: ak.combinations(x, node.params[0], axis=1)[str(node.params[1])],
    "cross": lambda node, x, other: _crossed(x, other, node.params[0]),
    "system": _system,
    "delta_phi": lambda node, a, b: kinematics.delta_phi(a, b),
    "delta_r": lambda node, *x: kinematics.delta_r(*x),
    "nearest_delta_r": lambda node, *x: _nearest(*x),
    "transverse_mass": lambda node, *x: kinematics.transverse_mass(*x),
}


def _crossed(x: Any, other: Any, k: int) -> Any:
    pair = (x, other) if k == 0 else (other, x)
    return ak.cartesian(pair, axis=1)[str(k)]


def _nearest(eta1: Any, phi1: Any, eta2: Any, phi2: Any) -> Any:
    (own_eta, own), (own_phi, _), (other_eta, other), (other_phi, _) = (
        flat(x) for x in (eta1, phi1, eta2, phi2)
    )
    return jagged(kinematics.nearest(own_eta, own_phi, own, other_eta, other_phi, other)[0], own)


# --- what has rules of its own about being defined -------------------------------------------------


def _field(chunk: Chunk, node: Node, args: list[Value]) -> Value:
    column = chunk.columns[node.params[0]]
    if node.type.kind == "string":
        assert column.offsets is not None
        raw = column.content.tobytes()
        bounds = column.offsets.tolist()
        words = [raw[a:b].decode(errors="replace") for a, b in itertools.pairwise(bounds)]
        return Value(np.array(words, dtype=np.str_))
    if column.offsets is None:
        return Value(_typed(column.content, node))
    return Value(_typed(jagged(column.content, column.offsets), node))


def _literal(chunk: Chunk, node: Node, args: list[Value]) -> Value:
    return Value(_typed(np.full(chunk.entries, node.params[0]), node))


def _and(chunk: Chunk, node: Node, args: list[Value]) -> Value:
    """Kleene's logic: false and undefined is false."""
    a, b = args
    mask = _both(a.defined, b.defined)
    if mask is None or node.type.axis is not None:
        return Value(a.data & b.data, mask)
    da, db = (_all_if_none(x, chunk.entries) for x in args)
    value = (a.data & da) & (b.data & db)
    return Value(value, (da & db) | (da & ~a.data) | (db & ~b.data))


def _or(chunk: Chunk, node: Node, args: list[Value]) -> Value:
    """Kleene's logic: true or undefined is true."""
    a, b = args
    mask = _both(a.defined, b.defined)
    if mask is None or node.type.axis is not None:
        return Value(a.data | b.data, mask)
    da, db = (_all_if_none(x, chunk.entries) for x in args)
    value = (a.data & da) | (b.data & db)
    return Value(value, (da & db) | value)


def _all_if_none(value: Value, entries: int) -> NDArray[np.bool_]:
    return np.ones(entries, np.bool_) if value.defined is None else value.defined


def _where(chunk: Chunk, node: Node, args: list[Value]) -> Value:
    condition, yes, no = args
    data = np.where(condition.data, yes.data, no.data) if node.type.axis is None else _chosen(args)
    mask = condition.defined
    if yes.defined is not None or no.defined is not None:
        a, b = (_all_if_none(x, chunk.entries) for x in (yes, no))
        chosen = a & b if node.args[0].type.axis is not None else np.where(condition.data, a, b)
        mask = _both(mask, chosen)
    return Value(_typed(data, node), mask)


def _chosen(args: list[Value]) -> ak.Array:
    """Return where() of lists; a value per event counts for each object of the event."""
    lists = next(a.data for a in args if isinstance(a.data, ak.Array))
    _, offsets = flat(lists)
    counts = np.diff(offsets)
    parts = [flat(a.data)[0] if isinstance(a.data, ak.Array) else np.repeat(a.data, counts) for a in args]
    return jagged(np.where(*parts), offsets)


def _slice(chunk: Chunk, node: Node, args: list[Value]) -> Value:
    start, stop = node.params
    x = args[0]
    enough = None if stop is None else ak.to_numpy(ak.num(x.data, axis=1)) >= stop
    return Value(x.data[:, start:stop], _both(x.defined, enough))


def _item(chunk: Chunk, node: Node, args: list[Value]) -> Value:
    index = node.params[0]
    x = args[0]
    content, offsets = flat(x.data)
    counts = np.diff(offsets)
    enough = counts > index if index >= 0 else counts >= -index
    at = (offsets[:-1] if index >= 0 else offsets[1:]) + index
    data: NDArray[Any] = np.zeros(chunk.entries, _DTYPES[node.type.kind])
    data[enough] = content[at[enough]]
    return Value(data, _both(x.defined, enough))


def _pick(chunk: Chunk, node: Node, args: list[Value]) -> Value:
    x, key = args
    choose = ak.argmin if node.params[0] == "min" else ak.argmax
    best = ak.to_numpy(ak.fill_none(choose(key.data, axis=1), -1))
    content, offsets = flat(x.data)
    data: NDArray[Any] = np.zeros(chunk.entries, _DTYPES[node.type.kind])
    exists = best >= 0
    data[exists] = content[offsets[:-1][exists] + best[exists]]
    return Value(data, _both(x.defined, key.defined, exists))


def _extreme(chunk: Chunk, node: Node, args: list[Value]) -> Value:
    x = args[0]
    reduce = {"min": ak.min, "max": ak.max, "mean": ak.mean}[node.op]
    (numbers,) = _numbers(node, (x.data,))
    exists = ak.to_numpy(ak.num(x.data, axis=1)) > 0
    return Value(
        _typed(ak.to_numpy(ak.fill_none(reduce(numbers, axis=1), 0)), node), _both(x.defined, exists)
    )


def _default(chunk: Chunk, node: Node, args: list[Value]) -> Value:
    x, fallback = args
    if x.defined is None:
        return x
    mask = None if fallback.defined is None else x.defined | fallback.defined
    return Value(np.where(x.defined, x.data, fallback.data), mask)


def _defined(chunk: Chunk, node: Node, args: list[Value]) -> Value:
    return Value(_all_if_none(args[0], chunk.entries))


def _lookup(chunk: Chunk, node: Node, args: list[Value]) -> Value:
    edges, values, outside, _unit = node.params
    table = np.asarray(values, np.float64).reshape([len(e) - 1 for e in edges])
    offsets = None
    arrays = [a.data for a in args]
    if node.type.axis is not None:
        broadcast = ak.broadcast_arrays(*arrays)
        parts = [flat(b) for b in broadcast]
        offsets = parts[0][1]
        arrays = [content for content, _ in parts]
    inside = np.ones(len(arrays[0]), np.bool_)
    index = []
    for x, axis_edges in zip(arrays, edges, strict=True):
        i = np.searchsorted(np.asarray(axis_edges), x, side="right") - 1
        inside &= (i >= 0) & (i < len(axis_edges) - 1)
        index.append(np.clip(i, 0, len(axis_edges) - 2))
    result = table[tuple(index)]
    mask = _both(*(a.defined for a in args))
    if outside == "undefined":
        if offsets is None:
            mask = _both(mask, inside)
        else:
            result = np.where(inside, result, np.nan)
    elif outside != "clip":
        result = np.where(inside, result, float(outside))
    return Value(result if offsets is None else jagged(result, offsets), mask)


def _correction(chunk: Chunk, node: Node, args: list[Value]) -> Value:
    from femtobarn.physics.language.correctionvalues import corrected

    name, content, types = node.params
    mask = _both(*(a.defined for a in args))
    offsets = next((flat(a.data)[1] for a in args if isinstance(a.data, ak.Array)), None)
    size = chunk.entries if offsets is None else int(offsets[-1])
    counts = None if offsets is None else np.diff(offsets)
    inputs = [
        flat(a.data)[0]
        if isinstance(a.data, ak.Array)
        else a.data
        if counts is None
        else np.repeat(a.data, counts)
        for a in args[: len(types)]
    ]
    data = corrected(content, name, types, inputs, size)
    return Value(data if offsets is None else jagged(data, offsets), mask)


def _call(chunk: Chunk, node: Node, args: list[Value]) -> Value:
    name, code_digest, kind, _unit, per = node.params
    body = chunk._code(code_digest)  # noqa: SLF001 - same module
    record = chunk.functions[code_digest]
    mask = _both(*(a.defined for a in args))
    if record.kind == "columnar":
        with _blaming(record):
            result = body(*(a.data for a in args))
        return Value(_checked(result, name, node, args, chunk.entries), mask)
    pieces: list[Any] = []
    offsets = None
    for arg, (_argument, words) in zip(args, record.inputs, strict=True):
        if parse_type(words, name)[2]:
            content, own = flat(arg.data)
            offsets = own if offsets is None else offsets
            pieces += [content, own]
        else:
            pieces.append(arg.data)
    many = per == "object"
    size = int(offsets[-1]) if many and offsets is not None else chunk.entries
    out: NDArray[Any] = np.zeros(size, _DTYPES[kind])
    with _blaming(record):
        _driver(record)(body, out, chunk.entries, *pieces)
    return Value(jagged(out, offsets) if many and offsets is not None else out, mask)


@contextmanager
def _blaming(record: FunctionRecord) -> Iterator[None]:
    """Turn whatever a user's function raises into an error that names it."""
    try:
        yield
    except Exception as error:
        msg = f"{record.name}() (@{record.kind}) failed: {type(error).__name__}: {error}"
        raise CodeError(msg) from error


_drivers: dict[str, Callable[..., Any]] = {}


def _driver(record: FunctionRecord) -> Callable[..., Any]:
    """Return the compiled loop over events for a signature: one list or number per argument."""
    many = [parse_type(words, record.name)[2] for _, words in record.inputs]
    listed = parse_type(record.output, record.name)[2]
    shape = "".join("l" if m else "s" for m in many) + (">l" if listed else ">s")
    if shape not in _drivers:
        import numba

        parameters, values, first = [], [], ""
        for i, m in enumerate(many):
            parameters += [f"a{i}", f"o{i}"] if m else [f"a{i}"]
            values.append(f"a{i}[o{i}[i]:o{i}[i + 1]]" if m else f"a{i}[i]")
            first = first or (f"o{i}" if m else "")
        target = f"out[{first}[i]:{first}[i + 1]]" if listed else "out[i]"
        source = (
            f"def driver(body, out, n, {', '.join(parameters)}):\n"
            f"    for i in range(n):\n"
            f"        {target} = body({', '.join(values)})\n"
        )
        names: dict[str, Any] = {}
        exec(source, names)  # noqa: S102 - text made above, nothing of the user's in it
        _drivers[shape] = numba.njit(names["driver"])
    return _drivers[shape]


def _checked(result: Any, name: str, node: Node, args: list[Value], entries: int) -> Any:
    if len(result) != entries:
        msg = f"{name}() must return one value for each of {entries} events, but returned {len(result)}."
        raise TypesError(msg)
    if node.type.axis is None:
        data = ak.to_numpy(result) if isinstance(result, ak.Array) else np.asarray(result)
        if data.ndim != 1:
            msg = f"{name}() must return one value per event, but returned an array of shape {data.shape}."
            raise TypesError(msg)
        return _typed(data, node)
    wanted = next(
        ak.num(a.data, axis=1) for a, n in zip(args, node.args, strict=True) if n.type.axis is not None
    )
    if not isinstance(result, ak.Array) or result.ndim != 2 or not ak.all(ak.num(result, axis=1) == wanted):
        msg = f"{name}() must return one value for each object of its input; its lists have other lengths."
        raise TypesError(msg)
    return _typed(result, node)


_SPECIAL: dict[str, Callable[[Chunk, Node, list[Value]], Value]] = {
    "field": _field,
    "literal": _literal,
    "and": _and,
    "or": _or,
    "where": _where,
    "slice": _slice,
    "item": _item,
    "pick": _pick,
    "min": _extreme,
    "max": _extreme,
    "mean": _extreme,
    "default": _default,
    "defined": _defined,
    "lookup": _lookup,
    "call": _call,
    "correction": _correction,
}


def jagged(content: NDArray[Any], offsets: NDArray[np.int64]) -> ak.Array:
    """Return lists as an awkward array without copying."""
    return ak.Array(ak.contents.ListOffsetArray(ak.index.Index64(offsets), ak.contents.NumpyArray(content)))


def flat(array: ak.Array) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return content and offsets (int64 from 0) of an awkward array of lists."""
    counts = ak.to_numpy(ak.num(array, axis=1))
    offsets = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    return ak.to_numpy(ak.flatten(array, axis=1)), offsets
