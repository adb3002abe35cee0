"""The operators of the language and what type each yields.

This table is the definition of the language as far as types go; the reference evaluator gives the
values. Everything that is not listed here does not exist.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from typing import Any

from femtobarn.base.errors import AxisError, TypesError, UnitsError, UnknownFieldError
from femtobarn.base.units import GEV, ONE, RAD, Unit, parse_unit, require_same
from femtobarn.data.formats.model import FIELDS, Kind
from femtobarn.physics.language.graph import Node, make, set_type_rules
from femtobarn.physics.language.types import SelfAxis, ValueType

AnyType = ValueType | SelfAxis
Rule = Callable[[str, tuple[Node, ...], tuple[Any, ...]], AnyType]

_rules: dict[str, tuple[Rule, int | None]] = {}


def _rule(*ops: str, args: int | None) -> Callable[[Rule], Rule]:
    def register(rule: Rule) -> Rule:
        for op in ops:
            _rules[op] = (rule, args)
        return rule

    return register


def infer(op: str, args: tuple[Node, ...], params: tuple[Any, ...]) -> AnyType:
    """Return the type of an operation; `SelfAxis` for a node that represents its own collection."""
    try:
        rule, count = _rules[op]
    except KeyError:
        msg = f"The language has no operator {op!r}."
        raise TypesError(msg) from None
    if count is not None and len(args) != count:
        msg = f"{op} takes {count} arguments, not {len(args)}."
        raise TypesError(msg)
    try:
        return rule(op, args, params)
    except (IndexError, KeyError, TypeError, ValueError) as error:
        msg = f"{op} has wrong parameters {params!r}."
        raise TypesError(msg) from error


def common_axis(args: tuple[Node, ...], doing: str) -> Node | None:
    """Return the axis that per-object arguments share; None if all are per event."""
    axis: Node | None = None
    for arg in args:
        if arg.type.axis is None:
            continue
        if axis is not None and arg.type.axis is not axis:
            msg = (
                f"{doing} combines objects of {axis.collection_text!r} with objects of "
                f"{arg.type.axis.collection_text!r} one by one, but they are different collections. "
                "Use cross(a, b) for all combinations, the same filter on both, or reduce one "
                "(sum, any_, [0]) to a value per event."
            )
            raise AxisError(msg)
        axis = arg.type.axis
    return axis


def require_kind(arg: Node, kinds: tuple[Kind, ...], doing: str, hint: str = "") -> None:
    """Raise `TypesError` unless ``arg`` is of one of ``kinds``."""
    if arg.type.kind not in kinds:
        wanted = " or ".join(kinds)
        msg = f"{doing} needs {wanted}, but got {arg.type.describe()}.{' ' + hint if hint else ''}"
        raise TypesError(msg)


def require_axis(arg: Node, doing: str) -> Node:
    """Return the axis of a per-object argument; raise `AxisError` for a per-event one."""
    if arg.type.axis is None:
        msg = (
            f"{doing} works on the objects of a collection, but got a {arg.type.describe()}. "
            "Use a field of a collection, for instance ev.lep.pt."
        )
        raise AxisError(msg)
    return arg.type.axis


_NUMBERS: tuple[Kind, ...] = ("bool", "int", "float")
_SYMBOLS = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "div": "/",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "eq": "==",
    "ne": "!=",
    "and": "&",
    "or": "|",
    "xor": "^",
    "not": "~",
    "neg": "-",
}


def _widest(args: tuple[Node, ...]) -> Kind:
    kinds = [a.type.kind for a in args]
    return "float" if "float" in kinds else "int"


@_rule("literal", args=0)
def _literal(op: str, args: tuple[Node, ...], params: tuple[Any, ...]) -> ValueType:
    value, unit = params
    kind: Kind
    if isinstance(value, bool):
        kind = "bool"
    elif isinstance(value, int):
        kind = "int"
    elif isinstance(value, float):
        kind = "float"
    elif isinstance(value, str):
        kind = "string"
    else:
        raise ValueError
    return ValueType(kind, _unit_of(unit))


def _unit_of(powers: tuple[Any, ...]) -> Unit:
    from femtobarn.base.units import named

    if not powers:
        return ONE
    a, b, c = (Fraction(p) for p in powers)
    return named(Unit(1.0, (a, b, c)))


def unit_params(unit: Unit) -> tuple[str, ...]:
    """Return a unit as parameters of a node."""
    return () if unit.dimensionless else tuple(str(p) for p in unit.powers)


@_rule("field", args=0)
def _field(op: str, args: tuple[Node, ...], params: tuple[Any, ...]) -> AnyType:
    (path,) = params
    if path not in FIELDS:
        raise UnknownFieldError("The event model", str(path), FIELDS)
    field = FIELDS[path]
    if field.collection is None:
        return ValueType(field.kind, parse_unit(field.unit))
    if path == f"{field.collection}.pt":
        return SelfAxis(field.kind, parse_unit(field.unit))
    return ValueType(field.kind, parse_unit(field.unit), make("field", (), (f"{field.collection}.pt",)))


@_rule("option", args=1)
def _option(op: str, args: tuple[Node, ...], params: tuple[Any, ...]) -> ValueType:
    (name,) = params
    if not isinstance(name, str):
        raise ValueError
    return args[0].type


@_rule("quirk", args=2)
def _quirk(op: str, args: tuple[Node, ...], params: tuple[Any, ...]) -> ValueType:
    physics, notebook = args
    require_same(physics.type.unit, notebook.type.unit, f"The quirk {params[0]!r}")
    if physics.type.kind != notebook.type.kind or physics.type.axis is not notebook.type.axis:
        msg = (
            f"The two sides of the quirk {params[0]!r} must be of one type, "
            f"but physics is {physics.type.describe()} and notebook is {notebook.type.describe()}."
        )
        raise TypesError(msg)
    return physics.type


@_rule("add", "sub", "minimum", "maximum", args=2)
def _additive(op: str, args: tuple[Node, ...], params: tuple[Any, ...]) -> ValueType:
    doing = _SYMBOLS.get(op, op)
    for arg in args:
        require_kind(arg, _NUMBERS, doing)
    require_same(args[0].type.unit, args[1].type.unit, doing)
    return ValueType(_widest(args), args[0].type.unit, common_axis(args, doing))


@_rule("mul", "div", args=2)
def _multiplicative(op: str, args: tuple[Node, ...], params: tuple[Any, ...]) -> ValueType:
    doing = _SYMBOLS[op]
    for arg in args:
        require_kind(arg, _NUMBERS, doing)
    a, b = (x.type.unit for x in args)
    unit = a * b if op == "mul" else a / b
    return ValueType("float" if op == "div" else _widest(args), unit, common_axis(args, doing))


@_rule("pow", args=1)
def _power(op: str, args: tuple[Node, ...], params: tuple[Any, ...]) -> ValueType:
    (exponent,) = params
    require_kind(args[0], _NUMBERS, "**")
    kind: Kind = (
        "int" if args[0].type.kind != "float" and isinstance(exponent, int) and exponent >= 0 else "float"
    )
    unit = args[0].type.unit
    return ValueType(
        kind,
        ONE if unit.dimensionless else unit ** Fraction(exponent).limit_denominator(12),
        args[0].type.axis,
    )


@_rule("neg", "abs", args=1)
def _signed(op: str, args: tuple[Node, ...], params: tuple[Any, ...]) -> ValueType:
    require_kind(args[0], _NUMBERS, "the absolute value" if op == "abs" else "unary -", "For a bool use ~.")
    return ValueType(_widest(args), args[0].type.unit, args[0].type.axis)


@_rule("sign", args=1)
def _sign(op: str, args: tuple[Node, ...], params: tuple[Any, ...]) -> ValueType:
    require_kind(args[0], _NUMBERS, op)
    return ValueType(_widest(args), ONE, args[0].type.axis)


@_rule("floor", "ceil", args=1)
def _rounded(op: str, args: tuple[Node, ...], params: tuple[Any, ...]) -> ValueType:
    require_kind(args[0], _NUMBERS, op)
    return ValueType("float", args[0].type.unit, args[0].type.axis)


@_rule("sqrt", args=1)
def _sqrt(op: str, args: tuple[Node, ...], params: tuple[Any, ...]) -> ValueType:
    require_kind(args[0], _NUMBERS, op)
    return ValueType("float", args[0].type.unit ** Fraction(1, 2), args[0].type.axis)


MATHEMATICS = (
    "exp", "log", "log10", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh",
)  # fmt: skip
"""Functions of a plain number or an angle."""


@_rule(*MATHEMATICS, args=1)
def _mathematics(op: str, args: tuple[Node, ...], params: tuple[Any, ...]) -> ValueType:
    require_kind(args[0], _NUMBERS, op)
    if not args[0].type.unit.dimensionless:
        msg = f"{op} needs a plain number or an angle, but got {args[0].type.describe()}. Divide by a unit first."
        raise UnitsError(msg)
    return ValueType("float", RAD if op.startswith("arc") else ONE, args[0].type.axis)


@_rule("arctan2", args=2)
def _arctan2(op: str, args: tuple[Node, ...], params: tuple[Any, ...]) -> ValueType:
    for arg in args:
        require_kind(arg, _NUMBERS, op)
    require_same(args[0].type.unit, args[1].type.unit, op)
    return ValueType("float", RAD, common_axis(args, op))


@_rule("lt", "le", "gt", "ge", "eq", "ne", args=2)
def _comparison(op: str, args: tuple[Node, ...], params: tuple[Any, ...]) -> ValueType:
    doing = _SYMBOLS[op]
    strings = [a.type.kind == "string" for a in args]
    if any(strings):
        if not all(strings) or op not in {"eq", "ne"}:
            msg = f"{doing} compares {args[0].type.describe()} with {args[1].type.describe()}; text has only == and !=."
            raise TypesError(msg)
    else:
        require_same(args[0].type.unit, args[1].type.unit, doing)
    return ValueType("bool", ONE, common_axis(args, doing))


@_rule("and", "or", "xor", args=2)
@_rule("not", args=1)
def _logical(op: str, args: tuple[Node, ...], params: tuple[Any, ...]) -> ValueType:
    doing = _SYMBOLS[op]
    for arg in args:
        require_kind(arg, ("bool",), doing, "Comparisons bind weaker than & and |: write (a > 1) & (b < 2).")
    return ValueType("bool", ONE, common_axis(args, doing))


@_rule("where", args=3)
def _where(op: str, args: tuple[Node, ...], params: tuple[Any, ...]) -> ValueType:
    condition, yes, no = args
    require_kind(condition, ("bool",), "the condition of where()")
    require_same(yes.type.unit, no.type.unit, "where()")
    kinds = {yes.type.kind, no.type.kind}
    if "string" in kinds or ("bool" in kinds and len(kinds) > 1):
        msg = f"where() chooses between {yes.type.describe()} and {no.type.describe()}: both must be of one kind."
        raise TypesError(msg)
    kind = yes.type.kind if len(kinds) == 1 else "float"
    return ValueType(kind, yes.type.unit, common_axis(args, "where()"))


@_rule("isin", args=1)
def _isin(op: str, args: tuple[Node, ...], params: tuple[Any, ...]) -> ValueType:
    text = args[0].type.kind == "string"
    if not params or any(isinstance(v, str) != text for v in params):
        msg = f"isin() compares {args[0].type.describe()} with {params!r}: give at least one value, all of that kind."
        raise TypesError(msg)
    return ValueType("bool", ONE, args[0].type.axis)


@_rule("count", args=1)
def _count(op: str, args: tuple[Node, ...], params: tuple[Any, ...]) -> ValueType:
    require_axis(args[0], "count")
    return ValueType("int")


@_rule("index", args=1)
def _index(op: str, args: tuple[Node, ...], params: tuple[Any, ...]) -> ValueType:
    return ValueType("int", ONE, require_axis(args[0], "index"))


@_rule("sum", args=1)
def _sum(op: str, args: tuple[Node, ...], params: tuple[Any, ...]) -> ValueType:
    require_axis(args[0], "sum")
    require_kind(args[0], _NUMBERS, "sum")
    return ValueType(_widest(args), args[0].type.unit)


@_rule("mean", args=1)
def _mean(op: str, args: tuple[Node, ...], params: tuple[Any, ...]) -> ValueType:
    require_axis(args[0], "mean")
    require_kind(args[0], _NUMBERS, "mean")
    return ValueType("float", args[0].type.unit)


@_rule("min", "max", args=1)
def _extreme(op: str, args: tuple[Node, ...], params: tuple[Any, ...]) -> ValueType:
    require_axis(args[0], op)
    require_kind(args[0], ("int", "float"), op)
    return ValueType(args[0].type.kind, args[0].type.unit)


@_rule("any", "all", args=1)
def _quantifier(op: str, args: tuple[Node, ...], params: tuple[Any, ...]) -> ValueType:
    require_axis(args[0], f"{op}_")
    require_kind(args[0], ("bool",), f"{op}_")
    return ValueType("bool")


@_rule("filter", args=2)
def _filter(op: str, args: tuple[Node, ...], params: tuple[Any, ...]) -> AnyType:
    values, mask = args
    axis = require_axis(values, "a filter")
    require_kind(mask, ("bool",), "a filter [...]", "For a position write [0], for a range [:4].")
    if mask.type.axis is not axis:
        msg = (
            f"The filter of {axis.collection_text!r} must be one bool for each of its objects, "
            f"but got a {mask.type.describe()}."
        )
        raise AxisError(msg)
    return _renewed(values, make("filter", (axis, mask)) if values is not axis else None)


@_rule("slice", args=1)
def _slice(op: str, args: tuple[Node, ...], params: tuple[Any, ...]) -> AnyType:
    start, stop = params
    axis = require_axis(args[0], "a slice")
    if start < 0 or (stop is not None and stop <= start):
        msg = f"A slice [{start}:{stop}] of {axis.collection_text!r} must go from 0 or above upwards."
        raise TypesError(msg)
    return _renewed(args[0], make("slice", (axis,), params) if args[0] is not axis else None)


@_rule("head", args=1)
def _head(op: str, args: tuple[Node, ...], params: tuple[Any, ...]) -> AnyType:
    (most,) = params
    axis = require_axis(args[0], "head")
    if isinstance(most, bool) or not isinstance(most, int) or most < 1:
        msg = f"head({most}) of {axis.collection_text!r}: the number of objects must be a whole number, 1 or more."
        raise TypesError(msg)
    return _renewed(args[0], make("head", (axis,), params) if args[0] is not axis else None)


@_rule("order", args=2)
def _order(op: str, args: tuple[Node, ...], params: tuple[Any, ...]) -> AnyType:
    values, key = args
    axis = require_axis(values, "sort")
    require_kind(key, ("int", "float"), "sort")
    if key.type.axis is not axis:
        msg = f"The key that sorts {axis.collection_text!r} must be one number for each of its objects, but got a {key.type.describe()}."
        raise AxisError(msg)
    return _renewed(values, make("order", (axis, key), params) if values is not axis else None)


@_rule("member", args=1)
def _member(op: str, args: tuple[Node, ...], params: tuple[Any, ...]) -> AnyType:
    n, k = params
    axis = require_axis(args[0], "combinations")
    if not 0 <= k < n <= 6:
        msg = f"Combinations of {n} objects: 2 to 6 are possible."
        raise TypesError(msg)
    first = args[0] is axis and k == 0
    return _renewed(args[0], None if first else make("member", (axis,), (n, 0)))


@_rule("cross", args=2)
def _cross(op: str, args: tuple[Node, ...], params: tuple[Any, ...]) -> AnyType:
    values, other = args
    (k,) = params
    axis, opposite = (require_axis(x, "cross") for x in (values, other))
    first = values is axis and other is opposite and k == 0
    pair = (axis, opposite) if k == 0 else (opposite, axis)
    return _renewed(values, None if first else make("cross", pair, (0,)))


def _renewed(values: Node, axis: Node | None) -> AnyType:
    """Return the type of ``values`` on a new axis; None: the node that is being made is the axis."""
    kind, unit = values.type.kind, values.type.unit
    return SelfAxis(kind, unit) if axis is None else ValueType(kind, unit, axis)


@_rule("item", args=1)
def _item(op: str, args: tuple[Node, ...], params: tuple[Any, ...]) -> ValueType:
    (index,) = params
    require_axis(args[0], "an index [...]")
    if isinstance(index, bool) or not isinstance(index, int):
        raise ValueError
    return ValueType(args[0].type.kind, args[0].type.unit)


@_rule("pick", args=2)
def _pick(op: str, args: tuple[Node, ...], params: tuple[Any, ...]) -> ValueType:
    values, key = args
    axis = require_axis(values, "best()")
    require_kind(key, ("int", "float"), "the key of best()")
    if key.type.axis is not axis:
        msg = f"The key of best() must be one number for each of {axis.collection_text!r}, but got a {key.type.describe()}."
        raise AxisError(msg)
    if params not in {("min",), ("max",)}:
        raise ValueError
    return ValueType(values.type.kind, values.type.unit)


@_rule("default", args=2)
def _default(op: str, args: tuple[Node, ...], params: tuple[Any, ...]) -> ValueType:
    require_same(args[0].type.unit, args[1].type.unit, "default()")
    if args[0].type.axis is not None or args[0].type.kind != args[1].type.kind:
        msg = f"default() of a {args[0].type.describe()} must be a value per event of the same kind, not {args[1].type.describe()}."
        raise TypesError(msg)
    return args[0].type


@_rule("defined", args=1)
def _defined(op: str, args: tuple[Node, ...], params: tuple[Any, ...]) -> ValueType:
    return ValueType("bool")


SYSTEM_QUANTITIES = {
    "mass": GEV,
    "pt": GEV,
    "px": GEV,
    "py": GEV,
    "pz": GEV,
    "e": GEV,
    "eta": ONE,
    "rapidity": ONE,
    "phi": RAD,
}
"""What can be asked of a sum of four-vectors, and its unit."""


@_rule("system", args=None)
def _system(op: str, args: tuple[Node, ...], params: tuple[Any, ...]) -> ValueType:
    quantity, *groups = params
    if quantity not in SYSTEM_QUANTITIES or len(args) != 4 * len(groups) or not groups:
        raise ValueError
    each: list[Node] = []
    for g, how in enumerate(groups):
        four = args[4 * g : 4 * g + 4]
        for arg, unit in zip(four, (GEV, ONE, RAD, GEV), strict=True):
            require_kind(arg, _NUMBERS, "a four-vector")
            require_same(arg.type.unit, unit, "a four-vector (pt, eta, phi, e)")
        if how == "all":
            require_axis(four[0], "the sum of a collection's four-vectors")
            common_axis(four, "a four-vector")
        else:
            each.extend(four)
    return ValueType("float", SYSTEM_QUANTITIES[quantity], common_axis(tuple(each), "a sum of four-vectors"))


@_rule("delta_phi", args=2)
@_rule("delta_r", args=4)
def _angular_distance(op: str, args: tuple[Node, ...], params: tuple[Any, ...]) -> ValueType:
    for arg in args:
        require_kind(arg, _NUMBERS, op)
        require_same(arg.type.unit, ONE, op)
    return ValueType("float", RAD if op == "delta_phi" else ONE, common_axis(args, op))


@_rule("nearest_delta_r", args=4)
def _nearest(op: str, args: tuple[Node, ...], params: tuple[Any, ...]) -> ValueType:
    for arg in args:
        require_kind(arg, _NUMBERS, op)
        require_same(arg.type.unit, ONE, op)
        require_axis(arg, op)
    common_axis(args[2:], op)
    return ValueType("float", ONE, common_axis(args[:2], op))


@_rule("transverse_mass", args=4)
def _transverse_mass(op: str, args: tuple[Node, ...], params: tuple[Any, ...]) -> ValueType:
    for arg, unit in zip(args, (GEV, RAD, GEV, RAD), strict=True):
        require_kind(arg, _NUMBERS, op)
        require_same(arg.type.unit, unit, op)
    return ValueType("float", GEV, common_axis(args, op))


CORRECTION_INPUTS: dict[str, tuple[Kind, ...]] = {
    "string": ("string",),
    "int": ("int", "bool"),
    "real": _NUMBERS,
}
"""What the inputs of a correction may be, by correctionlib's word for it."""


