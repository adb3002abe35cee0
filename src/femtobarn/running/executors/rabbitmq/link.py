"""Connections to a broker: one place after the other, again and again with growing pauses."""

from __future__ import annotations

import logging
import re
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING

from femtobarn.base.errors import ExecutorError, MissingExtraError
from femtobarn.base.installed import version
from femtobarn.base.text import visible, without_secrets
from femtobarn.running.executors.rabbitmq.address import Broker, Place

if TYPE_CHECKING:
    from pika import BlockingConnection, ConnectionParameters

_SAID = re.compile(r"ConnectionClosedByBroker: \(\d+\) ['\"](.*?)['\"]\"?[,)]")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 15.0
_ACCESS_REFUSED = 403
_ANSWER = 10.0  # seconds for a place to take a connection
_BLOCKED = 300.0  # seconds that a broker may take nothing, for want of memory or disk


class RefusedError(ExecutorError):
    """The broker does not know us, or does not permit what is needed: trying again would not help."""


def require_pika() -> None:
    """Raise `MissingExtraError` unless pika is installed; keep its log away from people who set up none."""
    if find_spec("pika") is None:
        raise MissingExtraError("a work queue on RabbitMQ", "rabbitmq")
    logging.getLogger("pika").addHandler(logging.NullHandler())


def lost() -> tuple[type[Exception], ...]:
    """Return the errors that mean that a connection is no good any more."""
    from pika.exceptions import AMQPError

    return (AMQPError, OSError)


def reason(error: BaseException) -> str:
    """Return what went wrong with a connection in words, without secrets."""
    words = getattr(error, "reply_text", "") or str(error) or type(error).__name__
    said = _SAID.search(words)  # what the broker said, in what pika makes of it
    return visible(without_secrets(said[1] if said else words))


class Pauses:
    """Pauses between attempts, growing up to a limit."""

    def __init__(self) -> None:
        self._next = _FIRST_PAUSE

    def next(self) -> float:
        """Return how long to wait now, in seconds."""
        pause, self._next = self._next, min(2 * self._next, _LONGEST_PAUSE)
        return pause


