"""What users hold: symbolic values with Python's operators, collections and objects."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, NoReturn, cast

import numpy as np

from femtobarn.base.errors import TypesError, UnknownFieldError, UseWhereError
from femtobarn.base.units import ONE, Unit, parse_unit
from femtobarn.data.formats.model import FIELDS
from femtobarn.physics.language.graph import Node, make
from femtobarn.physics.language.operators import SYSTEM_QUANTITIES, common_axis, unit_params
from femtobarn.physics.language.text import text

Constant = bool | int | float | str


class Quantity:
    """A number with a unit: ``20 * GeV``. Made by multiplying a number by a unit."""

    __slots__ = ("unit", "value")
    __array_ufunc__ = None  # NumPy numbers leave multiplication to this class

    def __init__(self, value: float, unit: Unit) -> None:
        self.value, self.unit = float(value), unit

    def __mul__(self, other: Any) -> Any:
        """Return the quantity scaled by a number, or the product with a unit or an expression."""
        if isinstance(other, bool | int | float | np.number):
            return Quantity(self.value * float(other), self.unit)
        if isinstance(other, Quantity):
            return Quantity(self.value * other.value, self.unit * other.unit)
        return NotImplemented

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        """Return the quantity divided by a number or by another quantity."""
        if isinstance(other, bool | int | float | np.number):
            return Quantity(self.value / float(other), self.unit)
        if isinstance(other, Quantity):
            return Quantity(self.value / other.value, self.unit / other.unit)
        return NotImplemented

    def __neg__(self) -> Quantity:
        """Return the quantity with the other sign."""
        return Quantity(-self.value, self.unit)

    def __repr__(self) -> str:
        """Return value and unit."""
        return f"{self.value:g} {self.unit}"

    @property
    def base_value(self) -> float:
        """The value in base units."""
        return self.value * self.unit.scale


keV, MeV, GeV, TeV = (Quantity(1.0, parse_unit(u)) for u in ("keV", "MeV", "GeV", "TeV"))  # noqa: N816
um, mm, cm = (Quantity(1.0, parse_unit(u)) for u in ("um", "mm", "cm"))

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
            msg = f"The exponent of ** must be a constant number, not {_describe(exponent)}."
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
        return Expr(make("count", (_axis(self.node),)))

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
        msg = f"Expected a number or an expression, but got {_describe(value)}."
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


def _describe(value: Any) -> str:
    if isinstance(value, Things):
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
    msg = f"An index is a bool expression (filter), a slice such as [:4] or a whole number, not {_describe(what)}."
    raise TypesError(msg)


def _no_comparison(self: Any, other: object) -> NoReturn:
    """Raise: objects have many fields."""
    msg = (
        f"{self!r} is compared with {other!r}, but has no value of its own. Compare one of its fields, for "
        "instance .pt > 20; to compare four-vectors use mass() or delta_r()."
    )
    raise TypesError(msg)


class Things:
    """The objects of a collection, or one object per event: a name and what was done to it.

    Attributes are fields (``lep.pt``). A collection can be filtered ``lep[lep.pt > 20]``, sliced
    ``lep[:4]`` (an event with fewer is cut) and indexed ``lep[0]``, which gives one object per event.
    """

    __slots__ = ("_base", "_steps")
    _base: str
    _steps: tuple[Step, ...]

    def __init__(self, base: str, steps: tuple[Step, ...] = ()) -> None:
        self._base, self._steps = base, steps

    @property
    def many(self) -> bool:
        """Whether there can be any number per event."""
        return not (self._steps and self._steps[-1][0] in {"item", "pick"})

    def __getattr__(self, name: str) -> Expr:
        """Return a field of the objects."""
        if name.startswith("_"):
            raise AttributeError(name)
        derived = DERIVED.get((self._base, name)) or DERIVED.get(("", name))
        path = f"{self._base}.{name}"
        if path not in FIELDS and derived is not None:
            return derived(self)
        if path not in FIELDS:
            raise UnknownFieldError(f"The collection {self._base!r}", name, self.__dir__())
        return Expr(self._apply(make("field", (), (path,))))

    def __dir__(self) -> list[str]:
        """Return the fields."""
        own = [p.split(".", 1)[1] for p, f in FIELDS.items() if f.collection == self._base]
        return sorted({*own, *(n for b, n in DERIVED if b == self._base)})

    def _apply(self, node: Node) -> Node:
        for op, args, params in self._steps:
            node = make(op, (node, *args), params)
        return node

    def _then(self, step: Step) -> Things:
        result = Things(self._base, (*self._steps, step))
        result._axis_node()
        return result

    def _axis_node(self) -> Node:
        return self._apply(make("field", (), (f"{self._base}.pt",)))

    def __getitem__(self, what: Any) -> Things:
        """Return the objects that pass a mask, a range of them, or one of them."""
        self._require_many("an index")
        return self._then(index_step(what))

    def head(self, most: int) -> Things:
        """Return at most the first ``most`` objects; unlike ``[:most]`` fewer are allowed."""
        self._require_many("head()")
        return self._then(("head", (), (most,)))

    def sort(self, by: Expr, *, descending: bool = True) -> Things:
        """Return the objects ordered by ``by``, the greatest first."""
        self._require_many("sort()")
        return self._then(("order", (by.node,), (descending,)))

    def count(self) -> Expr:
        """Return the number of objects of an event."""
        self._require_many("count()")
        return Expr(make("count", (self._axis_node(),)))

    def _require_many(self, doing: str) -> None:
        if not self.many:
            msg = f"{doing} needs a collection, but {self!r} is one object per event."
            raise TypesError(msg)

    def __add__(self, other: Any) -> System:
        """Return the sum of two objects' four-vectors."""
        return System((self, other))

    __len__ = Expr.__len__
    __iter__ = Expr.__iter__
    __bool__ = Expr.__bool__
    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __ne__ = _no_comparison
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        """Return how it would be written."""
        from femtobarn.physics.language.text import collection_text

        return f"<{collection_text(self._axis_node())}>"


