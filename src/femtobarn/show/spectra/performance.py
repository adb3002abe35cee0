"""The figure of what a scan cost: time and memory of each stage, and how fast events were read."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from femtobarn.show.figures.labels import safe_label
from femtobarn.show.spectra.canvas import (
    GRID,
    INK,
    SIMULATED,
    SOFT,
    Heading,
    bars_only,
    legend_above,
    nothing,
    quiet,
    sheet,
)
from femtobarn.show.spectra.shown import ShownScan
from femtobarn.show.wording import size

_SECOND = ((3600.0, "h"), (60.0, "min"), (1.0, "s"))


@dataclass(frozen=True, slots=True)
class StageCost:
    """What a stage cost: seconds of wall time and of processors, largest memory in bytes."""

    stage: str
    seconds: float
    cpu_seconds: float
    peak_rss: int


@dataclass(frozen=True, slots=True)
class PerformanceData:
    """What the figure shows.

    Parameters
    ----------
    stages
        those that are done, in their order
    steps
        what the tasks did and the seconds of all of them
    course
        seconds since the first task began, and the events of the tasks that had ended by then
    events, values
        totals; ``values`` is how many masses were filled
    busy_seconds
        wall time with tasks at work
    """

    heading: Heading
    stages: tuple[StageCost, ...]
    steps: tuple[tuple[str, float], ...]
    course: tuple[tuple[float, int], ...]
    events: int
    values: int
    busy_seconds: float
    cpu_seconds: float
    bytes_read: int

    @property
    def words(self) -> str:
        """The numbers in a line."""
        parts = [f"{self.events:,} events", f"{self.values:,} values"]
        if self.busy_seconds > 0:
            parts.append(f"{self.events / self.busy_seconds:,.0f} events/s")
            parts.append(f"{self.values / self.busy_seconds:,.0f} values/s")
        if self.events and self.cpu_seconds > 0:
            parts.append(f"{1e6 * self.cpu_seconds / self.events:.3g} µs of processors per event")
        parts.append(f"{size(self.bytes_read)} read")
        return ", ".join(parts)


def compute(scan: ShownScan) -> PerformanceData:
    """Return what the figure shows of a scan."""
    summary, metrics = scan.summary, scan.metrics
    steps = metrics.steps
    course = ((0.0, 0), *((m.seconds, m.events) for m in metrics.over_time))
    return PerformanceData(
        heading=Heading.of(scan.info, scan.spectra.record),
        stages=tuple(StageCost(s.stage, s.seconds, s.cpu_seconds, s.peak_rss) for s in summary.stages),
        steps=(
            ("reading", steps.read),
            ("objects, states, masses", steps.evaluate),
            ("opening, checking, writing", steps.other),
        ),
        course=course if metrics.over_time else (),
        events=metrics.events,
        values=sum(g.values for g in summary.groups),
        busy_seconds=metrics.busy_seconds,
        cpu_seconds=steps.cpu,
        bytes_read=metrics.bytes_read,
    )


def draw(data: PerformanceData) -> Figure:
    """Return the figure."""
    figure, top = sheet(data.heading, data.words, (12.0, 7.6))
    grid = figure.add_gridspec(
        2, 2, left=0.12, right=0.975, top=top - 0.04, bottom=0.085, wspace=0.3, hspace=0.42
    )
    axes = [figure.add_subplot(grid[i, j]) for i in range(2) for j in range(2)]
    _times(axes[0], data)
    _memory(axes[1], data)
    _steps(axes[2], data)
    _course(axes[3], data)
    return figure


def _times(axes: Axes, data: PerformanceData) -> None:
    if not data.stages:
        nothing(axes, "No stage has told what it cost.")
        return
    quiet(axes, "Time of each stage")
    for i, stage in enumerate(data.stages):
        axes.barh(i - 0.19, stage.seconds, 0.34, color=SIMULATED[0], label="wall" if i == 0 else None)
        axes.barh(
            i + 0.19, stage.cpu_seconds, 0.34, color=SIMULATED[4], label="processors" if i == 0 else None
        )
        for y, value in ((i - 0.19, stage.seconds), (i + 0.19, stage.cpu_seconds)):
            _tell(axes, value, y, _seconds(value))
    _names(axes, [s.stage for s in data.stages])
    axes.set_xlabel("seconds", loc="right")
    legend_above(axes, 2)
    _room(axes, max(max(s.seconds, s.cpu_seconds) for s in data.stages))


def _memory(axes: Axes, data: PerformanceData) -> None:
    if not data.stages:
        nothing(axes, "No stage has told what it needed.")
        return
    quiet(axes, "Largest memory of a process")
    values = [s.peak_rss / 1e6 for s in data.stages]
    axes.barh(range(len(values)), values, 0.6, color=SIMULATED[2])
    for i, value in enumerate(values):
        _tell(axes, value, i, f"{value:,.0f} MB")
    _names(axes, [s.stage for s in data.stages])
    axes.set_xlabel("MB", loc="right")
    _room(axes, max(values))


def _steps(axes: Axes, data: PerformanceData) -> None:
    quiet(axes, "Time of all tasks, by what they did")
    total = sum(value for _, value in data.steps)
    for i, (_, value) in enumerate(data.steps):
        axes.barh(i, value, 0.6, color=SIMULATED[1])
        share = f", {100 * value / total:.0f} %" if total > 0 else ""
        _tell(axes, value, i, _seconds(value) + share)
    _names(axes, [name.replace(", ", ",\n", 1) for name, _ in data.steps])
    axes.set_xlabel("seconds", loc="right")
    _room(axes, max(value for _, value in data.steps), more=1.35)


def _course(axes: Axes, data: PerformanceData) -> None:
    if len(data.course) < 2:
        nothing(axes, "No task was run for this result: all were there before.")
        return
    quiet(axes, "Events of finished tasks")
    seconds, events = zip(*data.course, strict=True)
    axes.step(seconds, events, where="post", color=INK, linewidth=1.6)
    axes.set_xlim(0, max(1.03 * seconds[-1], 1e-9))  # the last step is seen too
    axes.set_ylim(0, max(events) * 1.1 or 1)
    axes.yaxis.set_major_formatter(lambda value, _: _short(value))
    axes.set_xlabel("seconds since the first task began", loc="right")
    axes.set_axisbelow(True)
    axes.grid(color=GRID, linewidth=0.6)


def _names(axes: Axes, names: list[str]) -> None:
    axes.set_yticks(range(len(names)), [safe_label(n) if "\n" not in n else n for n in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    bars_only(axes)


def _tell(axes: Axes, value: float, y: float, words: str) -> None:
    axes.annotate(
        words, (value, y), (4, 0), textcoords="offset points", va="center", fontsize=9.5, color=SOFT
    )


def _room(axes: Axes, highest: float, more: float = 1.22) -> None:
    axes.set_xlim(0, highest * more or 1)


def _seconds(value: float) -> str:
    scale, unit = next(((s, u) for s, u in _SECOND if value >= 2 * s), (1.0, "s"))
    return f"{value / scale:.{3 if value >= 1 else 2}g} {unit}"


def _short(value: float) -> str:
    for scale, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= scale:
            return f"{value / scale:g} {unit}"
    return f"{value:g}"
