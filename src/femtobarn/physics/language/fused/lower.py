"""From nodes of the language to terms: what every operator means in plain operations.

A value that may not be defined becomes two terms, the value and the condition. What has no plain
operations (text, functions of users, corrections) is left to the reference evaluator and comes in
as a column (`external`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from femtobarn.data.formats.model import FIELDS
from femtobarn.physics.language.fused.terms import CALLS, Sort, Term, Terms
from femtobarn.physics.language.graph import Node, substitute


@dataclass(frozen=True, slots=True)
class Lowered:
    """A value, and the condition under which it is defined (None: always)."""

    data: Term
    ok: Term | None = None


_MATHEMATICS = frozenset(
    ("exp", "log", "log10", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "sqrt")
)
_COMPARISONS = frozenset(("lt", "le", "gt", "ge", "eq", "ne"))
_PLAIN = frozenset(("neg", "abs", "sign", "floor", "ceil"))
_LOCAL = frozenset(
    [
        "field",
        "literal",
        "and",
        "or",
        "not",
        "xor",
        "where",
        "isin",
        "count",
        "sum",
        "mean",
        "min",
        "max",
        "any",
        "all",
        "filter",
        "head",
        "slice",
        "order",
        "member",
        "cross",
        "item",
        "pick",
        "index",
        "default",
        "defined",
        "system",
        "delta_phi",
        "delta_r",
        "nearest_delta_r",
        "transverse_mass",
        "lookup",
        "pow",
        "add",
        "sub",
        "mul",
        "div",
        "minimum",
        "maximum",
        "arctan2",
    ]
)
KNOWN = _LOCAL | _MATHEMATICS | _COMPARISONS | _PLAIN
"""Operators that are compiled."""


class Externals:
    """Nodes whose values the reference evaluator gives, and the position of each."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []

    def position(self, node: Node) -> int:
        """Return the position of ``node``, which is remembered."""
        if node not in self.nodes:
            self.nodes.append(node)
        return self.nodes.index(node)


