"""The figure of all histograms at once: how many values they hold, and where those are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

from femtobarn.base.records import Kind
from femtobarn.physics.spectra.combinations import combinations
from femtobarn.show.figures.labels import safe_label
from femtobarn.show.spectra.canvas import SOFT, Heading, colours, legend_above, nothing, quiet, sheet
from femtobarn.show.spectra.populations import Ints, Populations, short_state
from femtobarn.show.spectra.rows import rows
from femtobarn.show.spectra.shown import ShownScan

MOST_STATES, MOST_COMBINATIONS = 40, 48
_PER_DECADE = 4
_LEGEND = 3  # entries in a line


@dataclass(frozen=True, slots=True, eq=False)
class OccupancyData:
    """What the figure shows.

    Parameters
    ----------
    rows
        names and kinds of what is told apart
    edges, counts
        (bins + 1,) of the number of values of a histogram, and (rows, bins) how many have as many
    states, combinations
        the final states and combinations with the most values, in this order
    entries
        (states, combinations) values of the first row; 0: there is no such histogram
    found
        how many final states and combinations the first row has
    everywhere
        how many final states and combinations there are in all groups
    spectra, groups
        how many histograms, of how many groups
    """

    heading: Heading
    rows: tuple[tuple[str, Kind], ...]
    edges: NDArray[np.float64]
    counts: Ints
    states: tuple[str, ...]
    combinations: tuple[str, ...]
    entries: Ints
    found: tuple[int, int]
    everywhere: tuple[int, int]
    spectra: int
    groups: int

    @property
    def words(self) -> str:
        """The numbers in a line."""
        found, of = self.everywhere, f" in {self.groups} groups" if self.groups > 1 else ""
        return f"{self.spectra:,} histograms{of}, of {found[0]:,} final states and {found[1]:,} combinations"


def compute(scan: ShownScan) -> OccupancyData:
    """Return what the figure shows of a scan."""
    spectra = scan.spectra
    drawn = rows(spectra)
    by_group = {group: Populations.of(spectra, group) for group in spectra.groups}
    all_of = list(by_group.values())
    highest = max((int(p.entries.max(initial=1)) for p in all_of), default=1)
    # the lower edge of each bin is a number of values that a histogram can have
    decades = max(1, int(np.ceil(np.log10(highest + 1))))
    edges = np.unique(np.ceil(np.logspace(0, decades, decades * _PER_DECADE + 1)))
    counts = np.array(
        [sum(np.histogram(by_group[g].entries, edges)[0] for g in row.groups) for row in drawn], np.int64
    ).reshape(len(drawn), -1)
    first = Populations.together([by_group[g] for g in drawn[0].groups] if drawn else [])
    codes, row = np.unique(first.codes, return_inverse=True)
    columns, column = np.unique(first.combinations, return_inverse=True)
    table = np.zeros((len(codes), len(columns)), np.int64)
    table[row, column] = first.entries
    top_rows = np.argsort(-table.sum(axis=1), kind="stable")[:MOST_STATES]
    in_rows = table[top_rows].sum(axis=0)
    top_columns = np.argsort(-in_rows, kind="stable")[: min(MOST_COMBINATIONS, int((in_rows > 0).sum()))]
    names = [c.name for c in combinations(spectra.record)]
    return OccupancyData(
        heading=Heading.of(scan.info, spectra.record),
        rows=tuple((row.name, row.kind) for row in drawn),
        edges=edges,
        counts=counts,
        states=tuple(short_state(int(codes[i])) for i in top_rows),
        combinations=tuple(names[int(columns[i])] for i in top_columns),
        entries=table[np.ix_(top_rows, top_columns)],
        found=(len(codes), len(columns)),
        everywhere=(_different([p.codes for p in all_of]), _different([p.combinations for p in all_of])),
        spectra=sum(len(p.entries) for p in all_of),
        groups=len(all_of),
    )


def _different(parts: Sequence[NDArray[np.integer[Any]]]) -> int:
    return len(np.unique(np.concatenate(parts))) if parts else 0


def draw(data: OccupancyData) -> Figure:
    """Return the figure."""
    lines = -(-len(data.rows) // _LEGEND)
    legend = 0.22 * max(0, lines - 1)  # inches that its further lines take
    high = 3.6 + 0.19 * max(len(data.states), 12) + 1.5 + legend
    figure, top = sheet(data.heading, data.words, (14.0, high))
    above = figure.add_axes((0.07, top - (2.4 + legend) / high, 0.90, 2.05 / high))
    _histogram(above, data)
    below = (0.11, 0.95 / high, 0.80, top - (4.25 + legend) / high)
    axes = figure.add_axes(below)
    if not data.entries.size:
        nothing(axes, "No histogram has a value.")
        return figure
    _map(figure, axes, data)
    return figure


def _histogram(axes: Axes, data: OccupancyData) -> None:
    quiet(axes, "Values per histogram")
    shades = colours([kind for _, kind in data.rows])
    for (name, _), colour, counts in zip(data.rows, shades, data.counts, strict=True):
        axes.stairs(counts, data.edges, color=colour, linewidth=1.6, label=safe_label(name, 30))
        axes.stairs(counts, data.edges, color=colour, alpha=0.12, fill=True)
    axes.set_xscale("log")
    axes.set_xlim(1, max(data.edges[-1], 10))
    axes.set_ylim(0, max(int(data.counts.max(initial=0)) * 1.15, 1))
    axes.set_xlabel("values in a histogram", loc="right")
    axes.set_ylabel("histograms", loc="top")
    if len(data.rows) > 1:
        legend_above(axes, _LEGEND)


def _map(figure: Figure, axes: Axes, data: OccupancyData) -> None:
    group = safe_label(data.rows[0][0], 30)
    largest = ", the largest" if data.found != data.entries.shape else ""
    quiet(axes, f"Values of {group} by final state and combination{largest}")
    filled = np.ma.masked_equal(data.entries, 0)
    lowest = 10.0 ** np.floor(np.log10(filled.min()))
    norm = LogNorm(lowest, max(int(data.entries.max()), 10 * lowest))
    mesh = axes.pcolormesh(filled, cmap="viridis", norm=norm, edgecolors="white", linewidth=0.4)
    axes.minorticks_off()
    axes.set_yticks(np.arange(len(data.states)) + 0.5, data.states)
    axes.set_xticks(np.arange(len(data.combinations)) + 0.5, data.combinations, rotation=90)
    axes.tick_params(which="both", length=0, labelsize=9)
    axes.set_ylim(len(data.states), 0)
    bar_place = axes.get_position()
    bar = figure.add_axes((bar_place.x1 + 0.012, bar_place.y0, 0.014, bar_place.height))
    figure.colorbar(mesh, cax=bar)
    bar.set_ylabel("values", fontsize=11.5, loc="top")
    bar.tick_params(labelsize=10, which="both")
    if np.ma.is_masked(filled):
        axes.text(
            1,
            1.008,
            "white: no such histogram",
            transform=axes.transAxes,
            ha="right",
            va="bottom",
            fontsize=10,
            color=SOFT,
        )
