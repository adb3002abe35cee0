"""How a run tells others of its progress; the library itself prints nothing."""

from __future__ import annotations

from typing import Protocol

from femtobarn.base.records import LedgerRow, Outcome, RunInfo
from femtobarn.running.engine.plan import Plan


class Observer(Protocol):
    """Is told of the progress of a run, in the process and thread that called `run`."""

    def started(self, plan: Plan, reused: int) -> None:
        """Tell that the run begins; ``reused`` tasks have a result already."""
        ...

    def task_done(self, row: LedgerRow, outcome: Outcome) -> None:
        """Tell that a task ended, well or not; ``outcome`` has its events, seconds and bytes."""
        ...

    def notice(self, words: str) -> None:
        """Tell what whoever waits should know now, such as that no worker has come yet."""
        ...

    def finished(self, info: RunInfo) -> None:
        """Tell that the run directory is written."""
        ...


class Silent:
    """An observer that does nothing; also a base for those that want to hear of some things only."""

    def started(self, plan: Plan, reused: int) -> None:
        """Ignore it."""

    def task_done(self, row: LedgerRow, outcome: Outcome) -> None:
        """Ignore it."""

    def notice(self, words: str) -> None:
        """Ignore it."""

    def finished(self, info: RunInfo) -> None:
        """Ignore it."""


class Observers:
    """Several observers that are told the same, in this order."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def started(self, plan: Plan, reused: int) -> None:
        """Tell each."""
        for observer in self._observers:
            observer.started(plan, reused)

    def task_done(self, row: LedgerRow, outcome: Outcome) -> None:
        """Tell each."""
        for observer in self._observers:
            observer.task_done(row, outcome)

    def notice(self, words: str) -> None:
        """Tell each."""
        for observer in self._observers:
            observer.notice(words)

    def finished(self, info: RunInfo) -> None:
        """Tell each."""
        for observer in self._observers:
            observer.finished(info)
