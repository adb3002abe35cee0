"""Where partial results are kept: here a folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from femtobarn.base.atomic import remove_temporaries
from femtobarn.base.errors import MergeError
from femtobarn.running.results.partial import Partial, PartialHeader, read_header, read_partial, write_partial


class FolderStore:
    """Partial results as files ``ab/<id>`` of a folder, by the id of their task.

    Parameters
    ----------
    folder
        made when the first result is written
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, task: str) -> Path:
        """Return where the result of ``task`` is, or would be."""
        return self.folder / task[:2] / task

    def write(self, partial: Partial) -> None:
        """Store ``partial``; writing it again has no further effect."""
        path = self.path(partial.header.task)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_partial(path, partial)

    def read(self, task: str) -> Partial:
        """Return the result of ``task``; `MergeError` if it is absent or damaged."""
        partial = read_partial(self.path(task))
        self._check(task, partial.header)
        return partial

    def header(self, task: str) -> PartialHeader:
        """Return what the result of ``task`` says of itself; `MergeError` as for `read`."""
        header = read_header(self.path(task))
        self._check(task, header)
        return header

    def has(self, task: str) -> bool:
        """Tell whether the result of ``task`` is there and whole (its checksums are verified)."""
        path = self.path(task)
        if not path.is_file():
            return False
        try:
            self._check(task, read_header(path, verify=True))
        except MergeError:
            return False
        return True

    def tasks(self) -> Iterator[str]:
        """Return the ids of all results there are, sorted; damaged ones too."""
        if self.folder.is_dir():
            for path in sorted(self.folder.glob("??/*")):
                if not path.name.startswith("."):
                    yield path.name

    def clean(self) -> None:
        """Remove what interrupted writers left; for when nobody else writes."""
        if self.folder.is_dir():
            remove_temporaries(self.folder.glob("??"))

    def _check(self, task: str, header: PartialHeader) -> None:
        if header.task != task:
            msg = (
                f"Expected the result of task {task} in {self.path(task)}, but it holds that of "
                f"{header.task}. Remove this file and run the same command again."
            )
            raise MergeError(msg)
