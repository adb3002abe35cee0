"""Many messages to a broker at once: each is confirmed, few are under way, none is kept longer than that."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from femtobarn.base.errors import ExecutorError
from femtobarn.running.executors.rabbitmq.link import Dialler, Pauses, RefusedError, lost, reason, refusal

if TYPE_CHECKING:
    from pika import BasicProperties, SelectConnection

_UNDER_WAY = 2000  # messages that are sent and not confirmed
_TICK = 0.5  # seconds after which whoever waits may look up
_AGAIN = 0.5  # seconds after which a message that the broker would not take is sent again
_GOODBYE = 5.0  # seconds for the broker to hear that a connection ends


@dataclass(frozen=True, slots=True)
class Target:
    """Where messages are sent: an exchange, a key, the properties of each, and for which work queue."""

    exchange: str
    key: str
    properties: BasicProperties
    queue: str


def publish(dialler: Dialler, target: Target, bodies: Iterable[bytes], *, patience: float) -> Generator[int]:
    """Send all ``bodies``; give the number of confirmed ones now and then, also while nothing happens.

    A message may arrive twice if the connection was lost.

    Parameters
    ----------
    patience
        seconds without a confirmation after which it is given up

    Raises
    ------
    RefusedError
        if that is not permitted
    ExecutorError
        if no queue takes them, or nothing was confirmed for too long
    """
    window = _Window(target, bodies)
    pauses, since, before = Pauses(), time.monotonic(), 0
    while not window.finished:
        session = _Session(dialler, window)
        try:
            while not window.finished and time.monotonic() - since < patience and session.step(_TICK):
                if window.confirmed > before:
                    pauses, since, before = Pauses(), time.monotonic(), window.confirmed
                yield window.confirmed
        finally:
            session.close()
        if session.refused is not None:
            raise session.refused
        if window.problem:
            raise ExecutorError(window.problem)
        if not window.finished:
            if time.monotonic() - since >= patience:
                msg = f"The broker confirmed no message for {patience:.0f} s ({session.problem}). Check that RabbitMQ runs and has memory and disk left."
                raise ExecutorError(msg)
            dialler.failed(session.place)
            window.recall()
            for _ in _pieces(pauses.next()):
                yield window.confirmed


class _Window:
    """The messages that are under way, and those that must be sent again."""

    def __init__(self, target: Target, bodies: Iterable[bytes]) -> None:
        self.confirmed, self.problem, self.queue = 0, "", target.queue
        self._target, self._bodies = target, iter(bodies)
        self._next: bytes | None = next(self._bodies, None)
        self._again: deque[bytes] = deque()
        self._sent: dict[int, bytes] = {}
        self._number = 0

    @property
    def finished(self) -> bool:
        """Whether all are confirmed, or it makes no sense to go on."""
        return bool(self.problem) or (self._next is None and not self._again and not self._sent)

    def recall(self) -> None:
        """Send again what was not confirmed: the connection is lost, and numbers begin anew."""
        self._again.extend(self._sent.values())
        self._sent.clear()
        self._number = 0

    def fill(self, channel: Any) -> None:
        """Send while there is something to send, and not too much is under way."""
        target = self._target
        while len(self._sent) < _UNDER_WAY and (body := self._take()) is not None:
            self._number += 1
            self._sent[self._number] = body
            channel.basic_publish(target.exchange, target.key, body, target.properties, mandatory=True)

    def answered(self, number: int, *, taken: bool, multiple: bool) -> None:
        """Note what the broker says of a message, or of all up to it."""
        numbers = [number]
        if multiple:
            numbers = []
            for sent in self._sent:  # in the order of their numbers
                if sent > number:
                    break
                numbers.append(sent)
        bodies = [self._sent.pop(n) for n in numbers if n in self._sent]
        if taken:
            self.confirmed += len(bodies)
        else:
            self._again.extend(bodies)

    def returned(self) -> None:
        """Note that no queue takes a message."""
        self.problem = f"The broker has no queue for {self._target.exchange} with the key {self._target.key}: somebody has removed it. Run the command again."

    def _take(self) -> bytes | None:
        if self._again:
            return self._again.popleft()
        body = self._next
        if body is not None:
            self._next = next(self._bodies, None)
        return body


class _Session:
    """One connection that sends; whatever happens to it is found in `step`."""

    def __init__(self, dialler: Dialler, window: _Window) -> None:
        from pika import SelectConnection
        from pika.adapters.select_connection import IOLoop

        self.problem = "it took no connection"
        self.refused: RefusedError | None = None
        self.place = dialler.next_place()
        self._window, self._loop = window, IOLoop()
        self._over = self._closed = False  # the channel is of no use any more, the connection has ended
        self._connection: SelectConnection = SelectConnection(
            dialler.parameters(self.place),
            on_open_callback=lambda connection: connection.channel(on_open_callback=self._opened),
            on_open_error_callback=self._ended,
            on_close_callback=self._ended,
            custom_ioloop=self._loop,
        )

    def step(self, seconds: float) -> bool:
        """Let the connection work for a while; return whether it is still good."""
        if not self._over:
            self._work(seconds)
        return not self._over

    def close(self) -> None:
        """End the connection, and wait a little until the broker knows."""
        deadline = time.monotonic() + _GOODBYE
        if not self._closed and self._connection.is_open:
            self._connection.close()
        while not self._closed and time.monotonic() < deadline:
            self._work(_TICK)
        self._work(0.0)  # what is left to tidy up
        self._loop.close()

    def _work(self, seconds: float) -> None:
        timer = self._loop.call_later(seconds, self._loop.stop)
        try:
            self._loop.start()
        except lost() as error:
            self._ended(None, error)
        self._loop.remove_timeout(timer)

    def _opened(self, channel: Any) -> None:
        channel.add_on_close_callback(self._useless)
        channel.add_on_return_callback(self._unroutable)
        channel.confirm_delivery(
            lambda frame: self._answer(channel, frame.method),
            callback=lambda _: self._window.fill(channel),
        )

    def _answer(self, channel: Any, method: Any) -> None:
        taken = method.NAME == "Basic.Ack"
        self._window.answered(method.delivery_tag, taken=taken, multiple=method.multiple)
        if self._window.finished:
            self._loop.stop()
        elif taken:
            self._window.fill(channel)
        else:
            self._loop.call_later(_AGAIN, lambda: None if self._over else self._window.fill(channel))

    def _unroutable(self, *_: Any) -> None:
        self._window.returned()
        self._loop.stop()

    def _useless(self, _: Any, error: Any) -> None:
        self.problem = reason(error) if isinstance(error, BaseException) else str(error)
        if not self._over and isinstance(error, BaseException):
            self.refused = refusal(error, self._window.queue)
        self._over = True
        self._loop.stop()

    def _ended(self, _: Any, error: Any) -> None:
        self._closed = True
        self._useless(None, error)


def _pieces(seconds: float) -> Iterator[None]:
    """Wait in pieces, so that whoever waits may look up."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        time.sleep(min(left, _TICK))
        yield
