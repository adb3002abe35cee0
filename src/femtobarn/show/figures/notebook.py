"""The look of the published four-lepton notebook: sizes, positions and bands as it has them."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import AutoMinorLocator

from femtobarn.show.figures.labels import safe_label
from femtobarn.show.figures.model import FigureData
from femtobarn.show.figures.notices import beam_line, note_lines, strip_height, write_strip
from femtobarn.show.figures.style import safe_colour

_WIDE = 9.0  # inches; narrower figures have their words above the axes


def draw(data: FigureData, figure: Figure) -> None:
    """Draw ``data`` on ``figure``: data alone, simulation alone, or data on the stack."""
    full = figure.get_figwidth() >= _WIDE
    head, lines, strip_size = _strip(data, figure, full=full)
    left, right, bottom = (0.08, 0.97, 0.09) if full else (0.125, 0.96, 0.14)
    top = 0.975 - strip_height(len(head + lines), strip_size, figure.get_figheight())
    axes = figure.add_axes((left, bottom, right - left, top - bottom))
    write_strip(figure, axes, lines, strip_size)
    write_strip(figure, axes, head, strip_size, colour="black", below=len(lines))

    _layers(data, axes)
    if data.data is not None:
        axes.errorbar(
            data.centres,
            data.data.values,
            yerr=(data.data.down, data.data.up),
            fmt="ko",
            label=safe_label(data.data.label),
        )
    axes.set_xlim(data.edges[0], data.edges[-1])
    _limits(data, axes)
    if data.log_x:
        axes.set_xscale("log")
    else:
        axes.xaxis.set_minor_locator(AutoMinorLocator())
    if not data.log:
        axes.yaxis.set_minor_locator(AutoMinorLocator())
    axes.tick_params(which="both", direction="in", top=True, right=True)
    size = 13 if full else 11
    axes.set_xlabel(safe_label(data.x_label), fontsize=size, x=1, ha="right")
    axes.set_ylabel(safe_label(data.y_label), fontsize=size, y=1, ha="right")
    if full:
        _texts(data, axes)
    if data.data is not None or data.layers:
        axes.legend(frameon=False, fontsize=16 if full else 10)
    else:
        axes.text(0.5, 0.5, "nothing to draw", transform=axes.transAxes, ha="center", color="0.4")


def _strip(data: FigureData, figure: Figure, *, full: bool) -> tuple[list[str], list[str], float]:
    """Return what small figures say of their events, the notes, and the size of both."""
    size = 10.0 if full else 7.5
    if not full:
        words = [data.source, "for education", beam_line(data), safe_label(data.text)]
        # mathtext must not be wrapped, so this line is put before the wrapped ones as it is
        head = [" · ".join(w for w in words if w)]
    else:
        head = []
    return head, note_lines(data.notes, figure.get_figwidth() * 0.85, size), size


def _layers(data: FigureData, axes: Axes) -> None:
    bottom = np.zeros(data.edges.size - 1)
    for index, layer in enumerate(data.background):
        _bars(data, axes, layer.values, bottom, safe_colour(layer.colour, index), layer.label)
        bottom = bottom + layer.values
    banded = data.background or data.signal  # a signal sample alone has its own band
    if banded:
        total, error = data.total(banded)
        if data.variations:
            _bars(data, axes, 2 * error, total - error, "0.2", "Stat. Unc.", alpha=0.45, zorder=2.4)
        band = data.band(banded)
        axes.bar(
            data.centres,
            band.down + band.up,
            bottom=total - band.down,
            width=data.widths,
            alpha=0.5,
            color="none",
            edgecolor="black",
            linewidth=0,
            hatch="////",
            label="Stat. + Syst. Unc." if data.variations else "Stat. Unc.",
            zorder=2.5,
        )
    for index, layer in enumerate(data.signal):
        _bars(data, axes, layer.values, bottom, safe_colour(layer.colour, index + 3), layer.label)
        bottom = bottom + layer.values


def _bars(
    data: FigureData,
    axes: Axes,
    values: np.ndarray,
    bottom: np.ndarray,
    colour: str,
    label: str,
    *,
    alpha: float | None = None,
    zorder: float = 1.0,
) -> None:
    axes.bar(
        data.centres,
        values,
        width=data.widths,
        bottom=bottom,
        color=colour,
        label=safe_label(label),
        linewidth=0,
        alpha=alpha,
        zorder=zorder,
    )


def _limits(data: FigureData, axes: Axes) -> None:
    total, _ = data.total(data.layers)
    band = data.band(data.layers)
    if data.data is not None:
        peak, headroom = float(data.data.values.max(initial=0.0)), 2.0 if data.layers else 1.6
    else:
        peak, headroom = float((total + band.up).max(initial=0.0)), 1.3
    if not peak > 0:
        peak = float((total + band.up).max(initial=0.0))
    top = (data.headroom or headroom) * peak
    if data.log:
        positive = total[total > 0] if data.layers else np.ones(1)
        low = min(0.5, float(positive.min(initial=0.5)))
        axes.set_yscale("log")
        axes.set_ylim(low, max(top, peak) * 100 if peak > 0 else 10 * low)
        return
    low = min(0.0, 1.1 * float((total - band.down).min(initial=0.0)))
    axes.set_ylim(low, top if top > 0 else 1.0)


def _texts(data: FigureData, axes: Axes) -> None:
    def write(y: float, text: str, size: float, *, italic: bool = False) -> None:
        axes.text(
            0.1, y, text, transform=axes.transAxes, fontsize=size, style="italic" if italic else "normal"
        )

    write(0.93, data.source, 16)
    write(0.88, "for education", 12, italic=True)
    write(0.82, beam_line(data, integral=True), 13)
    write(0.76, safe_label(data.text), 13)
