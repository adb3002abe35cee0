"""Asking all workers of a queue who is there and what they do."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from femtobarn.base.errors import ExecutorError
from femtobarn.running.executors.rabbitmq.messages import WorkerAnswer, unpack
from femtobarn.running.executors.rabbitmq.topology import ROLL_CALL, Names

if TYPE_CHECKING:
    from pika import BlockingConnection

SECONDS = 2.0
"""How long is waited for answers."""

_GRACE = 0.3  # seconds for those that nobody expects


def ask(
    connection: BlockingConnection, names: Names, expected: int, *, seconds: float = SECONDS
) -> tuple[WorkerAnswer, ...]:
    """Return what workers answer, sorted by their names.

    Parameters
    ----------
    expected
        when so many have answered, others are not waited for much longer: a worker that is longer at a task than
        the broker likes is no consumer
    seconds
        how long is waited; a worker that is stopped or cut off does not answer
    """
    from pika import BasicProperties

    answers: dict[str, WorkerAnswer] = {}

    def take(_channel: Any, _method: Any, _properties: Any, body: bytes) -> None:
        with suppress(ExecutorError):
            answer = unpack(WorkerAnswer, body)
            answers[answer.worker] = answer

    with connection.channel() as channel:
        own = channel.queue_declare("", exclusive=True, auto_delete=True).method.queue
        channel.basic_consume(own, take, auto_ack=True)
        channel.basic_publish(names.events, ROLL_CALL, b"", BasicProperties(reply_to=own))
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if len(answers) >= expected:
                left = min(left, _GRACE)
                deadline = min(deadline, time.monotonic() + _GRACE)
            connection.process_data_events(time_limit=left)
    return tuple(answers[name] for name in sorted(answers))


def what_it_does(answer: WorkerAnswer) -> str:
    """Return in words what a worker does."""
    if not answer.task:
        return f"{answer.worker} waits"
    return f"{answer.worker} has worked on {answer.file} part {answer.part} for {answer.since:.0f} s"