class Combinations:
    """Pairs, triplets, ... of objects: ``first``, ``second``, ``third``, ... are their members.

    Filter with ``pairs[mask]``; `best` chooses one per event.
    """

    __slots__ = ("members",)

    def __init__(self, members: tuple[Things, ...]) -> None:
        self.members = members

    @property
    def first(self) -> Things:
        """The first member of each combination."""
        return self.members[0]

    @property
    def second(self) -> Things:
        """The second member."""
        return self.members[1]

    @property
    def third(self) -> Things:
        """The third member of triplets and larger ones."""
        return self._member(2, "third")

    @property
    def fourth(self) -> Things:
        """The fourth member of quadruplets and larger ones."""
        return self._member(3, "fourth")

    def _member(self, k: int, word: str) -> Things:
        if k >= len(self.members):
            msg = f"Combinations of {len(self.members)} objects have no {word}."
            raise TypesError(msg)
        return self.members[k]

    @property
    def many(self) -> bool:
        """Whether there can be any number per event."""
        return self.first.many

    def __getitem__(self, what: Any) -> Combinations:
        """Return the combinations that pass a mask, a range of them, or one of them."""
        return Combinations(tuple(m[what] for m in self.members))

    def count(self) -> Expr:
        """Return the number of combinations in an event."""
        return self.first.count()

    @property
    def system(self) -> System:
        """The sum of the members' four-vectors."""
        return System(self.members)

    @property
    def mass(self) -> Expr:
        """Invariant mass in GeV of each combination."""
        return self.system.mass

    @property
    def charge(self) -> Expr:
        """Sum of the members' charges."""
        first, *rest = self.members
        total = first.charge
        for member in rest:
            total = total + member.charge
        return total

    __len__ = Expr.__len__
    __iter__ = Expr.__iter__
    __bool__ = Expr.__bool__
    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __ne__ = _no_comparison
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        """Return the members."""
        return f"<combinations of {', '.join(repr(m) for m in self.members)}>"


class System:
    """A sum of four-vectors: ``(lep[0] + lep[1]).mass``; has mass, pt, eta, phi, rapidity, e, px, py, pz.

    Energies in GeV. The mass of a space-like sum (rounding, or unphysical input) is negative, as in
    ROOT: -sqrt(-m^2).
    """

    __slots__ = ("_parts",)

    def __init__(self, parts: Sequence[Any]) -> None:
        flat: list[Things] = []
        for part in parts:
            flat.extend(_members(part))
        self._parts = tuple(flat)

    def __add__(self, other: Any) -> System:
        """Return the sum with another object or system."""
        return System((self, other))

    def _quantity(self, name: str) -> Expr:
        args: list[Node] = []
        each = [p for p in self._parts if len(self._parts) > 1 or not p.many]
        for part in self._parts:
            args.extend(cast("Expr", getattr(part, f)).node for f in ("pt", "eta", "phi", "e"))
        groups = ["each"] * len(self._parts)
        if not each:
            groups = ["all"]
        else:
            common_axis(tuple(args), "a sum of four-vectors")
        return Expr(make("system", args, (name, *groups)))

    def __getattr__(self, name: str) -> Expr:
        """Return a quantity of the sum."""
        if name in SYSTEM_QUANTITIES:
            return self._quantity(name)
        if name.startswith("_"):
            raise AttributeError(name)
        raise UnknownFieldError("A sum of four-vectors", name, SYSTEM_QUANTITIES)

    def __dir__(self) -> list[str]:
        """Return the quantities."""
        return list(SYSTEM_QUANTITIES)

    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __ne__ = _no_comparison
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        """Return the parts."""
        return f"<{' + '.join(repr(p) for p in self._parts)}>"


def _members(part: Any) -> tuple[Things, ...]:
    if isinstance(part, System):
        return part._parts  # noqa: SLF001 - same class
    if isinstance(part, Combinations):
        return part.members
    if isinstance(part, Things):
        return (part,)
    msg = f"Expected objects with a four-vector (lep[0], a pair, a collection), but got {_describe(part)}."
    raise TypesError(msg)


DERIVED: dict[tuple[str, str], Callable[[Things], Expr]] = {
    ("lep", "is_electron"): lambda t: t.type == 11,
    ("lep", "is_muon"): lambda t: t.type == 13,
    ("", "px"): lambda t: System((t,)).px if not t.many else t.pt * Expr(make("cos", (t.phi.node,))),
    ("", "py"): lambda t: System((t,)).py if not t.many else t.pt * Expr(make("sin", (t.phi.node,))),
}
"""Fields made of others, by (collection, name); "" stands for any collection."""
