"""Filling a scan again: what was there stays until there is something better."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from femtobarn.running.results.directory import RunDirectory

_ASIDE = ".tasks-before"
_RESULTS = "??"
"""Folders of partial results in that of the tasks."""


class Aside:
    """Partial results that are put aside while events are read again.

    Parameters
    ----------
    directory
        of the run
    """

    def __init__(self, directory: RunDirectory) -> None:
        self._directory = directory
        self._kept = directory.path / _ASIDE

    def take(self) -> None:
        """Put aside what is there."""
        with self._directory.locked():
            self._kept.mkdir(exist_ok=True)
            _move(self._directory.tasks, self._kept)

    def back(self) -> bool:
        """Bring back what was put aside, also by a command that was killed; tell whether something was."""
        if not self._kept.is_dir():
            return False
        with self._directory.locked():
            self._directory.tasks.mkdir(exist_ok=True)
            _move(self._kept, self._directory.tasks)
            shutil.rmtree(self._kept)
        return True

    def drop(self) -> None:
        """Remove what was put aside: there is something better."""
        shutil.rmtree(self._kept, ignore_errors=True)


def _move(source: Path, target: Path) -> None:
    for folder in sorted(source.glob(_RESULTS)):
        into = target / folder.name
        if into.is_dir():
            shutil.rmtree(into)
        folder.rename(into)
