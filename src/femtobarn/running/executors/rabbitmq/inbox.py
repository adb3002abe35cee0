"""Results of a run as they come from the broker: given to whoever keeps them first, acknowledged then."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from femtobarn.base.errors import ExecutorError, MergeError
from femtobarn.base.records import Notice, Outcome, Task
from femtobarn.base.text import visible
from femtobarn.running.executors.rabbitmq.messages import TaskMessage, unpack, unpack_result
from femtobarn.running.results.store import FolderStore

if TYPE_CHECKING:
    from pika import BlockingConnection

ERROR = "x-femtobarn-error"
"""Header of a message that was put away: why."""

OUTCOME = "x-femtobarn-outcome"
"""Header of a dead task whose worker said why."""

_AT_ONCE = 8  # results that are on their way: each may be as large as the broker allows
_IDLE = 1.0  # seconds without a message after which a broker has given what it had


class _Delivery(NamedTuple):
    tag: int
    headers: Mapping[str, Any]
    body: bytes


class Inbox:
    """What is on the results queue of a run.

    Parameters
    ----------
    connection
        to the broker; nothing else may be consumed on it
    queue
        the results queue
    store
        where results go that are in the messages
    tasks
        ids of all tasks of the run
    elsewhere
        whether workers leave results in another place, from which others fetch them
    """

    def __init__(
        self,
        connection: BlockingConnection,
        queue: str,
        store: FolderStore,
        tasks: Collection[str],
        *,
        elsewhere: bool,
    ) -> None:
        self._connection, self._store = connection, store
        self._tasks, self._elsewhere = frozenset(tasks), elsewhere
        self._came: deque[_Delivery] = deque()
        self._channel = connection.channel()
        self._channel.basic_qos(prefetch_count=_AT_ONCE)
        self._channel.basic_consume(queue, self._on_message)
        self._channel.add_on_cancel_callback(self._on_cancel)
        self._removed = False

    def wait(self, seconds: float, tasks: Mapping[str, Task]) -> Iterator[Outcome | Notice]:
        """Wait for messages, but not for long; give what those say that came.

        A message is acknowledged when the next is asked for: the caller has kept what it says by then.

        Parameters
        ----------
        tasks
            those that have no outcome yet, by id; the caller removes those that got one

        Raises
        ------
        ConnectionResetError
            if the broker gives no more: the queue has moved, or is gone
        """
        if not self._came:
            self._connection.process_data_events(time_limit=seconds)
        while self._came:
            delivery = self._came.popleft()
            event = self._taken(delivery, tasks)
            if event is not None:
                yield event
            self._channel.basic_ack(delivery.tag)
        if self._removed or self._channel.is_closed:
            msg = "the broker ended the consumption of results"
            raise ConnectionResetError(msg)

    def all_there(self, tasks: Mapping[str, Task]) -> Iterator[Outcome | Notice]:
        """Give what the messages say that are there now."""
        quiet = time.monotonic() + _IDLE
        while time.monotonic() < quiet:
            for event in self.wait(_IDLE / 5, tasks):
                quiet = time.monotonic() + _IDLE
                yield event

    def _on_message(self, _channel: Any, method: Any, properties: Any, body: bytes) -> None:
        self._came.append(_Delivery(method.delivery_tag, properties.headers or {}, body))

    def _on_cancel(self, _method: Any) -> None:
        self._removed = True

    def _taken(self, delivery: _Delivery, tasks: Mapping[str, Task]) -> Outcome | Notice | None:
        """Put the result into the store that a message holds, and return what else it says."""
        try:
            outcome, data = _read(delivery)
        except ExecutorError as error:
            return Notice(words=f"A message on the queue of results was thrown away. {error}")
        if outcome.pending:  # a worker could not begin it
            return Notice(words=visible(outcome.reason, most=1000))
        if outcome.task not in tasks:
            return None if self._known(outcome.task) else Notice(words=f"A result came of task {visible(outcome.task, most=80)}, which this run does not wait for. It was thrown away.")  # fmt: skip
        if not outcome.processed or (self._elsewhere and not data):
            return outcome
        try:
            self._store.put(outcome.task, data)
        except MergeError as error:
            return outcome.model_copy(update={"processed": False, "reason": f"no whole result came: {error}"})
        return outcome

    def _known(self, task: str) -> bool:
        """Return whether this is a task that ended before, well or not."""
        return task in self._tasks or self._store.has(task) or self._store.failure(task) is not None


def _read(delivery: _Delivery) -> tuple[Outcome, bytes]:
    """Return what a message says of a task: how it ended, or that the broker gave it up."""
    said = delivery.headers.get(OUTCOME)
    if said is not None:
        return unpack(Outcome, str(said).encode(errors="replace")), b""
    if ERROR in delivery.headers:
        raise ExecutorError(f"A worker could not read it: {visible(str(delivery.headers[ERROR]), most=1000)}")
    deaths = delivery.headers.get("x-death")
    if not deaths:
        return unpack_result(delivery.body)
    message = unpack(TaskMessage, delivery.body)
    return Outcome(
        task=message.task.id,
        processed=False,
        reason=why_dead(delivery.headers),
        attempts=0,
        finished=time.time(),
    ), b""


def why_dead(headers: Mapping[str, Any]) -> str:
    """Return in words why the broker put a task away."""
    deaths = headers.get("x-death")
    last = deaths[0] if isinstance(deaths, list) and deaths else None
    reason = visible(str(last.get("reason", ""))) if isinstance(last, Mapping) else ""
    if reason == "delivery_limit":
        return "given to one worker after the other, and each died or lost its connection; the broker has put the task away (femtobarn queue dead)"
    return f"the broker has put the task away ({reason or 'it does not say why'})"
