"""Looking after a queue: what is on it, taking it away, giving dead tasks another chance."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from femtobarn.base.errors import ExecutorError
from femtobarn.base.record import Record
from femtobarn.base.records import Outcome
from femtobarn.base.text import visible
from femtobarn.running.executors.rabbitmq import roll
from femtobarn.running.executors.rabbitmq.address import find_broker
from femtobarn.running.executors.rabbitmq.inbox import ERROR, why_dead
from femtobarn.running.executors.rabbitmq.link import Dialler, hung_up, lost, reason, refusal
from femtobarn.running.executors.rabbitmq.messages import (
    RunMessage,
    TaskMessage,
    WorkerAnswer,
    pack_result,
    unpack,
)
from femtobarn.running.executors.rabbitmq.topology import Names, consume_stream, count, remove_run

if TYPE_CHECKING:
    from pika import BlockingConnection

_CONNECT = 10.0  # seconds until a broker must have answered
_QUIET = 0.5  # seconds after which a stream has given all it has
_LOOKED_AT = 200  # runs, the newest: each costs a question to the broker, and most are over


class RunOnQueue(Record):
    """A run that was begun and whose queues are still there.

    Parameters
    ----------
    token
        names it
    analysis, tasks, host, started
        what it was begun with, where, and when (seconds since the epoch)
    results
        results that nobody has gathered yet
    watched
        whether its driver waits for them
    detached
        whether it was handed over, to be collected later
    """

    token: str
    analysis: str
    tasks: int
    host: str
    started: float
    results: int
    watched: bool
    detached: bool = False


class QueueStatus(Record):
    """What is on a queue.

    Parameters
    ----------
    queue
        its name
    ready
        tasks that wait for a worker
    working
        tasks that workers have, as far as they answer
    consumers
        workers that take tasks
    workers
        those of them that answer
    dead
        messages that were put away
    runs
        oldest first
    older
        runs that were begun before those, and not looked at: most of them are over
    """

    queue: str
    ready: int
    working: int
    consumers: int
    workers: tuple[WorkerAnswer, ...]
    dead: int
    runs: tuple[RunOnQueue, ...]
    older: int = 0


class DeadTask(Record):
    """A message that was put away; what is not known of it is empty."""

    error: str
    token: str = ""
    task: str = ""
    file: str = ""
    part: int = 0
    size: int


class Revived(NamedTuple):
    """How many dead tasks were sent to workers again, and how many were left: no tasks, or nobody waits for them any more."""

    sent: int
    left: int


class QueueKeeper:
    """Looks after one queue.

    Parameters
    ----------
    queue
        its name
    broker
        addresses without passwords; empty: those of the environment

    Raises
    ------
    SettingsError, MissingExtraError
        if no broker is named, or it may not be spoken to; if pika is not installed
    """

    def __init__(self, queue: str, broker: str = "") -> None:
        self._names = Names(queue)
        self._dialler = Dialler(find_broker(broker), 60, "femtobarn queue")

    def status(self) -> QueueStatus:
        """Return what is on the queue; workers are asked, which takes a moment.

        Raises
        ------
        ExecutorError
            if the broker cannot be reached, or has no such queue
        """
        with self._connected() as connection:
            tasks = count(connection, self._names.tasks)
            assert tasks is not None
            dead = count(connection, self._names.dead)
            begun = self._begun(connection)
            workers = roll.ask(connection, self._names, tasks.consumers)
            return QueueStatus(
                queue=self._names.queue,
                ready=tasks.ready,
                working=sum(bool(worker.task) for worker in workers),
                consumers=tasks.consumers,
                workers=workers,
                dead=0 if dead is None else dead.ready,
                runs=tuple(self._there(connection, begun[-_LOOKED_AT:])),
                older=len(begun[:-_LOOKED_AT]),
            )

    def drain(self, token: str = "") -> int:
        """Take tasks away that no worker has begun; return how many messages were removed.

        Parameters
        ----------
        token
            of one run, whose results go too; empty: tasks of all runs, and their drivers are told
        """
        with self._connected() as connection:
            if token:
                return self._drain_run(connection, token)
            return self._drain_tasks(connection)

    def drain_dead(self) -> int:
        """Remove what was put away; return how many messages that were."""
        with self._connected() as connection, connection.channel() as channel:
            return int(channel.queue_purge(self._names.dead).method.message_count)

    def dead(self) -> tuple[DeadTask, ...]:
        """Return what was put away, oldest first; nothing is removed."""
        found = []
        with self._connected() as connection, connection.channel() as channel:
            while (got := channel.basic_get(self._names.dead))[0] is not None:
                _, properties, body = got
                found.append(_described(properties.headers or {}, body))
        return tuple(found)  # the end of the channel puts all back

    def retry_dead(self) -> Revived:
        """Send dead tasks to workers again; what is no task stays, and what nobody waits for any more.

        A driver that waits for a run has counted its dead tasks as failed already: they are left to it.
        """
        sent = left = 0
        with self._connected() as connection, connection.channel() as channel:
            channel.confirm_delivery()
            handed_over = {run.token for run in self._begun(connection) if run.detached}
            there = count(connection, self._names.dead)
            for _ in range(0 if there is None else there.ready):  # what dies again meanwhile is left alone
                method, _, body = channel.basic_get(self._names.dead)
                if method is None:
                    break
                key = self._key_of(connection, body, handed_over)
                if key is None:
                    left += 1
                    continue
                _publish(channel, self._names.queue, key, body)
                channel.basic_ack(method.delivery_tag)
                sent += 1
        return Revived(sent, left)

    def _key_of(self, connection: BlockingConnection, body: bytes, handed_over: set[str]) -> str | None:
        """Return the key of a task whose run would still take its result."""
        try:
            token = unpack(TaskMessage, body).token
        except ExecutorError:
            return None
        results = count(connection, self._names.results(token))
        if results is None or (results.consumers and token not in handed_over):
            return None
        return self._names.key(token)

    def _drain_run(self, connection: BlockingConnection, token: str) -> int:
        begun = self._begun(connection)
        meant = [run for run in begun if run.token.startswith(token)]
        chosen = [run.token for run in self._there(connection, meant[-_LOOKED_AT:])]
        if len(chosen) != 1:
            known = self._there(connection, begun[-_LOOKED_AT:])
            there = ", ".join(run.token[:8] for run in known) or "none"
            msg = f"Expected the token of one run on this queue, but {len(chosen)} begin with {token!r}. There are: {there}."
            raise ExecutorError(msg)
        results = count(connection, self._names.results(chosen[0]))
        remove_run(connection, self._names, chosen[0])
        return 0 if results is None else results.ready

    def _drain_tasks(self, connection: BlockingConnection) -> int:
        removed = 0
        gone: set[str] = set()
        with connection.channel() as channel:
            channel.confirm_delivery()
            while (got := channel.basic_get(self._names.tasks))[0] is not None:
                method, _, body = got
                self._tell_driver(channel, body, gone)
                channel.basic_ack(method.delivery_tag)
                removed += 1
        return removed

    def _tell_driver(self, channel: Any, body: bytes, gone: set[str]) -> None:
        from pika.exceptions import UnroutableError

        try:
            message = unpack(TaskMessage, body)
        except ExecutorError:
            return
        if message.token in gone:
            return
        words = "removed from the queue (femtobarn queue drain)"
        outcome = Outcome(
            task=message.task.id, processed=False, reason=words, attempts=0, finished=time.time()
        )
        try:
            _publish(channel, "", self._names.results(message.token), pack_result(outcome))
        except UnroutableError:
            gone.add(message.token)

    def _begun(self, connection: BlockingConnection) -> list[RunMessage]:
        """Return the runs that were ever begun on the queue, as far as the broker remembers, oldest first."""
        begun: list[RunMessage] = []
        quiet = time.monotonic() + _QUIET

        def on_message(channel: Any, method: Any, _properties: Any, body: bytes) -> None:
            nonlocal quiet
            quiet = time.monotonic() + _QUIET
            channel.basic_ack(method.delivery_tag)
            try:
                begun.append(unpack(RunMessage, body))
            except ExecutorError:
                return

        with connection.channel() as channel:
            consume_stream(channel, self._names.runs, on_message)
            while (left := quiet - time.monotonic()) > 0:
                connection.process_data_events(time_limit=left)
        return begun

    def _there(self, connection: BlockingConnection, begun: Sequence[RunMessage]) -> Iterator[RunOnQueue]:
        """Give those runs whose queues are still there."""
        for run in begun:
            results = count(connection, self._names.results(run.token))
            if results is not None:
                yield RunOnQueue(**run.model_dump(), results=results.ready, watched=results.consumers > 0)

    @contextmanager
    def _connected(self) -> Iterator[BlockingConnection]:
        connection = self._dialler.patiently(_CONNECT)
        try:
            with hung_up(connection):
                if count(connection, self._names.tasks) is None:
                    msg = f"The broker has no queue {self._names.queue!r}: no run and no worker has used it. Check --queue and FEMTOBARN_BROKER."
                    raise ExecutorError(msg)
                yield connection
        except lost() as error:
            refused = refusal(error, self._names.queue)
            if refused is not None:
                raise refused from error
            msg = f"The broker was lost: {reason(error)}. Try again."
            raise ExecutorError(msg) from error


def _publish(channel: Any, exchange: str, key: str, body: bytes) -> None:
    from pika import BasicProperties

    channel.basic_publish(exchange, key, body, BasicProperties(delivery_mode=2), mandatory=True)


def _described(headers: Mapping[str, Any], body: bytes) -> DeadTask:
    error = visible(str(headers.get(ERROR) or why_dead(headers)), most=1000)
    try:
        message = unpack(TaskMessage, body)
    except ExecutorError:
        return DeadTask(error=error, size=len(body))
    task = message.task
    return DeadTask(
        error=error, token=message.token, task=task.id, file=task.file.name, part=task.part, size=len(body)
    )
