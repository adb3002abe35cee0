"""The figure of what a scan read and kept: files, events after each step, final states, objects per event."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from femtobarn.base.records import Kind
from femtobarn.base.spectra import LETTERS, Letter
from femtobarn.physics.spectra import states
from femtobarn.show.figures.labels import safe_label
from femtobarn.show.spectra.canvas import (
    SIMULATED,
    SOFT,
    Heading,
    bars_only,
    colours,
    legend_above,
    nothing,
    quiet,
    sheet,
)
from femtobarn.show.spectra.populations import short_state
from femtobarn.show.spectra.rows import rows
from femtobarn.show.spectra.shown import ShownScan
from femtobarn.show.spectra.words import KINDS

MOST_STATES = 30
_MOST_COUNT = 12
_FILES = {"processed": SIMULATED[2], "failed": "#b42318", "skipped": "#e69f00", "pending": "#a9b2bc"}


@dataclass(frozen=True, slots=True)
class OverviewData:
    """What the figure shows.

    Parameters
    ----------
    files
        what became of the given files, and how many
    rows
        names and kinds of what is told apart
    cuts
        for data and for simulation the steps and the events that each leaves
    states
        the final states with the most events: short name, events of each row, whether it is kept
    more_states
        how many there are besides
    objects
        of each kind the events that have 0, 1, 2, ... of it (the last: or more), all groups together
    """

    heading: Heading
    files: tuple[tuple[str, int], ...]
    rows: tuple[tuple[str, Kind], ...]
    cuts: tuple[tuple[str, tuple[tuple[str, int], ...]], ...]
    states: tuple[tuple[str, tuple[int, ...], bool], ...]
    more_states: int
    objects: tuple[tuple[Letter, tuple[int, ...]], ...]

    @property
    def words(self) -> str:
        """The numbers in a line."""
        total = sum(events for _, by_group, _ in self.states for events in by_group)
        return f"{len(self.states) + self.more_states:,} final states" + (
            f"; the {len(self.states)} largest have {total:,} events" if self.more_states else ""
        )


def compute(scan: ShownScan) -> OverviewData:
    """Return what the figure shows of a scan."""
    summary, spectra = scan.summary, scan.spectra
    files = summary.files
    events: dict[int, list[int]] = {}
    kept: dict[int, bool] = {}
    drawn = rows(spectra)
    for i, group in ((i, group) for i, row in enumerate(drawn) for group in row.groups):
        for state in spectra.states(group):
            events.setdefault(state.state, [0] * len(drawn))[i] += state.events
            kept[state.state] = kept.get(state.state, False) or state.kept
    largest = sorted(events, key=lambda s: (-sum(events[s]), s))
    kinds = dict.fromkeys(c.kind for c in summary.cuts)
    return OverviewData(
        heading=Heading.of(scan.info, spectra.record),
        files=(
            ("processed", files.processed),
            ("failed", files.failed),
            ("skipped", files.skipped),
            ("pending", files.pending),
        ),
        rows=tuple((row.name, row.kind) for row in drawn),
        cuts=tuple(
            (kind, tuple((c.cut, c.events) for c in summary.cuts if c.kind == kind)) for kind in kinds
        ),
        states=tuple((short_state(s), tuple(events[s]), kept[s]) for s in largest[:MOST_STATES]),
        more_states=max(0, len(largest) - MOST_STATES),
        objects=_objects(events, spectra.record.letters),
    )


def _objects(
    events: dict[int, list[int]], letters: tuple[Letter, ...]
) -> tuple[tuple[Letter, tuple[int, ...]], ...]:
    found = {letter: np.zeros(_MOST_COUNT + 1, np.int64) for letter in LETTERS if letter in letters}
    for state, by_group in events.items():
        counts = states.counts(state)
        for letter, column in found.items():
            column[min(counts[letter], _MOST_COUNT)] += sum(by_group)
    last = max((int(np.flatnonzero(c).max(initial=0)) for c in found.values()), default=0)
    return tuple((letter, tuple(column[: last + 1].tolist())) for letter, column in found.items())


def draw(data: OverviewData) -> Figure:
    """Return the figure."""
    figure, top = sheet(data.heading, data.words, (14.0, 10.0))
    grid = figure.add_gridspec(
        3, 2, left=0.16, right=0.98, top=top - 0.03, bottom=0.06, wspace=0.28, hspace=0.42,
        height_ratios=(0.5, 1.15, 1.15), width_ratios=(1, 1),
    )  # fmt: skip
    _files(figure.add_subplot(grid[0, 0]), data)
    _cuts(figure.add_subplot(grid[1, 0]), data)
    _counts(figure.add_subplot(grid[2, 0]), data)
    _states(figure.add_subplot(grid[:, 1]), data)
    return figure


def _files(axes: Axes, data: OverviewData) -> None:
    quiet(axes, "Files")
    start = 0
    for name, number in data.files:
        if number:
            axes.barh(0, number, 0.5, left=start, color=_FILES[name], label=f"{number:,} {name}")
        start += number
    axes.set_xlim(0, max(start, 1))
    axes.set_ylim(-0.3, 1.1)
    axes.set_yticks([])
    bars_only(axes)
    axes.spines["left"].set_visible(False)
    if start:
        axes.legend(loc="upper left", ncols=4, fontsize=10.5, borderaxespad=0, columnspacing=1.4)


def _cuts(axes: Axes, data: OverviewData) -> None:
    if not data.cuts:
        nothing(axes, "No cutflow.")
        return
    quiet(axes, "Events left after each step")
    names = list(dict.fromkeys(cut for _, steps in data.cuts for cut, _ in steps))
    shade = dict(zip([k for k, _ in data.cuts], colours([k for k, _ in data.cuts]), strict=True))
    share = 0.76 / len(data.cuts)
    highest = max((events for _, steps in data.cuts for _, events in steps), default=1)
    for j, (kind, steps) in enumerate(data.cuts):
        first = steps[0][1]
        for i, (cut, events) in enumerate(steps):
            y = names.index(cut) + (j - (len(data.cuts) - 1) / 2) * share
            axes.barh(y, events, share * 0.9, color=shade[kind], alpha=0.85, label=kind if i == 0 else None)
            part = f" ({100 * events / first:.3g} %)" if first and i else ""
            axes.annotate(
                f"{events:,}{part}", (events, y), (4, 0), textcoords="offset points",
                va="center", fontsize=9.5, color=SOFT,
            )  # fmt: skip
    axes.set_yticks(
        range(len(names)), ["\n".join(safe_label(w) for w in textwrap.wrap(n, 26)) for n in names]
    )
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlim(0, highest * 1.32 or 1)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.locator_params(axis="x", nbins=4)
    bars_only(axes)
    if len(data.cuts) > 1:
        legend_above(axes, 2)


def _counts(axes: Axes, data: OverviewData) -> None:
    if not any(any(column) for _, column in data.objects):
        nothing(axes, "No event is left.")
        return
    quiet(axes, "Objects per event")
    for i, (letter, column) in enumerate(data.objects):
        values = np.array(column, float)
        axes.stairs(
            np.where(values > 0, values, np.nan), np.arange(len(values) + 1) - 0.5,
            color=SIMULATED[i], linewidth=1.8, label=KINDS[letter][1], baseline=None,
        )  # fmt: skip
        axes.plot(
            np.arange(len(values)),
            np.where(values > 0, values, np.nan),
            "o",
            color=SIMULATED[i],
            markersize=4,
        )
    axes.set_yscale("log")
    axes.set_xlim(-0.5, len(data.objects[0][1]) - 0.5)
    last = len(data.objects[0][1]) - 1
    axes.set_xticks(range(last + 1), [f"≥ {n}" if n == _MOST_COUNT else str(n) for n in range(last + 1)])
    axes.tick_params(axis="x", which="minor", length=0)
    axes.set_xlabel("objects of a kind", loc="right")
    axes.set_ylabel("events", loc="top")
    axes.legend(fontsize=10.5, ncols=2, loc="upper right")
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, 0.5), high * 6)


def _states(axes: Axes, data: OverviewData) -> None:
    if not data.states:
        nothing(axes, "No final state was found.")
        return
    quiet(axes, f"Events per final state{f', the {len(data.states)} largest' if data.more_states else ''}")
    shades = colours([kind for _, kind in data.rows])
    share = 0.8 / len(data.rows)
    for j, ((name, _), colour) in enumerate(zip(data.rows, shades, strict=True)):
        y = np.arange(len(data.states)) + (j - (len(data.rows) - 1) / 2) * share
        values = [by_group[j] for _, by_group, _ in data.states]
        alpha = [0.85 if kept else 0.3 for _, _, kept in data.states]
        bars = axes.barh(y, values, share * 0.9, color=colour, label=safe_label(name, 26))
        for bar, a, value, height in zip(bars, alpha, values, y, strict=True):
            bar.set_alpha(a)
            if len(data.rows) == 1 and value:
                axes.annotate(
                    f"{value:,}", (value, height), (4, 0), textcoords="offset points",
                    va="center", fontsize=9.5, color=SOFT,
                )  # fmt: skip
    axes.set_yticks(range(len(data.states)), [name for name, _, _ in data.states])
    axes.set_ylim(len(data.states) - 0.4, -0.6)
    # bars on a logarithmic axis begin somewhere: a decade below the shortest
    filled = [events for _, by_group, _ in data.states for events in by_group if events]
    axes.set_xscale("log")
    low, high = 10.0 ** np.floor(np.log10(min(filled, default=1)) - 0.3), max(filled, default=10)
    # a large legend stands right of all bars
    small = len(data.rows) <= 2 and all(len(name) <= 10 for name, _ in data.rows)
    axes.set_xlim(low, 4 * high if small or len(data.rows) < 2 else low * (high / low) ** 1.9)
    axes.set_xlabel("events", loc="right")
    bars_only(axes)
    dropped = not all(kept for _, _, kept in data.states)
    if len(data.rows) > 1 or dropped:
        axes.legend(
            loc="lower right", fontsize=10.5, title="pale: not kept" if dropped else None, title_fontsize=10
        )
