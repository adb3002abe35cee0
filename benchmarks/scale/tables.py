"""The numbers of each step as tables of Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from benchmarks.arithmetic import spread
from benchmarks.scale.far import efficiencies
from benchmarks.scale.fits import Fit, fitted, steps
from benchmarks.scale.results import Far, Overhead, Queueing, SizeRow, Sizes, Speed


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; numbers stand to the right, names to the left."""
    lines = [f"| {' | '.join(head)} |", f"|{'|'.join(['---', *['---:'] * (len(head) - 1)])}|"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines)


def overhead_table(step: Overhead) -> str:
    """Return what each executor costs for a task, in milliseconds."""
    lines = []
    for row in step.rows:

        def each(part: str, row=row) -> str:
            return f"{statistics.median(getattr(c, part) for c in row.cpu) / row.cpu_tasks * 1e3:.2f}"

        lines.append(
            [
                f"{row.executor}, {row.workers}",
                f"{row.tasks:,}",
                spread([1e3 * value for value in row.alone]).shown(1),
                spread([1e3 * value for value in row.overhead]).shown(1),
                each("driver"),
                each("servers"),
                each("workers") if row.workers_counted else "not known",
                spread(row.start).shown(),
            ]
        )
    head = (
        "executor, workers",
        "tasks",
        "a task alone, ms",
        "overhead, ms of a worker",
        "CPU of the driver, ms",
        "CPU of broker or scheduler, ms",
        "CPU of workers, ms",
        "until the first task began, s",
    )
    return markdown(head, lines)


def queueing_table(step: Queueing) -> str:
    """Return what planning and queueing took."""
    rate = step.queued / step.submit_seconds
    rows = [
        ("planned", f"{step.plan_seconds:.1f} s", f"{step.plan_seconds / step.tasks * 1e6:.0f} µs"),
        ("queued, each confirmed by the broker", f"{step.submit_seconds:.1f} s", f"{rate:,.0f} tasks/s"),
        (
            "CPU of the broker meanwhile",
            f"{step.broker_cpu:.1f} s",
            f"{step.broker_cpu / step.queued * 1e6:.0f} µs",
        ),
        (
            f"taken away again: {step.drained:,}",
            f"{step.drain_seconds:.1f} s",
            f"{step.drained / step.drain_seconds:,.0f} tasks/s",
        ),
        ("peak memory of the driver", f"{max(step.rss) / 1e6:.0f} MB", ""),
    ]
    return markdown(("", f"{step.tasks:,} tasks", "each"), rows)


def speed_table(step: Speed) -> str:
    """Return wall time, CPU and speed-up of ``hzz`` on each executor."""
    alone = {row.executor: row for row in step.rows if row.workers == 1}
    lines = []
    for row in step.rows:
        one = alone[row.executor]
        cpu = [c.total for c in row.cpu]
        lines.append(
            [
                f"{row.executor}, {row.workers}",
                spread(row.wall).shown(),
                spread(row.busy).shown(),
                spread(cpu).shown() if row.workers_counted else "not known",
                f"{statistics.median(one.wall) / statistics.median(row.wall):.2f}",
                f"{statistics.median(one.busy) / statistics.median(row.busy):.2f}",
            ]
        )
    head = (
        "executor, workers",
        "wall s",
        "first to last task, s",
        "CPU s",
        "speed-up, wall",
        "speed-up, first to last task",
    )
    return markdown(head, lines)


def far_table(step: Far) -> str:
    """Return efficiency, and who uses the cores, for each number of workers."""
    efficient = efficiencies(step.rows)
    lines = []
    for row in step.rows:
        number = row.workers * row.tasks
        busy = row.cpu.total / row.wall
        value = efficient.get((row.executor, row.workers, row.connections))
        lines.append(
            [
                f"{row.executor}, {row.workers}",
                f"{row.connections}",
                f"{number:,}",
                f"{row.wall:.2f}",
                "not known" if value is None else f"{value:.2f}",
                f"{row.task_seconds:.2f}",
                f"{row.task_cpu * 1e3:.0f}",
                f"{row.cpu.total / number * 1e3:.0f}",
                f"{row.cpu.servers / number * 1e3:.2f}",
                f"{busy:.2f} of {step.setting.cores}",
                f"{row.memory / row.workers / 2**20:.0f}",
            ]
        )
    head = (
        "executor, workers",
        "requests at once",
        "tasks",
        "wall s",
        "efficiency",
        "a task, s",
        "its CPU, ms",
        "CPU of everybody for a task, ms",
        "of broker or scheduler, ms",
        "cores busy",
        "MiB a worker",
    )
    return markdown(head, lines)


def enough_cores(step: Far) -> dict[str, float]:
    """Return, by executor, the number of workers that keep all cores busy: seconds of a task / CPU seconds x cores."""
    alone = [row for row in step.rows if row.workers == 1]
    return {row.executor: row.wall / row.cpu.total * step.setting.cores for row in alone if row.cpu.total}


def sizes_table(step: Sizes) -> str:
    """Return seconds and slopes for each size of input."""
    lines = []
    for row in step.rows:
        medians = [statistics.median(seconds) for seconds in row.seconds]
        line = fit_of(row)
        slopes = steps([n / 1e6 for n in row.events], medians)
        lines.append(
            [
                f"{row.executor}, {row.workers}",
                *(f"{value:.2f}" for value in medians),
                f"{line.start:.2f}",
                f"{line.slope:.3f}",
                f"{min(slopes):.3f} to {max(slopes):.3f}",
                f"{100 * line.residual:.1f} %",
            ]
        )
    head = (
        "executor, workers",
        *(f"x{factor}, s" for factor in step.factors),
        "start, s",
        "s per million events",
        "between two sizes",
        "largest distance from the line",
    )
    return markdown(head, lines)


def fit_of(row: SizeRow) -> Fit:
    """Return the line through the medians of a row, in seconds per million events."""
    medians = [statistics.median(seconds) for seconds in row.seconds]
    return fitted([n / 1e6 for n in row.events], medians)
