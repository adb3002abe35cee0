"""Queues and exchanges on the broker, and what they are declared as.

==========================  =========  ==================================================================
``<q>``                     exchange   tasks are sent here, with the key ``task.<token>``
``<q>.tasks``               quorum     all tasks of all runs; workers take them one by one
``<q>.dead``                exchange   tasks that too many workers lost, or that are no tasks
``<q>.dead``                quorum     the same, kept for people
``<q>.job.<token>``         stream     one message: the job of a run; reading does not remove it
``<q>.results.<token>``     quorum     results of a run, also its dead tasks, until its driver takes them
``<q>.runs``                stream     one message for each run there ever was, as long as there is room
``<q>.events``              exchange   questions to all workers
==========================  =========  ==================================================================

Everything is durable, and all arguments are declared, since defaults differ between versions of RabbitMQ.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from femtobarn.base.errors import ExecutorError
from femtobarn.running.executors.rabbitmq.link import is_refused
from femtobarn.running.executors.rabbitmq.messages import is_token
from femtobarn.running.executors.rabbitmq.options import RabbitOptions

if TYPE_CHECKING:
    from pika import BlockingConnection
    from pika.adapters.blocking_connection import BlockingChannel

ROLL_CALL = "roll-call"
"""The key of the question who is there."""

ALIEN = "alien"
"""The key under which messages that are no tasks are put away."""

_QUORUM = {"x-queue-type": "quorum"}
_STREAM = {"x-queue-type": "stream"}
_NO_LIMIT = 1_000_000  # deliveries; without it RabbitMQ 4 drops a message after 20
_NOT_FOUND, _OTHER_ARGUMENTS = 404, 406


@dataclass(frozen=True, slots=True)
class Names:
    """Names on the broker, all made from that of the queue."""

    queue: str

    @property
    def tasks(self) -> str:
        """The queue of tasks."""
        return f"{self.queue}.tasks"

    @property
    def dead(self) -> str:
        """Both the exchange and the queue of dead tasks."""
        return f"{self.queue}.dead"

    @property
    def runs(self) -> str:
        """The stream of runs."""
        return f"{self.queue}.runs"

    @property
    def events(self) -> str:
        """The exchange of questions to all workers."""
        return f"{self.queue}.events"

    def job(self, token: str) -> str:
        """Return the name of the stream with the job of a run."""
        return f"{self.queue}.job.{token}"

    def results(self, token: str) -> str:
        """Return the name of the queue of results of a run."""
        return f"{self.queue}.results.{token}"

    def key(self, token: str) -> str:
        """Return the key under which tasks of a run are sent."""
        return f"task.{token}"

    def token(self, key: str) -> str:
        """Return the token of the run whose tasks are sent under ``key``, an empty one if there is no such run."""
        kind, _, token = key.partition(".")
        return token if kind == "task" and is_token(token) else ""


def declare_shared(connection: BlockingConnection, names: Names, options: RabbitOptions) -> None:
    """Declare what all runs share. A queue that exists already is taken as it is.

    Raises
    ------
    ExecutorError
        if something of that name exists, but is something else
    """
    with connection.channel() as channel:
        for exchange in (names.queue, names.dead, names.events):
            channel.exchange_declare(exchange, "topic", durable=True)
    tasks = {
        **_QUORUM,
        "x-delivery-limit": options.delivery_limit,
        "x-consumer-timeout": round(options.consumer_timeout * 1000),
        "x-dead-letter-exchange": names.dead,
        "x-dead-letter-strategy": "at-least-once",  # else a dead task can be lost with the broker
        "x-overflow": "reject-publish",
    }
    _declare(connection, names.dead, {**_QUORUM, "x-delivery-limit": _NO_LIMIT})
    with connection.channel() as channel:
        channel.queue_bind(names.dead, names.dead, "#")
    _declare(connection, names.tasks, tasks)
    _declare(connection, names.runs, {**_STREAM, "x-max-length-bytes": 10**7, "x-stream-max-segment-size-bytes": 10**6})  # fmt: skip
    with connection.channel() as channel:
        channel.queue_bind(names.tasks, names.queue, "task.#")


def declare_run(connection: BlockingConnection, names: Names, token: str) -> None:
    """Declare what one run has for itself."""
    with connection.channel() as channel:
        channel.queue_declare(names.results(token), durable=True, arguments={**_QUORUM, "x-delivery-limit": _NO_LIMIT})  # fmt: skip
        channel.queue_bind(names.results(token), names.dead, names.key(token))
        channel.queue_declare(names.job(token), durable=True, arguments=_STREAM)


def remove_run(connection: BlockingConnection, names: Names, token: str) -> None:
    """Remove what one run had for itself: workers drop its tasks when they come to them."""
    with connection.channel() as channel:
        channel.queue_delete(names.job(token))
        channel.queue_delete(names.results(token))


@dataclass(frozen=True, slots=True)
class Count:
    """What a queue says of itself: messages that wait, and consumers."""

    ready: int
    consumers: int


def count(connection: BlockingConnection, queue: str) -> Count | None:
    """Return what ``queue`` says of itself, None if there is no such queue."""
    from pika.exceptions import ChannelClosedByBroker

    channel = connection.channel()
    try:
        answer = channel.queue_declare(queue, passive=True).method
    except ChannelClosedByBroker as error:
        if is_missing(error):
            return None
        raise
    channel.close()
    return Count(answer.message_count, answer.consumer_count)


def is_missing(error: Exception) -> bool:
    """Return whether the broker said that there is no such queue; one that is down for now is another matter."""
    code, words = getattr(error, "reply_code", None), str(getattr(error, "reply_text", ""))
    return code == _NOT_FOUND and "no queue" in words


def consume_stream(channel: BlockingChannel, queue: str, on_message: Any) -> None:
    """Read a stream from its beginning; ``on_message`` must acknowledge what it is given."""
    channel.basic_qos(prefetch_count=100)  # a stream gives nothing without
    channel.basic_consume(queue, on_message, arguments={"x-stream-offset": "first"})


def _declare(connection: BlockingConnection, queue: str, arguments: Mapping[str, Any]) -> None:
    """Make a queue unless there is one: whoever came first has decided its arguments."""
    from pika.exceptions import ChannelClosedByBroker

    if count(connection, queue) is not None:
        return
    channel = connection.channel()
    try:
        channel.queue_declare(queue, durable=True, arguments=dict(arguments))
    except ChannelClosedByBroker as error:
        if is_refused(error):
            raise
        if error.reply_code != _OTHER_ARGUMENTS or count(connection, queue) is None:
            words = str(error.reply_text)
            msg = f"Expected to make the queue {queue}, but the broker refused: {words}. Femtobarn needs RabbitMQ 3.10 or newer with quorum queues and streams."
            raise ExecutorError(msg) from error
    with suppress(Exception):
        channel.close()
