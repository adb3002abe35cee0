"""The figure: CPU time against events, values and final states, and memory against files."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.spectra.fits import by_events, by_states, costs, straight
from benchmarks.spectra.results import Growth, Memory, Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw(results: Results, path: Path) -> None:
    """Draw the steps that were measured into a PNG file."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    panels: list[Callable[[Axes], None]] = []
    if (growth := results.growth) is not None:
        panels += [lambda axes, one=one: one(axes, growth) for one in (_events, _values, _states)]
    if (memory := results.memory) is not None:
        panels.append(lambda axes: _memory(axes, memory))
    number = max(1, len(panels))
    figure, places = plt.subplots(1, number, figsize=(4.4 * number, 4), squeeze=False)
    for axes, panel in zip(places[0], panels, strict=False):
        panel(axes)
        axes.grid(visible=True, which="both", alpha=0.2)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(frameon=False, fontsize="small")
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _events(axes: Axes, step: Growth) -> None:
    for number, rows in by_events(step.rows).items():
        x = [row.events / 1e6 for row in rows]
        drawn = axes.plot(x, [row.seconds for row in rows], "o", label=f"{number} combinations", markersize=4)
        if len(rows) > 1:
            line, ends = straight(rows), [0, rows[-1].events]
            axes.plot(
                [n / 1e6 for n in ends],
                [line.start + line.slope * n for n in ends],
                color=drawn[0].get_color(),
            )
    axes.set(xlabel="million events", ylabel="CPU seconds", title="events", xlim=(0, None), ylim=(0, None))


def _values(axes: Axes, step: Growth) -> None:
    for number, rows in by_events(step.rows).items():
        axes.plot(
            [row.values / 1e6 for row in rows],
            [row.seconds for row in rows],
            "o-",
            label=f"{number} combinations",
            markersize=4,
        )
    axes.set(xlabel="million values", ylabel="CPU seconds", title="values", xlim=(0, None), ylim=(0, None))


def _states(axes: Axes, step: Growth) -> None:
    rows = by_states(step.rows)
    axes.plot(
        [row.states for row in rows], [row.seconds for row in rows], "o-", label="measured", markersize=4
    )
    with contextlib.suppress(ValueError):  # a quick look cannot tell costs apart
        found = costs(step)
        rest = [found.start + found.event * row.events + found.value * row.values for row in rows]
        axes.plot([row.states for row in rows], rest, ":", label="start, events and values alone")
    axes.set(
        xlabel="final states", ylabel="CPU seconds", title="final states", xlim=(0, None), ylim=(0, None)
    )


def _memory(axes: Axes, step: Memory) -> None:
    files = [row.files for row in step.rows]
    for name in ("together", "worker", "driver"):
        label = {"together": "all processes", "worker": "largest worker", "driver": "driver"}[name]
        axes.plot(files, [getattr(row, name) / 1e6 for row in step.rows], "o-", label=label, markersize=4)
    axes.set(
        xlabel="copies of a file", ylabel="peak memory [MB]", title="memory", xscale="log", ylim=(0, None)
    )
