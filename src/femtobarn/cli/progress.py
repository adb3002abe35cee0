"""The progress of a run: a bar with events per second and time left, or plain lines."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from femtobarn.cli.output import console, line, remote_words

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from femtobarn.base.records import LedgerRow, Outcome, RunInfo
    from femtobarn.running.engine.plan import Plan

_EVERY = 5.0  # seconds between plain lines


class Progress:
    """An observer of runs that shows how far they are. Use it as a context manager."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._bar: Bar | None = _bar() if self._live else None
        self._task: TaskID | None = None
        self._events = self._done = self._failed = self._total = 0
        self._begin = self._told = time.monotonic()

    def __enter__(self) -> Self:
        """Start the display."""
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the display."""
        if self._bar is not None:
            self._bar.stop()

    def started(self, plan: Plan, reused: int) -> None:
        """Show what is to be done."""
        self._total, self._done = len(plan.tasks), reused
        self._begin = self._told = time.monotonic()
        if self._bar is not None:
            self._task = self._bar.add_task(plan.analysis, total=self._total, completed=reused, rate="")
        files, tasks = (
            f"{n} {noun}{'s' * (n != 1)}" for n, noun in ((len(plan.files), "file"), (self._total, "task"))
        )
        words = f"{plan.analysis} on {plan.release}: {files}, {tasks}"
        self._say(f"{words}, {reused} done before" if reused else words)
        if remote := remote_words(plan.files):
            self._say(remote)

    def task_done(self, row: LedgerRow, outcome: Outcome) -> None:
        """Count a task; a failure is told at once."""
        self._done += 1
        self._events += outcome.events
        rate = self._events / max(time.monotonic() - self._begin, 1e-9)
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=self._done, rate=f"{rate:,.0f} events/s")
        if row.status == "failed":
            self._failed += 1
        if not self._live and time.monotonic() - self._told > _EVERY:
            self._told = time.monotonic()
            left = (self._total - self._done) * (self._told - self._begin) / max(self._done, 1)
            self._say(f"{self._done} of {self._total} tasks, {rate:,.0f} events/s, about {left:.0f} s left")

    def notice(self, words: str) -> None:
        """Show what whoever waits should know."""
        self._say(words)

    def finished(self, info: RunInfo) -> None:
        """Show how much was done, and how fast."""
        rate = self._events / max(time.monotonic() - self._begin, 1e-9)
        speed = f" ({rate:,.0f} events/s)" if self._events else ""  # else all was done before
        failed = f", {self._failed} task{'s' * (self._failed > 1)} failed" if self._failed else ""
        noun = "event" if info.events_processed == 1 else "events"
        self._say(f"{info.events_processed:,} {noun} in {info.seconds:.1f} s{speed}{failed}")

    def _say(self, words: str) -> None:
        if self._bar is not None:
            self._bar.console.print(words, markup=False)
        else:
            line(words)


def _bar() -> Bar:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}", markup=False),
        TimeRemainingColumn(),
        console=console(stderr=True),
        transient=True,
    )
