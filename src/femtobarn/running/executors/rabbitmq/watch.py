"""What a driver tells while it waits: no broker, no worker, nothing that ends."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from femtobarn.base.errors import ExecutorError
from femtobarn.base.records import Notice, Task
from femtobarn.running.executors.rabbitmq import roll
from femtobarn.running.executors.rabbitmq.link import RefusedError
from femtobarn.running.executors.rabbitmq.options import RabbitOptions
from femtobarn.running.executors.rabbitmq.topology import Names, count

if TYPE_CHECKING:
    from pika import BlockingConnection

_LOOK = 2.0  # seconds between two questions to the broker
_NOBODY = 10.0  # seconds without a worker after which a person is told


def nobody(queue: str, tasks: int) -> Notice:
    """Return what to say when ``tasks`` wait and no worker takes any."""
    return Notice(
        words=f"No worker takes tasks from the queue {queue!r}; {tasks} wait. Start one on any machine that reaches the broker and the files: femtobarn worker --queue {queue}"
    )


class Watch:
    """Times of what happened last, and what follows from them.

    Attributes
    ----------
    given_up
        why it makes no sense to wait any longer; empty while it does
    """

    def __init__(self, names: Names, options: RabbitOptions) -> None:
        self.given_up = ""
        self._names, self._options = names, options
        now = time.monotonic()
        self._ended = self._worker = self._broker = now
        self._looked = 0.0
        self._stall = options.stall
        self._told_nobody = False
        self._lost = ""
        self._told_lost = False

    def ended(self) -> None:
        """Note that a task ended: so there is a worker."""
        self._ended = self._worker = time.monotonic()
        self._stall = self._options.stall
        self._told_nobody = False

    def lost(self, why: str) -> None:
        """Note that the connection was lost."""
        self._lost, self._broker = why, time.monotonic()

    def found(self) -> Iterator[Notice]:
        """Note that the broker answers; say so if it had not."""
        if self._told_lost:
            yield Notice(words="The broker is back.")
        self._lost, self._told_lost = "", False
        self._broker = self._worker = time.monotonic()

    def unreachable(self, error: ExecutorError) -> Iterator[Notice]:
        """Say once that the broker does not answer; raise when it has not for too long, or knows us not."""
        away = time.monotonic() - self._broker
        if isinstance(error, RefusedError) or away > self._options.patience:
            msg = f"The broker was lost, and has not come back for {away:.0f} s. {error} Results that it has are not lost: run the command again when it is back."
            raise ExecutorError(msg) from error
        if not self._told_lost:
            self._told_lost = True
            yield Notice(words=f"The broker was lost ({self._lost or error}) and is asked again and again.")

    def look(self, connection: BlockingConnection, waiting: Mapping[str, Task]) -> Iterator[Notice]:
        """Ask the broker for workers now and then; say if there are none, or if nothing has ended for long."""
        now = time.monotonic()
        if not waiting or now - self._looked < _LOOK:
            return
        self._looked = now
        queue = count(connection, self._names.tasks)
        workers = 0 if queue is None else queue.consumers
        if workers:
            self._worker, self._told_nobody = now, False
        elif now - self._worker > _NOBODY:
            yield from self._nobody(connection, now, len(waiting))
        if workers and now - self._ended > self._stall:
            self._stall *= 2
            yield self._stuck(connection, now, len(waiting), workers)

    def _nobody(self, connection: BlockingConnection, now: float, tasks: int) -> Iterator[Notice]:
        if not self._told_nobody:
            self._told_nobody = True
            yield nobody(self._options.queue, tasks)
        away = now - self._worker
        if away > self._options.patience:
            if roll.ask(connection, self._names, 1):  # busy for longer than the broker lets it consume
                self._worker = now
                return
            self.given_up = f"no worker for {away:.0f} s"

    def _stuck(self, connection: BlockingConnection, now: float, tasks: int, workers: int) -> Notice:
        answers = roll.ask(connection, self._names, workers)
        busy = [roll.what_it_does(answer) for answer in answers if answer.task]
        silent = workers - len(answers)
        words = [f"Nothing has ended for {now - self._ended:.0f} s; {tasks} tasks have no result"]
        words += busy[:10]
        if len(busy) > 10:
            words.append(f"{len(busy) - 10} more workers are at work")
        if silent > 0:
            words.append(f"{silent} of {workers} workers do not answer")
        return Notice(words="; ".join(words) + ".")
