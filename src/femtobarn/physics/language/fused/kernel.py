"""Compiled loops: made once for a plan and the layout of its columns, kept as object code."""

from __future__ import annotations

import ctypes
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from femtobarn.base.canonical import digest
from femtobarn.base.objectcode import compiled
from femtobarn.physics.language.fused.slots import Slot

if TYPE_CHECKING:
    from femtobarn.physics.language.fused.plan import Plan
    from femtobarn.physics.language.fused.source import Source


@dataclass(frozen=True, slots=True)
class Kernel:
    """A compiled loop.

    Parameters
    ----------
    run
        called with the first event, the last (excluded) and the address of the pointers; releases the
        interpreter lock
    slots
        what the pointers point to, in their order
    """

    run: Any
    slots: tuple[Slot, ...]


_RUN = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)
_LAYOUT = ctypes.CFUNCTYPE(ctypes.c_char_p)


def kernel(plan: Plan, sources: Mapping[str, Source]) -> Kernel:
    """Return the loop of ``plan`` for columns that lie in memory as ``sources`` say."""
    layout = [[name, source.text()] for name, source in sorted(sources.items())]
    key = digest(["events", _own_source(), plan.digest(), layout])

    def build() -> str:
        from femtobarn.physics.language.fused.events import EventLoop
        from femtobarn.physics.language.fused.writer import TooManyPointersError

        most = 128
        while True:
            try:
                return EventLoop(plan, sources, most).emit()
            except TooManyPointersError:
                most *= 4

    found = compiled(key, build, ["run", "layout"])
    slots = json.loads(_LAYOUT(found["layout"])())
    return Kernel(_RUN(found["run"]), tuple(Slot(role, _frozen(what)) for role, what in slots))


@cache
def _own_source() -> str:
    """Return a digest of this package: other code generation makes other object code."""
    folder = files(__package__)
    return digest(
        [
            [f.name, f.read_text("utf-8")]
            for f in sorted(folder.iterdir(), key=lambda f: f.name)
            if f.name.endswith(".py")
        ]
    )


def _frozen(value: Any) -> Any:
    return tuple(_frozen(v) for v in value) if isinstance(value, list) else value
