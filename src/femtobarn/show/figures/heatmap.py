"""Two-dimensional histograms: one heat map for data, one for simulation."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure

from femtobarn.base.errors import ResultsError
from femtobarn.show.figures.labels import safe_label
from femtobarn.show.figures.model import FigureData
from femtobarn.show.figures.notices import beam_line, note_lines, strip_height, write_strip

_SIZE = 10.0


def draw(data: FigureData, figure: Figure) -> None:
    """Draw the panels of ``data`` side by side, in one common colour scale each of its own."""
    if data.y_edges is None:
        msg = f"A heat map needs edges on both axes; figure {data.name!r} has only those of x. Give y_edges."
        raise ResultsError(msg)
    width, height = figure.get_figwidth(), figure.get_figheight()
    lines = note_lines(data.notes, width * 0.85, _SIZE)
    top = 1 - 0.5 / height - strip_height(len(lines), _SIZE, height)
    bottom = 0.75 / height
    share = 1 / len(data.panels)
    for index, panel in enumerate(data.panels):
        axes = figure.add_axes((index * share + 0.12 * share, bottom, 0.68 * share, top - bottom))
        bar = figure.add_axes((index * share + 0.82 * share, bottom, 0.035 * share, top - bottom))
        mesh = axes.pcolormesh(
            data.edges,
            data.y_edges,
            np.ma.masked_equal(panel.values.T, 0),
            cmap="viridis",
            norm=_norm(data, panel.values),
        )
        figure.colorbar(mesh, cax=bar, label="Events")
        axes.set_xlabel(safe_label(data.x_label), x=1, ha="right")
        axes.set_ylabel(safe_label(data.y_label), y=1, ha="right")
        words = [data.source, "for education", panel.title, beam_line(data), safe_label(data.text)]
        figure.text(
            index * share + 0.12 * share,
            top + 0.1 / height + strip_height(len(lines), _SIZE, height),
            " · ".join(w for w in words if w),
            fontsize=11,
            ha="left",
            va="bottom",
        )
        if index == 0:
            write_strip(figure, axes, lines, _SIZE)


def _norm(data: FigureData, values: np.ndarray) -> Normalize:
    positive = values[values > 0]
    if data.log and positive.size:
        return LogNorm(float(positive.min()), max(float(positive.max()), float(positive.min()) * 1.001))
    low, high = float(values.min(initial=0.0)), float(values.max(initial=0.0))
    return Normalize(low, high if high > low else low + 1)
