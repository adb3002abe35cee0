"""``ev`` and ``mc``: where expressions begin."""

from __future__ import annotations

from typing import Any

from femtobarn.base.errors import UnknownFieldError
from femtobarn.data.formats.model import COLLECTIONS, FIELDS
from femtobarn.physics.language.expr import Expr
from femtobarn.physics.language.graph import make
from femtobarn.physics.language.things import Things


class Namespace:
    """The fields of the event model below a prefix; attributes are expressions, collections or namespaces."""

    __slots__ = ("_prefix",)

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def __getattr__(self, name: str) -> Any:
        """Return a field, a collection, or the namespace below."""
        if name.startswith("_"):
            raise AttributeError(name)
        path = f"{self._prefix}.{name}" if self._prefix else name
        if path in COLLECTIONS:
            return Things(path)
        if path in FIELDS:
            return Expr(make("field", (), (path,)))
        if any(p.startswith(f"{path}.") for p in FIELDS):
            return Namespace(path)
        raise UnknownFieldError(self._prefix or "ev", name, self.__dir__())

    def __dir__(self) -> list[str]:
        """Return what can follow."""
        start = f"{self._prefix}." if self._prefix else ""
        return sorted({p[len(start) :].split(".", 1)[0] for p in FIELDS if p.startswith(start)})

    def __repr__(self) -> str:
        """Return what can follow, in words."""
        return f"<{self._prefix or 'ev'}: {', '.join(self.__dir__())}>"


ev = Namespace("")
"""The event: ``ev.lep.pt``, ``ev.met.phi``, ``ev.trigger.electron``."""

mc = Namespace("mc")
"""Weights of simulation: ``mc.generator``, ``mc.pileup``, ``mc.sf.electron``; never applied to data."""
