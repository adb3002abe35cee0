"""Machine instructions for the kernels that Numba has no words for: memory at addresses, calls of C functions.

An address is an int64. Loads and stores need no alignment; what is loaded comes as an int64.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


def _loader(bits: int, *, swap: bool) -> Callable[..., Any]:
    def load(_context: Any, _address: Any) -> Any:
        def codegen(_c: Any, builder: Any, _s: Any, args: Any) -> Any:
            kind = ir.IntType(bits)
            value = builder.load(builder.inttoptr(args[0], kind.as_pointer()))
            value.align = 1
            if swap:
                value = builder.bswap(value)
            return value if bits == 64 else builder.zext(value, ir.IntType(64))

        return types.int64(types.int64), codegen

    return load


def _storer(bits: int) -> Callable[..., Any]:
    def store(_context: Any, _address: Any, _value: Any) -> Any:
        def codegen(_c: Any, builder: Any, _s: Any, args: Any) -> Any:
            kind = ir.IntType(bits)
            value = args[1] if bits == 64 else builder.trunc(args[1], kind)
            builder.store(value, builder.inttoptr(args[0], kind.as_pointer()), align=1)
            return ir.Constant(ir.IntType(64), 0)

        return types.int64(types.int64, types.int64), codegen

    return store


def _mover(bits: int) -> Callable[..., Any]:
    """Return code that moves 32 bytes and turns the byte order of its numbers."""

    def move(_context: Any, _to: Any, _from: Any) -> Any:
        def codegen(_c: Any, builder: Any, _s: Any, args: Any) -> Any:
            kind = ir.VectorType(ir.IntType(bits), 256 // bits)
            value = builder.load(builder.inttoptr(args[1], kind.as_pointer()))
            value.align = 1
            if bits > 8:
                name = f"llvm.bswap.v{256 // bits}i{bits}"
                known = builder.module.globals.get(name)
                function = known or ir.Function(builder.module, ir.FunctionType(kind, [kind]), name)
                value = builder.call(function, [value])
            builder.store(value, builder.inttoptr(args[0], kind.as_pointer()), align=1)
            return ir.Constant(ir.IntType(64), 0)

        return types.int64(types.int64, types.int64), codegen

    return move


def _inflate_at(_context: Any, _f: Any, _d: Any, _s: Any, _n: Any, _t: Any, _r: Any) -> Any:
    """Return code that calls libdeflate_zlib_decompress at an address; gives its outcome."""

    def codegen(_c: Any, builder: Any, _s: Any, args: Any) -> Any:
        function, *rest = args
        word, pointer = ir.IntType(64), ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.IntType(32), [pointer, pointer, word, pointer, word, pointer])
        context, source, count, target, room = rest
        values = [
            builder.inttoptr(context, pointer),
            builder.inttoptr(source, pointer),
            count,
            builder.inttoptr(target, pointer),
            room,
            ir.Constant(pointer, None),
        ]
        outcome = builder.call(builder.inttoptr(function, kind.as_pointer()), values)
        return builder.sext(outcome, word)

    return types.int64(*[types.int64] * 6), codegen


def _read_at(_context: Any, _fd: Any, _to: Any, _count: Any, _at: Any) -> Any:
    """Return code that calls ``pread``."""

    def codegen(_c: Any, builder: Any, _s: Any, args: Any) -> Any:
        word, pointer = ir.IntType(64), ir.IntType(8).as_pointer()
        kind = ir.FunctionType(word, [ir.IntType(32), pointer, word, word])
        function = builder.module.globals.get("pread") or ir.Function(builder.module, kind, "pread")
        fd = builder.trunc(args[0], ir.IntType(32))
        return builder.call(function, [fd, builder.inttoptr(args[1], pointer), args[2], args[3]])

    return types.int64(*[types.int64] * 4), codegen


u8, be16 = intrinsic(_loader(8, swap=False)), intrinsic(_loader(16, swap=True))
be32, be64 = intrinsic(_loader(32, swap=True)), intrinsic(_loader(64, swap=True))
word = intrinsic(_loader(64, swap=False))
put_word = intrinsic(_storer(64))
move1, move2, move4, move8 = (intrinsic(_mover(bits)) for bits in (8, 16, 32, 64))
inflate_at = intrinsic(_inflate_at)
read_at = intrinsic(_read_at)
