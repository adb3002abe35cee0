"""The executor ``rabbitmq``: tasks go to a queue, workers anywhere take them, results come back."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from femtobarn.base.errors import ExecutorError, GoneError
from femtobarn.base.records import Job, Notice, Outcome, Settings, Task, Ticket
from femtobarn.running.engine.executor import parse_options
from femtobarn.running.executors.rabbitmq.address import find_broker
from femtobarn.running.executors.rabbitmq.inbox import Inbox
from femtobarn.running.executors.rabbitmq.link import Dialler, hung_up, lost, reason, refusal
from femtobarn.running.executors.rabbitmq.messages import JobMessage, RunMessage, TaskMessage, new_token, pack
from femtobarn.running.executors.rabbitmq.options import RabbitOptions
from femtobarn.running.executors.rabbitmq.publisher import Target, publish
from femtobarn.running.executors.rabbitmq.topology import (
    Names,
    count,
    declare_run,
    declare_shared,
    is_missing,
    remove_run,
)
from femtobarn.running.executors.rabbitmq.watch import Watch, nobody
from femtobarn.running.results.store import FolderStore
from femtobarn.running.results.version import package_version, results_version

if TYPE_CHECKING:
    from pika import BlockingConnection

_TICK = 0.5  # seconds after which whoever waits may look up
_GOODBYE = 5.0  # seconds to reach a broker of which nothing more is wanted


class RabbitExecutor:
    """Runs tasks on workers that take them from a queue of a RabbitMQ broker.

    Parameters
    ----------
    options
        names, limits and patience
    store
        where workers leave results, from which others fetch them; empty: they come as messages

    Raises
    ------
    SettingsError
        if no broker is named, or it may not be spoken to
    MissingExtraError
        if pika is not installed
    """

    def __init__(self, options: RabbitOptions, store: str = "") -> None:
        self._options, self._store = options, store
        self._names = Names(options.queue)
        broker = find_broker(options.broker)
        self._dialler = Dialler(
            broker, options.heartbeat, f"femtobarn run {socket.gethostname()}-{os.getpid()}"
        )

    @classmethod
    def from_settings(cls, settings: Settings) -> RabbitExecutor:
        """Return the executor that ``settings`` describe.

        Raises
        ------
        UnknownNameError, SettingsError, MissingExtraError
            for options that it does not have, for values that are not allowed, for want of pika
        """
        if settings.store:
            from femtobarn.running.results.remotestore import check_store

            check_store(settings.store)
        return cls(parse_options(RabbitOptions, settings), settings.store)

    def run(self, job: Job, tasks: Sequence[Task], store: FolderStore) -> Generator[Outcome | Notice | None]:
        """Send ``tasks`` to the queue and give their outcomes as they come.

        Closing the generator takes back what no worker has begun. When this process is killed, workers
        go on, and the next start of the same run takes what they have done.
        """
        ticket = self._ticket()
        store.keep(ticket)  # before the first task is out: whoever comes next knows of them
        try:
            for _ in self._sent(ticket, job, tasks, detached=False):
                yield None
            yield from self._followed(ticket, tasks, store)
        except (GeneratorExit, KeyboardInterrupt):
            self._take_back(ticket, store)
            raise
        self._take_back(ticket, store)

    def submit(self, job: Job, tasks: Sequence[Task], store: FolderStore) -> Ticket:
        """Send ``tasks`` to the queue; when this returns the broker has confirmed each."""
        ticket = self._ticket()
        store.keep(ticket)
        try:
            for _ in self._sent(ticket, job, tasks, detached=True):
                pass
        except BaseException:
            self._take_back(ticket, store)
            raise
        return ticket

    def gather(self, ticket: Ticket, tasks: Sequence[Task], store: FolderStore) -> Iterator[Outcome | Notice]:
        """Take the results that are on the queue now.

        Raises
        ------
        GoneError
            if the broker knows nothing of this run
        ExecutorError
            if the broker cannot be reached
        """
        waiting = {task.id: task for task in tasks}
        with self._connected(_GOODBYE) as connection:
            queue = self._names.results(ticket.token)
            if count(connection, queue) is None:
                msg = f"The broker knows nothing of this run (no queue {queue}): it was drained, or this is another broker. Check FEMTOBARN_BROKER; run the command again for what is missing."
                raise GoneError(msg)
            inbox = Inbox(connection, queue, store, waiting, elsewhere=bool(self._store))
            for event in inbox.all_there(waiting):
                if isinstance(event, Outcome) and event.processed:  # a failure may have been made good since
                    del waiting[event.task]
                yield event
            left = [task for task in waiting if store.failure(task) is None]
            tasks_queue = count(connection, self._names.tasks)
            if left and tasks_queue is not None and tasks_queue.ready and not tasks_queue.consumers:
                yield nobody(self._options.queue, len(left))

    def release(self, ticket: Ticket) -> None:
        """Remove the queues of a run: workers drop the tasks of it that they have not begun.

        Raises
        ------
        ExecutorError
            if the broker cannot be reached
        """
        with self._connected(_GOODBYE) as connection:
            remove_run(connection, self._names, ticket.token)

    def _take_back(self, ticket: Ticket, store: FolderStore) -> None:
        """Release a ticket and forget it; if that is not possible, the next start of the run tries again."""
        with suppress(ExecutorError):
            self.release(ticket)
            store.drop(ticket)

    def _ticket(self) -> Ticket:
        given = self._options.model_dump(mode="json", exclude_defaults=True)
        details = tuple((name, str(value)) for name, value in given.items())
        return Ticket(executor="rabbitmq", token=new_token(), details=details)

    def _sent(self, ticket: Ticket, job: Job, tasks: Sequence[Task], *, detached: bool) -> Generator[int]:
        """Declare what is needed and send job and tasks; give the number of confirmed messages now and then."""
        from pika import BasicProperties

        names, token = self._names, ticket.token
        with self._connected() as connection:
            declare_shared(connection, names, self._options)
            declare_run(connection, names, token)
        whole = JobMessage(
            results_version=results_version(),
            femtobarn=package_version(),
            token=token,
            job=job,
            store=self._store,
            max_message_bytes=self._options.max_message_bytes,
        )
        begun = RunMessage(
            token=token,
            analysis=job.analysis.name,
            tasks=len(tasks),
            host=socket.gethostname(),
            started=time.time(),
            detached=detached,
        )
        kept = BasicProperties(delivery_mode=2, content_type="application/json", app_id="femtobarn")
        for exchange, key, bodies in (
            ("", names.job(token), iter((pack(whole),))),
            ("", names.runs, iter((pack(begun),))),
            (names.queue, names.key(token), (pack(TaskMessage(token=token, task=task)) for task in tasks)),
        ):
            patience = self._options.connect
            yield from publish(
                self._dialler, Target(exchange, key, kept, names.queue), bodies, patience=patience
            )

    def _followed(
        self, ticket: Ticket, tasks: Sequence[Task], store: FolderStore
    ) -> Generator[Outcome | Notice | None]:
        """Give outcomes until each task has one; connect again whenever the broker is lost."""
        waiting = {task.id: task for task in tasks}
        watch = Watch(self._names, self._options)
        everything = frozenset(waiting)
        while waiting:
            connection = yield from self._reached(watch)
            try:
                with hung_up(connection):
                    queue, left = self._names.results(ticket.token), bool(self._store)
                    inbox = Inbox(connection, queue, store, everything, elsewhere=left)
                    yield from self._listened(connection, inbox, waiting, watch)
            except lost() as error:
                if is_missing(error):
                    yield from _gone(waiting)
                    return
                refused = refusal(error, self._names.queue)
                if refused is not None:
                    raise refused from error
                watch.lost(reason(error))

    def _listened(
        self, connection: BlockingConnection, inbox: Inbox, waiting: dict[str, Task], watch: Watch
    ) -> Generator[Outcome | Notice | None]:
        yield from watch.found()
        while waiting:
            for event in inbox.wait(_TICK, waiting):
                if isinstance(event, Outcome):
                    del waiting[event.task]
                    watch.ended()
                yield event
            yield from watch.look(connection, waiting)
            if watch.given_up:
                yield from _failed(waiting, watch.given_up)
                waiting.clear()
            yield None

    def _reached(self, watch: Watch) -> Generator[Notice | None, None, BlockingConnection]:
        """Connect, however long it takes while there is patience."""
        while True:
            try:
                return self._dialler.once()
            except ExecutorError as error:
                yield from watch.unreachable(error)
                time.sleep(_TICK)
                yield None

    @contextmanager
    def _connected(self, patience: float | None = None) -> Iterator[BlockingConnection]:
        """Give a connection for something short; whatever is wrong with it is an `ExecutorError`."""
        connection = self._dialler.patiently(self._options.connect if patience is None else patience)
        try:
            with hung_up(connection):
                yield connection
        except lost() as error:
            refused = refusal(error, self._names.queue)
            if refused is not None:
                raise refused from error
            msg = f"The broker was lost: {reason(error)}. Give the command again when it is back."
            raise ExecutorError(msg) from error


def _gone(waiting: Mapping[str, Task]) -> Iterator[Outcome]:
    words = "the queue of this run is gone from the broker: somebody has removed it (femtobarn queue drain)"
    yield from _failed(waiting, words)


def _failed(waiting: Mapping[str, Task], words: str) -> Iterator[Outcome]:
    for task in tuple(waiting):
        yield Outcome(task=task, processed=False, reason=words, attempts=0, finished=time.time())
