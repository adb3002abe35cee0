"""The loop over events: cuts in their order, sums after each of them, fills; then the groups of variations.

Per event the nominal cuts are tried first, up to the first that fails. A group of variations looks
only at events that reach the first cut that it changes; what it does not change is not computed again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from llvmlite import ir

from femtobarn.physics.language.fused.filling import Weight
from femtobarn.physics.language.fused.plan import Plan
from femtobarn.physics.language.fused.source import Source
from femtobarn.physics.language.fused.variations import Variations
from femtobarn.physics.language.fused.writer import I8, I64, PTR


class EventLoop(Variations):
    """Writes the loop of a plan.

    Parameters
    ----------
    plan
        what is computed
    sources
        how the columns of the plan's fields lie in memory
    most
        how many pointers there can be
    """

    def __init__(self, plan: Plan, sources: Mapping[str, Source], most: int) -> None:
        super().__init__(plan.roots(), sources, most)
        self._plan = plan
        self._steps: list[ir.Value] = []
        self.known = {}
        self.shared = frozenset()

    def emit(self) -> str:
        """Return the module as text, with ``run(start, stop, pointers)`` and ``layout()``, the pointers as JSON."""
        selections = range(len(self._plan.selections))
        self._steps = [self.variable(I64) for _ in selections]
        with self.loop(self.fn.args[1], self.fn.args[0]) as event:
            self.event = event
            reset, begin = self.fn.append_basic_block("reset"), self.fn.append_basic_block("begin")
            self.b.branch(reset)
            self.reset = ir.IRBuilder(reset)
            self.b.position_at_end(begin)
            weight = self._weight(self._plan.nominal.weight, 0)
            self._cuts(selections, 0, weight)
            for s in selections:
                self._count(self.pointer("cutflow", s), self.b.load(self._steps[s], typ=I64), weight)
            for number, group in enumerate(self._plan.groups):
                with self.scope():
                    self._group(number, group, weight)
            self.reset.branch(begin)
        self.b.ret_void()
        self._wrap_up()
        return str(self.module)

    def _wrap_up(self) -> None:
        run = ir.Function(self.module, ir.FunctionType(ir.VoidType(), [I64, I64, PTR]), "run")
        b = ir.IRBuilder(run.append_basic_block("entry"))
        given = [
            b.load(b.gep(run.args[2], [ir.Constant(I64, k)], source_etype=PTR), typ=PTR)
            for k in range(len(self.slots))
        ]
        given += [ir.Constant(PTR, None)] * (self.most - len(given))
        b.call(self.fn, [run.args[0], run.args[1], *given])
        b.ret_void()
        text = json.dumps([[slot.role, slot.what] for slot in self.slots]).encode() + b"\0"
        typ = ir.ArrayType(I8, len(text))
        held = ir.GlobalVariable(self.module, typ, "layout_text")
        held.initializer = ir.Constant(typ, bytearray(text))
        held.global_constant = True
        held.linkage = "internal"
        layout = ir.Function(self.module, ir.FunctionType(PTR, []), "layout")
        ir.IRBuilder(layout.append_basic_block("entry")).ret(held)

    def _cuts(self, selections: Iterable[int], depth: int, weight: Weight) -> None:
        """Emit the cuts from ``depth`` on; selections that begin with the same cuts share them."""
        following: dict[int, list[int]] = {}
        for s in selections:
            cuts = self._plan.nominal.cuts[s]
            if len(cuts) == depth:
                self._stop(s, depth)
                for position, fill in enumerate(self._plan.nominal.fills):
                    if fill.selection == s:
                        self._fill(fill, ("histogram", position), weight)
            else:
                following.setdefault(cuts[depth].number, []).append(s)
        for chosen in following.values():
            cut = self._plan.nominal.cuts[chosen[0]][depth]
            passed = self.value(cut)
            yes, no = self.split(passed)
            after = self.fn.append_basic_block("after")
            self.b.position_at_end(no)
            for s in chosen:
                self._stop(s, depth)
            self.b.branch(after)
            self.b.position_at_end(yes)
            with self.scope():
                self.learn(cut)
                self._cuts(chosen, depth + 1, weight)
            self.b.branch(after)
            self.b.position_at_end(after)

    def _stop(self, selection: int, row: int) -> None:
        """Note that an event passed ``row`` cuts and no more."""
        self.b.store(self.integer(row), self._steps[selection])
