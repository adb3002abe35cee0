"""An executor that does some tasks and then waits for the test, so that a run can be looked at on its way."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from typing import ClassVar

from femtobarn.base.records import Job, Notice, Outcome, Settings, Task
from femtobarn.running.engine.executor import attempt
from femtobarn.running.results.store import FolderStore

PATIENCE = 60.0  # seconds; a test that needs them has failed


class GatedExecutor:
    """Workers ``one`` and ``two`` in turn; stops after ``before`` tasks until the gate opens."""

    before: ClassVar[int] = 3
    reached: ClassVar[threading.Event] = threading.Event()
    gate: ClassVar[threading.Event] = threading.Event()

    @classmethod
    def from_settings(cls, settings: Settings) -> GatedExecutor:
        assert settings.executor == "gated"
        return cls()

    @classmethod
    def close(cls) -> None:
        """Begin anew: nobody has come to the gate, and it is closed."""
        cls.reached, cls.gate = threading.Event(), threading.Event()

    def run(self, job: Job, tasks: Sequence[Task], store: FolderStore) -> Generator[Outcome | Notice | None]:
        for number, task in enumerate(tasks):
            if number == self.before:
                self.reached.set()
                assert self.gate.wait(PATIENCE)
            yield attempt(job, task, store, worker=("one", "two")[number % 2])
