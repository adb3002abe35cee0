"""The figure: efficiency at a far server, memory while queueing, time against the size of the input."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.scale.far import ENOUGH, efficiencies
from benchmarks.scale.results import Far, Queueing, Results, Sizes
from benchmarks.scale.tables import fit_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw(results: Results, path: Path) -> None:
    """Draw the steps that were measured into a PNG file."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    panels: list[tuple[Callable[[Axes, Any], None], Any]] = [
        (_far, results.far),
        (_queueing, results.queueing),
        (_sizes, results.sizes),
    ]
    there = [(panel, step) for panel, step in panels if step is not None]
    figure, places = plt.subplots(1, max(1, len(there)), figsize=(5 * max(1, len(there)), 4), squeeze=False)
    for axes, (panel, step) in zip(places[0], there, strict=False):
        panel(axes, step)
        axes.grid(visible=True, alpha=0.2)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(frameon=False, fontsize="small")
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _far(axes: Axes, step: Far) -> None:
    found = efficiencies(step.rows)
    for name in dict.fromkeys(row.executor for row in step.rows):
        points = sorted(
            (n, value) for (one, n, at_once), value in found.items() if one == name and at_once == ENOUGH
        )
        axes.plot([n for n, _ in points], [value for _, value in points], "o-", label=name, markersize=4)
    axes.axhline(0.9, color="grey", linestyle=":")
    axes.set_xscale("log", base=2)
    title = f"server {step.round_trip * 1e3:.0f} ms away"
    axes.set(xlabel="workers", ylabel="efficiency", ylim=(0, 1.1), title=title)


def _queueing(axes: Axes, step: Queueing) -> None:
    axes.plot(step.seconds, [rss / 1e6 for rss in step.rss])
    for moment, name in ((step.planned, "planned"), (step.submitted, "queued")):
        axes.axvline(moment, color="grey", linestyle=":")
        axes.annotate(name, (moment, 0), rotation=90, ha="right", va="bottom", fontsize="small")
    title = f"{step.tasks:,} tasks"
    axes.set(xlabel="seconds", ylabel="memory of the driver [MB]", title=title, ylim=(0, None))


def _sizes(axes: Axes, step: Sizes) -> None:
    for row in step.rows:
        events = [n / 1e6 for n in row.events]
        line = fit_of(row)
        drawn = axes.plot(
            events,
            [statistics.median(s) for s in row.seconds],
            "o",
            label=f"{row.executor}, {row.workers}",
            markersize=4,
        )
        axes.plot(events, [line.start + line.slope * n for n in events], color=drawn[0].get_color())
    axes.set(xlabel="million events", ylabel="seconds", title="hzz", xlim=(0, None), ylim=(0, None))
