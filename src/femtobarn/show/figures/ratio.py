"""Data over prediction: the lower panel of a figure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import AutoMinorLocator, MaxNLocator

from femtobarn.running.results.systematics import Band
from femtobarn.show.figures.bands import draw_bands
from femtobarn.show.figures.model import FigureData, Floats

_SPAN = (0.0, 2.0)


@dataclass(frozen=True, eq=False)
class Ratio:
    """Data over prediction per bin; NaN where there is none (no prediction, or no event).

    ``down`` and ``up`` are the data's errors alone; ``band`` is the relative statistical error of the
    prediction, from its squared weights, and ``whole`` that with the systematic one (None if nothing is
    varied).
    """

    values: Floats
    down: Floats
    up: Floats
    band: Floats
    whole: Band | None = None


def ratio(data: FigureData) -> Ratio | None:
    """Return data over everything that is stacked; None unless there are both."""
    if data.data is None or not data.layers:
        return None
    total, error = data.total(data.layers)
    defined = total > 0
    safe = np.where(defined, total, 1.0)
    shown = defined & (data.data.values > 0)
    whole = data.band(data.layers) if data.variations else None
    return Ratio(
        values=np.where(shown, data.data.values / safe, np.nan),
        down=np.where(shown, data.data.down / safe, np.nan),
        up=np.where(shown, data.data.up / safe, np.nan),
        band=np.where(defined, error / safe, np.nan),
        whole=None
        if whole is None
        else Band(np.where(defined, whole.down / safe, np.nan), np.where(defined, whole.up / safe, np.nan)),
    )


def draw_ratio(data: FigureData, quotient: Ratio, axes: Axes) -> None:
    """Draw ``quotient`` on ``axes``, with its bands around 1."""
    error = np.nan_to_num(quotient.band)
    one = np.ones_like(error)
    whole = quotient.whole
    if whole is not None:
        whole = Band(np.nan_to_num(whole.down), np.nan_to_num(whole.up))
    draw_bands(axes, data.edges, one, error, whole)
    axes.axhline(1, color="black", linewidth=0.8, linestyle="--")
    low, high = _SPAN
    inside = (quotient.values >= low) & (quotient.values <= high)
    axes.errorbar(
        data.centres[inside],
        quotient.values[inside],
        yerr=(quotient.down[inside], quotient.up[inside]),
        fmt="o",
        color="black",
    )
    beyond = quotient.values > high
    axes.plot(
        data.centres[beyond], np.full(int(beyond.sum()), high - 0.12), "^", color="#b00020", markersize=5
    )
    axes.set_ylim(low, high)
    axes.set_ylabel("Data / MC", loc="center")
    axes.yaxis.set_major_locator(MaxNLocator(4, prune="upper"))
    axes.yaxis.set_minor_locator(AutoMinorLocator())
