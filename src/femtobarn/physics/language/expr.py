"""Symbolic values with Python's operators."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NoReturn, cast

import numpy as np

from femtobarn.base.errors import TypesError, UseWhereError
from femtobarn.base.units import ONE
from femtobarn.physics.language.graph import Node, count_of, make
from femtobarn.physics.language.operators import unit_params
from femtobarn.physics.language.quantity import Quantity
from femtobarn.physics.language.text import text

Constant = bool | int | float | str

_UFUNCS = {
    np.add: "add", np.subtract: "sub", np.multiply: "mul", np.true_divide: "div", np.minimum: "minimum",
    np.maximum: "maximum", np.less: "lt", np.less_equal: "le", np.greater: "gt", np.greater_equal: "ge",
    np.equal: "eq", np.not_equal: "ne", np.logical_and: "and", np.logical_or: "or", np.logical_xor: "xor",
    np.bitwise_and: "and", np.bitwise_or: "or", np.bitwise_xor: "xor", np.arctan2: "arctan2",
    np.logical_not: "not", np.invert: "not", np.negative: "neg", np.absolute: "abs", np.sign: "sign",
    np.floor: "floor", np.ceil: "ceil", np.sqrt: "sqrt", np.exp: "exp", np.log: "log", np.log10: "log10",
    np.sin: "sin", np.cos: "cos", np.tan: "tan", np.arcsin: "arcsin", np.arccos: "arccos",
    np.arctan: "arctan", np.sinh: "sinh", np.cosh: "cosh", np.tanh: "tanh",
}  # fmt: skip

_CONTROL_FLOW = (
    "A column has one value for each event, so Python cannot decide {what} on it while the analysis is "
    "being declared. {instead}"
)


class Expr:
    """One symbolic value per event, or per object of a collection.

    It has the operators of a number or a bool; comparisons give bool expressions, combined by
    ``&``, ``|`` and ``~``. ``x[mask]`` filters, ``x[:4]`` takes the first four (an event with fewer
    is cut), ``x[0]`` the first. ``sum() any() all() min() max() mean() count()`` reduce to a value
    per event. NumPy's functions (``np.sqrt(x)``) work too.
    """

    __slots__ = ("node",)
    node: Node

    def __init__(self, node: Node) -> None:
        self.node = node

    # --- arithmetic

    def __add__(self, other: Any) -> Expr:
        """Return the sum; both sides in the same unit."""
        return _binary("add", self, other)

    def __radd__(self, other: Any) -> Expr:
        """Return the sum."""
        return _binary("add", other, self)

    def __sub__(self, other: Any) -> Expr:
        """Return the difference; both sides in the same unit."""
        return _binary("sub", self, other)

    def __rsub__(self, other: Any) -> Expr:
        """Return the difference."""
        return _binary("sub", other, self)

    def __mul__(self, other: Any) -> Expr:
        """Return the product."""
        return _binary("mul", self, other)

    def __rmul__(self, other: Any) -> Expr:
        """Return the product."""
        return _binary("mul", other, self)

    def __truediv__(self, other: Any) -> Expr:
        """Return the quotient, always a float."""
        return _binary("div", self, other)

    def __rtruediv__(self, other: Any) -> Expr:
        """Return the quotient, always a float."""
        return _binary("div", other, self)

    def __pow__(self, exponent: float) -> Expr:
        """Return the power to a constant exponent."""
        if isinstance(exponent, bool) or not isinstance(exponent, int | float):
            msg = f"The exponent of ** must be a constant number, not {describe(exponent)}."
            raise TypesError(msg)
        if self.node.type.kind == "float":
            exponent = float(exponent)  # x**2 and x**2.0 have one identity
        return Expr(make("pow", (self.node,), (exponent,)))

    def __neg__(self) -> Expr:
        """Return the value with the other sign."""
        return Expr(make("neg", (self.node,)))

    def __abs__(self) -> Expr:
        """Return the absolute value."""
        return Expr(make("abs", (self.node,)))

    # --- comparisons and logic

    def __lt__(self, other: Any) -> Expr:
        """Return whether it is smaller; a plain number is taken in this value's unit."""
        return _binary("lt", self, other)

    def __le__(self, other: Any) -> Expr:
        """Return whether it is smaller or equal."""
        return _binary("le", self, other)

    def __gt__(self, other: Any) -> Expr:
        """Return whether it is greater; a plain number is taken in this value's unit."""
        return _binary("gt", self, other)

    def __ge__(self, other: Any) -> Expr:
        """Return whether it is greater or equal."""
        return _binary("ge", self, other)

    def __eq__(self, other: object) -> Expr:  # type: ignore[override]
        """Return whether both are equal."""
        return _binary("eq", self, other)

    def __ne__(self, other: object) -> Expr:  # type: ignore[override]
        """Return whether both differ."""
        return _binary("ne", self, other)

    def __hash__(self) -> int:
        """Return the hash of the node, so that expressions can be keys (of variations)."""
        return hash(self.node)

    def __and__(self, other: Any) -> Expr:
        """Return whether both are true."""
        return _binary("and", self, other)

    __rand__ = __and__

    def __or__(self, other: Any) -> Expr:
        """Return whether at least one is true."""
        return _binary("or", self, other)

    __ror__ = __or__

    def __xor__(self, other: Any) -> Expr:
        """Return whether exactly one is true."""
        return _binary("xor", self, other)

    __rxor__ = __xor__

    def __invert__(self) -> Expr:
        """Return the opposite."""
        return Expr(make("not", (self.node,)))

    def isin(self, *values: Constant | Collection[Constant]) -> Expr:
        """Return whether it equals one of ``values`` (in this value's unit)."""
        wanted: Sequence[Any] = values
        if len(values) == 1 and isinstance(values[0], list | tuple | set | frozenset):
            wanted = sorted(values[0])
        if self.node.type.kind == "float":
            wanted = [float(v) for v in wanted]
        return Expr(make("isin", (self.node,), wanted))

    def between(self, low: Any, high: Any) -> Expr:
        """Return whether ``low <= x <= high``."""
        return _binary("and", self >= low, self <= high)

    # --- collections

    def __getitem__(self, what: Any) -> Expr:
        """Return the objects that pass a mask, a range of them, or one of them."""
        return Expr(_indexed(self.node, what))

    def head(self, most: int) -> Expr:
        """Return at most the first ``most`` objects; unlike ``[:most]`` fewer are allowed."""
        return Expr(make("head", (self.node,), (most,)))

    def sort(self, *, by: Expr | None = None, descending: bool = True) -> Expr:
        """Return the values ordered by ``by`` (default: themselves), the greatest first."""
        key = self if by is None else by
        return Expr(make("order", (self.node, key.node), (descending,)))

    def sum(self) -> Expr:
        """Return the sum over the objects of an event; 0 if there are none."""
        return Expr(make("sum", (self.node,)))

    def count(self) -> Expr:
        """Return the number of objects of an event."""
        return Expr(count_of(_axis(self.node)))

    def any(self) -> Expr:
        """Return whether at least one object of an event is true; False if there are none."""
        return Expr(make("any", (self.node,)))

    def all(self) -> Expr:
        """Return whether all objects of an event are true; True if there are none."""
        return Expr(make("all", (self.node,)))

    def min(self) -> Expr:
        """Return the smallest value in an event; undefined if there are no objects."""
        return Expr(make("min", (self.node,)))

    def max(self) -> Expr:
        """Return the greatest value in an event; undefined if there are no objects."""
        return Expr(make("max", (self.node,)))

    def mean(self) -> Expr:
        """Return the mean in an event; undefined if there are no objects."""
        return Expr(make("mean", (self.node,)))

    # --- undefined values

    def default(self, value: Any) -> Expr:
        """Return the value, or ``value`` for events where it is not defined (too few objects)."""
        return Expr(make("default", (self.node, lift(value, like=self.node).node)))

    def is_defined(self) -> Expr:
        """Return whether the event has this value (enough objects)."""
        return Expr(make("defined", (self.node,)))

    # --- looking

    def peek(self, file: Any, entries: int = 10, *, start: int = 0) -> Any:
        """Return the values for a few events of a file as an awkward array (None where undefined)."""
        from femtobarn.physics.language.explain import peek

        return peek(self, file, entries=entries, start=start)

    def __repr__(self) -> str:
        """Return the expression and its type."""
        return f"<{text(self.node)}: {self.node.type.describe()}>"

    # --- what cannot be

    def __bool__(self) -> NoReturn:
        """Raise: a column is not one truth."""
        msg = _CONTROL_FLOW.format(
            what="`if`, `and`, `or`, `not` or a chain such as 20 < x < 30",
            instead="Write where(condition, a, b) for `if`; &, | and ~ (with parentheses) for and, or and not; "
            "between(20, 30) for a chain.",
        )
        raise UseWhereError(msg)

    def __iter__(self) -> NoReturn:
        """Raise: events are not looped over."""
        msg = _CONTROL_FLOW.format(
            what="a loop, `in`, or the built-in sum(), any(), all(), min(), max()",
            instead="Use x.sum(), any_(x), all_(x), x.max(), x.isin(...), or pairs(x) for combinations.",
        )
        raise UseWhereError(msg)

    def __len__(self) -> NoReturn:
        """Raise: the number of objects differs between events."""
        raise UseWhereError(_CONTROL_FLOW.format(what="len()", instead="Use x.count()."))

    def __float__(self) -> NoReturn:
        """Raise: there is no one number."""
        raise UseWhereError(
            _CONTROL_FLOW.format(
                what="float(), int() or math functions", instead="Use NumPy's names: sqrt(x), exp(x), ..."
            )
        )

    __int__ = __index__ = __float__

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """Map NumPy's functions on the language's."""
        op = _UFUNCS.get(ufunc)
        if method != "__call__" or kwargs or op is None:
            msg = f"The language has no numpy.{ufunc.__name__} ({method}). Available: {', '.join(sorted(set(_UFUNCS.values())))}."
            raise TypesError(msg)
        return _binary(op, *inputs) if len(inputs) == 2 else Expr(make(op, (lift(inputs[0]).node,)))

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        """Raise: there are no values yet."""
        msg = "This is an expression without values; x.peek(file) shows some, a run evaluates it over all."
        raise UseWhereError(msg)