@_rule("lookup", args=None)
def _lookup(op: str, args: tuple[Node, ...], params: tuple[Any, ...]) -> ValueType:
    edges, values, outside, unit = params
    cells = 1
    for arg, axis_edges in zip(args, edges, strict=True):
        require_kind(arg, _NUMBERS, "a lookup table")
        if len(axis_edges) < 2 or any(b <= a for a, b in pairwise(axis_edges)):
            msg = f"The edges of a lookup table must ascend, not {axis_edges!r}."
            raise TypesError(msg)
        cells *= len(axis_edges) - 1
    if len(values) != cells or (
        outside not in {"clip", "undefined", "nan"} and not isinstance(outside, int | float)
    ):
        msg = f"A lookup table with these edges has {cells} values, but got {len(values)}."
        raise TypesError(msg)
    return ValueType("float", _unit_of(unit), common_axis(args, "a lookup table"))


@_rule("correction", args=None)
def _correction(op: str, args: tuple[Node, ...], params: tuple[Any, ...]) -> ValueType:
    name, content, types = params
    if not isinstance(content, str) or not len(types) <= len(args) <= len(types) + 1:
        raise ValueError
    doing = f"the correction {name!r}"
    for arg, kind in zip(args, types, strict=False):
        require_kind(arg, CORRECTION_INPUTS[kind], doing)
    return ValueType("float", ONE, common_axis(args, doing))


@_rule("call", args=None)
def _call(op: str, args: tuple[Node, ...], params: tuple[Any, ...]) -> ValueType:
    _name, _digest, kind, unit, per = params
    axis = common_axis(args, f"{_name}()") if per == "object" else None
    if per == "object" and axis is None:
        msg = f"{_name}() yields one value per object, but got no collection."
        raise AxisError(msg)
    return ValueType(kind, _unit_of(unit), axis)


set_type_rules(infer)
