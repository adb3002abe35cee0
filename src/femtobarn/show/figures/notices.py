"""What is written on a figure besides its content: where the events are from, and what to know of them."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from femtobarn.show.figures.labels import safe_label
from femtobarn.show.figures.model import FigureData
from femtobarn.show.figures.style import WARNING

_MOST_LINES = 6


def beam_line(data: FigureData, *, integral: bool = False) -> str:
    """Return collision energy and luminosity as mathtext; empty if neither is known.

    ``integral`` writes the luminosity as the published notebook does.
    """
    words = []
    if data.energy:
        words.append(rf"$\sqrt{{s}}$={data.energy}" if integral else rf"$\sqrt{{s}}$ = {data.energy}")
    if data.luminosity is not None:
        value = f"{data.luminosity:.4g}"
        words.append(rf"$\int$L dt = {value} fb$^{{-1}}$" if integral else rf"{value} fb$^{{-1}}$")
    return (", " if not integral else ",").join(words)


def note_lines(notes: Sequence[str], width_inches: float, fontsize: float) -> list[str]:
    """Return ``notes`` wrapped to ``width_inches``, each character safe to draw."""
    columns = max(20, int(width_inches * 72 / (fontsize * 0.52)))
    lines: list[str] = []
    for note in notes:
        lines += [safe_label(line, most=columns + 1) for line in textwrap.wrap(note, columns)]
    if len(lines) > _MOST_LINES:
        lines = [*lines[: _MOST_LINES - 1], "… (all in the report)"]
    return lines


def strip_height(lines: int, fontsize: float, height_inches: float) -> float:
    """Return the share of a figure's height that ``lines`` above the axes take."""
    return (lines * fontsize * 1.3 + (4 if lines else 0)) / 72 / height_inches


def write_strip(
    figure: Figure,
    axes: Axes,
    lines: Sequence[str],
    fontsize: float,
    *,
    colour: str = WARNING,
    below: int = 0,
) -> Text | None:
    """Write ``lines`` above ``axes`` and above ``below`` other lines; the caller has left room for them."""
    if not lines:
        return None
    box = axes.get_position()
    above = (3 + below * fontsize * 1.3) / 72 / figure.get_figheight()
    return figure.text(
        box.x0,
        box.y1 + above,
        "\n".join(lines),
        fontsize=fontsize,
        color=colour,
        ha="left",
        va="bottom",
        linespacing=1.15,
    )
