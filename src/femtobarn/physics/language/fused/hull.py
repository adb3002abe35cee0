"""Whether a varied condition holds for all members of a group, or for none, found without trying each.

Every parameter lies between its least and its greatest number; what is computed from it lies between
bounds that follow by interval arithmetic. Operations round to the nearest number, which keeps order,
so that bounds computed in the same operations hold for the computed values, not only for exact ones.
What may be not-a-number is never decided.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from typing import TypeAlias

from llvmlite import ir

from femtobarn.physics.language.fused.emit import Emitter
from femtobarn.physics.language.fused.terms import Term, walk
from femtobarn.physics.language.fused.writer import F64, I1, I64

Bounds: TypeAlias = tuple[ir.Value, ir.Value]
"""Least and greatest value; of a condition whether it holds for all, and whether it can hold for any."""

_ELEMENTWISE = frozenset(
    (
        *("mul", "add", "sub", "div", "neg", "abs", "minimum", "maximum", "sqrt", "where", "to_float"),
        *("lt", "le", "gt", "ge", "and", "or", "not"),
    )
)
_SUMMED = frozenset(("sum", "any", "all"))
_ABOVE = {"gt": ">", "ge": ">="}
_BELOW = {"lt": "<", "le": "<="}


def decidable(term: Term, known: dict[int, bool]) -> bool:
    """Whether bounds of ``term`` can be found; answers are noted in ``known``."""
    if term.number not in known:
        known[term.number] = _decidable(term, known)
    return known[term.number]


def _decidable(term: Term, known: dict[int, bool]) -> bool:
    if not term.varied:
        return True
    if term.sort == "int" or (term.axis is not None and term.axis.varied):
        return False
    if term.op == "param":
        return term.sort == "float"
    if term.op in _ELEMENTWISE:
        if term.op == "div" and term.args[1].varied:
            return False
        if term.op == "to_float" and term.args[0].sort != "float":
            return False
        return all(decidable(a, known) for a in term.args)
    if term.op in _SUMMED:
        return (
            term.args[0].axis is not None and not term.args[0].axis.varied and decidable(term.args[0], known)
        )
    if term.op == "take":
        return decidable(term.args[0], known)
    if term.op == "at":
        x, where, exists = term.args
        if where.varied or exists.varied:
            return False
        return decidable(x, known) or (where.op == "const" and _sorted_by_itself(x, known))
    return False


def _sorted_by_itself(x: Term, known: dict[int, bool]) -> bool:
    """Whether ``x`` is a list sorted by its own values: then its k-th value keeps order."""
    axis = x.axis
    if x.op != "take" or axis is None or axis.op != "order":
        return False
    below, key = axis.args
    return x.args[0] is key and not below.varied and key.sort == "float" and decidable(key, known)


class Hull(Emitter):
    """Writes code that finds bounds.

    Attributes
    ----------
    known
        which terms are `decidable`
    shared
        the collections whose objects are the same for all members, in the code that is written now
    """

    known: dict[int, bool]
    shared: frozenset[int]

    # --- collections that are the same for all members ------------------------------------------------------

    def with_shared_choices(self, terms: Sequence[Term], emit: Callable[[], None], *, worth: bool) -> None:
        """Emit code for events in which all members choose the same objects, and for others.

        A filter that depends on the parameters chooses the same for all members in most events. There its
        objects, and all that is made of them without the parameters, are found once.
        """
        axes = [t for t in walk(terms) if self._may_be_shared(t)] if worth and not self.shared else []
        if not axes:
            emit()
            return
        same: ir.Value = ir.Constant(I1, 1)
        found = []
        for axis in axes:
            length, differs = self._shared_choice(axis)
            same = self.b.and_(same, self.b.not_(differs))
            found.append((axis, length))
        yes, no = self.split(same)
        after = self.fn.append_basic_block("chosen")
        self.b.position_at_end(yes)
        with self.scope():
            self.shared = frozenset(axis.number for axis in axes)
            for axis, length in found:
                self.remember(("indices", axis.number), (length, (self.scratch(axis, 0, I64),)))
            emit()
            self.shared = frozenset()
        self.b.branch(after)
        self.b.position_at_end(no)
        with self.scope():
            emit()
        self.b.branch(after)
        self.b.position_at_end(after)

    def _may_be_shared(self, axis: Term) -> bool:
        return (
            axis.op == "filter"
            and axis.varied
            and not axis.args[0].varied
            and decidable(axis.args[1], self.known)
        )

    def _shared_choice(self, axis: Term) -> tuple[ir.Value, ir.Value]:
        """Return how many objects all members choose, and whether any choose others."""
        below, mask = axis.args
        self._ready_bounds(mask)
        index = self.scratch(axis, 0, I64)
        count, differs = self.variable(I64, self.integer(0)), self.variable(I1, ir.Constant(I1, 0))
        with self.objects(self.length(below)) as i:
            surely, possibly = self.bounds(mask, i)
            at = self.b.load(count, typ=I64)
            self.store(i, index, at)
            self.b.store(self.b.add(at, self.b.zext(surely, I64)), count)
            odd = self.b.or_(self.b.load(differs, typ=I1), self.b.xor(surely, possibly))
            self.b.store(odd, differs)
        return self.b.load(count, typ=I64), self.b.load(differs, typ=I1)

    def settled(self, term: Term, memo: dict[int, bool] | None = None) -> bool:
        """Whether a term is the same for all members here, where they share their choices."""
        if not term.varied or term.number in self.shared:
            return True
        if not self.shared or term.op in {"param", "param_field"}:
            return False
        known = {} if memo is None else memo
        if term.number not in known:
            below = term.args if term.axis is None else (*term.args, term.axis)
            known[term.number] = all(self.settled(t, known) for t in below)
        return known[term.number]

    # --- bounds of values -----------------------------------------------------------------------------------

    def bounds(self, term: Term, index: ir.Value | None = None) -> Bounds:
        """Return the bounds of a value, or of one element of a list; only of what is `decidable`."""
        key = ("bounds", term.number, None if index is None else id(index))
        found: Bounds | None = self.find(key)
        if found is None:
            found = self._bounds(term, index)
            self.remember(key, found)
            self.remember(("keep", id(index)), index)
        return found

    def _bounds(self, term: Term, index: ir.Value | None) -> Bounds:
        if not term.varied:
            same = self.value(term) if term.axis is None or index is None else self.element(term, index)
            return same, same
        special: Callable[[Term, ir.Value | None], Bounds] | None = getattr(self, f"_hull_{term.op}", None)
        if special is not None:
            return special(term, index)
        if term.op in _SUMMED:
            return self._hull_reduced(term)
        parts = [self.bounds(a, index if a.axis is not None else None) for a in term.args]
        if term.op in _ABOVE or term.op in _BELOW:
            return self._compared_bounds(term.op, *parts)
        return self._corners(term, parts)

    def _corners(self, term: Term, parts: list[Bounds]) -> Bounds:
        """Return the extremes over the corners: right for what is monotonic in each argument.

        Where one is not finite, a value between them may be not-a-number (0/0), and nothing is known.
        """
        choices = [(p[0],) if p[0] is p[1] else p for p in parts]
        values = [self.apply(term, list(corner)) for corner in product(*choices)]
        low = high = values[0]
        for value in values[1:]:
            low, high = self._propagating("<", low, value), self._propagating(">", high, value)
        unknown, nan = self.b.or_(self.not_finite(low), self.not_finite(high)), ir.Constant(F64, math.nan)
        return self.b.select(unknown, nan, low), self.b.select(unknown, nan, high)

    def _compared_bounds(self, op: str, a: Bounds, b: Bounds) -> Bounds:
        if op in _BELOW:
            a, b = b, a
        sign = _ABOVE.get(op) or {"lt": ">", "le": ">="}[op]
        # "can hold" also where a bound is not a number
        return self.b.fcmp_ordered(sign, a[0], b[1]), self.b.fcmp_unordered(sign, a[1], b[0])

    def _hull_param(self, term: Term, index: ir.Value | None) -> Bounds:
        ranges = self.pointer("ranges", self.tables[0])
        low, high = (self.integer(2 * term.params[0] + k) for k in (0, 1))
        return self.load(ranges, low, F64), self.load(ranges, high, F64)

    def _hull_abs(self, term: Term, index: ir.Value | None) -> Bounds:
        low, high = self.bounds(term.args[0], index)
        zero = ir.Constant(F64, 0.0)
        sizes = self._absolute(low), self._absolute(high)
        across = self.b.and_(self.b.fcmp_ordered("<", low, zero), self.b.fcmp_ordered(">", high, zero))
        least = self._propagating("<", *sizes)
        return self.b.select(across, zero, least), self._propagating(">", *sizes)

    def _hull_and(self, term: Term, index: ir.Value | None) -> Bounds:
        a, b = (self.bounds(x, index if x.axis is not None else None) for x in term.args)
        return self.b.and_(a[0], b[0]), self.b.and_(a[1], b[1])

    def _hull_or(self, term: Term, index: ir.Value | None) -> Bounds:
        a, b = (self.bounds(x, index if x.axis is not None else None) for x in term.args)
        return self.b.or_(a[0], b[0]), self.b.or_(a[1], b[1])

    def _hull_not(self, term: Term, index: ir.Value | None) -> Bounds:
        surely, possibly = self.bounds(term.args[0], index)
        return self.b.not_(possibly), self.b.not_(surely)

    def _hull_where(self, term: Term, index: ir.Value | None) -> Bounds:
        condition, yes, no = (self.bounds(x, index if x.axis is not None else None) for x in term.args)
        if term.sort == "bool":
            both = self.b.and_(yes[0], no[0]), self.b.or_(yes[1], no[1])
        else:
            both = self._propagating("<", yes[0], no[0]), self._propagating(">", yes[1], no[1])
        return (
            self.b.select(condition[0], yes[0], self.b.select(condition[1], both[0], no[0])),
            self.b.select(condition[0], yes[1], self.b.select(condition[1], both[1], no[1])),
        )

    def _hull_take(self, term: Term, index: ir.Value | None) -> Bounds:
        assert index is not None
        assert term.axis is not None
        return self.bounds(term.args[0], self._mapped(term.axis, index, term.params[0]))

    def _hull_at(self, term: Term, index: ir.Value | None) -> Bounds:
        x, where, exists = term.args
        typ = F64 if term.sort == "float" else I1
        there = self.value(exists)
        if isinstance(there, ir.Constant) and there.constant:
            return self._element_bounds(x, where)
        low, high = (self.variable(typ, ir.Constant(typ, 0)) for _ in range(2))
        with self.when(there):
            self.learn(exists)
            a, b = self._element_bounds(x, where)
            self.b.store(a, low)
            self.b.store(b, high)
        return self.b.load(low, typ=typ), self.b.load(high, typ=typ)

    def _element_bounds(self, x: Term, where: Term) -> Bounds:
        if not decidable(x, self.known):
            return self._sorted_bounds(x, where.params[0])
        self._ready_bounds(x)
        return self.bounds(x, self.value(where))

    def _sorted_bounds(self, x: Term, k: int) -> Bounds:
        """Return bounds of the k-th value: the k-th of the least, and the k-th of the greatest values.

        Where a bound is not a finite number, a value may be none, and the order another: nothing is known.
        """
        axis = x.axis
        assert axis is not None
        key = ("sorted", axis.number)
        held: tuple[ir.Value, ir.Value, ir.Value] | None = self.find(key)
        n = self.length(axis)
        if held is None:
            below, values = axis.args
            self._ready_bounds(values)
            low, high = (
                self.pointer("scratch", axis.number, "bounds", i, 8, self.rule(below)) for i in (0, 1)
            )
            odd = self.variable(I1, ir.Constant(I1, 0))
            with self.objects(n) as i:
                for array, value in zip((low, high), self.bounds(values, i), strict=True):
                    before = partial(self._before, value, descending=axis.params[0])
                    self.insert(array, i, value, before)
                    self.b.store(self.b.or_(self.b.load(odd, typ=I1), self.not_finite(value)), odd)
            held = (low, high, self.b.load(odd, typ=I1))
            self.remember(key, held)
        unknown, at = ir.Constant(F64, math.nan), self.integer(k)
        low, high = (self.b.select(held[2], unknown, self.load(array, at, F64)) for array in held[:2])
        return low, high

    def _hull_reduced(self, term: Term) -> Bounds:
        (x,) = term.args
        assert x.axis is not None
        self._ready_bounds(x)
        typ = F64 if term.op == "sum" else I1
        start = 1 if term.op == "all" else 0
        low, high = (self.variable(typ, ir.Constant(typ, start)) for _ in range(2))
        step = {"sum": self.b.fadd, "any": self.b.or_, "all": self.b.and_}[term.op]
        with self.objects(self.length(x.axis)) as i:
            for place, value in zip((low, high), self.bounds(x, i), strict=True):
                self.b.store(step(self.b.load(place, typ=typ), value), place)
        return self.b.load(low, typ=typ), self.b.load(high, typ=typ)

    def _ready_bounds(self, term: Term) -> None:
        """Make what is needed before bounds of a list's elements can be asked for."""
        if not term.varied:
            self.ready(term)
            return
        if self.find(("ready bounds", term.number)):
            return
        self.remember(("ready bounds", term.number), 1)
        if term.axis is not None:
            self.ready_axis(term.axis)
        for arg in term.args:
            if arg.axis is None:
                self.bounds(arg)
            else:
                self._ready_bounds(arg)