def lift(value: Any, like: Node | None = None) -> Expr:
    """Return ``value`` as an expression; a plain number takes the unit and kind of ``like``.

    Raises
    ------
    TypesError
        if it is not a number, a bool, text, a quantity with unit or an expression
    """
    if isinstance(value, Expr):
        return value
    if isinstance(value, Quantity):
        return Expr(make("literal", (), (value.base_value, unit_params(value.unit))))
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        value = value.item()  # NumPy wraps its numbers in arrays before it hands them over
    if not isinstance(value, bool | int | float | str):
        msg = f"Expected a number or an expression, but got {describe(value)}."
        raise TypesError(msg)
    unit = ONE if like is None or isinstance(value, bool | str) else like.type.unit
    if (
        isinstance(value, int)
        and not isinstance(value, bool)
        and like is not None
        and like.type.kind == "float"
    ):
        value = float(value)
    return Expr(make("literal", (), (value, unit_params(unit))))


def describe(value: Any) -> str:
    """Return a value in words for messages."""
    if isinstance(getattr(value, "many", None), bool):
        return f"the {'collection' if value.many else 'object'} {value!r}; name one of its fields, for instance .pt"
    return f"{value!r} ({type(value).__name__})"


_UNITLESS_PARTNER = {"mul", "div", "and", "or", "xor"}