class Dialler:
    """Makes connections to whichever place of a broker answers.

    Parameters
    ----------
    broker
        its places
    heartbeat
        seconds after which each side knows that the other is gone
    name
        what the broker calls the connections
    """

    def __init__(self, broker: Broker, heartbeat: int, name: str) -> None:
        require_pika()
        self._broker, self._heartbeat, self._name = broker, heartbeat, name
        self._at = 0  # the place that answered last

    def once(self) -> BlockingConnection:
        """Ask each place once, the one that answered last first.

        Raises
        ------
        RefusedError
            if all know us not
        ExecutorError
            if none takes us
        """
        from pika import BlockingConnection

        problems: list[ExecutorError] = []
        for _ in self._broker.places:
            place = self.next_place()
            try:
                return BlockingConnection(self.parameters(place))
            except RefusedError as error:
                problems.append(error)
            except lost() as error:
                problems.append(_problem(place, error))
            self.failed(place)
        words = "; ".join(str(problem) for problem in problems)
        if all(isinstance(problem, RefusedError) for problem in problems):
            raise RefusedError(words)
        raise ExecutorError(words)

    def patiently(
        self,
        seconds: float,
        *,
        wait: Callable[[float], bool | None] = time.sleep,
        tell: Callable[[str], None] | None = None,
    ) -> BlockingConnection:
        """Ask all places again and again.

        Parameters
        ----------
        seconds
            after which it is given up
        wait
            waits that many seconds; if it returns True, it is given up now
        tell
            told once that nobody answers

        Raises
        ------
        ExecutorError
            if nobody answered in time, or all places know us not
        """
        pauses, deadline = Pauses(), time.monotonic() + seconds
        while True:
            try:
                return self.once()
            except RefusedError:
                raise
            except ExecutorError as error:
                if time.monotonic() >= deadline:
                    msg = f"No broker could be reached for {seconds:.0f} s. {error} Check FEMTOBARN_BROKER, and that RabbitMQ runs."
                    raise ExecutorError(msg) from error
                if tell is not None:
                    tell(f"The broker cannot be reached, and is asked again and again. {error}")
                    tell = None
                if wait(min(pauses.next(), max(0.0, deadline - time.monotonic()))):
                    raise

    def next_place(self) -> Place:
        """Return the place that is asked next: the one that answered last."""
        return self._broker.places[self._at]

    def failed(self, place: Place) -> None:
        """Let the place after ``place`` be asked next."""
        if place == self.next_place():
            self._at = (self._at + 1) % len(self._broker.places)

    def parameters(self, place: Place) -> ConnectionParameters:
        """Return what pika needs to connect to ``place``."""
        from pika import ConnectionParameters, PlainCredentials, SSLOptions

        return ConnectionParameters(
            host=place.host,
            port=place.port,
            virtual_host=place.vhost,
            credentials=PlainCredentials(place.user, place.password),
            heartbeat=self._heartbeat,
            blocked_connection_timeout=_BLOCKED,
            socket_timeout=_ANSWER,
            stack_timeout=_ANSWER,
            ssl_options=SSLOptions(self._context(), place.host) if place.tls else None,
            client_properties={"connection_name": self._name, "product": f"femtobarn {version('femtobarn')}"},
        )

    def _context(self) -> ssl.SSLContext:
        broker = self._broker
        try:
            context = ssl.create_default_context(
                cafile=None if broker.ca_file is None else str(broker.ca_file)
            )
            if broker.cert_file is not None:
                context.load_cert_chain(broker.cert_file, broker.key_file)
        except (ssl.SSLError, OSError) as error:
            msg = f"The certificates for the broker cannot be used ({reason(error)}). Check the files of FEMTOBARN_BROKER_CA_FILE, FEMTOBARN_BROKER_CERT_FILE and FEMTOBARN_BROKER_KEY_FILE."
            raise RefusedError(msg) from error
        return context


def is_refused(error: BaseException) -> bool:
    """Return whether the broker, which knows us, said that we may not do this."""
    from pika.exceptions import ChannelClosedByBroker

    return isinstance(error, ChannelClosedByBroker) and error.reply_code == _ACCESS_REFUSED


def refusal(error: BaseException, queue: str) -> RefusedError | None:
    """Return the error to raise if the broker does not permit what work on ``queue`` needs, else None."""
    if not is_refused(error):
        return None
    name = queue.replace(".", "[.]")
    own = f"{name}.*|amq[.]gen.*"
    msg = f"The broker does not permit what a work queue needs: {reason(error)}. Its operator gives the permissions: rabbitmqctl set_permissions -p VHOST USER '^({own})$' '^({own}|amq[.]default)$' '^({own})$'"
    return RefusedError(msg)


def _problem(place: Place, error: Exception) -> ExecutorError:
    """Return what is wrong with a place; a `RefusedError` if no waiting would help."""
    words = reason(error)
    if "ACCESS_REFUSED" in words:
        msg = f"{place} refused the user {place.user!r} or the password. Check FEMTOBARN_BROKER_USER and FEMTOBARN_BROKER_PASSWORD_FILE; the user guest may come from the broker's own machine only."
        return RefusedError(msg)
    if "NOT_ALLOWED" in words and "is down" not in words:  # it is down while a broker starts
        msg = f"{place} lets the user {place.user!r} not into the virtual host {place.vhost!r}: {words}."
        return RefusedError(msg)
    if isinstance(error, ssl.SSLCertVerificationError):
        msg = f"{place} shows a certificate that is not trusted: {error.verify_message}. Name the file of its authority in FEMTOBARN_BROKER_CA_FILE."
        return RefusedError(msg)
    return ExecutorError(f"{place}: {words}.")


@contextmanager
def hung_up(connection: BlockingConnection) -> Iterator[BlockingConnection]:
    """Give ``connection``, and close it afterwards whatever its state is."""
    try:
        yield connection
    finally:
        with suppress(*lost()):
            connection.close()
