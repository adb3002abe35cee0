"""Memory at addresses, for the kernels: Numba has no words for it. An address is an int64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

compiled = numba.njit(error_model="numpy", boundscheck=False, _nrt=False)
"""Compile a function that kernels call."""


def _pointer(kind: Any, stored: ir.Type) -> Callable[..., Any]:
    def cast(_context: Any, _address: Any) -> Any:
        def codegen(_c: Any, builder: Any, _s: Any, args: Any) -> Any:
            return builder.inttoptr(args[0], stored.as_pointer())

        return types.CPointer(kind)(types.int64), codegen

    return cast


floats = intrinsic(_pointer(types.float64, ir.DoubleType()))
ints = intrinsic(_pointer(types.int64, ir.IntType(64)))
numbers = intrinsic(_pointer(types.uint64, ir.IntType(64)))
shorts = intrinsic(_pointer(types.int32, ir.IntType(32)))
decisions = intrinsic(_pointer(types.uint8, ir.IntType(8)))


def _ahead(_context: Any, _address: Any) -> Any:
    """Return code that asks the processor to bring what is at an address near, to be written."""

    def codegen(_c: Any, builder: Any, _s: Any, args: Any) -> Any:
        byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        name = "llvm.prefetch.p0i8"
        kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
        function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
        write, near, data = ir.Constant(word, 1), ir.Constant(word, 3), ir.Constant(word, 1)
        builder.call(function, [builder.inttoptr(args[0], byte), write, near, data])
        return ir.Constant(ir.IntType(64), 0)

    return types.int64(types.int64), codegen


fetch = intrinsic(_ahead)
