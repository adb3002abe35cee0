"""Types of expressions: what one value is, in which unit, per event or per object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from femtobarn.base.units import ONE, Unit
from femtobarn.data.formats.model import Kind

if TYPE_CHECKING:
    from femtobarn.physics.language.graph import Node


@dataclass(frozen=True, slots=True, eq=False)
class ValueType:
    """The type of an expression.

    Parameters
    ----------
    kind
        bool, int (64 bit), float (64 bit) or string
    unit
        unit of the numbers; always at scale 1 inside the language
    axis
        None for one value per event; otherwise the node that represents the collection, so that two
        per-object expressions fit together only if their axes are the same node
    """

    kind: Kind
    unit: Unit = ONE
    axis: Node | None = None

    @property
    def numeric(self) -> bool:
        """Whether arithmetic makes sense (a bool counts as 0 or 1)."""
        return self.kind != "string"

    def describe(self) -> str:
        """Return words for messages: ``"float in GeV per lep"``."""
        unit = "" if self.unit.dimensionless else f" in {self.unit}"
        where = f" per {self.axis.collection_text}" if self.axis is not None else " per event"
        return f"{self.kind}{unit}{where}"


@dataclass(frozen=True, slots=True, eq=False)
class SelfAxis:
    """The type of a node that represents a collection: its axis is the node itself."""

    kind: Kind
    unit: Unit = ONE


def same(a: ValueType, b: ValueType) -> bool:
    """Tell whether two types are the same (kind, dimension of the unit, axis)."""
    return a.kind == b.kind and a.unit.same_dimension(b.unit) and a.axis is b.axis
