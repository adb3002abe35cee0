"""femtobarn's own look: the stack with its statistical band, data, and their ratio."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.text import Text
from matplotlib.ticker import AutoMinorLocator, FuncFormatter, LogLocator, NullFormatter
from matplotlib.transforms import Bbox

from femtobarn.show.figures.bands import draw_bands
from femtobarn.show.figures.labels import safe_label
from femtobarn.show.figures.model import FigureData
from femtobarn.show.figures.notices import beam_line, note_lines, strip_height, write_strip
from femtobarn.show.figures.ratio import draw_ratio, ratio
from femtobarn.show.figures.style import safe_colour

_STRIP = 10.0  # points


def draw(data: FigureData, figure: Figure) -> None:
    """Draw ``data`` on ``figure``."""
    width, height = figure.get_figwidth(), figure.get_figheight()
    lines = note_lines(data.notes, width * 0.83, _STRIP)
    left, right, bottom = 0.125, 0.965, 0.75 / height
    top = 1 - 0.14 / height - strip_height(len(lines), _STRIP, height)
    quotient = ratio(data)
    split = bottom if quotient is None else bottom + 0.27 * (top - bottom)
    gap = 0.0 if quotient is None else 0.012
    main = figure.add_axes((left, split + gap, right - left, top - split - gap))
    write_strip(figure, main, lines, _STRIP)

    bands = _stack(data, main)
    _points(data, main)
    _axes(data, main)
    texts = _texts(data, figure, main)
    legend = _legend(main, bands)
    _make_room(data, figure, main, texts, legend)

    lowest = main
    if quotient is not None:
        lowest = figure.add_axes((left, bottom, right - left, split - bottom), sharex=main)
        draw_ratio(data, quotient, lowest)
        main.tick_params(labelbottom=False)
    lowest.set_xlabel(safe_label(data.x_label), x=1, ha="right")
    figure.align_ylabels([main, lowest])


def _stack(data: FigureData, axes: Axes) -> int:
    """Draw what is simulated, and return the number of its error bands."""
    below = np.zeros(data.edges.size - 1)
    for index, layer in enumerate(data.layers):
        above = below + layer.values
        axes.stairs(
            above,
            data.edges,
            baseline=below,
            fill=True,
            facecolor=safe_colour(layer.colour, index),
            edgecolor="black",
            linewidth=0.5,
            label=safe_label(layer.label),
        )
        below = above
    if not data.layers:
        return 0
    total, error = data.total(data.layers)
    return draw_bands(axes, data.edges, total, error, data.band(data.layers) if data.variations else None)


def _points(data: FigureData, axes: Axes) -> None:
    """Draw data; an empty bin has no marker and no bar: its interval reaches from 0 to 1.84 events."""
    if data.data is None:
        return
    filled = data.data.values > 0
    axes.errorbar(
        data.centres[filled],
        data.data.values[filled],
        yerr=(data.data.down[filled], data.data.up[filled]),
        fmt="o",
        color="black",
        label=safe_label(data.data.label),
        zorder=3,
    )


def _axes(data: FigureData, axes: Axes) -> None:
    axes.set_xlim(data.edges[0], data.edges[-1])
    axes.set_ylabel(safe_label(data.y_label), y=1, ha="right")
    if data.log_x:
        axes.set_xscale("log")
        plain_log_ticks(axes)
    else:
        axes.xaxis.set_minor_locator(AutoMinorLocator())
    if data.log:
        axes.set_yscale("log")
    else:
        axes.yaxis.set_minor_locator(AutoMinorLocator())


def plain_log_ticks(axes: Axes) -> None:
    """Label a logarithmic x axis with plain numbers: 2, 5, 10, 20, ..."""
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=30))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(LogLocator(subs=tuple(range(1, 10)), numticks=30))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _texts(data: FigureData, figure: Figure, axes: Axes) -> list[Text]:
    """Write what the events are, from the top left downwards."""
    height = axes.get_position().height * figure.get_figheight() * 72  # points
    lines = [
        (data.source, 16.0, "bold", "normal"),
        ("for education", 12.0, "normal", "italic"),
        (beam_line(data), 13.0, "normal", "normal"),
        (safe_label(data.text), 13.0, "normal", "normal"),
    ]
    written = []
    down = 10.0
    for text, size, weight, slant in lines:
        if not text:
            continue
        written.append(
            axes.text(
                0.04,
                1 - down / height,
                text,
                transform=axes.transAxes,
                fontsize=size,
                fontweight=weight,
                fontstyle=slant,
                ha="left",
                va="top",
            )
        )
        down += size * 1.5
    return written


def _legend(axes: Axes, bands: int) -> Legend | None:
    """Put data first, then the layers as the eye meets them from the top, then the bands."""
    handles, labels = axes.get_legend_handles_labels()
    if not handles:
        return None
    data = len(handles) - 1 if type(handles[-1]).__name__ == "ErrorbarContainer" else None
    stack = [i for i in range(len(handles)) if i != data]
    layers, last = stack[: len(stack) - bands], stack[len(stack) - bands :]
    order = ([] if data is None else [data]) + layers[::-1] + last
    many = len(order) > 7
    return axes.legend(
        [handles[i] for i in order],
        [labels[i] for i in order],
        loc="upper right",
        fontsize=9.5 if many else 12,
        ncols=2 if many else 1,
    )


def _make_room(
    data: FigureData, figure: Figure, axes: Axes, texts: list[Text], legend: Legend | None
) -> None:
    """End the y axis where no text or legend covers data or stack."""
    total, _ = data.total(data.layers)
    heights = total + data.band(data.layers).up
    if data.data is not None:
        heights = np.maximum(heights, np.where(data.data.values > 0, data.data.values + data.data.up, 0))
    peak = float(heights.max(initial=0.0))
    if not peak > 0:
        axes.text(0.5, 0.4, "no events in this range", transform=axes.transAxes, ha="center", color="0.4")
    low = _lowest(data, peak)

    canvas = FigureCanvasAgg(figure)
    renderer = canvas.get_renderer()  # type: ignore[no-untyped-call]
    inverse = axes.transAxes.inverted()
    words = Bbox.union([t.get_window_extent(renderer) for t in texts]).transformed(inverse)
    blocks = [words]
    if legend is not None:
        box = legend.get_window_extent(renderer).transformed(inverse)
        if box.x0 < words.x1 + 0.01:  # too wide to stand beside the words: below them
            legend.set_loc("upper left")
            legend.set_bbox_to_anchor((0.02, words.y0), transform=axes.transAxes)
            box = Bbox.from_bounds(0.02, words.y0 - box.height - 0.02, box.width, box.height)
        blocks.append(box)

    top = (data.headroom or 1.0) * _reference(data, peak)
    if data.headroom is None:
        forward = _log if data.log else _linear
        shares = [(0.88, peak)]
        for box in blocks:
            x0, x1 = (_along(data, x) for x in (box.x0 - 0.02, box.x1 + 0.02))
            under = heights[(data.edges[1:] > x0) & (data.edges[:-1] < x1)]
            shares.append((max(0.15, box.y0 - 0.04), float(under.max(initial=0.0))))
        top = max(forward(low, height, share) for share, height in shares)
    axes.set_ylim(low, top if top > low else low + 1.0)
    if low < 0:
        axes.axhline(0, color="black", linewidth=0.6, zorder=1)


def _along(data: FigureData, share: float) -> float:
    """Return the x at ``share`` of the axis."""
    first, last = float(data.edges[0]), float(data.edges[-1])
    return first * (last / first) ** share if data.log_x else first + (last - first) * share


def _linear(low: float, height: float, share: float) -> float:
    """Return the end of an axis from ``low`` on which ``height`` is reached at ``share`` of its length."""
    return low + (max(height, low) - low) / share


def _log(low: float, height: float, share: float) -> float:
    return float(10 ** (math.log10(low) + (math.log10(max(height, low)) - math.log10(low)) / share))


def _reference(data: FigureData, peak: float) -> float:
    if data.data is None:
        return peak
    highest = float(data.data.values.max(initial=0.0))
    return highest if highest > 0 else peak


def _lowest(data: FigureData, peak: float) -> float:
    total, _ = data.total(data.layers)
    if data.log:
        seen = total if data.layers or data.data is None else data.data.values
        positive = seen[seen > 0]
        if not data.layers and positive.size:
            return max(0.5, 0.2 * float(positive.min()))  # data alone: near the emptiest bin
        smallest = float(positive.min()) if positive.size else 0.5
        return max(min(0.5, 0.5 * smallest), max(peak, 1.0) * 1e-5)
    lowest = float((total - data.band(data.layers).down).min(initial=0.0))
    return min(0.0, 1.1 * lowest if np.any(total < 0) else 0.0)
