"""The numbers of each step as tables of Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.arithmetic import spread
from benchmarks.scale.tables import markdown
from benchmarks.spectra.chain import AWKWARD, FIRST2
from benchmarks.spectra.fits import Costs, by_events, by_states, straight
from benchmarks.spectra.plan import Plan
from benchmarks.spectra.results import Chain, Growth, GrowthRow, Memory, median
from benchmarks.spectra.targets import row


def chain_table(step: Chain) -> str:
    """Return what each program takes; the ratio is that of CPU seconds to those of the whole chain."""
    base = median(row(step, FIRST2).cpu)
    lines = [
        (
            one.name,
            spread(one.wall).shown(),
            spread(one.cpu).shown(),
            f"{median(one.cpu) / base:.2f}",
            f"{one.peak / 1e6:.0f}",
        )
        for one in step.rows
    ]
    return markdown(("program", "wall s", "CPU s", "CPU over the chain's", "peak MB"), lines)


def stages_table(step: Chain) -> str:
    """Return where the time of the chain goes, by stage, as the run itself notes it."""
    lines = [(s.name, *(f"{one:.2f}" for one in (s.wall, s.cpu))) for s in step.stages]
    return markdown(("stage", "wall s", "CPU s"), lines)


def commands_table(step: Chain) -> str:
    """Return the commands."""
    return markdown(("program", "command"), [(one.name, f"`{one.command}`") for one in step.rows])


def costs_table(found: Costs) -> str:
    """Return what an event, a value and a histogram cost."""
    lines = (
        ("start of a run", f"{found.start:.2f} s"),
        ("an event, whole chain", f"{found.event * 1e6:.2f} µs"),
        ("of which selecting and sorting objects, final state", f"{found.selecting * 1e6:.2f} µs"),
        ("a value, whole chain", f"{found.value * 1e9:.0f} ns"),
        ("of which mass, bin, sum", f"{found.filling * 1e9:.0f} ns"),
        ("a histogram that is written", f"{found.histogram * 1e6:.0f} µs"),
    )
    return markdown(("", "CPU"), lines)


def events_table(step: Growth) -> str:
    """Return CPU seconds against events, by number of combinations."""
    lines = []
    for number, rows in by_events(step.rows).items():
        line = straight(rows) if len(rows) > 1 else None
        for one in rows:
            last = one is rows[-1] and line is not None
            fit = (f"{line.slope * 1e6:.2f}", f"{100 * line.residual:.1f} %") if last and line else ("", "")
            lines.append((f"{number}", *_numbers(one), *fit))
    head = ("combinations", *_HEAD, "s per million events", "distance from the line")
    return markdown(head, lines)


def states_table(step: Growth) -> str:
    """Return CPU seconds against final states."""
    lines = [(f"{one.most_count}", *_numbers(one)) for one in by_states(step.rows)]
    return markdown(("most objects of a kind", *_HEAD), lines)


_HEAD = ("events", "final states", "their spectra", "written", "values", "values/event", "CPU s")


def _numbers(one: GrowthRow) -> Sequence[str]:
    return (
        f"{one.events:,}",
        f"{one.states:,}",
        f"{one.histograms:,}",
        f"{one.written:,}",
        f"{one.values:,}",
        f"{one.values / one.events:.1f}",
        spread(one.cpu).shown(),
    )


def memory_table(step: Memory) -> str:
    """Return peaks of memory against the number of files."""
    lines = [
        (
            f"{one.files}",
            f"{one.events:,}",
            *(f"{part / 1e6:.0f}" for part in (one.driver, one.worker, one.together)),
        )
        for one in step.rows
    ]
    return markdown(
        ("copies of a file", "events", "driver, MB", "largest worker, MB", "all together, MB"), lines
    )


def plan_table(found: Plan) -> str:
    """Return what a scan of the release would take."""
    whole, columns = found.whole, found.columns
    what, costs = columns.release, columns.costs
    values = found.values_per_event * what.events
    lines = (
        (
            "reading, selecting, sorting",
            f"{found.event * 1e6:.2f} µs an event",
            _hours(found.event * what.events),
        ),
        (
            f"masses, sums, results: {found.values_per_event:.1f} values an event",
            f"{found.value * 1e9:.1f} ns a value",
            _hours(found.value * values),
        ),
        (
            "overhead of tasks on RabbitMQ",
            f"{(costs.overhead - found.opening) * 1e3:.1f} ms a task",
            _hours((costs.overhead - found.opening) * columns.tasks),
        ),
        (
            "opening files of the release, beyond those of the input",
            f"{found.opening * 1e3:.1f} ms a task",
            _hours(found.opening * columns.tasks),
        ),
        ("**all workers**", "", f"**{_hours(columns.core_seconds)}**"),
        (
            "the driver: results taken in and merged",
            f"{(costs.driver + costs.merge) * 1e3:.1f} ms a task",
            _hours((costs.driver + costs.merge) * columns.tasks),
        ),
        (
            "read: needed columns",
            f"{costs.bytes_per_event:.0f} bytes an event",
            f"{columns.network_bytes / 1e12:.2f} TB",
        ),
        (
            "read: whole files",
            f"{what.size / what.events:.0f} bytes an event",
            f"{whole.network_bytes / 1e12:.1f} TB",
        ),
        (
            "written: results of tasks",
            f"{costs.partial_bytes / 1e3:.0f} kB a task",
            f"{columns.partial_bytes / 1e9:.1f} GB",
        ),
        (
            "written: merged spectra",
            f"as events to the power {found.exponent:.2f}",
            f"{found.spectra_bytes / 1e9:.2f} GB",
        ),
    )
    return markdown(("", "measured", "of this release"), lines)


def walls(found: Plan, workers: Sequence[int]) -> str:
    """Return the wall time with so many workers, and what it waits for."""
    lines = [
        (
            f"{number:,}",
            *(
                cell
                for one in (found.columns, found.whole)
                for cell in (_hours(one.wall(number), "h"), one.limit(number))
            ),
        )
        for number in workers
    ]
    return markdown(("workers", "columns", "waits for", "whole files", "waits for"), lines)


def _hours(seconds: float, unit: str = "core hours") -> str:
    hours = seconds / 3600
    return f"{hours:,.0f} {unit}" if hours >= 10 else f"{hours:.2g} {unit}"


def slow(step: Chain) -> str:
    """Return in words what the slow peer takes for a final state and combination."""
    return f"{median(row(step, AWKWARD).cpu) / step.histograms * 1e3:.0f} ms"
