"""Error bands of a prediction: a hatch for the whole error, a grey one in it for its statistical part."""

from __future__ import annotations

from matplotlib.axes import Axes

from femtobarn.running.results.systematics import Band
from femtobarn.show.figures.model import Floats

STATISTICAL = "Stat. unc."
WHOLE = "Stat. + syst. unc."


def draw_bands(axes: Axes, edges: Floats, middle: Floats, error: Floats, whole: Band | None) -> int:
    """Draw the statistical ``error`` and, unless None, the ``whole`` error around ``middle``.

    Without systematic errors the statistical one has the hatch. Returns the number of bands, which come
    last in the legend.
    """
    if whole is None:
        _hatched(axes, edges, middle - error, middle + error, STATISTICAL)
        return 1
    axes.stairs(
        middle + error,
        edges,
        baseline=middle - error,
        fill=True,
        facecolor="0.2",
        alpha=0.45,
        linewidth=0,
        label=STATISTICAL,
        zorder=2.15,
    )
    _hatched(axes, edges, middle - whole.down, middle + whole.up, WHOLE)
    return 2


def _hatched(axes: Axes, edges: Floats, low: Floats, high: Floats, label: str) -> None:
    axes.stairs(
        high,
        edges,
        baseline=low,
        fill=True,
        facecolor="none",
        edgecolor="0.25",
        linewidth=0,
        hatch="//////",
        label=label,
        zorder=2.2,
    )
