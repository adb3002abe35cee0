"""The compiled kernel: how it is found, and called."""

from __future__ import annotations

import ctypes
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from femtobarn.base.objectcode import compiled
from femtobarn.data.columns.fast.layout_codes import SLACK

_ARGUMENTS = 21
_SOURCES = ("kernels.py", "instructions.py", "layout_codes.py")
_FIRST_ROOM = 1 << 18


@cache
def kernel() -> Callable[..., int]:
    """Return the compiled function ``column`` of `kernels`; calling it releases the interpreter lock.

    Raises
    ------
    RunError
        if it cannot be compiled here
    """

    def build() -> str:
        from femtobarn.data.columns.fast import kernels

        return kernels.module()

    here = Path(__file__).parent
    source = "\n".join((here / name).read_text() for name in _SOURCES)
    address = compiled(f"columns\n{source}", build, ["column"])["column"]
    return ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * _ARGUMENTS)(address)


@dataclass(frozen=True, slots=True)
class _Libdeflate:
    library: ctypes.CDLL
    decompress: int


@cache
def _libdeflate() -> _Libdeflate | None:
    """Return libdeflate as the ``deflate`` package carries it; None if its functions are not to be found.

    The package does not promise them: without them its Python functions are called.
    """
    spec = find_spec("deflate")
    for folder in () if spec is None else spec.submodule_search_locations or ():
        for path in sorted(Path(folder).glob("_deflate*")):
            try:
                library = ctypes.CDLL(str(path))
                decompress = ctypes.cast(library.libdeflate_zlib_decompress, ctypes.c_void_p).value
                library.libdeflate_alloc_decompressor.restype = ctypes.c_void_p
                library.libdeflate_free_decompressor.argtypes = [ctypes.c_void_p]
                library.libdeflate_free_decompressor.restype = None
            except (OSError, AttributeError):
                continue
            return _Libdeflate(library, int(decompress or 0))
    return None


class Scratch:
    """Memory of one thread for the basket at hand, and its decompressor.

    Attributes
    ----------
    packed, plain
        a basket as it is stored, and its content
    inflater, context
        addresses of libdeflate's function and decompressor; 0 if there is none
    """

    def __init__(self) -> None:
        self.packed: NDArray[np.uint8] = np.empty(_FIRST_ROOM, dtype=np.uint8)
        self.plain: NDArray[np.uint8] = np.empty(_FIRST_ROOM, dtype=np.uint8)
        self.inflater = self.context = 0
        found = _libdeflate()
        if found is not None:
            self.context = int(found.library.libdeflate_alloc_decompressor() or 0)
            self.inflater = found.decompress if self.context else 0
            if self.context:
                weakref.finalize(self, found.library.libdeflate_free_decompressor, self.context)

    def hold(self, packed: int, plain: int = 0) -> None:
        """Make room for so many bytes."""
        if len(self.packed) < packed + SLACK:
            self.packed = np.empty(packed + packed // 4 + SLACK, dtype=np.uint8)
        if len(self.plain) < plain + SLACK:
            self.plain = np.empty(plain + plain // 4 + SLACK, dtype=np.uint8)

    def trim(self, most: int) -> None:
        """Give back memory beyond ``most`` bytes."""
        if len(self.packed) > most:
            self.packed = np.empty(_FIRST_ROOM, dtype=np.uint8)
        if len(self.plain) > most:
            self.plain = np.empty(_FIRST_ROOM, dtype=np.uint8)


_local = threading.local()


def scratch() -> Scratch:
    """Return the scratch memory of this thread."""
    own: Any = getattr(_local, "scratch", None)
    if own is None:
        own = _local.scratch = Scratch()
    return own  # type: ignore[no-any-return]
