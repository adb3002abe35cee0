"""What a figure shows, in numbers and words: between computing and drawing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from femtobarn.base.records import Role, VariationRecord
from femtobarn.running.results.systematics import Band, systematic_band

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Points:
    """Data: counts per bin and the distances ``down`` and ``up`` to the ends of their error bars."""

    label: str
    values: Floats
    down: Floats
    up: Floats


@dataclass(frozen=True, eq=False)
class Layer:
    """One simulated process: sums of weights and of squared weights per bin, at the figure's luminosity.

    ``varied`` has shape (variations, bins): the values under each variation of the figure, in its order.
    None if nothing is varied.
    """

    process: str
    label: str
    colour: str
    role: Role
    values: Floats
    variances: Floats
    varied: Floats | None = None


@dataclass(frozen=True, eq=False)
class HeatPanel:
    """A two-dimensional histogram: ``values`` has shape (x bins, y bins)."""

    title: str
    values: Floats


@dataclass(frozen=True, eq=False)
class FigureData:
    """A figure, complete: everything that is drawn and written on it.

    Parameters
    ----------
    name
        of the figure; file names follow from it
    style, size, headroom, log, log_x, text
        as in `femtobarn.base.records.FigureRecord`; ``log_x`` only where all edges are above 0
    edges, y_edges
        bin edges; ``y_edges`` only for two dimensions
    x_label, y_label
        with units
    data
        None: no data are drawn
    layers
        simulated processes in the order of the stack, from the bottom; signal last
    panels
        heat maps; empty for one dimension
    variations
        systematic variations that `Layer.varied` holds
    source
        what the events are: ``"ATLAS Open Data"`` or another honest name
    energy
        ``"13 TeV"``, or empty
    luminosity
        fb^-1 of what is drawn; None: unknown, or of no meaning (data alone, of unknown luminosity)
    notes
        what a reader must know: incomplete inputs, mode, what is not drawn and why
    """

    name: str
    style: Literal["femtobarn", "notebook"]
    size: tuple[float, float] | None
    headroom: float | None
    log: bool
    log_x: bool
    text: str
    edges: Floats
    x_label: str
    y_label: str
    data: Points | None
    layers: tuple[Layer, ...]
    source: str
    energy: str
    luminosity: float | None
    notes: tuple[str, ...]
    y_edges: Floats | None = None
    panels: tuple[HeatPanel, ...] = ()
    variations: tuple[VariationRecord, ...] = ()

    @property
    def centres(self) -> Floats:
        """Bin centres."""
        return (self.edges[1:] + self.edges[:-1]) / 2

    @property
    def widths(self) -> Floats:
        """Bin widths."""
        return np.diff(self.edges)

    @property
    def background(self) -> tuple[Layer, ...]:
        """The layers that are background."""
        return tuple(layer for layer in self.layers if layer.role == "background")

    @property
    def signal(self) -> tuple[Layer, ...]:
        """The layers that are signal."""
        return tuple(layer for layer in self.layers if layer.role == "signal")

    def total(self, layers: tuple[Layer, ...]) -> tuple[Floats, Floats]:
        """Return values and statistical errors (root of summed squared weights) of ``layers`` together."""
        values = np.zeros(self.edges.size - 1)
        variances = np.zeros_like(values)
        for layer in layers:
            values = values + layer.values
            variances = variances + layer.variances
        return values, np.sqrt(variances)

    def systematic(self, layers: tuple[Layer, ...]) -> Band | None:
        """Return the systematic error of ``layers`` together; None if nothing is varied.

        A variation acts on all layers at once: they are summed before shifts are taken.
        """
        if not self.variations or not layers:
            return None
        values = np.zeros((1 + len(self.variations), self.edges.size - 1))
        for layer in layers:
            values[0] += layer.values
            values[1:] += layer.values if layer.varied is None else layer.varied
        return systematic_band(self.variations, values)

    def band(self, layers: tuple[Layer, ...]) -> Band:
        """Return the whole error of ``layers`` together: statistical, and systematic if anything is varied."""
        _, error = self.total(layers)
        systematic = self.systematic(layers)
        return Band(error, error) if systematic is None else systematic.with_symmetric(error)
