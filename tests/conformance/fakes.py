"""Executors that do what a script says, and tasks without files."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

from femtobarn.base.errors import ExecutorError
from femtobarn.base.records import InputFile, Job, Notice, Outcome, Task
from femtobarn.running.results.store import FolderStore


def task(file: int, part: int = 0, parts: int = 1, size: int = 1000) -> Task:
    source = InputFile(
        name=f"f{file}", url=f"/data/f{file}", size=size, identity="uuid:x", kind="mc", process="p"
    )
    return Task(
        id=f"{file:04d}{part:04d}",
        analysis="a",
        release="r",
        format="f",
        file=source,
        part=part,
        parts=parts,
        chunk_entries=10,
    )


def tasks(*parts: int) -> list[Task]:
    """Return the tasks of files with so many parts."""
    return [task(i, k, n) for i, n in enumerate(parts) for k in range(n)]


def done(one: Task, worker: str = "") -> Outcome:
    return Outcome(task=one.id, processed=True, worker=worker)


def failed(one: Task, worker: str = "") -> Outcome:
    return Outcome(task=one.id, processed=False, reason=f"{worker} cannot", worker=worker)


@dataclass
class Scripted:
    """For each task it is given: ``ok``, ``fail``, ``lose``, ``twice``, ``tick``, ``late`` or ``raise``.

    The script is used up over all calls, and begins anew; ``late`` ends the task after all others.
    """

    name: str
    script: Sequence[str] = ("ok",)
    calls: list[list[str]] = field(default_factory=list)
    told: dict[str, list[bool]] = field(default_factory=dict)
    broke: bool = False
    _at: int = 0

    def run(self, job: Job, share: Sequence[Task], store: FolderStore) -> Generator[Outcome | Notice | None]:
        self.calls.append([t.id for t in share])
        late = []
        for one in share:
            action = self.script[self._at % len(self.script)]
            self._at += 1
            if action == "raise":
                self.broke = True
                msg = f"{self.name} is gone"
                raise ExecutorError(msg)
            if action == "tick":
                yield None
                yield Notice(words="still here")
            if action == "late":
                late.append(one)
            elif action != "lose":
                for _ in range(2 if action == "twice" else 1):
                    yield self._outcome(one, action)
        for one in late:
            yield self._outcome(one, "ok")

    def _outcome(self, one: Task, action: str) -> Outcome:
        processed = action != "fail"
        self.told.setdefault(one.id, []).append(processed)
        return done(one, self.name) if processed else failed(one, self.name)


@dataclass
class Stuck:
    """Takes tasks and does nothing until it is closed; ``gate`` lets it go on and process all."""

    began: threading.Event = field(default_factory=threading.Event)
    gate: threading.Event = field(default_factory=threading.Event)
    threads: list[tuple[str, int]] = field(default_factory=list)

    def run(self, job: Job, share: Sequence[Task], store: FolderStore) -> Generator[Outcome | Notice | None]:
        self.threads.append(("run", threading.get_ident()))
        self.began.set()
        try:
            while not self.gate.wait(0.01):
                yield None
            for one in share:
                yield done(one, "stuck")
        finally:
            self.threads.append(("closed", threading.get_ident()))
