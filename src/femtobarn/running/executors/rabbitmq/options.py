"""Options of the executor ``rabbitmq``, and of its workers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from femtobarn.base.record import Record

QUEUE = r"^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}$"
"""What a name of a queue looks like; others of the same run are made from it."""

QueueName = Annotated[str, Field(pattern=QUEUE)]


class RabbitOptions(Record):
    """Options of the executor ``rabbitmq``.

    Parameters
    ----------
    queue
        workers and runs of one name find each other
    broker
        addresses without passwords, comma-separated; empty: those of ``FEMTOBARN_BROKER``
    delivery_limit
        a task that so many workers lost, and one more, fails; for a queue that does not exist yet
    consumer_timeout
        seconds that a worker may take for a task; for a queue that does not exist yet, from RabbitMQ 3.12
    max_message_bytes
        a result above this size is not sent to the broker
    patience
        seconds without any worker after which a run gives up; also without a broker, once there was one
    connect
        seconds until a broker must have answered at first
    stall
        seconds in which nothing ends after which a run says what it waits for
    heartbeat
        seconds after which broker and client know that the other is gone
    """

    queue: QueueName = "femtobarn"
    broker: str = ""
    delivery_limit: Annotated[int, Field(ge=1, le=1000)] = 3
    consumer_timeout: Annotated[float, Field(ge=1, le=30 * 86_400)] = 86_400.0
    max_message_bytes: Annotated[int, Field(ge=1024, le=512 * 1024**2)] = 15 * 1024**2
    patience: Annotated[float, Field(gt=0)] = 3600.0
    connect: Annotated[float, Field(gt=0)] = 60.0
    stall: Annotated[float, Field(gt=0)] = 300.0
    heartbeat: Annotated[int, Field(ge=1, le=600)] = 60


class WorkerOptions(Record):
    """Options of a worker.

    Parameters
    ----------
    queue
        workers and runs of one name find each other
    broker
        as that of `RabbitOptions`
    name
        how it is called in the ledger
    prefixes
        folders and beginnings of URLs below which it opens files, and leaves results if a run says so
    trust
        digests of code that it runs
    max_tasks
        it ends after so many tasks; 0: never
    idle_exit
        it ends after so many seconds without a task; 0: never
    recycle
        tasks after which the process that runs them is made anew
    heartbeat
        seconds after which broker and worker know that the other is gone
    """

    queue: QueueName = "femtobarn"
    broker: str = ""
    name: Annotated[str, Field(min_length=1, max_length=200)]
    prefixes: tuple[str, ...]
    trust: tuple[str, ...] = ()
    max_tasks: Annotated[int, Field(ge=0)] = 0
    idle_exit: Annotated[float, Field(ge=0)] = 0.0
    recycle: Annotated[int, Field(ge=1)] = 100
    heartbeat: Annotated[int, Field(ge=1, le=600)] = 60
