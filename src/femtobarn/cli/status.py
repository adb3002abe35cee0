"""``status``: how far a run is, once or until it is over; ``--json`` for programs."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from femtobarn.base.text import visible, without_secrets
from femtobarn.cli import output

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

    from femtobarn.base.record import Record
    from femtobarn.running.engine.progress import RunStatus, Watch
    from femtobarn.running.results.workers import WorkerCost

_MOST_ROWS = 30  # of the table
_MOST_ERRORS = 3
_LONGEST = 80  # characters of a name
_OTHER_LINES = 12  # of a terminal, that are no rows of the table
_HEAD = (
    "worker",
    "tasks",
    "failed",
    "events",
    "events/s",
    "read",
    "CPU",
    "memory",
    "last seen (UTC)",
)
_NUMBERS = _HEAD[1:]


def status(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A run directory.")],
    watch: Annotated[bool, typer.Option("--watch", help="Look again until the run is over.")] = False,
    interval: Annotated[float, typer.Option(metavar="S", min=0.1, help="Seconds between two looks.")] = 2.0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, with --watch one line for each look.")
    ] = False,
) -> None:
    """Show how far a run is and what its workers do, also while it runs."""
    from femtobarn.running.engine.progress import Watch

    looks = _looks(Watch(out), interval) if watch else iter([Watch(out).look()])
    try:
        if as_json:
            for found in looks:
                _print_json(found, one_line=watch)
        elif watch and sys.stdout.isatty():
            _live(looks, out)
        elif watch:
            _lines(looks, out)
        else:
            output.console().print(_shown(next(looks), out, _MOST_ROWS))
    except KeyboardInterrupt:  # whoever watches has seen enough
        return


def _looks(watch: Watch, interval: float) -> Iterator[RunStatus]:
    while True:
        found = watch.look()
        yield found
        if found.over:
            return
        time.sleep(interval)


def _print_json(found: Record, *, one_line: bool) -> None:
    output.line(found.model_dump_json(indent=None if one_line else 1))


def _live(looks: Iterator[RunStatus], out: Path) -> None:
    from rich.live import Live

    console = output.console()
    with Live(console=console, auto_refresh=False) as live:
        for found in looks:
            live.update(_shown(found, out, max(3, console.height - _OTHER_LINES)), refresh=True)


def _lines(looks: Iterator[RunStatus], out: Path) -> None:
    """Print a line for each look at which something changed, and all in the end."""
    said, last = "", None
    for last in looks:
        words = _counts(last)
        if words != said:
            said = words
            rates = _rates(last)
            output.line(f"{datetime.now(UTC):%H:%M:%S} {words}{f'; {rates}' if rates else ''}")
    if last is not None:
        output.console().print(_shown(last, out, _MOST_ROWS))


def _shown(found: RunStatus, out: Path, rows: int) -> Group:
    from rich.console import Group
    from rich.text import Text

    state = _state(found)
    words = [f"{out}: {found.analysis} on {found.release}, {state}"]
    words.append(f"{_counts(found)}; last activity {found.last_activity}")
    words += [rates] if (rates := _rates(found)) else []
    if state == "interrupted":
        words.append("The command that started it continues it.")
    elif not found.finished and not found.running:
        words.append(f"Results that are there are gathered by: femtobarn collect {out}")
    parts: list[Text | Table] = [Text(_plain(line, len(line))) for line in words]
    if found.workers:
        parts.append(_table(found.workers[:rows]))
    lost = sorted((w for w in found.workers if w.last_error), key=lambda w: w.last_failed, reverse=True)
    parts += [
        Text(f"{_plain(w.worker) or 'not known'}: {_plain(w.last_error, len(w.last_error))}", style="red")
        for w in lost[:_MOST_ERRORS]
    ]
    if len(found.workers) > rows:
        parts.append(Text(f"and {len(found.workers) - rows} more workers; --json tells of all"))
    if found.results_read < found.done:
        parts.append(Text(f"Workers: from the newest {found.results_read:,} of {found.done:,} results."))
    return Group(*parts)


def _state(found: RunStatus) -> str:
    if found.finished:
        return "finished"
    if found.running:
        return "running"
    return f"handed to {' and '.join(found.elsewhere)}" if found.elsewhere else "interrupted"


def _counts(found: RunStatus) -> str:
    return f"{found.done} of {found.tasks} tasks done, {found.failed} failed, {found.waiting} waiting"


def _rates(found: RunStatus) -> str:
    if found.finished or not found.tasks_per_second:
        return ""
    words = f"{found.events_per_second:,.0f} events/s, {60 * found.tasks_per_second:,.1f} tasks/min over the last minute"
    return words if not found.seconds_left else f"{words}, about {_time(found.seconds_left)} left"


def _time(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"


def _table(rows: tuple[WorkerCost, ...]) -> Table:
    from rich.table import Table
    from rich.text import Text

    made = Table(show_edge=False, pad_edge=False)
    for name in _HEAD:
        made.add_column(name, justify="right" if name in _NUMBERS else "left", overflow="fold")
    for row in rows:
        made.add_row(*map(Text, _cells(row)), style="red" if row.failed else None)
    return made


def _cells(row: WorkerCost) -> tuple[str, ...]:
    return (
        _plain(row.worker) or "not known",
        str(row.tasks),
        str(row.failed),
        f"{row.events:,}",
        f"{row.events_per_second:,.0f}",
        output.size(row.bytes_read),
        _time(row.cpu_seconds),
        output.size(row.peak_rss) if row.peak_rss else "-",
        row.last[11:19] or "-",
    )


def _plain(text: str, most: int = _LONGEST) -> str:
    return visible(without_secrets(text), most=most)
