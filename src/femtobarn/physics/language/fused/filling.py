"""What an event adds: sums after cuts, and bins of histograms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from llvmlite import ir

from femtobarn.base.records import AxisRecord
from femtobarn.physics.language.fused.hull import Hull
from femtobarn.physics.language.fused.plan import FillPlan
from femtobarn.physics.language.fused.terms import Term
from femtobarn.physics.language.fused.writer import F64, I32, I64


class Weight:
    """A weight and its square: the same for all members of a group, or in a buffer."""

    __slots__ = ("buffer", "square", "value")

    def __init__(
        self, value: ir.Value | None, square: ir.Value | None, buffer: ir.Value | None = None
    ) -> None:
        self.value, self.square, self.buffer = value, square, buffer


class Filling(Hull):
    """Writes how weights are added."""

    def _weight(self, term: Term | None, number: int) -> Weight:
        one = ir.Constant(F64, 1.0)
        if term is None:
            return Weight(one, one)
        value = self.value(term)
        self._check_finite(value, number, self.integer(0))
        return Weight(value, self.b.fmul(value, value))

    def _check_finite(self, value: ir.Value, number: int, member: ir.Value) -> None:
        with self.when(self.not_finite(value)):
            self._one_bad(number, member)

    def _one_bad(self, number: int, member: ir.Value) -> None:
        bad = self.pointer("bad", number)
        self.store(self.b.add(self.load(bad, member, I64), self.integer(1)), bad, member)

    def _count(self, sums: ir.Value, row: ir.Value, weight: Weight) -> None:
        first = self.b.mul(row, self.integer(3))
        for k, value in enumerate((ir.Constant(F64, 1.0), weight.value, weight.square)):
            self.accumulate(sums, self.b.add(first, self.integer(k)), value)

    def _fill(self, fill: FillPlan, where: tuple[str, int], weight: Weight) -> None:
        histogram = self.pointer(*where)
        with self._if_defined(fill.ok):
            for bin_ in self._bins(fill):
                at = self.b.mul(bin_, self.integer(2))
                self.accumulate(histogram, at, weight.value)
                self.accumulate(histogram, self.b.add(at, self.integer(1)), weight.square)

    @contextmanager
    def _if_defined(self, ok: Term | None) -> Iterator[None]:
        known = None if ok is None else self.value(ok)
        if ok is None or (isinstance(known, ir.Constant) and known.constant):
            yield
            return
        with self.when(known):
            self.learn(ok)
            yield

    def _bins(self, fill: FillPlan) -> Iterator[ir.Value]:
        """Give the bin of the event, or of each object within a loop over them."""
        if fill.objects is None:
            yield self._bin(fill.axes, [self.value(v) for v in fill.values])
            return
        for value in fill.values:
            self.ready(value)
        with self.objects(self.length(fill.objects)) as i:
            yield self._bin(fill.axes, [self.element(v, i) for v in fill.values])

    def _bin(self, axes: Sequence[AxisRecord], values: Sequence[ir.Value]) -> ir.Value:
        """Return the bin with flow bins, counted over all axes."""
        at: ir.Value = self.integer(0)
        for axis, x in zip(axes, values, strict=True):
            if axis.kind == "regular":
                own = self.b.sext(self._regular(axis, x), I64)
            else:
                own = self.b.add(self.bin_below(x, tuple(axis.edges)), self.integer(1))
            at = self.b.add(self.b.mul(at, self.integer(axis.bins + 2)), own)
        return at

    def _regular(self, axis: AxisRecord, x: ir.Value) -> ir.Value:
        """Return the bin as boost-histogram's regular axis gives it, plus one for the underflow."""
        b = self.b
        low, high = float(axis.edges[0]), float(axis.edges[-1])
        z = b.fdiv(b.fsub(x, ir.Constant(F64, low)), ir.Constant(F64, high - low))
        zero, one = ir.Constant(F64, 0.0), ir.Constant(F64, 1.0)
        below, within = b.fcmp_ordered("<", z, zero), b.fcmp_ordered("<", z, one)
        inside = b.select(b.and_(within, b.fcmp_ordered(">=", z, zero)), z, zero)
        index = b.fptosi(b.fmul(inside, ir.Constant(F64, float(axis.bins))), I32)
        index = b.add(index, ir.Constant(I32, 1))
        index = b.select(within, index, ir.Constant(I32, axis.bins + 1))
        return b.select(below, ir.Constant(I32, 0), index)
