"""Where partial results are kept: here a folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from femtobarn.base.atomic import remove_temporaries, write_bytes, write_text
from femtobarn.base.errors import MergeError
from femtobarn.base.records import Outcome, Ticket
from femtobarn.running.results.folding import fold_name
from femtobarn.running.results.partial import (
    Partial,
    PartialHeader,
    header_of,
    read_header,
    read_partial,
    write_partial,
)

FAILED = "failed"
"""Folder of what is known of tasks that failed."""


class Sink(Protocol):
    """Where whoever runs a task leaves its result."""

    def write(self, partial: Partial) -> None:
        """Keep ``partial``; when this returns it is safe. Writing it again has no further effect."""
        ...


class FolderStore:
    """Partial results as files ``ab/<id>`` of a folder, by the id of their task.

    What is known of tasks that failed is in ``failed/<id>.json``, and what was handed to others in
    ``tickets/<token>.json``.

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

    def put(self, task: str, data: bytes) -> PartialHeader:
        """Store a result that came as bytes; return what it says of itself.

        Raises
        ------
        MergeError
            if it is not whole, or not that of ``task``; nothing is stored then
        """
        header = header_of(data)
        self._check(task, header)
        write_bytes(self.path(task), data)
        return header

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

    def present(self, tasks: Sequence[str]) -> set[str]:
        """Return which of ``tasks``, all parts of one file in their order, have a result: alone or folded."""
        if self.folded(tasks):
            return set(tasks)
        return {task for task in tasks if self.has(task)}

    def folded(self, tasks: Sequence[str]) -> bool:
        """Tell whether the sums of ``tasks``, all parts of one file in their order, are there as one."""
        name = fold_name(tasks)
        return len(tasks) > 1 and self.has(name) and bool(self.header(name).parts)

    def tasks(self) -> Iterator[str]:
        """Return the ids of all results there are, sorted; damaged ones too."""
        if self.folder.is_dir():
            for path in sorted(self.folder.glob("??/*")):
                if not path.name.startswith("."):
                    yield path.name

    def fail(self, outcome: Outcome) -> None:
        """Keep what is known of a task that failed."""
        write_text(self._failure(outcome.task), outcome.model_dump_json() + "\n")

    def forgive(self, task: str) -> None:
        """Forget that ``task`` failed, for it is tried again or has a result."""
        self._failure(task).unlink(missing_ok=True)

    def failures(self) -> dict[str, Outcome]:
        """Return what is known of tasks that failed, by id; a damaged record counts as none."""
        found = (self.failure(path.stem) for path in sorted((self.folder / FAILED).glob("*.json")))
        return {outcome.task: outcome for outcome in found if outcome is not None}

    def failure(self, task: str) -> Outcome | None:
        """Return what is known of ``task`` if it failed; a damaged record counts as none."""
        with suppress(OSError, ValidationError):
            return Outcome.model_validate_json(self._failure(task).read_bytes())
        return None

    def note(self, outcome: Outcome) -> None:
        """Keep how a task ended that others did: its result alone does not tell how often it was tried."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._notes.open("a", encoding="utf-8") as target:
            target.write(outcome.model_dump_json() + "\n")

    def noted(self) -> dict[str, Outcome]:
        """Return what `note` kept, by task; damaged lines, such as a last one that was cut, count as none."""
        found: dict[str, Outcome] = {}
        with suppress(FileNotFoundError):
            for line in self._notes.read_bytes().splitlines():
                with suppress(ValidationError):
                    outcome = Outcome.model_validate_json(line)
                    found[outcome.task] = outcome
        return found

    def forget_notes(self) -> None:
        """Forget what `note` kept: a new command begins."""
        self._notes.unlink(missing_ok=True)

    def keep(self, ticket: Ticket) -> None:
        """Remember that tasks were handed to others, so that a later process can ask for their results."""
        write_text(self._tickets / f"{ticket.token}.json", ticket.model_dump_json() + "\n")

    def drop(self, ticket: Ticket) -> None:
        """Forget a ticket of which nothing is to be expected any more."""
        (self._tickets / f"{ticket.token}.json").unlink(missing_ok=True)

    def tickets(self) -> tuple[Ticket, ...]:
        """Return the tickets that are kept, oldest first; a damaged one is left out."""
        found: list[tuple[int, str, Ticket]] = []
        for path in self._tickets.glob("*.json"):
            with suppress(OSError, ValidationError):  # another process may drop it at this moment
                ticket = Ticket.model_validate_json(path.read_bytes())
                found.append((path.stat().st_mtime_ns, path.name, ticket))
        return tuple(ticket for _, _, ticket in sorted(found, key=lambda one: one[:2]))

    def clean(self) -> None:
        """Remove what interrupted writers left; for when nobody else writes."""
        if self.folder.is_dir():
            remove_temporaries((*self.folder.glob("??"), self.folder / FAILED, self._tickets))

    @property
    def _notes(self) -> Path:
        return self.folder / "ended.jsonl"

    @property
    def _tickets(self) -> Path:
        return self.folder / "tickets"

    def _failure(self, task: str) -> Path:
        return self.folder / FAILED / f"{task}.json"

    def _check(self, task: str, header: PartialHeader) -> None:
        if header.task != task:
            msg = (
                f"Expected the result of task {task} in {self.path(task)}, but it holds that of "
                f"{header.task}. Remove this file and run the same command again."
            )
            raise MergeError(msg)
        if header.parts and fold_name([part.task for part in header.parts]) != task:
            msg = (
                f"Expected the parts of one file that the name {task} stands for in {self.path(task)}, but it "
                "holds the sums of others. Remove this file and run the same command again."
            )
            raise MergeError(msg)
