"""The compiled kernels of a scan: how they are found, and called."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Literal

from femtobarn.base.objectcode import compiled
from femtobarn.physics.spectra import sums

Name = Literal["events", "fill", "move"]
_ARGUMENTS: dict[Name, int] = {"events": 17, "fill": 32, "move": 5}


@cache
def kernel(name: Name) -> Callable[..., int]:
    """Return a compiled function of `kernels`; calling it releases the interpreter lock.

    Raises
    ------
    RunError
        if it cannot be compiled here
    """

    def build() -> str:
        from femtobarn.physics.spectra.fast import kernels

        return kernels.module(name)

    address = compiled(f"spectra {name}\n{_source()}", build, [name])[name]
    return ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * _ARGUMENTS[name])(address)


@cache
def _source() -> str:
    """Return all that decides the code: this package, and how bins are numbered."""
    own = sorted((f for f in files(__package__).iterdir() if f.name.endswith(".py")), key=lambda f: f.name)
    return "\n".join(f.read_text("utf-8") for f in (*own, files(sums.__package__) / "sums.py"))
