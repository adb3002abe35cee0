"""A worker: takes tasks from the queue one by one, runs each in a process, and sends the result.

The connection lives in the main thread, so that the broker hears of the worker however long a task takes. A
message is acknowledged when its result is safe; if the connection is lost meanwhile, the result is sent on the
next one, and whoever gets the task again does no harm.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from femtobarn.base.errors import ExecutorError, FemtobarnError, VersionsError
from femtobarn.base.records import Outcome
from femtobarn.running.executors.rabbitmq.address import find_broker
from femtobarn.running.executors.rabbitmq.crew import Assignment, Crew, Ended
from femtobarn.running.executors.rabbitmq.intake import assignment, job_of, task_of
from femtobarn.running.executors.rabbitmq.link import (
    Dialler,
    Pauses,
    RefusedError,
    hung_up,
    lost,
    reason,
    refusal,
)
from femtobarn.running.executors.rabbitmq.messages import JobMessage, WorkerAnswer, glimpse
from femtobarn.running.executors.rabbitmq.options import RabbitOptions, WorkerOptions
from femtobarn.running.executors.rabbitmq.session import Delivery, Session
from femtobarn.running.executors.rabbitmq.topology import Names
from femtobarn.running.executors.telemetry import State, Telemetry
from femtobarn.running.results.partial import header_of

if TYPE_CHECKING:
    from pika import BlockingConnection

_TICK = 0.5  # seconds after which it looks whether it should end
_FAREWELL = 60.0  # seconds to reach a broker that is to get a last result
_REMEMBERED = 10_000  # tasks and runs of which it knows that they are over


@dataclass(slots=True)
class _Work:
    """What is under way: its result is sent on whichever session there is, and acknowledged on its own."""

    assignment: Assignment
    delivery: Delivery
    session: Session
    since: float
    ended: Ended | None = None


class QueueWorker:
    """Runs tasks from a queue until it is stopped.

    Parameters
    ----------
    options
        queue, name, and what it may do
    tell
        told in words what a person who watches it should know
    telemetry
        told what it does, for others to see

    Raises
    ------
    SettingsError, MissingExtraError
        if no broker is named, or it may not be spoken to; if pika is not installed
    """

    def __init__(
        self, options: WorkerOptions, *, tell: Callable[[str], None], telemetry: Telemetry | None = None
    ) -> None:
        self._options, self._tell, self._telemetry = options, tell, telemetry
        self._names = Names(options.queue)
        self._dialler = Dialler(
            find_broker(options.broker), options.heartbeat, f"femtobarn worker {options.name}"
        )
        self._stopped = math.inf  # when it was told to end
        self._session: Session | None = None
        self._work: _Work | None = None
        self._jobs: OrderedDict[str, JobMessage | None] = OrderedDict()
        self._sent: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._done = self._failed = 0
        self._idle_since = time.monotonic()

    def stop(self) -> None:
        """Let it end when the task that is under way has; may be called from a signal handler."""
        self._stopped = min(self._stopped, time.monotonic())

    def run(self) -> None:
        """Work until it is stopped, or has done what it was started for.

        Raises
        ------
        VersionsError
            if a run needs another version; its task is back in the queue
        RefusedError
            if the broker does not know us, or does not permit what is needed
        """
        pauses = Pauses()
        broken: tuple[type[Exception], ...] = (*lost(), ExecutorError)
        with Crew(self._options.name, self._options.recycle, self._wake) as crew:
            while not self._finished:
                self._state("connecting")
                connection = self._connected()
                if connection is None:
                    return
                began = time.monotonic()
                try:
                    with hung_up(connection):
                        shared = RabbitOptions(queue=self._options.queue)
                        self._session = Session(connection, self._names, shared, self._answer)
                        self._serve(self._session, crew)
                except broken as error:
                    refused = refusal(error, self._names.queue)
                    if refused is not None:
                        raise refused from error
                    self._tell(f"The connection was lost: {reason(error)}")
                    if time.monotonic() - began > 10 * _TICK:
                        pauses = Pauses()
                    self._wait(pauses.next())
                finally:
                    self._session = None

    @property
    def _finished(self) -> bool:
        """Whether it should end, and nothing is under way."""
        idle = self._options.idle_exit
        bored = bool(idle) and time.monotonic() - self._idle_since > idle
        return self._work is None and (bored or self._last)

    @property
    def _last(self) -> bool:
        """Whether it takes no task after the one that is under way."""
        limit = self._options.max_tasks
        taken = self._done + self._failed + (self._work is not None)
        return self._stopped < math.inf or (bool(limit) and taken >= limit)

    def _connected(self) -> BlockingConnection | None:
        """Connect, however long it takes; None if it should end meanwhile."""
        try:
            return self._dialler.patiently(math.inf, wait=self._wait, tell=self._tell)
        except RefusedError:
            raise
        except ExecutorError:
            return None

    def _wait(self, seconds: float) -> bool:
        """Wait; return whether it makes no sense to wait any longer."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self._finished or time.monotonic() - self._stopped > _FAREWELL:
                return True
            time.sleep(min(left, _TICK))
        return False

    def _wake(self) -> None:
        session = self._session
        if session is not None:
            with suppress(*lost()):
                session.wake()

    def _serve(self, session: Session, crew: Crew) -> None:
        """Work on one connection until it should end; whatever goes wrong with the connection is raised."""
        self._state("working" if self._work else "waiting")
        while True:
            if self._last:  # before the result is acknowledged, for then the next task would come
                session.stop()
            if self._work is not None and self._work.ended is None:
                self._work.ended = crew.ended()
            if self._work is not None and self._work.ended is not None:
                self._send(session, self._work, self._work.ended)
            if self._finished:
                session.stop()
                return
            if self._work is None:
                session.take()
                if session.came:
                    self._begin(session, crew, session.came.popleft())
                    continue
            session.wait(_TICK)

    def _begin(self, session: Session, crew: Crew, delivery: Delivery) -> None:
        """Start what a message asks for, or say why not."""
        self._idle_since = time.monotonic()
        token, name = self._names.token(delivery.key), glimpse(delivery.body).task
        try:
            # the job first: a task of another version need not look like one
            job = self._job(session, token) if token else None
            if token and job is None:  # the run is over
                session.done(delivery)
                return
            message = task_of(delivery.body, token)
            job = job or self._job(session, message.token)
        except VersionsError as error:
            session.send(token, self._outcome(name, f"worker {self._options.name}: {error}", pending=True))
            session.stop()  # else the next task would come, and count as lost
            session.again(delivery)
            raise
        except ExecutorError as error:
            session.put_away(delivery, str(error), self._outcome(name, str(error)) if token else None)
            return
        task, token = message.task, message.token
        if job is None or (token, task.id) in self._sent:
            session.done(delivery)
            return
        try:
            wanted = assignment(message, job, self._options)
        except FemtobarnError as error:
            self._sent_off(session, token, self._outcome(task.id, str(error)))
            session.done(delivery)
            return
        crew.begin(wanted)
        self._work = _Work(wanted, delivery, session, time.monotonic())
        self._state("working")
        if self._telemetry is not None:
            self._telemetry.began(task)

    def _send(self, session: Session, work: _Work, ended: Ended) -> None:
        """Send a result, and let the broker forget the task if it knows which."""
        outcome, data = ended.outcome, ended.data
        limit = work.assignment.max_message_bytes
        if len(data) > limit:
            reason = f"its result has {len(data):,} bytes, more than the {limit:,} that are sent through the broker. Let workers leave results elsewhere (--store), or raise the option max_message_bytes and the limit of the broker"
            outcome, data = outcome.model_copy(update={"processed": False, "reason": reason}), b""
        outcome = outcome.model_copy(update={"attempts": outcome.attempts + work.delivery.earlier})
        mine = work.session is session
        if ended.deadly and mine:
            session.put_away(work.delivery, outcome.reason, outcome)
            self._count(outcome)
        else:
            self._sent_off(session, work.assignment.token, outcome, data)
            if mine:
                session.done(work.delivery)
        self._work, self._idle_since = None, time.monotonic()
        self._state("waiting")
        if self._telemetry is not None:
            self._telemetry.ended(outcome, header_of(data) if data else None)

    def _sent_off(self, session: Session, token: str, outcome: Outcome, data: bytes = b"") -> None:
        if not session.send(token, outcome, data):
            self._jobs[token] = None
        elif outcome.processed:
            _remember(self._sent, (token, outcome.task), None)
        self._count(outcome)

    def _count(self, outcome: Outcome) -> None:
        if outcome.processed:
            self._done += 1
        else:
            self._failed += 1
            self._tell(f"Task {outcome.task} failed: {outcome.reason}")

    def _job(self, session: Session, token: str) -> JobMessage | None:
        """Return the job of a run, None if the run is over: its token never comes back."""
        if token not in self._jobs:
            body = session.job(token)
            _remember(self._jobs, token, None if body is None else job_of(body))
        return self._jobs[token]

    def _outcome(self, task: str, reason: str, *, pending: bool = False) -> Outcome:
        return Outcome(
            task=task,
            processed=False,
            pending=pending,
            reason=reason,
            worker=self._options.name,
            finished=time.time(),
        )

    def _answer(self) -> WorkerAnswer:
        work, now = self._work, time.monotonic()
        busy = {}
        if work is not None:
            task = work.assignment.task
            busy = {
                "token": work.assignment.token,
                "task": task.id,
                "file": task.file.name,
                "part": task.part,
            }
        return WorkerAnswer(
            worker=self._options.name,
            since=now - (self._idle_since if work is None else work.since),
            done=self._done,
            failed=self._failed,
            **busy,
        )

    def _state(self, state: State) -> None:
        if self._telemetry is not None:
            self._telemetry.state(state)


def _remember(known: OrderedDict[Any, Any], key: object, value: object) -> None:
    """Keep a fact, and forget the oldest of too many."""
    known[key] = value
    while len(known) > _REMEMBERED:
        known.popitem(last=False)
