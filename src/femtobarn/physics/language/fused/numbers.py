"""LLVM IR of operations on numbers, each as NumPy defines it."""

from __future__ import annotations

from llvmlite import ir

from femtobarn.physics.language.fused.terms import Term
from femtobarn.physics.language.fused.writer import F64, I1, I64, Writer

_INTRINSIC = {
    **{name: name for name in ("sqrt", "floor", "ceil", "exp", "log", "log10", "sin", "cos", "tan", "pow")},
    **{name: name for name in ("sinh", "cosh", "tanh")},
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "arctan2": "atan2",
}
"""Operations that LLVM knows: it calls the mathematics library, sine and cosine of one angle at once."""

_LIBM = {"arcsinh": "asinh"}
_FLOAT_OPS = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv"}
_SIGNS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}


class Numbers(Writer):
    """Writes operations on numbers that are in registers."""

    def call(self, name: str, *args: ir.Value) -> ir.Value:
        """Call a function of doubles: an intrinsic of LLVM, or one of the mathematics library."""
        known = f"llvm.{_INTRINSIC[name]}.f64" if name in _INTRINSIC else _LIBM.get(name, name)
        function = self.module.globals.get(known)
        if function is None:
            function = ir.Function(self.module, ir.FunctionType(F64, [F64] * len(args)), known)
            function.attributes.add("nounwind")
        return self.b.call(function, args)

    def apply(self, term: Term, args: list[ir.Value]) -> ir.Value:  # noqa: C901, PLR0911, PLR0912 - one operation, one case
        """Return the value of an operation on numbers."""
        b, op = self.b, term.op
        if op in _SIGNS:
            if args[0].type == I64:
                return b.icmp_signed(_SIGNS[op], *args)
            return b.fcmp_unordered("!=", *args) if op == "ne" else b.fcmp_ordered(_SIGNS[op], *args)
        if op in _FLOAT_OPS:
            return getattr(b, _FLOAT_OPS[op] if term.sort == "float" else op)(*args)
        if op == "and":
            return b.and_(*args)
        if op == "or":
            return b.or_(*args)
        if op == "xor":
            return b.xor(*args)
        if op == "not":
            return b.not_(*args)
        if op == "where":
            return b.select(*args)
        if op == "to_float":
            return b.uitofp(args[0], F64) if args[0].type == I1 else b.sitofp(args[0], F64)
        if op == "to_int":
            return b.zext(args[0], I64) if args[0].type == I1 else b.fptosi(args[0], I64)
        if op in {"minimum", "maximum"}:
            return self._propagating("<" if op == "minimum" else ">", *args)
        if op == "neg":
            return b.fneg(args[0]) if term.sort == "float" else b.sub(self.integer(0), args[0])
        if op == "abs":
            return self._absolute(args[0])
        if op == "sign":
            return self._sign(args[0])
        if op == "wrap":
            return self._wrap(args[0], term.params[0])
        if op == "int_power":
            return self._int_power(args[0], term.params[0])
        if op == "lookup":
            return self._lookup(term, args)
        if op == "lookup_inside":
            return self._lookup_inside(term, args)
        if op == "power":
            return self.call("pow", *args)
        return self.call(op, *args)

    def not_finite(self, x: ir.Value) -> ir.Value:
        """Return whether a number is infinite or none."""
        rest = self.b.fsub(x, x)  # 0 for every number, else not-a-number
        return self.b.fcmp_unordered("uno", rest, rest)

    def _propagating(self, sign: str, x: ir.Value, y: ir.Value) -> ir.Value:
        """NumPy's minimum and maximum: not-a-number wins."""
        if x.type == I64:
            return self.b.select(self.b.icmp_signed(sign, x, y), x, y)
        first = self.b.or_(self.b.fcmp_ordered(sign, x, y), self.b.fcmp_unordered("uno", x, x))
        return self.b.select(first, x, y)

    def _absolute(self, x: ir.Value) -> ir.Value:
        if x.type == F64:
            return self.b.call(self._intrinsic("llvm.fabs.f64"), [x])
        return self.b.select(self.b.icmp_signed("<", x, self.integer(0)), self.b.sub(self.integer(0), x), x)

    def _intrinsic(self, name: str) -> ir.Function:
        function = self.module.globals.get(name)
        return function or ir.Function(self.module, ir.FunctionType(F64, [F64]), name)

    def _sign(self, x: ir.Value) -> ir.Value:
        if x.type == I64:
            zero = self.integer(0)
            up = self.b.zext(self.b.icmp_signed(">", x, zero), I64)
            return self.b.sub(up, self.b.zext(self.b.icmp_signed("<", x, zero), I64))
        zero, one = ir.Constant(F64, 0.0), ir.Constant(F64, 1.0)
        # 0 becomes 0 without sign, not-a-number stays what it is
        none = self.b.select(self.b.fcmp_ordered("==", x, zero), zero, x)
        small = self.b.select(self.b.fcmp_ordered("<", x, zero), ir.Constant(F64, -1.0), none)
        return self.b.select(self.b.fcmp_ordered(">", x, zero), one, small)

    def _wrap(self, x: ir.Value, period: float) -> ir.Value:
        """NumPy's remainder for a positive period; within one period it is the number itself."""
        zero, whole = ir.Constant(F64, 0.0), ir.Constant(F64, period)
        b = self.b
        within = b.and_(b.fcmp_ordered(">=", x, zero), b.fcmp_ordered("<", x, whole))
        result = self.variable(F64, x)
        yes, after = self.fn.append_basic_block("wrap"), self.fn.append_basic_block("wrapped")
        b.cbranch(within, after, yes)
        b.position_at_end(yes)
        rest = b.frem(x, whole)
        raised = b.select(b.fcmp_ordered("<", rest, zero), b.fadd(rest, whole), rest)
        b.store(b.select(b.fcmp_ordered("==", raised, zero), zero, raised), result)
        b.branch(after)
        b.position_at_end(after)
        return b.load(result, typ=F64)

    def _int_power(self, base: ir.Value, exponent: int) -> ir.Value:
        result: ir.Value = self.integer(1)
        factor = base
        while exponent:
            if exponent & 1:
                result = self.b.mul(result, factor)
            exponent >>= 1
            if exponent:
                factor = self.b.mul(factor, factor)
        return result

    def table(self, numbers: tuple[float, ...]) -> ir.Value:
        """Return the address of constants."""
        key = ("table", numbers)
        known = self._scopes[0].get(key)
        if known is None:
            typ = ir.ArrayType(F64, len(numbers))
            known = ir.GlobalVariable(self.module, typ, f"table{len(self.module.globals)}")
            known.initializer = ir.Constant(typ, [float(x) for x in numbers])
            known.global_constant = True
            known.linkage = "internal"
            self._scopes[0][key] = known
        return known

    def bin_below(self, x: ir.Value, edges: tuple[float, ...]) -> ir.Value:
        """Return the number of edges that are not above ``x``, less one; not-a-number is above all."""
        b, table = self.b, self.table(edges)
        low, high = self.variable(I64, self.integer(0)), self.variable(I64, self.integer(len(edges)))
        head, body, after = (self.fn.append_basic_block(n) for n in ("search", "halve", "found"))
        b.branch(head)
        b.position_at_end(head)
        lo, hi = b.load(low, typ=I64), b.load(high, typ=I64)
        b.cbranch(b.icmp_signed("<", lo, hi), body, after)
        b.position_at_end(body)
        middle = b.lshr(b.add(lo, hi), self.integer(1))
        above = b.fcmp_ordered("<", x, self.load(table, middle, F64))
        b.store(b.select(above, lo, b.add(middle, self.integer(1))), low)
        b.store(b.select(above, middle, hi), high)
        b.branch(head)
        b.position_at_end(after)
        return b.sub(lo, self.integer(1))

    def _lookup(self, term: Term, args: list[ir.Value]) -> ir.Value:
        edges, values = term.params
        at: ir.Value = self.integer(0)
        for x, axis in zip(args, edges, strict=True):
            last = len(axis) - 2
            i = self.bin_below(x, tuple(axis))
            i = self.b.select(self.b.icmp_signed("<", i, self.integer(0)), self.integer(0), i)
            i = self._smaller(i, self.integer(last))
            at = self.b.add(self.b.mul(at, self.integer(last + 1)), i)
        return self.load(self.table(tuple(values)), at, F64)

    def _lookup_inside(self, term: Term, args: list[ir.Value]) -> ir.Value:
        inside: ir.Value = ir.Constant(I1, 1)
        for x, axis in zip(args, term.params[0], strict=True):
            low = self.b.fcmp_ordered(">=", x, ir.Constant(F64, float(axis[0])))
            high = self.b.fcmp_ordered("<", x, ir.Constant(F64, float(axis[-1])))
            inside = self.b.and_(inside, self.b.and_(low, high))
        return inside

    def _smaller(self, a: ir.Value, b: ir.Value) -> ir.Value:
        return self.b.select(self.b.icmp_signed("<", a, b), a, b)
