"""The figure of all histograms at once: how many values they hold, and where those are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

from femtobarn.physics.spectra.combinations import combinations
from femtobarn.show.figures.labels import safe_label
from femtobarn.show.spectra.canvas import SOFT, Heading, colours, nothing, quiet, sheet
from femtobarn.show.spectra.populations import Ints, Populations, short_state
from femtobarn.show.spectra.shown import ShownScan

MOST_STATES, MOST_COMBINATIONS = 40, 48
_PER_DECADE = 4


@dataclass(frozen=True, slots=True, eq=False)
class OccupancyData:
    """What the figure shows.

    Parameters
    ----------
    groups
        names and kinds
    edges, counts
        (bins + 1,) of the number of values of a histogram, and (groups, bins) how many have as many
    states, combinations
        the final states and combinations with the most values, in this order
    entries
        (states, combinations) values of the first group; 0: there is no such histogram
    found
        how many final states and combinations there are
    spectra
        how many histograms, of all groups
    """

    heading: Heading
    groups: tuple[tuple[str, str], ...]
    edges: NDArray[np.float64]
    counts: Ints
    states: tuple[str, ...]
    combinations: tuple[str, ...]
    entries: Ints
    found: tuple[int, int]
    spectra: int

    @property
    def words(self) -> str:
        """The numbers in a line."""
        return f"{self.spectra:,} histograms of {self.found[0]:,} final states and {self.found[1]:,} combinations"


def compute(scan: ShownScan) -> OccupancyData:
    """Return what the figure shows of a scan."""
    spectra = scan.spectra
    all_of = [Populations.of(spectra, group) for group in spectra.groups]
    highest = max((int(p.entries.max(initial=1)) for p in all_of), default=1)
    # the lower edge of each bin is a number of values that a histogram can have
    decades = max(1, int(np.ceil(np.log10(highest + 1))))
    edges = np.unique(np.ceil(np.logspace(0, decades, decades * _PER_DECADE + 1)))
    counts = np.array([np.histogram(p.entries, edges)[0] for p in all_of], np.int64).reshape(len(all_of), -1)
    first = (
        all_of[0]
        if all_of
        else Populations(np.empty(0, np.uint64), np.empty(0, np.int64), np.empty(0, np.int64))
    )
    rows, row = np.unique(first.codes, return_inverse=True)
    columns, column = np.unique(first.combinations, return_inverse=True)
    table = np.zeros((len(rows), len(columns)), np.int64)
    table[row, column] = first.entries
    top_rows = np.argsort(-table.sum(axis=1), kind="stable")[:MOST_STATES]
    in_rows = table[top_rows].sum(axis=0)
    top_columns = np.argsort(-in_rows, kind="stable")[: min(MOST_COMBINATIONS, int((in_rows > 0).sum()))]
    names = [c.name for c in combinations(spectra.record)]
    return OccupancyData(
        heading=Heading.of(scan.info, spectra.record),
        groups=tuple((name, spectra.group(name).kind) for name in spectra.groups),
        edges=edges,
        counts=counts,
        states=tuple(short_state(int(rows[i])) for i in top_rows),
        combinations=tuple(names[int(columns[i])] for i in top_columns),
        entries=table[np.ix_(top_rows, top_columns)],
        found=(len(rows), len(columns)),
        spectra=sum(len(p.entries) for p in all_of),
    )


def draw(data: OccupancyData) -> Figure:
    """Return the figure."""
    high = 3.6 + 0.19 * max(len(data.states), 12) + 1.5
    figure, top = sheet(data.heading, data.words, (14.0, high))
    above = figure.add_axes((0.07, top - 2.4 / high, 0.90, 2.05 / high))
    _histogram(above, data)
    below = (0.11, 0.95 / high, 0.80, top - 4.25 / high)
    axes = figure.add_axes(below)
    if not data.entries.size:
        nothing(axes, "No histogram has a value.")
        return figure
    _map(figure, axes, data)
    return figure


def _histogram(axes: Axes, data: OccupancyData) -> None:
    quiet(axes, "Values per histogram")
    shades = colours([kind for _, kind in data.groups])
    for (name, _), colour, counts in zip(data.groups, shades, data.counts, strict=True):
        axes.stairs(counts, data.edges, color=colour, linewidth=1.6, label=safe_label(name, 30))
        axes.stairs(counts, data.edges, color=colour, alpha=0.12, fill=True)
    axes.set_xscale("log")
    axes.set_xlim(1, max(data.edges[-1], 10))
    axes.set_ylim(0, max(int(data.counts.max(initial=0)) * 1.15, 1))
    axes.set_xlabel("values in a histogram", loc="right")
    axes.set_ylabel("histograms", loc="top")
    if len(data.groups) > 1:
        axes.legend(fontsize=10.5, loc="upper right")


def _map(figure: Figure, axes: Axes, data: OccupancyData) -> None:
    group = safe_label(data.groups[0][0], 30)
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