class Lowering:
    """Lowers nodes, each once.

    Parameters
    ----------
    terms
        where terms are made; shared, so that what does not vary is the same term everywhere
    externals
        gathers what is left to the reference evaluator
    replaced
        terms in place of nodes: a variation
    substitutes
        the same by nodes, for what is left to the reference evaluator; None if there is no such thing
    """

    def __init__(
        self,
        terms: Terms,
        externals: Externals,
        replaced: Mapping[Node, Lowered] | None = None,
        substitutes: Mapping[Node, Node] | None = None,
    ) -> None:
        self.terms = terms
        self._externals = externals
        self._done: dict[Node, Lowered] = dict(replaced or {})
        self._substitutes = substitutes
        self._memo: dict[Node, Node] = {}

    def __call__(self, root: Node) -> Lowered:
        """Return ``root`` in terms."""
        for node in _missing(root, self._done):
            self._done[node] = self._lower(node, [self._done[a] for a in _below(node)])
        return self._done[root]

    def truth(self, node: Node) -> Term:
        """Return the condition that ``node`` is defined and true."""
        low = self(node)
        both = self.terms.both(low.ok, low.data)
        assert both is not None
        return both

    def _lower(self, node: Node, args: list[Lowered]) -> Lowered:
        if is_external(node):
            return self._external(node, args)
        special: Callable[[Node, list[Lowered]], Lowered] | None = getattr(self, f"_{node.op}", None)
        if special is not None:
            return special(node, args)
        ok = self.terms.both(*(a.ok for a in args))
        return Lowered(self._plain(node, [a.data for a in args]), ok)

    def _external(self, node: Node, args: list[Lowered]) -> Lowered:
        own = node if self._substitutes is None else substitute(node, self._substitutes, self._memo)
        sort = _sort(node)
        axis = args[0].data.axis if args else None
        where = (self._externals.position(own),)
        data = self.terms.make("external", (), where, sort=sort, axis=axis)
        return Lowered(data, self.terms.make("external_ok", (), where, sort="bool"))

    # --- element by element ---------------------------------------------------------------------

    def _op(self, op: str, *args: Term, sort: Sort, params: tuple[Any, ...] = ()) -> Term:
        if op in CALLS and len(args) == 1 and _chosen_anew(args[0]):
            # an angle does not depend on which members of a group choose its object: one call for all of them
            (x,) = args
            return self._same_choice(x, self._op(op, x.args[0], sort=sort, params=params))
        axis = next((a.axis for a in args if a.axis is not None), None)
        return self.terms.make(op, args, params, sort=sort, axis=axis)

    def _to(self, term: Term, sort: Sort) -> Term:
        if term.sort == sort:
            return term
        if term.op == "const":
            value = term.params[0]
            return self.terms.const(
                float(value) if sort == "float" else int(value) if sort == "int" else bool(value)
            )
        return self._op(f"to_{sort}", term, sort=sort)

    def _plain(self, node: Node, args: list[Term]) -> Term:
        op, sort = node.op, _sort(node)
        if op in _COMPARISONS:
            return self._compared(op, *args)
        if op in {"not", "xor"}:
            return self._op(op, *args, sort="bool")
        if op in _MATHEMATICS or op in {"arctan2", "div", "floor", "ceil"}:
            return self._op(op, *(self._to(a, "float") for a in args), sort="float")
        return self._op(op, *(self._to(a, sort) for a in args), sort=sort)

    def _compared(self, op: str, a: Term, b: Term) -> Term:
        wide: Sort = "float" if "float" in {a.sort, b.sort} else "int"
        return self._op(op, self._to(a, wide), self._to(b, wide), sort="bool")

    def _f(self, op: str, *args: Term) -> Term:
        return self._op(op, *(self._to(a, "float") for a in args), sort="float")

    def _pow(self, node: Node, args: list[Lowered]) -> Lowered:
        exponent = node.params[0]
        base = self._to(args[0].data, "float" if node.type.kind == "float" else "int")
        if node.type.kind == "float":
            data = self._power(base, float(exponent))
        else:
            data = self._op("int_power", base, sort="int", params=(int(exponent),))
        return Lowered(data, args[0].ok)

    def _power(self, base: Term, exponent: float) -> Term:
        """Return a power; some NumPy's operator does not leave to the mathematics library."""
        if exponent == -1:
            return self._f("div", self.terms.const(1.0), base)
        if exponent == 0.5:
            return self._f("sqrt", base)
        if exponent == 1:
            return base
        if exponent == 2:
            return self._f("mul", base, base)
        return self._op("power", base, self.terms.const(exponent), sort="float")

    def _isin(self, node: Node, args: list[Lowered]) -> Lowered:
        found: Term | None = None
        for value in node.params:
            one = self._compared("eq", args[0].data, self.terms.const(value))
            found = one if found is None else self._op("or", found, one, sort="bool")
        assert found is not None
        return Lowered(found, args[0].ok)

    def _and(self, node: Node, args: list[Lowered]) -> Lowered:
        a, b = args
        plain = self._op("and", a.data, b.data, sort="bool")
        ok = self.terms.both(a.ok, b.ok)
        if ok is None or node.type.axis is not None:
            return Lowered(plain, ok)
        # false and undefined is false
        ta, tb = (self.terms.both(x.ok, x.data) for x in args)
        fa, fb = (self._known_false(x) for x in args)
        known = self._op("or", ok, self._op("or", fa, fb, sort="bool"), sort="bool")
        assert ta is not None
        assert tb is not None
        return Lowered(self._op("and", ta, tb, sort="bool"), known)

    def _or(self, node: Node, args: list[Lowered]) -> Lowered:
        a, b = args
        plain = self._op("or", a.data, b.data, sort="bool")
        ok = self.terms.both(a.ok, b.ok)
        if ok is None or node.type.axis is not None:
            return Lowered(plain, ok)
        ta, tb = (self.terms.both(x.ok, x.data) for x in args)
        assert ta is not None
        assert tb is not None
        value = self._op("or", ta, tb, sort="bool")
        return Lowered(value, self._op("or", ok, value, sort="bool"))

    def _known_false(self, low: Lowered) -> Term:
        false = self._op("not", low.data, sort="bool")
        both = self.terms.both(low.ok, false)
        assert both is not None
        return both

    def _where(self, node: Node, args: list[Lowered]) -> Lowered:
        condition, yes, no = args
        sort = _sort(node)
        data = self._op("where", condition.data, self._to(yes.data, sort), self._to(no.data, sort), sort=sort)
        ok = condition.ok
        if yes.ok is not None or no.ok is not None:
            if condition.data.axis is not None:
                chosen = self.terms.both(yes.ok, no.ok)
            else:
                true = self.terms.const(value=True)
                chosen = self._op("where", condition.data, yes.ok or true, no.ok or true, sort="bool")
            ok = self.terms.both(ok, chosen)
        return Lowered(data, ok)

    def _default(self, node: Node, args: list[Lowered]) -> Lowered:
        x, fallback = args
        if x.ok is None:
            return x
        ok = None if fallback.ok is None else self._op("or", x.ok, fallback.ok, sort="bool")
        return Lowered(self._op("where", x.ok, x.data, fallback.data, sort=_sort(node)), ok)

    def _defined(self, node: Node, args: list[Lowered]) -> Lowered:
        return Lowered(args[0].ok or self.terms.const(value=True))

    def _literal(self, node: Node, args: list[Lowered]) -> Lowered:
        return Lowered(self.terms.const(node.params[0]))

    def _field(self, node: Node, args: list[Lowered]) -> Lowered:
        path = str(node.params[0])
        return Lowered(self.field(path))

    def field(self, path: str) -> Term:
        """Return a field of the event model."""
        field = FIELDS[path]
        return self.terms.make("field", (), (path,), sort=field.kind, axis=self.objects(field.collection))  # type: ignore[arg-type] # text is external

    def objects(self, collection: str | None) -> Term | None:
        """Return the objects of a collection; None for none."""
        return None if collection is None else self.terms.make("objects", (), (collection,), sort="axis")

    def _lookup(self, node: Node, args: list[Lowered]) -> Lowered:
        edges, values, outside, _unit = node.params
        inputs = [self._to(a.data, "float") for a in args]
        ok = self.terms.both(*(a.ok for a in args))
        data = self._op("lookup", *inputs, sort="float", params=(edges, values))
        if outside == "clip":
            return Lowered(data, ok)
        inside = self._op("lookup_inside", *inputs, sort="bool", params=(edges,))
        if outside == "undefined" and data.axis is None:
            return Lowered(data, self.terms.both(ok, inside))
        other = math.nan if outside == "undefined" else float(outside)
        return Lowered(self._op("where", inside, data, self.terms.const(other), sort="float"), ok)

    # --- lists ------------------------------------------------------------------------------------

    def _take(self, x: Term, axis: Term, member: int = 0) -> Term:
        return self.terms.make("take", (x,), (member,), sort=x.sort, axis=axis)

    def _same_choice(self, chosen: Term, x: Term) -> Term:
        """Return of ``x`` what ``chosen`` is of another list: the same objects, or the same object."""
        if chosen.op == "take":
            return self._take(x, _of(chosen), chosen.params[0])
        return self.terms.make("at", (x, *chosen.args[1:]), sort=x.sort)

    def _axis(self, op: str, args: tuple[Term, ...], *params: Any) -> Term:
        return self.terms.make(op, args, params, sort="axis")

    def _filter(self, node: Node, args: list[Lowered]) -> Lowered:
        x, mask = args
        axis = self._axis("filter", (_of(x.data), mask.data))
        return Lowered(self._take(x.data, axis), self.terms.both(x.ok, mask.ok))

    def _slice(self, node: Node, args: list[Lowered]) -> Lowered:
        (x,), (start, stop) = args, node.params
        axis = self._axis("slice", (_of(x.data),), start, stop)
        enough = None if stop is None else self.terms.at_least(_of(x.data), stop)
        return Lowered(self._take(x.data, axis), self.terms.both(x.ok, enough))

    def _head(self, node: Node, args: list[Lowered]) -> Lowered:
        (x,) = args
        return Lowered(self._take(x.data, self._axis("head", (_of(x.data),), node.params[0])), x.ok)

    def _order(self, node: Node, args: list[Lowered]) -> Lowered:
        x, key = args
        axis = self._axis("order", (_of(x.data), key.data), bool(node.params[0]))
        return Lowered(self._take(x.data, axis), self.terms.both(x.ok, key.ok))

    def _member(self, node: Node, args: list[Lowered]) -> Lowered:
        (x,), (n, k) = args, node.params
        return Lowered(self._take(x.data, self._axis("combinations", (_of(x.data),), n), k), x.ok)

    def _cross(self, node: Node, args: list[Lowered]) -> Lowered:
        x, other = args
        k = int(node.params[0])
        a, b = (_of(x.data), _of(other.data)) if k == 0 else (_of(other.data), _of(x.data))
        return Lowered(self._take(x.data, self._axis("cross", (a, b)), k), self.terms.both(x.ok, other.ok))

    def _count(self, node: Node, args: list[Lowered]) -> Lowered:
        return Lowered(self.terms.length(_of(args[0].data)), args[0].ok)

    def _index(self, node: Node, args: list[Lowered]) -> Lowered:
        return Lowered(self.terms.make("index", (), sort="int", axis=_of(args[0].data)), args[0].ok)

    def _reduce(self, op: str, x: Term, sort: Sort) -> Term:
        return self.terms.make(op, (self._to(x, sort),), sort=sort)

    def _sum(self, node: Node, args: list[Lowered]) -> Lowered:
        return Lowered(self._reduce("sum", args[0].data, _sort(node)), args[0].ok)

    def _any(self, node: Node, args: list[Lowered]) -> Lowered:
        return Lowered(self._reduce("any", args[0].data, "bool"), args[0].ok)

    def _all(self, node: Node, args: list[Lowered]) -> Lowered:
        return Lowered(self._reduce("all", args[0].data, "bool"), args[0].ok)

    def _min(self, node: Node, args: list[Lowered]) -> Lowered:
        return self._extreme("least", node, args[0])

    def _max(self, node: Node, args: list[Lowered]) -> Lowered:
        return self._extreme("greatest", node, args[0])

    def _extreme(self, op: str, node: Node, x: Lowered) -> Lowered:
        ok = self.terms.both(x.ok, self.terms.at_least(_of(x.data), 1))
        return Lowered(self._reduce(op, x.data, _sort(node)), ok)

    def _mean(self, node: Node, args: list[Lowered]) -> Lowered:
        (x,) = args
        total = self._reduce("sum", x.data, "float" if x.data.sort == "float" else "int")
        mean = self._f("div", total, self.terms.length(_of(x.data)))
        return Lowered(mean, self.terms.both(x.ok, self.terms.at_least(_of(x.data), 1)))

    def _item(self, node: Node, args: list[Lowered]) -> Lowered:
        (x,), (index,) = args, node.params
        axis = _of(x.data)
        enough = self.terms.at_least(axis, index + 1 if index >= 0 else -index)
        where = self.terms.const(index) if index >= 0 else self._from_end(axis, index)
        data = self.terms.make("at", (x.data, where, enough), sort=x.data.sort)
        return Lowered(data, self.terms.both(x.ok, enough))

    def _from_end(self, axis: Term, index: int) -> Term:
        return self.terms.make("add", (self.terms.length(axis), self.terms.const(index)), sort="int")

    def _pick(self, node: Node, args: list[Lowered]) -> Lowered:
        x, key = args
        best = self.terms.make("argbest", (key.data,), (node.params[0] == "max",), sort="int")
        exists = self.terms.at_least(_of(key.data), 1)
        data = self.terms.make("at", (x.data, best, exists), sort=x.data.sort)
        return Lowered(data, self.terms.both(x.ok, key.ok, exists))

    # --- four-vectors, as femtobarn.physics.kinematics -------------------------------------------------

    def _system(self, node: Node, args: list[Lowered]) -> Lowered:
        quantity, *groups = node.params
        ok = self.terms.both(*(a.ok for a in args))
        total: list[Term] = []
        for g, how in enumerate(groups):
            pt, eta, phi, e = (self._to(a.data, "float") for a in args[4 * g : 4 * g + 4])
            px, py, pz = self._cartesian(pt, eta, phi)
            parts = [px, py, pz, e]
            if how == "all":
                parts = [self._reduce("sum", p, "float") for p in parts]
            total = parts if not total else [self._f("add", a, b) for a, b in zip(total, parts, strict=True)]
        if quantity not in {"mass", "pt"}:  # sums begin with 0, so that none is -0
            total = [self._f("add", self.terms.const(0.0), t) for t in total]
        return Lowered(self._quantity(str(quantity), *total), ok)

    def _cartesian(self, pt: Term, eta: Term, phi: Term) -> tuple[Term, Term, Term]:
        """Components are made before objects are combined: once per object, not per combination."""
        three = (pt, eta, phi)
        if _combined(pt) and all(_alike(t, pt) for t in three):
            x, y, z = self._cartesian(*(t.args[0] for t in three))
            return self._same_choice(pt, x), self._same_choice(pt, y), self._same_choice(pt, z)
        cos, sin, sinh = self._f("cos", phi), self._f("sin", phi), self._f("sinh", eta)
        return self._f("mul", pt, cos), self._f("mul", pt, sin), self._f("mul", pt, sinh)

    def _quantity(self, name: str, px: Term, py: Term, pz: Term, e: Term) -> Term:
        f = self._f
        if name == "mass":
            momentum = f("add", f("add", f("mul", px, px), f("mul", py, py)), f("mul", pz, pz))
            squared = f("sub", f("mul", e, e), momentum)
            return f("mul", f("sign", squared), f("sqrt", f("abs", squared)))
        if name == "pt":
            return f("hypot", px, py)
        if name == "phi":
            return f("arctan2", py, px)
        if name == "eta":
            return f("arcsinh", f("div", pz, f("hypot", px, py)))
        if name == "rapidity":
            return f("mul", self.terms.const(0.5), f("log", f("div", f("add", e, pz), f("sub", e, pz))))
        return {"px": px, "py": py, "pz": pz, "e": e}[name]

    def _dphi(self, a: Term, b: Term) -> Term:
        turned = self._f("add", self._f("sub", a, b), self.terms.const(math.pi))
        wrapped = self._op("wrap", turned, sort="float", params=(2.0 * math.pi,))
        return self._f("sub", wrapped, self.terms.const(math.pi))

    def _dr(self, eta1: Term, phi1: Term, eta2: Term, phi2: Term) -> Term:
        d, p = self._f("sub", eta1, eta2), self._dphi(phi1, phi2)
        return self._f("sqrt", self._f("add", self._f("mul", d, d), self._f("mul", p, p)))

    def _delta_phi(self, node: Node, args: list[Lowered]) -> Lowered:
        ok = self.terms.both(*(a.ok for a in args))
        return Lowered(self._dphi(*(a.data for a in args)), ok)

    def _delta_r(self, node: Node, args: list[Lowered]) -> Lowered:
        ok = self.terms.both(*(a.ok for a in args))
        return Lowered(self._dr(*(a.data for a in args)), ok)

    def _nearest_delta_r(self, node: Node, args: list[Lowered]) -> Lowered:
        """Return the least distance of each object; the loop over the other collection is part of it."""
        eta1, phi1, eta2, phi2 = (self._to(a.data, "float") for a in args)
        data = self.terms.make("nearest", (eta1, phi1, eta2, phi2), sort="float", axis=_of(eta1))
        return Lowered(data, self.terms.both(*(a.ok for a in args)))

    def _transverse_mass(self, node: Node, args: list[Lowered]) -> Lowered:
        pt1, phi1, pt2, phi2 = (self._to(a.data, "float") for a in args)
        two, one = self.terms.const(2.0), self.terms.const(1.0)
        opening = self._f("sub", one, self._f("cos", self._dphi(phi1, phi2)))
        product = self._f("mul", self._f("mul", self._f("mul", two, pt1), pt2), opening)
        return Lowered(self._f("sqrt", product), self.terms.both(*(a.ok for a in args)))


