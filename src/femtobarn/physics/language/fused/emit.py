"""LLVM IR of the terms of one event: scalars, lists, and what is made of lists."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from llvmlite import ir

from femtobarn.physics.language.fused.numbers import Numbers
from femtobarn.physics.language.fused.slots import capacity_rule
from femtobarn.physics.language.fused.terms import Sort, Term
from femtobarn.physics.language.fused.writer import F32, F64, I1, I8, I64, PTR, STORED, TYPES

UNROLLED = 8

_MADE = frozenset(("filter", "order", "combinations", "cross"))
"""Collections that are index arrays."""


class Emitter(Numbers):
    """Writes terms. Subclasses say what is done with the values."""

    # --- values per event ---------------------------------------------------------------------------------

    def value(self, term: Term) -> ir.Value:
        """Return the value of a per-event term."""
        found = self.find(term.number)
        if found is not None:
            return found
        if term.slow:
            self._prefetch(term)
        for below in _first(term, self._eager):
            found = self._value(below)
        return found

    def _prefetch(self, root: Term) -> None:
        """Compute here what is kept below ``root``, lowest first.

        Each would be asked for anyway, but deep inside of what asks for it, where it is soon forgotten:
        then the code would hold it again for each way that leads to it.
        """
        if self._inner:
            return
        for term in _first(root, self._not_fetched):
            if term.varied and self.v is None:
                continue
            if term.op in _MADE:
                self.indices(term)
            elif term is root:
                continue
            elif term.axis is not None and self._kept(term):
                self.materialise(term)
            elif term.axis is None and term.sort != "axis" and self._once(term):
                self._value(term)
            self.remember(("fetched", term.number), value=True)

    def _not_fetched(self, term: Term) -> tuple[Term, ...]:
        marks = term.number, ("fetched", term.number), ("indices", term.number), ("array", term.number)
        if any(self.find(mark) is not None for mark in marks):
            return ()
        return term.args if term.axis is None else (*term.args, term.axis)

    def _eager(self, term: Term) -> tuple[Term, ...]:
        """Return what is computed where ``term`` is, whatever it yields."""
        if self.find(term.number) is not None or self._once(term) or hasattr(self, f"_op_{term.op}"):
            return ()
        return term.args

    def _once(self, term: Term) -> bool:
        return term.slow and not term.varied and self.uses[term.number] > 1

    def _value(self, term: Term) -> ir.Value:
        found = self.find(term.number)
        if found is not None:
            return found
        if term.op == "const":
            return self.constant(term)
        if term.op == "at_least":
            known = self.find(("least", term.args[0].number))
            if known is not None and known >= term.params[0]:
                return ir.Constant(I1, 1)
        if self._once(term):
            made = self.once(term.number, TYPES[term.sort], lambda: self._compute(term))
        else:
            made = self._compute(term)
        self.remember(term.number, made)
        return made

    def constant(self, term: Term) -> ir.Constant:
        """Return a constant."""
        return ir.Constant(TYPES[term.sort], term.params[0])

    def _compute(self, term: Term) -> ir.Value:
        special: Callable[[Term], ir.Value] | None = getattr(self, f"_op_{term.op}", None)
        if special is not None:
            return special(term)
        return self.apply(term, [self.value(a) for a in term.args])

    def _op_field(self, term: Term) -> ir.Value:
        return self.column(str(term.params[0]), self.event, term.sort)

    def column(self, path: str, index: ir.Value, sort: Sort) -> ir.Value:
        """Return a number of a field's column, in base units."""
        source = self.sources[path]
        raw = self.load(self.pointer("content", path), index, _memory(source.dtype))
        value = self.convert(raw, source.dtype, sort)
        if source.divide is not None:
            value = self.b.fdiv(value, ir.Constant(F64, source.divide))
        if source.multiply is not None:
            value = self.b.fmul(value, ir.Constant(F64, source.multiply))
        return value

    def convert(self, raw: ir.Value, dtype: str, sort: Sort) -> ir.Value:
        """Bring a number from memory to the language's types."""
        unsigned = dtype.startswith(("uint", "bool"))
        if sort == "bool":
            if dtype.startswith("float"):
                return self.b.fcmp_unordered("!=", raw, ir.Constant(raw.type, 0.0))
            return self.b.icmp_unsigned("!=", raw, ir.Constant(raw.type, 0))
        if sort == "int":
            if raw.type == I64:
                return raw
            return self.b.zext(raw, I64) if unsigned else self.b.sext(raw, I64)
        if dtype == "float64":
            return raw
        if dtype == "float32":
            return self.b.fpext(raw, F64)
        return self.b.uitofp(raw, F64) if unsigned else self.b.sitofp(raw, F64)

    def _op_external(self, term: Term) -> ir.Value:
        return self._external(term, self.event)

    def _external(self, term: Term, index: ir.Value) -> ir.Value:
        raw = self.load(self.pointer("external", term.params[0], term.sort), index, STORED[term.sort])
        return self.convert(raw, {"bool": "bool", "int": "int64", "float": "float64"}[term.sort], term.sort)

    def _op_external_ok(self, term: Term) -> ir.Value:
        raw = self.load(self.pointer("external_ok", term.params[0]), self.event, I8)
        return self.b.icmp_unsigned("!=", raw, ir.Constant(I8, 0))

    def _op_param(self, term: Term) -> ir.Value:
        group, members = self.tables
        assert self.v is not None
        row = self.integer(term.params[0] * members)
        return self.load(
            self.pointer("numbers", group), self.b.add(row, self.v), F64 if term.sort == "float" else I64
        )

    def _param_column(self, term: Term) -> ir.Value:
        group, members = self.tables
        assert self.v is not None
        at = self.b.add(self.integer(term.params[0] * members), self.v)
        return self.load(self.pointer("fields", group), at, PTR)

    def _op_param_field(self, term: Term) -> ir.Value:
        return self._param_value(term, self.event)

    def _param_value(self, term: Term, index: ir.Value) -> ir.Value:
        raw = self.load(self._param_column(term), index, STORED[term.sort])
        return self.b.trunc(raw, I1) if term.sort == "bool" else raw

    def _op_length(self, term: Term) -> ir.Value:
        return self.length(term.args[0])

    def _op_at_least(self, term: Term) -> ir.Value:
        return self.b.icmp_signed(">=", self.length(term.args[0]), self.integer(term.params[0]))

    def _op_at(self, term: Term) -> ir.Value:
        x, where, exists = term.args
        there = self.value(exists)
        if isinstance(there, ir.Constant) and there.constant:
            self.ready(x)
            return self.element(x, self.value(where))
        result = self.variable(TYPES[term.sort], ir.Constant(TYPES[term.sort], 0))
        with self.when(there):
            self.learn(exists)
            self.ready(x)
            self.b.store(self.element(x, self.value(where)), result)
        return self.b.load(result, typ=TYPES[term.sort])

    # --- lists ----------------------------------------------------------------------------------------------

    def length(self, axis: Term) -> ir.Value:
        """Return the number of objects of a collection."""
        fixed = self.fixed(axis)
        if fixed is not None:
            return self.integer(fixed)
        found = self.find(("length", axis.number))
        if found is None:
            found = self._length(axis)
            self.remember(("length", axis.number), found)
        return found

    def fixed(self, axis: Term) -> int | None:
        """Return the number of objects if it is known here."""
        if axis.op == "slice":
            start, stop = axis.params
            least = self.find(("least", axis.args[0].number))
            return stop - start if stop is not None and least is not None and least >= stop else None
        if axis.op == "order":
            return self.fixed(axis.args[0])
        if axis.op == "combinations":
            below = self.fixed(axis.args[0])
            return None if below is None else math.comb(below, axis.params[0])
        return None

    def _length(self, axis: Term) -> ir.Value:
        b = self.b
        if axis.op == "objects":
            start = self._base(axis)
            offsets = self.pointer("offsets", axis.params[0])
            return b.sub(self.load(offsets, b.add(self.event, self.integer(1)), I64), start)
        if axis.op == "order":
            return self.length(axis.args[0])
        if axis.op == "slice":
            start, stop = axis.params
            below = self.length(axis.args[0])
            upto = below if stop is None else self._smaller(below, self.integer(stop))
            rest = b.sub(upto, self.integer(start))
            return b.select(b.icmp_signed(">", rest, self.integer(0)), rest, self.integer(0))
        if axis.op == "head":
            return self._smaller(self.length(axis.args[0]), self.integer(axis.params[0]))
        if axis.op == "cross":
            return b.mul(self.length(axis.args[0]), self.length(axis.args[1]))
        if axis.op == "combinations":
            below, k = self.length(axis.args[0]), axis.params[0]
            total = below
            for step in range(1, k):
                factor = b.sub(below, self.integer(step))
                total = b.sdiv(b.mul(total, factor), self.integer(step + 1))
            return b.select(b.icmp_signed(">=", below, self.integer(k)), total, self.integer(0))
        return self.indices(axis)[0]  # filter

    def _base(self, axis: Term) -> ir.Value:
        found = self.find(("base", axis.number))
        if found is None:
            found = self.load(self.pointer("offsets", axis.params[0]), self.event, I64)
            self.remember(("base", axis.number), found)
        return found

    def indices(self, axis: Term) -> tuple[ir.Value, tuple[ir.Value, ...]]:
        """Return length and index arrays of a collection that is made of others, after making them."""
        found = self.find(("indices", axis.number))
        if found is None:
            many = {"combinations": axis.params[0] if axis.params else 0, "cross": 2}.get(axis.op, 1)
            arrays = tuple(self.scratch(axis, k, I64) for k in range(many))
            make: Callable[[Term, tuple[ir.Value, ...]], ir.Value] = getattr(self, f"_make_{axis.op}")
            if axis.varied:
                length = make(axis, arrays)
            else:
                length = self.once(("indices", axis.number), I64, lambda: make(axis, arrays))
            found = (length, arrays)
            self.remember(("indices", axis.number), found)
        return found  # type: ignore[no-any-return]

    def scratch(self, axis: Term, which: int, typ: ir.Type, term: Term | None = None) -> ir.Value:
        """Return memory for one number for each object of a collection."""
        size = 1 if typ == I8 else 8
        own = axis.number if term is None else term.number
        rule = capacity_rule(axis)
        return self.pointer("scratch", own, term is None, which, size, rule)

    def rule(self, axis: Term) -> tuple[Any, ...]:
        """Return how many objects a collection can have at most."""
        return capacity_rule(axis)

    def _make_filter(self, axis: Term, arrays: tuple[ir.Value, ...]) -> ir.Value:
        below, mask = axis.args
        self.ready(mask)
        count = self.variable(I64, self.integer(0))
        with self.objects(self.length(below)) as i:
            at = self.b.load(count, typ=I64)
            self.store(i, arrays[0], at)
            chosen = self.b.zext(self.element(mask, i), I64)
            self.b.store(self.b.add(at, chosen), count)
        return self.b.load(count, typ=I64)

    def _make_order(self, axis: Term, arrays: tuple[ir.Value, ...]) -> ir.Value:
        """Sort by insertion: stable, and fast for few objects or sorted ones."""
        below, key = axis.args
        (order,) = arrays
        n, keys = self.length(below), self.materialise(key)
        typ = STORED[key.sort]
        with self.objects(n) as i:
            own = self.load(keys, i, typ)

            def earlier(other: ir.Value, own: ir.Value = own) -> ir.Value:
                return self._before(own, self.load(keys, other, typ), descending=axis.params[0])

            self.insert(order, i, i, earlier)
        return n

    def insert(
        self, array: ir.Value, count: ir.Value, item: ir.Value, earlier: Callable[[ir.Value], ir.Value]
    ) -> None:
        """Insert an item among the ``count`` sorted ones, before those than which it is ``earlier``."""
        b = self.b
        place = self.variable(I64, count)
        head, test, move, done = (self.fn.append_basic_block(n) for n in ("insert", "test", "move", "done"))
        b.branch(head)
        b.position_at_end(head)
        j = b.load(place, typ=I64)
        b.cbranch(b.icmp_signed(">", j, self.integer(0)), test, done)
        b.position_at_end(test)
        previous = b.sub(j, self.integer(1))
        other = self.load(array, previous, item.type)
        b.cbranch(earlier(other), move, done)
        b.position_at_end(move)
        self.store(other, array, j)
        b.store(previous, place)
        b.branch(head)
        b.position_at_end(done)
        self.store(item, array, b.load(place, typ=I64))

    def _before(self, a: ir.Value, b: ir.Value, *, descending: bool) -> ir.Value:
        sign = ">" if descending else "<"
        if a.type == I64:
            return self.b.icmp_signed(sign, a, b)
        # not-a-number comes first, whatever the direction
        first = self.b.or_(self.b.fcmp_unordered("uno", a, a), self.b.fcmp_ordered(sign, a, b))
        return self.b.and_(self.b.fcmp_ordered("ord", b, b), first)

    def _make_combinations(self, axis: Term, arrays: tuple[ir.Value, ...]) -> ir.Value:
        n, k = self.length(axis.args[0]), axis.params[0]
        count = self.variable(I64, self.integer(0))

        def level(depth: int, chosen: list[ir.Value]) -> None:
            start = self.b.add(chosen[-1], self.integer(1)) if chosen else self.integer(0)
            with self.objects(n, start) as i:
                if depth + 1 < k:
                    level(depth + 1, [*chosen, i])
                    return
                at = self.b.load(count, typ=I64)
                for array, index in zip(arrays, [*chosen, i], strict=True):
                    self.store(index, array, at)
                self.b.store(self.b.add(at, self.integer(1)), count)

        level(0, [])
        return self.b.load(count, typ=I64)

    def _make_cross(self, axis: Term, arrays: tuple[ir.Value, ...]) -> ir.Value:
        first, second = (self.length(a) for a in axis.args)
        with self.objects(first) as i:
            row = self.b.mul(i, second)
            with self.objects(second) as j:
                at = self.b.add(row, j)
                self.store(i, arrays[0], at)
                self.store(j, arrays[1], at)
        return self.b.mul(first, second)

    def ready(self, term: Term) -> None:
        """Make what is needed before the elements of a list can be asked for, outside of the loop over them."""
        if term.axis is None:
            self.value(term)
            return
        if self.find(("array", term.number)) is not None or self.find(("ready", term.number)) is not None:
            return
        self._prefetch(term)
        for below in _first(term, lambda t: self._lists(t) if t.op != "take" and not self._kept(t) else ()):
            self._ready(below)

    def _lists(self, term: Term) -> tuple[Term, ...]:
        return tuple(a for a in term.args if a.axis is not None)

    def _kept(self, term: Term) -> bool:
        return term.slow and self.uses[term.number] > 1 and not self._inner

    def _ready(self, term: Term) -> None:
        if self.find(("ready", term.number)) is not None:
            return
        self.remember(("ready", term.number), value=True)
        self.ready_axis(_axis(term))
        if term.op == "take":
            below = term.args[0]
            if below.slow and _axis(term).op in {"combinations", "cross", "order"}:
                self.materialise(below)
            else:
                self.ready(below)
            return
        if self._kept(term):
            self.materialise(term)
            return
        if term.op == "nearest":
            self.length(_axis(term.args[2]))
        if term.op == "external":
            self.load(self.pointer("external_offsets", term.params[0]), self.event, I64)
        for arg in term.args:
            self.ready(arg)

    def ready_axis(self, axis: Term) -> None:
        """Make the index arrays of a collection."""
        if axis.op in _MADE:
            self._prefetch(axis)
            self.indices(axis)
        elif axis.op in {"slice", "head"}:
            self.ready_axis(axis.args[0])
        else:
            self._base(axis)
        self.length(axis)

    def materialise(self, term: Term) -> ir.Value:
        """Compute all elements of a list, once; return the array."""
        found = self.find(("array", term.number))
        if found is not None:
            return found
        axis = _axis(term)
        self.ready_axis(axis)
        array = self.scratch(axis, 0, STORED[term.sort], term)

        def fill() -> None:
            for arg in term.args:
                self.ready(arg)
            if term.op == "nearest":
                self.length(_axis(term.args[2]))
            with self.objects(self.length(axis)) as i:
                value = self.element(term, i)
                self.store(self.b.zext(value, I8) if term.sort == "bool" else value, array, i)

        if term.varied:
            fill()
        else:
            self.once(("array", term.number), None, fill)
        self.remember(("array", term.number), array)
        return array

    def element(self, term: Term, index: ir.Value) -> ir.Value:
        """Return one element of a list; for a per-event term its value."""
        if term.axis is None:
            return self.value(term)
        at = index.constant if isinstance(index, ir.Constant) else id(index)
        found = self.find(("element", term.number, at))
        if found is not None:
            return found
        for below in _first(term, lambda t: () if self._found_apart(t, at) else self._lists(t)):
            found = self.find(("element", below.number, at))
            if found is None:
                found = self._element(below, index)
                self.remember(("element", below.number, at), found)
        self.remember(("keep", id(index)), index)  # so that its id is not given to another
        return found

    def _found_apart(self, term: Term, at: int) -> bool:
        """Whether an element is known, or not made of the same elements of other lists."""
        known = ("element", term.number, at), ("array", term.number)
        return term.op in {"take", "nearest"} or any(self.find(k) is not None for k in known)

    def _element(self, term: Term, index: ir.Value) -> ir.Value:
        array = self.find(("array", term.number))
        if array is not None:
            raw = self.load(array, index, STORED[term.sort])
            return self.b.icmp_unsigned("!=", raw, ir.Constant(I8, 0)) if term.sort == "bool" else raw
        axis = _axis(term)
        if term.op == "take":
            return self.element(term.args[0], self._mapped(axis, index, term.params[0]))
        if term.op == "field":
            return self.column(str(term.params[0]), self.b.add(self._base(axis), index), term.sort)
        if term.op == "param_field":
            return self._param_value(term, self.b.add(self._base(axis), index))
        if term.op == "external":
            start = self.load(self.pointer("external_offsets", term.params[0]), self.event, I64)
            return self._external(term, self.b.add(start, index))
        if term.op == "index":
            return index
        if term.op == "nearest":
            return self._nearest(term, index)
        return self.apply(term, [self.element(a, index) for a in term.args])

    def _mapped(self, axis: Term, index: ir.Value, member: int) -> ir.Value:
        """Return the position in the collection below."""
        if axis.op == "head":
            return index
        if axis.op == "slice":
            start = axis.params[0]
            if isinstance(index, ir.Constant):
                return self.integer(index.constant + start)
            return index if start == 0 else self.b.add(index, self.integer(start))
        if axis.op == "objects":
            return index
        return self.load(self.indices(axis)[1][member], index, I64)

    def _nearest(self, term: Term, index: ir.Value) -> ir.Value:
        eta1, phi1, eta2, phi2 = term.args
        eta, phi = self.element(eta1, index), self.element(phi1, index)
        least = self.variable(F64, ir.Constant(F64, math.inf))
        with self.objects(self.length(_axis(eta2))) as j:
            d = self.b.fsub(eta, self.element(eta2, j))
            turned = self.b.fadd(self.b.fsub(phi, self.element(phi2, j)), ir.Constant(F64, math.pi))
            p = self.b.fsub(self._wrap(turned, 2.0 * math.pi), ir.Constant(F64, math.pi))
            distance = self.call("sqrt", self.b.fadd(self.b.fmul(d, d), self.b.fmul(p, p)))
            best = self.b.load(least, typ=F64)
            self.b.store(self.b.select(self.b.fcmp_ordered("<", distance, best), distance, best), least)
        return self.b.load(least, typ=F64)

    # --- reductions -------------------------------------------------------------------------------------------

    def _reduced(
        self, term: Term, initial: ir.Constant, step: Callable[[ir.Value, ir.Value], ir.Value]
    ) -> ir.Value:
        (x,) = term.args
        self.ready(x)
        fixed = self.fixed(_axis(x))
        if fixed is not None and fixed <= UNROLLED:
            total: ir.Value = initial
            for i in range(fixed):
                total = step(total, self.element(x, self.integer(i)))
            return total
        place = self.variable(initial.type, initial)
        with self.objects(self.length(_axis(x))) as i:
            self.b.store(step(self.b.load(place, typ=initial.type), self.element(x, i)), place)
        return self.b.load(place, typ=initial.type)

    def _op_sum(self, term: Term) -> ir.Value:
        if term.sort == "int":
            return self._reduced(term, self.integer(0), self.b.add)
        return self._reduced(term, ir.Constant(F64, 0.0), self.b.fadd)

    def _op_any(self, term: Term) -> ir.Value:
        return self._reduced(term, ir.Constant(I1, 0), self.b.or_)

    def _op_all(self, term: Term) -> ir.Value:
        return self._reduced(term, ir.Constant(I1, 1), self.b.and_)

    def _op_least(self, term: Term) -> ir.Value:
        return self._extreme(term, "<", math.inf, 2**63 - 1)

    def _op_greatest(self, term: Term) -> ir.Value:
        return self._extreme(term, ">", -math.inf, -(2**63))

    def _extreme(self, term: Term, sign: str, limit: float, whole: int) -> ir.Value:
        compare = self.b.icmp_signed if term.sort == "int" else self.b.fcmp_ordered
        initial = self.integer(whole) if term.sort == "int" else ir.Constant(F64, limit)
        return self._reduced(term, initial, lambda best, x: self.b.select(compare(sign, x, best), x, best))

    def _op_argbest(self, term: Term) -> ir.Value:
        (key,) = term.args
        self.ready(key)
        sign = ">" if term.params[0] else "<"
        compare = self.b.icmp_signed if key.sort == "int" else self.b.fcmp_ordered
        typ = TYPES[key.sort]
        where, best = self.variable(I64, self.integer(-1)), self.variable(typ, ir.Constant(typ, 0))
        with self.objects(self.length(_axis(key))) as i:
            x = self.element(key, i)
            at = self.b.load(where, typ=I64)
            better = self.b.or_(
                self.b.icmp_signed("<", at, self.integer(0)), compare(sign, x, self.b.load(best, typ=typ))
            )
            self.b.store(self.b.select(better, i, at), where)
            self.b.store(self.b.select(better, x, self.b.load(best, typ=typ)), best)
        return self.b.load(where, typ=I64)


def _first(term: Term, below: Callable[[Term], Iterable[Term]]) -> list[Term]:
    """Return what is below ``term``, and itself, lowest first; graphs may be deeper than Python's stack."""
    order: list[Term] = []
    seen: set[int] = set()
    stack = [(term, False)]
    while stack:
        one, done = stack.pop()
        if done:
            order.append(one)
        elif one.number not in seen:
            seen.add(one.number)
            stack.append((one, True))
            stack.extend((a, False) for a in reversed(tuple(below(one))))
    return order


def _axis(term: Term) -> Term:
    assert term.axis is not None
    return term.axis


def _memory(dtype: str) -> ir.Type:
    if dtype == "float32":
        return F32
    if dtype == "float64":
        return F64
    return ir.IntType({"bool": 8}.get(dtype) or int(dtype.lstrip("uint")))
