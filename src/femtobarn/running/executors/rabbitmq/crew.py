"""The processes in which a worker runs its tasks: one for each of the last runs, made anew when it dies or is old."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple, Self

from femtobarn.base.errors import RunError
from femtobarn.base.records import Job, Outcome, Task
from femtobarn.running.engine.executor import ATTEMPTS
from femtobarn.running.executors.messages import Decoder, Setup, Work, encode
from femtobarn.running.executors.nursery import Nursery
from femtobarn.running.executors.rabbitmq.folder import OwnFolder, sweep
from femtobarn.running.results.store import FolderStore

_RUNS = 2  # runs whose compiled code is kept: tasks of several come mixed
_READ_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Assignment:
    """A task, and what is needed for it.

    Parameters
    ----------
    token
        of the run
    job
        with the places that this worker may open
    task
        what to do
    store
        where the result goes; empty: it is sent as a message
    max_message_bytes
        a result above this size is not sent
    """

    token: str
    job: Job
    task: Task
    store: str
    max_message_bytes: int


class Ended(NamedTuple):
    """How a task ended, the bytes of its result if they are to be sent, and whether it killed its processes."""

    outcome: Outcome
    data: bytes
    deadly: bool


class Crew:
    """Runs one task at a time in a process of its own; nothing here waits for it.

    Parameters
    ----------
    name
        of the worker, for results
    recycle
        tasks after which a process is made anew
    wake
        called by another thread when `ended` may have something to tell
    """

    def __init__(self, name: str, recycle: int, wake: Callable[[], None]) -> None:
        self._name, self._recycle, self._wake = name, recycle, wake
        self._nursery = Nursery()
        sweep()
        self._folder = OwnFolder()
        self._store = FolderStore(self._folder.path)
        self._hands: dict[str, _Hand] = {}  # by token, the last used at the end
        self._came: queue.SimpleQueue[tuple[_Hand, Outcome | None]] = queue.SimpleQueue()
        self._busy: _Hand | None = None
        self._assignment: Assignment | None = None
        self._deaths = 0
        self._started = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for hand in self._hands.values():
            hand.end()
        self._nursery.close()
        self._folder.remove()

    def begin(self, assignment: Assignment) -> None:
        """Start a task; there must be none under way.

        Raises
        ------
        RunError
            if no process can be started
        """
        self._assignment, self._deaths = assignment, 0
        self._give()

    def ended(self) -> Ended | None:
        """Return how the task ended, None if it has not; a process that died is replaced."""
        try:
            hand, outcome = self._came.get_nowait()
        except queue.Empty:
            return None
        if outcome is None:
            self._hands = {token: other for token, other in self._hands.items() if other is not hand}
            why = hand.epitaph()
            return self._died(why) if hand is self._busy else None
        assignment = self._finished()
        outcome = outcome.model_copy(update={"attempts": outcome.attempts + self._deaths})
        if not outcome.processed or assignment.store:
            return Ended(outcome, b"", deadly=False)
        try:
            return Ended(outcome, self._collected(assignment.task.id), deadly=False)
        except OSError as error:
            reason = f"its result was lost on this machine: {error}"
            return Ended(outcome.model_copy(update={"processed": False, "reason": reason}), b"", deadly=False)

    def _give(self) -> None:
        assignment = self._assignment
        assert assignment is not None
        hand = self._hands.pop(assignment.token, None)
        if hand is not None and hand.tasks >= self._recycle:
            hand.end()
            hand = None
        if hand is None:
            store = assignment.store or str(self._store.folder)
            setup = Setup(job=assignment.job, store=store, worker=self._name)
            try:
                hand = _Hand(self._nursery, self._started, setup, self._heard)
            except OSError as error:
                msg = f"Expected to start a process for a task, but: {error}. End others on this machine."
                raise RunError(msg) from error
            self._started += 1
        self._hands[assignment.token] = self._busy = hand
        while len(self._hands) > _RUNS:
            self._hands.pop(next(iter(self._hands))).end()
        hand.give(assignment.task)

    def _heard(self, hand: _Hand, outcome: Outcome | None) -> None:
        self._came.put((hand, outcome))
        self._wake()

    def _died(self, why: str) -> Ended | None:
        self._deaths += 1
        if self._deaths < ATTEMPTS:
            self._give()
            return None
        task = self._finished().task.id
        reason = f"{why}, {self._deaths} times"
        outcome = Outcome(
            task=task,
            processed=False,
            reason=reason,
            attempts=self._deaths,
            worker=self._name,
            finished=time.time(),
        )
        return Ended(outcome, b"", deadly=True)

    def _finished(self) -> Assignment:
        assignment, self._assignment, self._busy = self._assignment, None, None
        assert assignment is not None
        return assignment

    def _collected(self, task: str) -> bytes:
        path = self._store.path(task)
        data = path.read_bytes()
        path.unlink()
        return data


class _Hand:
    """One process, and a thread that hears what it says.

    Parameters
    ----------
    heard
        called in that thread with how a task ended, or with None at the end of the process
    """

    def __init__(
        self, nursery: Nursery, number: int, setup: Setup, heard: Callable[[_Hand, Outcome | None], None]
    ) -> None:
        self.tasks = 0
        self._process = nursery.start(number)
        self._heard = heard
        self._send(setup)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def give(self, task: Task) -> None:
        """Let it run ``task``."""
        self.tasks += 1
        self._send(Work(task=task))

    def epitaph(self) -> str:
        """Return how it ended, which it has."""
        words = self._process.epitaph()
        self.end()
        return words

    def end(self) -> None:
        """Kill it, whatever it does."""
        self._heard = _nobody
        self._process.kill()
        self._thread.join()
        self._process.close()

    def _send(self, message: Setup | Work) -> None:
        with suppress(BrokenPipeError):  # that it is dead is heard where its output ends
            self._process.stdin.write(encode(message))
            self._process.stdin.flush()

    def _listen(self) -> None:
        decoder, output = Decoder(Outcome), self._process.stdout.fileno()
        while data := os.read(output, _READ_BYTES):
            for outcome in decoder.feed(data):
                self._heard(self, outcome)
        self._heard(self, None)


def _nobody(_hand: _Hand, _outcome: Outcome | None) -> None:
    """Hear nothing."""