def _chosen_anew(term: Term) -> bool:
    """Whether numbers are the same for all members of a group, but each chooses among them."""
    return term.op in _CHOICES and term.varied and not _chosen_from(term).varied


_CHOICES = frozenset(("take", "at"))


def _chosen_from(term: Term) -> Term:
    """Return the list of which others are chosen, sorted or combined."""
    while term.op in _CHOICES:
        term = term.args[0]
    return term


def _combined(term: Term) -> bool:
    """Whether numbers are of combinations, of some of them, or of one."""
    while term.op in _CHOICES:
        if term.axis is not None and term.axis.op in {"combinations", "cross"}:
            return True
        term = term.args[0]
    return False


def _alike(a: Term, b: Term) -> bool:
    """Whether two are the same choice from different lists."""
    return a.op == b.op and a.axis is b.axis and a.params == b.params and a.args[1:] == b.args[1:]


def _of(term: Term) -> Term:
    assert term.axis is not None
    return term.axis


def _sort(node: Node) -> Sort:
    kind = node.type.kind
    assert kind != "string"
    return kind


def _missing(root: Node, done: Mapping[Node, Lowered]) -> list[Node]:
    """Return what is below ``root`` and not done, arguments first; what is done hides what is below it."""
    if root in done:
        return []
    order: list[Node] = []
    seen: set[Node] = set()
    stack: list[tuple[Node, bool]] = [(root, False)]
    while stack:
        node, ready = stack.pop()
        if node in seen or node in done:
            continue
        if ready:
            seen.add(node)
            order.append(node)
            continue
        stack.append((node, True))
        stack.extend((a, False) for a in _below(node) if a not in done and a not in seen)
    return order


def is_external(node: Node) -> bool:
    """Whether ``node`` is left to the reference evaluator."""
    return node.op not in KNOWN or any(a.type.kind == "string" for a in (node, *node.args))


def _below(node: Node) -> tuple[Node, ...]:
    """Return what must be lowered before ``node``; of what is external only what tells its collection."""
    if not is_external(node):
        return node.args
    if node.type.axis is None:
        return ()
    return tuple(a for a in node.args if a.type.axis is not None and a.type.kind != "string")[:1]
