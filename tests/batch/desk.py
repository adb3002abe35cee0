"""A batch system in this process: the test says when slices run, end or wait."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from femtobarn.base.errors import ExecutorError
from femtobarn.running.executors.batch import element, executor
from femtobarn.running.executors.batch.element import run_slice
from femtobarn.running.executors.batch.layout import BatchFolder
from femtobarn.running.executors.batch.request import JobState, Request, Scripts, States
from femtobarn.running.executors.batch.systems import BatchSystem
from femtobarn.running.executors.local import LocalExecutor

WAITS = JobState(phase="waiting", word="PENDING", reason="Priority")
RUNS = JobState(phase="running", word="RUNNING")
KILLED = JobState(phase="ended", word="NODE_FAIL")
MERGE = "merge-"


class Desk:
    """Submissions by token, in order; every slice waits until the test says otherwise."""

    def __init__(self) -> None:
        self.submitted: list[Request] = []
        self.states: dict[str, dict[int, JobState]] = {}
        self.cancelled: list[str] = []
        self.asked = 0
        self.silent = False
        self.refuses = False

        executor._answers.clear()

    @property
    def system(self) -> BatchSystem:
        return BatchSystem(self._render, str.strip, self._states, self._cancel)

    def work(self, token: str, index: int) -> None:
        """Run a slice here, to its end."""
        run_slice(self._out(token), token, index)
        self.states[token][index] = JobState(phase="ended", word="COMPLETED")

    def work_all(self, token: str, *, but: Sequence[int] = ()) -> None:
        for index in list(self.states[token]):
            if index not in but:
                self.work(token, index)

    def end(self, token: str, index: int, state: JobState = KILLED) -> None:
        self.states[token][index] = state

    def folder(self, token: str) -> BatchFolder:
        return BatchFolder.of(self._out(token), token)

    def _out(self, token: str) -> Path:
        return Path(next(r.out for r in self.submitted if r.token == token))

    def _render(self, request: Request) -> Scripts:
        self.submitted.append(request)
        self.states[request.token] = dict.fromkeys(range(request.slices), WAITS)
        array = ("false",) if self.refuses else ("echo", request.token)
        return Scripts((), array, ("echo", MERGE + request.token) if request.merge else ())

    def _states(self, array: str, merge: str) -> States:
        self.asked += 1
        if self.silent:
            msg = "nobody is at the desk"
            raise ExecutorError(msg)
        return States(self.states[array], WAITS if merge and merge not in self.cancelled else None)

    def _cancel(self, ids: Sequence[str]) -> None:
        if self.silent:
            msg = "nobody is at the desk"
            raise ExecutorError(msg)
        self.cancelled += ids


def in_this_process(workers: int, *, place: str) -> LocalExecutor:
    """What runs a slice, without processes; the name of the worker is not told then."""
    assert workers >= 1
    assert place.endswith("/")
    return LocalExecutor(0)


assert element.LocalExecutor is LocalExecutor, "tests replace it there"
