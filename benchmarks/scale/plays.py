"""One play: tasks through an executor whose workers are there, with the accounts of everybody."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from benchmarks.scale.costs import Parties, difference
from benchmarks.scale.results import Cpu

from femtobarn.base.records import Job, Outcome, Task
from femtobarn.running.engine.executor import Executor
from femtobarn.running.results.partial import PartialHeader
from femtobarn.running.results.store import FolderStore


class PlayError(RuntimeError):
    """Something failed that must not fail in a measurement."""


@dataclass(frozen=True, slots=True)
class Played:
    """What a play took.

    Parameters
    ----------
    called, last
        seconds since the epoch: the call, and when the last outcome came
    headers
        what results say of themselves, in the order of the tasks
    cpu
        used since the first ``warm`` outcomes had come
    memory
        bytes of the workers when the last outcome came
    """

    called: float
    last: float
    headers: tuple[PartialHeader, ...]
    cpu: Cpu
    memory: int

    @property
    def began(self) -> float:
        """When the first task began."""
        return min(h.metrics.started for h in self.headers)

    def ends(self) -> list[float]:
        """Return when the tasks ended, in ascending order."""
        return sorted(h.metrics.started + h.metrics.seconds for h in self.headers)


def play(
    runner: Executor, job: Job, tasks: Sequence[Task], folder: Path, parties: Parties, *, warm: int
) -> Played:
    """Run ``tasks``; all must be processed.

    Parameters
    ----------
    folder
        takes the results; must not exist
    warm
        number of tasks at the beginning that CPU time is not counted of

    Raises
    ------
    PlayError
        if a task failed, or has no outcome
    """
    store = FolderStore(folder)
    called = last = time.time()
    earlier = parties.cpu()
    later, memory = earlier, 0
    done: set[str] = set()
    with closing(runner.run(job, tasks, store)) as events:
        for event in events:
            if not isinstance(event, Outcome):
                continue
            if not event.processed:
                raise PlayError(f"task {event.task} failed on {event.worker}: {event.reason}")
            done.add(event.task)
            last = time.time()
            if len(done) == warm:
                earlier = parties.cpu()
            if len(done) == len(tasks):
                later, memory = parties.cpu(), parties.memory()
    if len(done) < len(tasks):
        raise PlayError(f"{len(tasks)} tasks were given, but only {len(done)} had an outcome")
    headers = tuple(store.header(task.id) for task in tasks)
    return Played(called, last, headers, difference(later, earlier), memory)
