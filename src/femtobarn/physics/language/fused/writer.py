"""Writing one function of LLVM IR: memory, control flow, and what is known where in it.

What has been computed is remembered in scopes that follow the control flow, so that a value is used
only where it is known. A slow value that several branches need is computed by the first that gets
there (`once`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from llvmlite import ir

from femtobarn.physics.language.fused.slots import Slot
from femtobarn.physics.language.fused.source import Source
from femtobarn.physics.language.fused.terms import Term, conjuncts

PTR = ir.PointerType()
I64, I32, I8, I1, F64, F32 = (
    ir.IntType(64),
    ir.IntType(32),
    ir.IntType(8),
    ir.IntType(1),
    ir.DoubleType(),
    ir.FloatType(),
)
TYPES: dict[str, ir.Type] = {"bool": I1, "int": I64, "float": F64}
STORED: dict[str, ir.Type] = {"bool": I8, "int": I64, "float": F64}


class TooManyPointersError(Exception):
    """The program needs more pointers than the function was given room for."""


class Writer:
    """Writes one function. Subclasses say what is done with the values.

    Parameters
    ----------
    roots
        all terms of the program, to know what is used more than once
    sources
        how the field columns lie in memory
    most
        how many pointers the function takes; those that are not used vanish when it is compiled
    """

    def __init__(self, roots: Iterable[Term], sources: Mapping[str, Source], most: int) -> None:
        self.most = most
        self.module = ir.Module("femtobarn")
        self.uses = _uses(roots)
        self.sources = sources
        self.slots: dict[Slot, int] = {}
        self._scopes: list[dict[Any, Any]] = [{}]
        self._inner = 0
        function = ir.FunctionType(ir.VoidType(), [I64, I64, *[PTR] * most])
        self.fn = ir.Function(self.module, function, "events")
        self.fn.linkage = "internal"
        for arg in self.fn.args[2:]:
            arg.add_attribute("noalias")
        self.entry = self.fn.append_basic_block("entry")
        self.b = ir.IRBuilder(self.entry)
        self.event: ir.Value = ir.Constant(I64, 0)
        self.v: ir.Value | None = None
        self.tables: tuple[int, int] = (0, 0)
        self.reset: ir.IRBuilder | None = None

    # --- memory ---------------------------------------------------------------------------------------

    def pointer(self, role: str, *what: Any) -> ir.Value:
        """Return the pointer to something, given with the call."""
        slot = Slot(role, what)
        number = self.slots.setdefault(slot, len(self.slots))
        if number >= self.most:
            raise TooManyPointersError
        return self.fn.args[2 + number]

    def load(self, pointer: ir.Value, index: ir.Value, typ: ir.Type) -> ir.Value:
        """Return ``pointer[index]``."""
        return self.b.load(self.b.gep(pointer, [index], inbounds=True, source_etype=typ), typ=typ)

    def store(self, value: ir.Value, pointer: ir.Value, index: ir.Value) -> None:
        """Write ``pointer[index]``."""
        self.b.store(value, self.b.gep(pointer, [index], inbounds=True, source_etype=value.type))

    def accumulate(self, pointer: ir.Value, index: ir.Value, value: ir.Value) -> None:
        """Add to ``pointer[index]``, a float."""
        at = self.b.gep(pointer, [index], inbounds=True, source_etype=F64)
        self.b.store(self.b.fadd(self.b.load(at, typ=F64), value), at)

    def variable(self, typ: ir.Type, initial: ir.Value | None = None) -> ir.Value:
        """Return a place on the stack."""
        with self.b.goto_block(self.entry):
            terminator = self.entry.terminator
            if terminator is not None:
                self.b.position_before(terminator)
            place = self.b.alloca(typ)
        if initial is not None:
            self.b.store(initial, place)
        return place

    def integer(self, value: int) -> ir.Constant:
        """Return an integer constant."""
        return ir.Constant(I64, value)

    # --- control flow and what is known in it ------------------------------------------------------------

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Forget at the end what is remembered within."""
        self._scopes.append({})
        try:
            yield
        finally:
            self._scopes.pop()

    def find(self, key: Any) -> Any:
        """Return what is remembered, or None."""
        for scope in reversed(self._scopes):
            if key in scope:
                return scope[key]
        return None

    def remember(self, key: Any, value: Any) -> None:
        """Remember something as long as the scope lasts."""
        self._scopes[-1][key] = value

    @contextmanager
    def when(self, condition: ir.Value) -> Iterator[None]:
        """Emit what is done only if ``condition`` holds."""
        then, after = self.fn.append_basic_block("then"), self.fn.append_basic_block("after")
        self.b.cbranch(condition, then, after)
        self.b.position_at_end(then)
        with self.scope():
            yield
        self.b.branch(after)
        self.b.position_at_end(after)

    def split(self, condition: ir.Value) -> tuple[ir.Block, ir.Block]:
        """Branch on ``condition``; return the blocks where it holds and where not."""
        yes, no = self.fn.append_basic_block("yes"), self.fn.append_basic_block("no")
        self.b.cbranch(condition, yes, no)
        return yes, no

    @contextmanager
    def loop(self, stop: ir.Value, start: ir.Value | None = None) -> Iterator[ir.Value]:
        """Emit what is done for each index from ``start`` (0) to ``stop`` (excluded)."""
        first = start if start is not None else self.integer(0)
        head, body, after = (self.fn.append_basic_block(n) for n in ("head", "body", "after"))
        before = self.b.block
        self.b.branch(head)
        self.b.position_at_end(head)
        index = self.b.phi(I64)
        index.add_incoming(first, before)
        self.b.cbranch(self.b.icmp_signed("<", index, stop), body, after)
        self.b.position_at_end(body)
        with self.scope():
            yield index
        following = self.b.add(index, self.integer(1))
        index.add_incoming(following, self.b.block)
        self.b.branch(head)
        self.b.position_at_end(after)

    @contextmanager
    def objects(self, stop: ir.Value, start: ir.Value | None = None) -> Iterator[ir.Value]:
        """Emit a loop over the objects of an event."""
        self._inner += 1
        with self.loop(stop, start) as index:
            yield index
        self._inner -= 1

    def learn(self, condition: Term) -> None:
        """Note that ``condition`` is true here, and all that follows."""
        for part in conjuncts(condition):
            if part.axis is None and part.op != "const":
                self.remember(part.number, ir.Constant(I1, 1))
            if part.op == "at_least":
                key = ("least", part.args[0].number)
                self.remember(key, max(part.params[0], self.find(key) or 0))

    def once(self, key: Any, typ: ir.Type | None, compute: Callable[[], ir.Value | None]) -> ir.Value | None:
        """Return what ``compute`` gives, computed by whichever branch of the event comes first."""
        if self._inner or self.v is not None or self.reset is None:
            return compute()
        place = self.find_place(key, typ)
        flag, held = place
        yes, after = self.fn.append_basic_block("compute"), self.fn.append_basic_block("computed")
        self.b.cbranch(self.b.load(flag, typ=I1), after, yes)
        self.b.position_at_end(yes)
        with self.scope():
            value = compute()
        if held is not None:
            self.b.store(value, held)
        self.b.store(ir.Constant(I1, 1), flag)
        self.b.branch(after)
        self.b.position_at_end(after)
        return None if held is None else self.b.load(held, typ=typ)

    def find_place(self, key: Any, typ: ir.Type | None) -> tuple[ir.Value, ir.Value | None]:
        """Return the flag that tells whether something is computed, and the place of its value."""
        place = self._scopes[0].get(("once", key))
        if place is None:
            assert self.reset is not None
            place = (self.variable(I1), None if typ is None else self.variable(typ))
            self.reset.store(ir.Constant(I1, 0), place[0])
            self._scopes[0]["once", key] = place
        return place


def _uses(roots: Iterable[Term]) -> Counter[int]:
    """Return how often each term is needed by others, or wanted."""
    uses: Counter[int] = Counter()
    seen: set[int] = set()
    stack = []
    for root in dict.fromkeys(roots):
        uses[root.number] += 1
        stack.append(root)
    while stack:
        term = stack.pop()
        if term.number in seen:
            continue
        seen.add(term.number)
        for below in term.args if term.axis is None else (*term.args, term.axis):
            uses[below.number] += 1
            stack.append(below)
    return uses