def _binary(op: str, left: Any, right: Any) -> Expr:
    """Return a binary operation; a plain number takes its unit from the other side where units must match."""
    if isinstance(left, Expr):
        a, b = left.node, lift(right, None if op in _UNITLESS_PARTNER else left.node).node
    else:
        b = lift(right).node
        a = lift(left, None if op in _UNITLESS_PARTNER else b).node
    if op in {"mul", "div"}:
        a, b = _as_float_literal(a, b), _as_float_literal(b, a)
    return Expr(make(op, (a, b)))


def _as_float_literal(node: Node, partner: Node) -> Node:
    """Write 2 * x and 2.0 * x the same way for a float x, so that both have one identity."""
    if node.op == "literal" and node.type.kind == "int" and partner.type.kind == "float":
        return make("literal", (), (float(node.params[0]), node.params[1]))
    return node


def _axis(node: Node) -> Node:
    if node.type.axis is None:
        make("count", (node,))  # raises with the right words
    return cast("Node", node.type.axis)


def _indexed(node: Node, what: Any) -> Node:
    """Return the node of ``node[what]``."""
    op, args, params = index_step(what)
    return make(op, (node, *args), params)


Step = tuple[str, tuple[Node, ...], tuple[Any, ...]]


def index_step(what: Any) -> Step:
    """Return operator, further arguments and parameters of ``x[what]``."""
    if isinstance(what, Expr):
        return ("filter", (what.node,), ())
    if isinstance(what, slice):
        if what.step not in {None, 1}:
            msg = f"A slice has no step here, but got [::{what.step}]. Use sort() to reverse an order."
            raise TypesError(msg)
        if any(
            v is not None and (isinstance(v, bool) or not isinstance(v, int)) for v in (what.start, what.stop)
        ):
            msg = f"A slice needs whole numbers, not [{what.start}:{what.stop}]. For a filter write x[x.pt > 20]."
            raise TypesError(msg)
        return ("slice", (), (what.start or 0, what.stop))
    if isinstance(what, int) and not isinstance(what, bool):
        return ("item", (), (what,))
    msg = f"An index is a bool expression (filter), a slice such as [:4] or a whole number, not {describe(what)}."
    raise TypesError(msg)
