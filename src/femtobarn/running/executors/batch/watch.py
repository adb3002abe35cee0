"""What became of the tasks of a submission: notes of its slices first, then what the batch system says of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from femtobarn.base.records import Outcome, Task
from femtobarn.running.executors.batch.layout import BatchFolder
from femtobarn.running.executors.batch.notes import Notes
from femtobarn.running.executors.batch.request import JobState, States
from femtobarn.running.results.partial import outcome_from
from femtobarn.running.results.store import FolderStore

_LAG = 90.0  # seconds after which a shared file system shows a file that another machine wrote


@dataclass(frozen=True, slots=True)
class Lost:
    """A slice that ended without some of its tasks."""

    index: int
    tasks: tuple[Task, ...]
    words: str


class Watch:
    """Follows the slices of one submission.

    Parameters
    ----------
    folder
        of the submission
    wanted
        ids of the tasks of which nothing is known yet
    store
        the run directory's
    elsewhere
        whether results go to another place than ``store``
    tasks
        of each slice, by id; empty: they are read
    told
        gives what a slice noted; empty: it is read, and only what is new
    clock
        seconds, as `time.monotonic`
    """

    def __init__(
        self,
        folder: BatchFolder,
        wanted: Collection[str],
        store: FolderStore,
        *,
        elsewhere: bool = False,
        tasks: Mapping[int, Mapping[str, Task]] | None = None,
        told: Callable[[int], Sequence[Outcome]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder = folder
        self._store, self._elsewhere, self._clock = store, elsewhere, clock
        if tasks is None:
            tasks = {i: {t.id: t for t in folder.tasks(i) if t.id in wanted} for i in folder.slices}
        self._open = {index: dict(own) for index, own in tasks.items() if own}
        self._told = told or self._news
        self._read = dict.fromkeys(self._open, 0)
        self._unseen: dict[str, Outcome] = {}
        self._ended: dict[int, float] = {}

    @property
    def open(self) -> bool:
        """Whether a task has no outcome yet."""
        return bool(self._open)

    @property
    def slices(self) -> tuple[int, ...]:
        """The slices with such tasks."""
        return tuple(self._open)

    def take(self) -> Iterator[Outcome]:
        """Give what slices noted since the last look.

        A result that is not to be seen yet, or not whole, is given when it is: file systems of many machines need some
        time.
        """
        for index in list(self._open):
            for outcome in self._told(index):
                if outcome.task in self._open[index]:
                    self._unseen[outcome.task] = outcome
            for task in [t for t in self._open[index] if t in self._unseen]:
                outcome = self._unseen[task]
                if self._elsewhere or not outcome.processed or self._store.has(task):
                    del self._unseen[task]
                    self._close(index, task)
                    yield outcome

    def present(self) -> Iterator[Outcome]:
        """Give the results and failures of which no slice could tell any more, since it was killed."""
        for index in list(self._ended):
            for task in list(self._open.get(index, ())):
                outcome = self._kept(task)
                if outcome is not None:
                    self._close(index, task)
                    yield outcome

    def look(self, states: States) -> None:
        """Take note of what the batch system says; ask it before `take`, so that nothing falls between."""
        for index in self._open:
            if states.of(index).phase != "ended":
                self._ended.pop(index, None)
            else:
                self._ended.setdefault(index, self._clock())

    def lost(self, states: States) -> Iterator[Lost]:
        """Give the slices that ended without some of their tasks; they are not followed any more."""
        now = self._clock()
        for index in [i for i in self._ended if i in self._open]:
            tasks = tuple(self._open[index].values())
            if any(t.id in self._unseen for t in tasks) and now - self._ended[index] < _LAG:
                continue
            del self._open[index]
            yield Lost(index, tasks, words(self.folder, index, states.of(index)))

    def _news(self, index: int) -> list[Outcome]:
        told, self._read[index] = self.folder.told(index, self._read[index])
        return told

    def _kept(self, task: str) -> Outcome | None:
        if not self._elsewhere and self._store.has(task):
            return outcome_from(self._store.header(task), task)
        known = self._store.failure(task)
        return known if known is not None and known.attempts else None

    def _close(self, index: int, task: str) -> None:
        del self._open[index][task]
        if not self._open[index]:
            del self._open[index]


def words(folder: BatchFolder, index: int, state: JobState) -> str:
    """Return why a slice ended without some of its tasks, as far as anybody can say."""
    end = folder.end(index)
    said = [state.words, end.reason if end is not None else ""]
    if end is None and (last := folder.last_line(index)):
        said.append(f"its log ends: {last}")
    return "; ".join(filter(None, said)) or "the batch system knows no more of it"


def failure(task: Task, index: int, why: str) -> Outcome:
    """Return the outcome of a task that a slice did not come to; it was never tried to its end."""
    reason = f"slice {index} ended without it ({why})"
    return Outcome(task=task.id, processed=False, reason=reason, attempts=0, finished=time.time())


def later_tasks(out: Path, token: str) -> frozenset[str]:
    """Return the ids of tasks that were handed over again after the submission ``token``."""
    later = [Notes.of(folder) for folder in BatchFolder.all(out) if folder.token > token]
    return frozenset(task for notes in later for ids in notes.ids().values() for task in ids)
