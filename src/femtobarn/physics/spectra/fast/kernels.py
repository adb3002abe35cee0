"""The kernels of a scan as LLVM IR.

Imports Numba, as a compiler: only imported when there is no object code yet (see `native`).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numba
from numba import types

from femtobarn.physics.spectra.fast.events import events
from femtobarn.physics.spectra.fast.seats import move
from femtobarn.physics.spectra.fast.values import fill

FUNCTIONS: Mapping[str, Callable[..., Any]] = {"events": events, "fill": fill, "move": move}


def module(name: str) -> str:
    """Return one of `FUNCTIONS`."""
    function = FUNCTIONS[name]
    count = len(inspect.signature(function).parameters)
    signature = types.int64(*[types.int64] * count)
    compiled = numba.cfunc(signature, error_model="numpy", boundscheck=False, _nrt=False)(function)
    text: str = compiled.inspect_llvm()
    wrapper = compiled._wrapper_name  # noqa: SLF001
    # one caller each: as internal functions they are inlined
    text = text.replace("define linkonce_odr ", "define internal ")
    return text.replace(f'@"{wrapper}"', f"@{name}").replace(f"@{wrapper}(", f"@{name}(")
