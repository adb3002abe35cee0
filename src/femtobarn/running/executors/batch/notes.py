"""What is in the files of submissions, read once by a process: who collects and waits looks each second."""

from __future__ import annotations

from pathlib import Path

from femtobarn.base.records import Outcome
from femtobarn.running.executors.batch.layout import BatchFolder

_MOST = 64  # submissions that are remembered
_known: dict[Path, Notes] = {}


class Notes:
    """The tasks of the slices of one submission, and what slices noted of them; only what is new is read again.

    Parameters
    ----------
    folder
        of the submission; its slices never change
    """

    def __init__(self, folder: BatchFolder) -> None:
        self.folder = folder
        self._ids: dict[int, tuple[str, ...]] = {}
        self._told: dict[int, tuple[int, dict[str, Outcome]]] = {}

    @classmethod
    def of(cls, folder: BatchFolder) -> Notes:
        """Return what this process knows of a submission."""
        path = folder.path.absolute()
        if path not in _known and len(_known) >= _MOST:
            del _known[next(iter(_known))]
        return _known.setdefault(path, cls(folder))

    def ids(self) -> dict[int, tuple[str, ...]]:
        """Return the ids of the tasks of each slice."""
        for index in self.folder.slices:
            if index not in self._ids:
                self._ids[index] = tuple(task.id for task in self.folder.tasks(index))
        return self._ids

    def told(self, index: int) -> list[Outcome]:
        """Return how tasks of a slice ended, as far as it noted that; the last note of each counts."""
        start, known = self._told.get(index, (0, {}))
        size = self.folder.told_bytes(index)
        if size < start:  # it is not the file that was read
            start, known = 0, {}
        if size > start:
            new, start = self.folder.told(index, start)
            known.update((outcome.task, outcome) for outcome in new)
        self._told[index] = (start, known)
        return list(known.values())
