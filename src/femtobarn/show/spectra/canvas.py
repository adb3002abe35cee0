"""What all figures of a scan have in common: size, heading, colours of groups."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from femtobarn.base.records import Kind, RunInfo
from femtobarn.base.spectra import SpectraRecord
from femtobarn.show.figures.labels import safe_label
from femtobarn.show.figures.notices import note_lines
from femtobarn.show.figures.style import WARNING
from femtobarn.show.spectra.words import UNSCALED, is_unscaled, mode_of
from femtobarn.show.wording import completeness, event_source, plain_label

INK, SOFT, GRID = "#1b1f24", "#57606a", "#d8dee4"
SIMULATED = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#8c6bb1", "#8f8a00")
WINDOW = "#e69f00"
SMALL = 10.0
_LABELS = 11.5


@dataclass(frozen=True, slots=True)
class Heading:
    """What is written above a figure.

    Parameters
    ----------
    source
        what the events are
    title
        of the scan
    facts
        mode and release
    warnings
        what a reader must know before all
    """

    source: str
    title: str
    facts: str
    warnings: tuple[str, ...]

    @classmethod
    def of(cls, info: RunInfo, record: SpectraRecord, weighed: Iterable[Kind] = ()) -> Heading:
        """Return what is written above the figures of a run; ``weighed`` are kinds whose weights are drawn."""
        title = plain_label(info.analysis.title) or info.analysis.name
        warnings = completeness(info) + ((UNSCALED,) if is_unscaled(record, weighed) else ())
        return cls(event_source(info), title, f"{info.release}, {mode_of(record)}", warnings)


def sheet(heading: Heading, words: str, size: tuple[float, float]) -> tuple[Figure, float]:
    """Return an empty figure of ``size`` inches with its heading, and the share of its height below that."""
    figure = Figure(figsize=size, dpi=100)
    FigureCanvasAgg(figure)
    height = size[1] * 72
    at = 1 - 24 / height
    left = figure.text(30 / (size[0] * 72), at, safe_label(heading.source), fontsize=16, fontweight="bold")
    end = left.get_window_extent(figure.canvas.get_renderer()).x1 / (size[0] * 100)  # type: ignore[attr-defined] # of Agg
    room = int(((1 - end) * size[0] * 72 - 30) / (14 * 0.52))  # characters
    figure.text(end + 10 / (size[0] * 72), at, safe_label(heading.title, max(10, room)), fontsize=14)
    at -= 18 / height
    figure.text(
        30 / (size[0] * 72), at, safe_label(f"{heading.facts}; {words}", 160), fontsize=11, color=SOFT
    )
    for line in note_lines(heading.warnings, size[0] * 0.9, 11):
        at -= 15 / height
        figure.text(30 / (size[0] * 72), at, line, fontsize=11, color=WARNING)
    return figure, at - 16 / height


def colours(kinds: list[str]) -> list[str]:
    """Return a colour for each group: data are black, simulation is coloured."""
    simulated = iter(SIMULATED * (1 + len(kinds) // len(SIMULATED)))
    return [INK if kind == "data" else next(simulated) for kind in kinds]


def quiet(axes: Axes, title: str) -> None:
    """Give axes a title of their own and small labels."""
    axes.set_title(title, fontsize=13, loc="left", pad=8, y=1)  # a given y: its place is not searched for
    axes.tick_params(labelsize=SMALL, which="both")
    axes.xaxis.label.set_fontsize(_LABELS)
    axes.yaxis.label.set_fontsize(_LABELS)


def legend_above(axes: Axes, columns: int) -> None:
    """Put the legend of axes above them, right of their title, where it hides nothing."""
    axes.legend(
        loc="lower right", bbox_to_anchor=(1, 1.0), ncols=columns, fontsize=10.5, borderpad=0.2,
        borderaxespad=0.3, columnspacing=1.4,
    )  # fmt: skip


def bars_only(axes: Axes) -> None:
    """Take marks away that mean nothing beside bars with names."""
    axes.tick_params(axis="y", which="both", length=0)
    axes.tick_params(axis="x", which="both", top=False)
    axes.minorticks_off()
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def nothing(axes: Axes, words: str) -> None:
    """Say in empty axes why they are."""
    axes.axis("off")
    axes.text(0.5, 0.5, words, ha="center", va="center", fontsize=12, color=SOFT, transform=axes.transAxes)
