"""Axes of histograms: equal bins or any, in a unit."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import isfinite
from typing import Literal

from femtobarn.base.errors import SettingsError, UnitsError
from femtobarn.base.records import AxisRecord
from femtobarn.base.units import Unit, parse_unit
from femtobarn.physics.language.graph import Node


class Axis:
    """Bins of a histogram axis: equal ones (`Regular`) or any (`Variable`)."""

    def __init__(
        self, kind: Literal["regular", "variable"], edges: Sequence[float], bins: int, unit: str, label: str
    ) -> None:
        self.kind, self.bins, self.label = kind, bins, label
        self.edges = tuple(float(e) for e in edges)
        self.unit: Unit = parse_unit(unit)

    def __repr__(self) -> str:
        """Return bins, limits and unit."""
        unit = f" {self.unit}" if self.unit.label else ""
        return f"<{self.kind} axis, {self.bins} bins from {self.edges[0]:g} to {self.edges[-1]:g}{unit}>"

    def record(self, node: Node, name: str) -> AxisRecord:
        """Return the record in base units for values of ``node``."""
        if not self.unit.same_dimension(node.type.unit):
            msg = (
                f"Histogram {name!r}: the axis is in {self.unit}, but the values are in {node.type.unit}. "
                f'Write unit="{node.type.unit}" or check the expression.'
            )
            raise UnitsError(msg)
        scale = self.unit.scale
        edges = tuple(e * scale for e in self.edges) if scale != 1.0 else self.edges
        return AxisRecord(
            kind=self.kind,
            edges=edges,
            bins=self.bins,
            label=self.label,
            unit=_unit_label(node.type.unit, self.unit),
        )


def _unit_label(values: Unit, axis: Unit) -> str:
    return str(axis if axis.scale == 1.0 else values) if not values.dimensionless else axis.label


def Regular(bins: int, low: float, high: float, *, unit: str = "", label: str = "") -> Axis:
    """Return an axis of ``bins`` equal bins from ``low`` to ``high`` in ``unit``.

    Under- and overflow are always kept. ``label`` is what figures write below the axis.
    """
    if (
        isinstance(bins, bool)
        or not isinstance(bins, int)
        or bins < 1
        or not (high > low and isfinite(high - low))
    ):
        msg = (
            f"Regular({bins}, {low}, {high}): expected a number of bins of 1 or more, and finite low < high."
        )
        raise SettingsError(msg)
    return Axis("regular", (low, high), bins, unit, label)


def Variable(edges: Sequence[float], *, unit: str = "", label: str = "") -> Axis:
    """Return an axis with the given ascending bin ``edges`` in ``unit``."""
    values = [float(e) for e in edges]
    if len(values) < 2 or not all(map(isfinite, values)) or any(b <= a for a, b in pairwise(values)):
        msg = f"Variable({values}): expected at least two finite edges, each greater than the one before."
        raise SettingsError(msg)
    return Axis("variable", values, len(values) - 1, unit, label)


def bin_edges(axis: Axis) -> list[float]:
    """Return all bin edges in the axis' own unit."""
    if axis.kind == "variable":
        return list(axis.edges)
    low, high = axis.edges
    return [low + (high - low) * i / axis.bins for i in range(axis.bins + 1)]


def edge_index(edges: Sequence[float], value: float) -> int:
    """Return which of ``edges`` equals ``value`` (to 1e-9); ValueError if none does."""
    for i, edge in enumerate(edges):
        if abs(edge - value) <= 1e-9 * max(1.0, abs(edge)):
            return i
    raise ValueError(value)
