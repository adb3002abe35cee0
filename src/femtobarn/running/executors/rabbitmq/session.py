"""What a worker does on one connection: it takes tasks, sends results, puts messages away, answers questions."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from femtobarn.base.records import Outcome
from femtobarn.base.text import visible
from femtobarn.running.executors.rabbitmq.inbox import ERROR, OUTCOME
from femtobarn.running.executors.rabbitmq.messages import WorkerAnswer, pack, pack_result
from femtobarn.running.executors.rabbitmq.options import RabbitOptions
from femtobarn.running.executors.rabbitmq.topology import (
    ALIEN,
    ROLL_CALL,
    Names,
    consume_stream,
    count,
    declare_shared,
    is_missing,
)

if TYPE_CHECKING:
    from pika import BlockingConnection

_JOB_COMES = 20.0  # seconds for a broker to give a job that it has
_MOST_DELIVERIES = 1_000_000  # more than any queue of ours allows: what says more is not ours


class Delivery(NamedTuple):
    """A message as it was taken from the queue of tasks.

    Parameters
    ----------
    tag
        names it on this connection
    key
        the key under which it was sent
    earlier
        how often it was given to a worker before
    """

    tag: int
    key: str
    earlier: int
    body: bytes


class Session:
    """The channels of a worker on one connection.

    Parameters
    ----------
    answer
        tells who this worker is and what it does
    """

    def __init__(
        self,
        connection: BlockingConnection,
        names: Names,
        queue: RabbitOptions,
        answer: Callable[[], WorkerAnswer],
    ) -> None:
        self.came: deque[Delivery] = deque()
        self._connection, self._names, self._answer = connection, names, answer
        self._consumer = ""
        self._cancelled = False
        declare_shared(connection, names, queue)
        self._channel = connection.channel()
        self._channel.confirm_delivery()
        self._channel.basic_qos(prefetch_count=1)
        self._channel.add_on_cancel_callback(self._on_cancel)
        self._chat = connection.channel()
        own = self._chat.queue_declare("", exclusive=True, auto_delete=True).method.queue
        self._chat.queue_bind(own, names.events, ROLL_CALL)
        self._chat.basic_consume(own, self._on_question, auto_ack=True)

    def take(self) -> None:
        """Let the broker give tasks, one at a time; they come to `came`."""
        if not self._consumer:
            self._consumer = self._channel.basic_consume(self._names.tasks, self._on_task)

    def stop(self) -> None:
        """Let the broker give no more tasks; one that has come meanwhile goes back."""
        if self._consumer:
            self._channel.basic_cancel(self._consumer)
            self._consumer = ""
        while self.came:
            self._channel.basic_nack(self.came.popleft().tag)

    def wait(self, seconds: float) -> None:
        """Let the connection live until something happens, but not for long.

        Raises
        ------
        ConnectionResetError
            if the broker gives no more: the queue has moved, or is gone
        """
        self._connection.process_data_events(time_limit=seconds)
        if self._cancelled or self._channel.is_closed:  # after a task that took too long for it
            msg = "the broker ended the consumption of tasks"
            raise ConnectionResetError(msg)

    def wake(self) -> None:
        """End `wait`; the only method for other threads."""
        self._connection.add_callback_threadsafe(_nothing)

    def done(self, delivery: Delivery) -> None:
        """Let the broker forget a message."""
        self._channel.basic_ack(delivery.tag)

    def again(self, delivery: Delivery) -> None:
        """Send a message to the end of the queue, as if nobody had taken it, and forget this one."""
        self._publish(self._names.queue, delivery.key, delivery.body)
        self.done(delivery)

    def put_away(self, delivery: Delivery, error: str, outcome: Outcome | None = None) -> None:
        """Move a message to the dead ones, with the error; with an outcome the driver hears of it, too.

        An outcome without the name of a task stands for a message of a run that nobody can read.
        """
        headers = {ERROR: visible(error, most=1000), "x-femtobarn-deliveries": delivery.earlier + 1}
        if outcome is not None and outcome.task:
            headers[OUTCOME] = outcome.model_dump_json()
        key = ALIEN if outcome is None else delivery.key
        self._publish(self._names.dead, key, delivery.body, headers)
        self.done(delivery)

    def send(self, token: str, outcome: Outcome, data: bytes = b"") -> bool:
        """Send how a task ended; when this returns the broker keeps it. Return whether the run is still there."""
        from pika.exceptions import UnroutableError

        try:
            self._publish("", self._names.results(token), pack_result(outcome, data))
        except UnroutableError:
            return False
        return True

    def job(self, token: str) -> bytes | None:
        """Return what should be the job of a run, None if the run is over.

        Raises
        ------
        TimeoutError
            if it does not come
        """
        from pika.exceptions import ChannelClosedByBroker

        if count(self._connection, self._names.results(token)) is None:
            return None
        bodies: list[bytes] = []
        channel = self._connection.channel()

        def on_message(_channel: Any, method: Any, _properties: Any, body: bytes) -> None:
            bodies.append(body)
            channel.basic_ack(method.delivery_tag)

        try:
            consume_stream(channel, self._names.job(token), on_message)
            deadline = time.monotonic() + _JOB_COMES
            while not bodies and (left := deadline - time.monotonic()) > 0:
                self._connection.process_data_events(time_limit=left)
            channel.close()
        except ChannelClosedByBroker as error:
            if is_missing(error):
                return None
            raise
        if not bodies:
            msg = f"Expected the job of a run in {self._names.job(token)}, but nothing came for {_JOB_COMES:.0f} s."
            raise TimeoutError(msg)
        return bodies[0]

    def _publish(
        self, exchange: str, key: str, body: bytes, headers: Mapping[str, Any] | None = None
    ) -> None:
        from pika import BasicProperties

        properties = BasicProperties(delivery_mode=2, app_id="femtobarn", headers=dict(headers or {}))
        self._channel.basic_publish(exchange, key, body, properties, mandatory=True)

    def _on_task(self, _channel: Any, method: Any, properties: Any, body: bytes) -> None:
        earlier = _earlier(properties.headers or {})
        self.came.append(Delivery(method.delivery_tag, method.routing_key, earlier, body))

    def _on_question(self, _channel: Any, _method: Any, properties: Any, _body: bytes) -> None:
        if properties.reply_to:
            self._chat.basic_publish("", properties.reply_to, pack(self._answer()))

    def _on_cancel(self, _method: Any) -> None:
        self._cancelled = True


def _earlier(headers: Mapping[str, Any]) -> int:
    """Return how often a message was given to a worker before; strangers may have written anything."""
    count = headers.get("x-delivery-count", 0)
    return count if isinstance(count, int) and 0 <= count <= _MOST_DELIVERIES else 0


def _nothing() -> None:
    """Be called."""
