"""An executor that lays tasks on a shelf; the test decides when somebody takes some of them."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import ClassVar

from femtobarn.base.errors import RunError
from femtobarn.base.records import Job, Notice, Outcome, Settings, Task, Ticket
from femtobarn.running.engine.executor import attempt
from femtobarn.running.results.store import FolderStore


class ShelfExecutor:
    """Tasks by token; results are kept here until they are gathered."""

    shelves: ClassVar[dict[str, tuple[Job, list[Task]]]] = {}
    ready: ClassVar[dict[str, list[Outcome]]] = {}
    released: ClassVar[list[str]] = []
    broken = False

    @classmethod
    def from_settings(cls, settings: Settings) -> ShelfExecutor:
        assert settings.executor == "shelf"
        return cls()

    @classmethod
    def clear(cls) -> None:
        cls.shelves, cls.ready, cls.released, cls.broken = {}, {}, [], False

    @classmethod
    def work(cls, folder: FolderStore, count: int, *, fail: frozenset[str] = frozenset()) -> None:
        """Do ``count`` of the tasks on the shelves; those of files in ``fail`` end badly."""
        for token, (job, tasks) in cls.shelves.items():
            for _ in range(min(count, len(tasks))):
                task = tasks.pop(0)
                if task.file.name in fail:
                    outcome = Outcome(task=task.id, processed=False, reason="a gap in the shelf", worker="w")
                else:
                    outcome = attempt(job, task, folder, worker="w")
                cls.ready.setdefault(token, []).append(outcome)

    def submit(self, job: Job, tasks: Sequence[Task], store: FolderStore) -> Ticket:
        token = f"t{len(self.shelves)}"
        self.shelves[token] = (job, list(tasks))
        return Ticket(executor="shelf", token=token)

    def gather(self, ticket: Ticket, tasks: Sequence[Task], store: FolderStore) -> Iterator[Outcome | Notice]:
        if self.broken:
            msg = "the shelf is out of reach"
            raise RunError(msg)
        yield Notice(words="looking at the shelf")
        wanted = {t.id for t in tasks}
        yield from (o for o in self.ready.pop(ticket.token, ()) if o.task in wanted)

    def release(self, ticket: Ticket) -> None:
        if self.broken:
            msg = "the shelf is out of reach"
            raise RunError(msg)
        self.released.append(ticket.token)
        self.shelves.pop(ticket.token, None)

    def run(self, job: Job, tasks: Sequence[Task], store: FolderStore) -> Generator[Outcome | Notice | None]:
        ticket = self.submit(job, tasks, store)
        store.keep(ticket)
        self.work(store, len(tasks))
        yield None
        yield from self.gather(ticket, tasks, store)
        self.release(ticket)
        store.drop(ticket)
