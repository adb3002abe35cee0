"""The groups of variations of an event, after its nominal cuts.

A group looks only at events that reach the first cut that it changes; what it does not change is not
computed again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from llvmlite import ir

from femtobarn.physics.language.fused.filling import Filling, Weight
from femtobarn.physics.language.fused.hull import decidable
from femtobarn.physics.language.fused.plan import FillPlan, Group, Plan, differs
from femtobarn.physics.language.fused.terms import Term, conjuncts, walk
from femtobarn.physics.language.fused.writer import F64, I1, I8, I32, I64, TYPES


class Members:
    """Which members of a group passed the cuts so far.

    Attributes
    ----------
    alive
        a flag for each; holds something only if ``mixed``
    mixed
        place of the flag that not all are known to have passed
    some
        place of the flag that any has
    """

    __slots__ = ("alive", "mixed", "some")

    def __init__(self, alive: ir.Value, mixed: ir.Value, some: ir.Value) -> None:
        self.alive, self.mixed, self.some = alive, mixed, some


FEW = 8
"""Groups of fewer members are tried one by one: bounds cost as much as a few of them."""


class Variations(Filling):
    """Writes what the members of groups add. The nominal cuts leave in ``_steps`` how many were passed."""

    _plan: Plan
    _steps: list[ir.Value]

    @contextmanager
    def _members(self, count: int) -> Iterator[ir.Value]:
        """Emit a loop over the members of a group."""
        with self.loop(self.integer(count)) as v:
            self.v = v
            yield v
            self.v = None

    def hoist(self, term: Term) -> None:
        """Compute, before a loop over the members, what does not differ between them."""
        if self.settled(term):
            if term.axis is None:
                self.value(term)
            elif term.slow:
                self.materialise(term)
            else:
                self.ready(term)
            return
        if self.find(("hoisted", term.number)) is not None:
            return
        self.remember(("hoisted", term.number), value=True)
        if term.axis is not None:
            self._hoist_axis(term.axis)
        for arg in term.args:
            if arg.sort == "axis":
                self._hoist_axis(arg)
            else:
                self.hoist(arg)

    def _hoist_axis(self, axis: Term) -> None:
        if self.settled(axis):
            self.ready_axis(axis)
            return
        for arg in axis.args:
            if arg.sort == "axis":
                self._hoist_axis(arg)
            else:
                self.hoist(arg)

    def _group(self, number: int, group: Group, nominal: Weight) -> None:
        self.tables = (number, len(group.members))
        own = group.outcome.weight is not self._plan.nominal.weight
        weight = self._group_weight(number, group) if own else nominal
        for s in range(len(self._plan.selections)):
            self._selection(number, group, s, weight, own=own)

    def _group_weight(self, number: int, group: Group) -> Weight:
        term = group.outcome.weight
        assert term is not None
        if not term.varied:
            value = self.value(term)
            self._check_finite(value, number + 1, self.integer(0))
            return Weight(value, self.b.fmul(value, value))
        buffer = self.pointer("buffer", number, "weight", 8)
        self.hoist(term)
        wrong = self.variable(I1, ir.Constant(I1, 0))
        with self._members(len(group.members)) as v:
            value = self.value(term)
            self.store(value, buffer, v)
            self.b.store(self.b.or_(self.b.load(wrong, typ=I1), self.not_finite(value)), wrong)
        with self.when(self.b.load(wrong, typ=I1)), self.loop(self.integer(len(group.members))) as v:
            self._check_finite(self.load(buffer, v, F64), number + 1, v)
        return Weight(None, None, buffer)

    def _selection(self, number: int, group: Group, s: int, weight: Weight, *, own: bool) -> None:
        cuts, before = group.outcome.cuts[s], self._plan.nominal.cuts[s]
        changed = [i for i, (a, b) in enumerate(zip(cuts, before, strict=True)) if a is not b]
        fills = [
            (position, fill)
            for position, fill in enumerate(group.outcome.fills)
            if fill.selection == s and (own or changed or differs(fill, self._plan.nominal.fills[position]))
        ]
        if not (own or changed or fills):
            return
        steps = self.b.load(self._steps[s], typ=I64)
        if not changed:
            if own:
                self._add_row(number, group, s, steps, weight)
            with self.when(self.b.icmp_signed("==", steps, self.integer(len(cuts)))):
                for cut in cuts:
                    self.learn(cut)
                self._varied_fills(number, group, fills, weight, None)
            return
        reached = self.b.icmp_signed(">=", steps, self.integer(changed[0]))
        if own:
            with self.when(self.b.not_(reached)):
                self._add_row(number, group, s, steps, weight)
        with self.when(reached):
            for cut in cuts[: changed[0]]:
                self.learn(cut)
            self._varied_cuts(number, group, s, changed[0], fills, weight)

    def _add_row(
        self,
        number: int,
        group: Group,
        s: int,
        row: ir.Value,
        weight: Weight,
        mask: ir.Value | None = None,
    ) -> None:
        """Add the event to row ``row`` of the members' sums; all of them, or those of the mask."""
        count = len(group.members)
        if mask is None and weight.buffer is None:
            self._count(self.pointer("common", number, s), row, weight)
            return
        with self._members(count) as v:
            chosen = (
                None
                if mask is None
                else self.b.icmp_unsigned("!=", self.load(mask, v, I8), ir.Constant(I8, 0))
            )
            self._add_member(number, count, s, row, v, weight, chosen)

    def _add_member(
        self,
        number: int,
        count: int,
        s: int,
        row: ir.Value,
        v: ir.Value,
        weight: Weight,
        chosen: ir.Value | None,
    ) -> None:
        sums, zero = self.pointer("rows", number, s), ir.Constant(F64, 0.0)
        for k, value in enumerate((ir.Constant(F64, 1.0), *self._member_weight(weight, v))):
            first = self.b.mul(
                self.b.add(self.b.mul(row, self.integer(3)), self.integer(k)), self.integer(count)
            )
            added = value if chosen is None else self.b.select(chosen, value, zero)
            self.accumulate(sums, self.b.add(first, v), added)

    def _member_weight(self, weight: Weight, v: ir.Value) -> tuple[ir.Value, ir.Value]:
        if weight.buffer is None:
            return weight.value, weight.square
        value = self.load(weight.buffer, v, F64)
        return value, self.b.fmul(value, value)

    def _varied_cuts(
        self,
        number: int,
        group: Group,
        s: int,
        first: int,
        fills: Sequence[tuple[int, FillPlan]],
        weight: Weight,
    ) -> None:
        cuts = group.outcome.cuts[s]
        end = self.integer(len(cuts))
        limit = self._limit(cuts, first)
        left = Members(
            self.pointer("buffer", number, "alive", 1),
            self.variable(I1, ir.Constant(I1, 0)),
            self.variable(I1, ir.Constant(I1, 1)),
        )
        for i, cut in enumerate(cuts):
            if i < first or not cut.varied:
                continue
            tried = self.b.and_(
                self.b.icmp_signed("<", self.integer(i), limit), self.b.load(left.some, typ=I1)
            )
            with self.when(tried):
                self._varied_cut(number, group, s, i, weight, left)
        with self.when(self.b.load(left.some, typ=I1)):
            yes, no = self.split(self.b.load(left.mixed, typ=I1))
            after = self.fn.append_basic_block("added")
            for block, mask in ((yes, left.alive), (no, None)):
                self.b.position_at_end(block)
                with self.scope():
                    self._add_row(number, group, s, limit, weight, mask)
                self.b.branch(after)
            self.b.position_at_end(after)
            with self.when(self.b.icmp_signed("==", limit, end)):
                for cut in cuts:
                    if not cut.varied:
                        self.learn(cut)
                self._varied_fills(number, group, fills, weight, left)

    def _limit(self, cuts: Sequence[Term], first: int) -> ir.Value:
        """Return the first cut from ``first`` on that no member can pass, or their number."""
        place = self.variable(I64, self.integer(len(cuts)))
        same = [i for i, cut in enumerate(cuts) if i >= first and not cut.varied]

        def rest(left: list[int]) -> None:
            if not left:
                self.b.store(self.integer(len(cuts)), place)
                return
            self.b.store(self.integer(left[0]), place)
            with self.when(self.value(cuts[left[0]])):
                self.learn(cuts[left[0]])
                rest(left[1:])

        rest(same)
        return self.b.load(place, typ=I64)

    def _varied_cut(self, number: int, group: Group, s: int, i: int, weight: Weight, left: Members) -> None:
        cut = group.outcome.cuts[s][i]
        if len(group.members) < FEW or not decidable(cut, self.known):
            self._try_members(number, group, s, i, weight, left)
            return
        surely, possibly = self.bounds(cut)
        with self.when(self.b.not_(surely)):
            together = self.b.not_(self.b.or_(possibly, self.b.load(left.mixed, typ=I1)))
            none, other = self.split(together)
            after = self.fn.append_basic_block("tried")
            self.b.position_at_end(none)
            with self.scope():
                self._add_row(number, group, s, self.integer(i), weight)
                self.b.store(ir.Constant(I1, 0), left.some)
            self.b.branch(after)
            self.b.position_at_end(other)
            with self.scope():
                self._try_members(number, group, s, i, weight, left)
            self.b.branch(after)
            self.b.position_at_end(after)

    def _try_members(self, number: int, group: Group, s: int, i: int, weight: Weight, left: Members) -> None:
        """Try a cut for each member that passed those before."""
        cut, count = group.outcome.cuts[s][i], len(group.members)
        some = self.variable(I1, ir.Constant(I1, 0))
        all_before = self.b.not_(self.b.load(left.mixed, typ=I1))

        def each() -> None:
            self.hoist(cut)
            with self._members(count) as v:
                before = self.b.or_(all_before, self._is_set(left.alive, v))
                passed = self.b.and_(before, self.value(cut))
                failed = self.b.and_(before, self.b.not_(passed))
                self._add_member(number, count, s, self.integer(i), v, weight, failed)
                self.store(self.b.zext(passed, I8), left.alive, v)
                self.b.store(self.b.or_(self.b.load(some, typ=I1), passed), some)
                for term in self._for_fills(group, s, i):
                    self.store(self._widened(self.value(term)), self._kept_values(number, term), v)

        self.with_shared_choices([cut], each, worth=count >= FEW)
        self.b.store(self.b.load(some, typ=I1), left.some)
        self.b.store(ir.Constant(I1, 1), left.mixed)

    def _for_fills(self, group: Group, s: int, i: int) -> list[Term]:
        """Return what a cut computes for each member that is filled later, and worth keeping until then.

        Only of cuts that are always tried member by member: of those that bounds may decide, nothing is kept.
        """
        cut = group.outcome.cuts[s][i]
        if decidable(cut, self.known):
            return []
        below = {t.number for t in walk([cut])}
        fills = [f for f in group.outcome.fills if f.selection == s]
        wanted = [t for f in fills for t in (*f.values, *(() if f.ok is None else conjuncts(f.ok)))]
        kept = {
            t.number: t for t in wanted if t.varied and t.axis is None and t.op != "and" and t.number in below
        }
        return list(kept.values())

    def _kept_values(self, number: int, term: Term) -> ir.Value:
        return self.pointer("buffer", number, f"value {term.number}", 8)

    def _widened(self, value: ir.Value) -> ir.Value:
        return self.b.zext(value, I64) if value.type == I1 else value

    def _recall(self, number: int, terms: Iterable[Term], v: ir.Value) -> None:
        """Remember, within a loop over the members, what their cuts have computed."""
        for term in terms:
            typ = TYPES[term.sort]
            raw = self.load(self._kept_values(number, term), v, I64 if typ == I1 else typ)
            self.remember(term.number, self.b.trunc(raw, I1) if typ == I1 else raw)

    def _is_set(self, flags: ir.Value, index: ir.Value) -> ir.Value:
        return self.b.icmp_unsigned("!=", self.load(flags, index, I8), ir.Constant(I8, 0))

    def _varied_fills(
        self,
        number: int,
        group: Group,
        fills: Sequence[tuple[int, FillPlan]],
        weight: Weight,
        left: Members | None,
    ) -> None:
        for position, fill in fills:
            with self.scope():
                self._varied_fill(number, group, position, fill, weight, left)

    def _varied_fill(
        self,
        number: int,
        group: Group,
        position: int,
        fill: FillPlan,
        weight: Weight,
        left: Members | None,
    ) -> None:
        count = len(group.members)
        histogram = self.pointer("varied", number, position)
        varied = [t for t in (*fill.values, fill.ok) if t is not None and t.varied]
        if fill.ok is not None and not fill.ok.varied:
            with self._if_defined(fill.ok):
                without = FillPlan(fill.name, fill.selection, fill.values, None, fill.axes)
                self._varied_fill(number, group, position, without, weight, left)
            return
        kept = [
            t
            for i in range(len(group.outcome.cuts[fill.selection]))
            for t in self._for_fills(group, fill.selection, i)
        ]
        known = {t.number for t in kept}

        def each() -> None:
            for term in (*fill.values, *varied):
                if term.number not in known:
                    self.hoist(term)
            if fill.objects is None and fill.ok is None:
                self._fill_together(number, count, fill, kept, histogram, weight, left)
                return
            with self._members(count) as v, self._if_alive(left, v):
                self._recall(number, kept, v)
                with self._if_defined(fill.ok):
                    for bin_ in self._bins(fill):
                        self._add_fill(histogram, count, bin_, v, weight)

        self.with_shared_choices([t for t in varied if t.number not in known], each, worth=count >= FEW)

    def _fill_together(
        self,
        number: int,
        count: int,
        fill: FillPlan,
        kept: Sequence[Term],
        histogram: ir.Value,
        weight: Weight,
        left: Members | None,
    ) -> None:
        """Fill one number per event: first the bins of all members, in vector instructions, then the sums."""
        bins = self.pointer("buffer", number, "bins", 4)
        same = None
        if any(t.varied for t in fill.values):
            with self._members(count) as v:
                self._recall(number, kept, v)
                found = self._bin(fill.axes, [self.value(t) for t in fill.values])
                self.store(self.b.trunc(found, I32), bins, v)
        else:
            same = self._bin(fill.axes, [self.value(t) for t in fill.values])
        with self._members(count) as v, self._if_alive(left, v):
            bin_ = same if same is not None else self.b.sext(self.load(bins, v, I32), I64)
            self._add_fill(histogram, count, bin_, v, weight)

    @contextmanager
    def _if_alive(self, left: Members | None, v: ir.Value) -> Iterator[None]:
        if left is None:
            yield
            return
        everyone = self.b.not_(self.b.load(left.mixed, typ=I1))
        with self.when(self.b.or_(everyone, self._is_set(left.alive, v))):
            yield

    def _add_fill(self, histogram: ir.Value, count: int, bin_: ir.Value, v: ir.Value, weight: Weight) -> None:
        b = self.b
        at = b.mul(b.add(b.mul(bin_, self.integer(count)), v), self.integer(2))
        value, square = self._member_weight(weight, v)
        self.accumulate(histogram, at, value)
        self.accumulate(histogram, b.add(at, self.integer(1)), square)
