"""The folder of one submission: ``OUT/batch/<token>``, which the nodes see too.

::

    job.json                 what runs the tasks
    request.json             what was asked of the batch system
    slices/0003.jsonl        the tasks of a slice, one a line
    slices/0003.outcomes     how they ended, one a line, as they end
    slices/0003.end          how the slice ended, if it could say so
    logs/slice-0003.log      what it wrote
    array.sh, merge.sh, ...  scripts
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from femtobarn.base.atomic import write_text
from femtobarn.base.errors import RunDirectoryError
from femtobarn.base.record import Record
from femtobarn.base.records import Job, Outcome, Task
from femtobarn.base.text import visible, without_secrets
from femtobarn.running.executors.batch.request import Request, Scripts

Kind = TypeVar("Kind", bound=Record)

_TOKEN = re.compile(r"\w[\w-]{0,63}", re.ASCII)
_TAIL = 4096  # bytes of a log in which its last line is looked for


class SliceEnd(Record):
    """How a slice ended, as it says itself: tasks with a result, failed ones, and those it did not come to."""

    done: int
    failed: int
    left: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class BatchFolder:
    """The files of one submission of a run."""

    path: Path

    @classmethod
    def of(cls, out: Path, token: str) -> BatchFolder:
        """Return the folder of a submission of the run in ``out``.

        Raises
        ------
        RunDirectoryError
            if the token is none
        """
        if not _TOKEN.fullmatch(token):
            msg = f"Expected the token of a submission, such as 20260102T030405-1a2b, but got {token!r}. `femtobarn batch status OUT` lists them."
            raise RunDirectoryError(msg)
        return cls(out / "batch" / token)

    @classmethod
    def all(cls, out: Path) -> tuple[BatchFolder, ...]:
        """Return the folders of all submissions of the run in ``out``, oldest first."""
        found = sorted((out / "batch").glob("*/request.json"))
        return tuple(cls(path.parent) for path in found)

    @property
    def token(self) -> str:
        """Tells this submission from all others of the run."""
        return self.path.name

    def write(self, request: Request, job: Job, slices: Sequence[Sequence[Task]], scripts: Scripts) -> None:
        """Write what the jobs need."""
        (self.path / "logs").mkdir(parents=True, exist_ok=True)
        write_text(self.path / "job.json", job.model_dump_json() + "\n")
        for index, tasks in enumerate(slices):
            write_text(self._slice(index), "".join(f"{task.model_dump_json()}\n" for task in tasks))
            # it is there from the beginning: file systems remember for a while that a file was missing
            self._outcomes(index).touch()
        for name, text in scripts.files:
            write_text(self.path / name, text)
        write_text(self.path / "request.json", request.model_dump_json() + "\n")

    def remove(self) -> None:
        """Remove the folder, of a submission that did not come about."""
        shutil.rmtree(self.path, ignore_errors=True)

    @property
    def job(self) -> Job:
        """What runs the tasks."""
        return self._read(Job, self.path / "job.json")

    @property
    def request(self) -> Request:
        """What was asked of the batch system."""
        return self._read(Request, self.path / "request.json")

    @property
    def slices(self) -> tuple[int, ...]:
        """The numbers of the slices."""
        return tuple(sorted(int(path.stem) for path in (self.path / "slices").glob("*.jsonl")))

    def tasks(self, index: int) -> tuple[Task, ...]:
        """Return the tasks of a slice.

        Raises
        ------
        RunDirectoryError
            if they cannot be read
        """
        path = self._slice(index)
        try:
            return tuple(
                Task.model_validate_json(line) for line in path.read_text(encoding="utf-8").splitlines()
            )
        except (OSError, ValidationError) as error:
            raise _unreadable(path, error) from error

    def tell(self, index: int, outcome: Outcome) -> None:
        """Note how a task of a slice ended; it is on disk when this returns."""
        with self._outcomes(index).open("a", encoding="utf-8") as file:
            file.write(f"{outcome.model_dump_json()}\n")
            file.flush()
            os.fsync(file.fileno())

    def told(self, index: int, start: int = 0) -> tuple[list[Outcome], int]:
        """Return the outcomes noted from byte ``start`` on, and the byte after the last whole line."""
        try:
            with self._outcomes(index).open("rb") as file:
                file.seek(start)
                data = file.read()
        except OSError:
            return [], start
        whole = data.rpartition(b"\n")[0]
        if not whole:
            return [], start
        return list(_outcomes(whole)), start + len(whole) + 1

    def told_bytes(self, index: int) -> int:
        """Return how long the file of `told` is now; 0 if there is none."""
        with suppress(OSError), self._outcomes(index).open("rb") as file:
            return file.seek(0, os.SEEK_END)  # opened: a shared file system looks again then
        return 0

    def begin(self, index: int) -> None:
        """Forget how a slice ended, for it runs again; what it notes now begins on a line of its own."""
        self._end(index).unlink(missing_ok=True)
        with self._outcomes(index).open("a", encoding="utf-8") as file:
            file.write("\n")

    def close(self, index: int, end: SliceEnd) -> None:
        """Note how a slice ended."""
        write_text(self._end(index), end.model_dump_json() + "\n")

    def end(self, index: int) -> SliceEnd | None:
        """Return how a slice ended, if it said so."""
        with suppress(OSError, ValidationError):
            return SliceEnd.model_validate_json(self._end(index).read_bytes())
        return None

    def last_line(self, index: int) -> str:
        """Return the last line that a slice wrote, for a message; empty if there is none."""
        with suppress(OSError), (self.path / "logs" / f"slice-{index:04}.log").open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
            lines = file.read().decode(errors="replace").split("\n")
            return next(
                (visible(without_secrets(line.strip())) for line in reversed(lines) if line.strip()), ""
            )
        return ""

    def _slice(self, index: int) -> Path:
        return self.path / "slices" / f"{index:04}.jsonl"

    def _outcomes(self, index: int) -> Path:
        return self.path / "slices" / f"{index:04}.outcomes"

    def _end(self, index: int) -> Path:
        return self.path / "slices" / f"{index:04}.end"

    def _read(self, kind: type[Kind], path: Path) -> Kind:
        try:
            return kind.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise _unreadable(path, error) from error


def _outcomes(lines: bytes) -> Iterator[Outcome]:
    for line in lines.split(b"\n"):
        with suppress(ValidationError):  # a line that was broken off when its job was killed
            yield Outcome.model_validate_json(line)


def _unreadable(path: Path, error: Exception) -> RunDirectoryError:
    return RunDirectoryError(
        f"Expected a part of a submission in {path}, but it cannot be read ({type(error).__name__}). It may be of another version of femtobarn, or removed: give the command of the run again."
    )
