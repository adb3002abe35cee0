"""Connections whose answers end in time, and that do not lead inside when that is not wanted."""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from femtobarn.data.storage.failures import TooSlowError, elsewhere
from femtobarn.data.storage.guard import is_private

_BLOCK = 64 * 1024
_ANSWER = (
    1.0  # seconds for a server to say that it wants content; after that it gets it unasked (RFC 9110, 10.1.1)
)
_LINE = 1024  # bytes of a line of such an answer


class _Clock(threading.local):
    """Until when the requests of this thread may take, and how long a server may be silent."""

    until = float("inf")
    timeout = float("inf")


_clock = _Clock()


@contextmanager
def limited(until: float, timeout: float) -> Iterator[None]:
    """End what this thread reads from servers at ``until``, or after ``timeout`` seconds of silence."""
    before = _clock.until, _clock.timeout
    _clock.until, _clock.timeout = until, timeout
    try:
        yield
    finally:
        _clock.until, _clock.timeout = before


class _TimedReader(io.RawIOBase):
    """Reads a socket; a server that sends a byte now and then cannot go on for ever."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = _clock.until - time.monotonic()
        if left <= 0:
            raise TooSlowError
        self._sock.settimeout(min(left, _clock.timeout))
        try:
            return self._raw.readinto(buffer)
        except TimeoutError as error:
            if left < _clock.timeout / 2:
                raise TooSlowError from error
            raise  # it was silent for long: that is the better reason

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Again(io.RawIOBase):
    """Gives ``line``, which was read too early, and then what ``rest`` has."""

    def __init__(self, line: bytes, rest: io.BufferedReader) -> None:
        self._line, self._rest = line, rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._line:
            return self._rest.readinto1(buffer)
        count = min(len(buffer), len(self._line))
        buffer[:count], self._line = self._line[:count], self._line[count:]
        return count

    def close(self) -> None:
        self._rest.close()
        super().close()


class _TimedSocket:
    """A socket whose answers are read by `_TimedReader`; otherwise as it is."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._begun: io.BufferedReader | None = None

    def makefile(self, *_: object, **__: object) -> io.BufferedReader:
        """Return a reader, which is all that urllib3 asks for."""
        begun, self._begun = self._begun, None
        return begun or io.BufferedReader(_TimedReader(self._sock), _BLOCK)

    def wants_more(self) -> bool:
        """Return whether the server wants content, or says nothing to that; else it has answered already."""
        reader = self.makefile()
        with limited(min(_clock.until, time.monotonic() + _ANSWER), _ANSWER):
            try:
                line = reader.readline(_LINE)
            except TimeoutError:
                return True
        if not line.startswith((b"HTTP/1.1 100", b"HTTP/1.0 100")):
            self._begun = io.BufferedReader(_Again(line, reader), _BLOCK)
            return False
        while reader.readline(_LINE).strip():
            pass
        self._begun = reader
        return True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class _Polite(HTTPConnection):
    """Sends content only if the server wants it, where a request says that it asks (``Expect``)."""

    _asks = _unwanted = False

    def putrequest(self, *args: Any, **others: Any) -> None:
        self._asks = self._unwanted = False
        super().putrequest(*args, **others)

    def putheader(self, header: Any, *values: Any) -> None:
        self._asks = self._asks or header in {"Expect", b"Expect"}
        super().putheader(header, *values)

    def endheaders(self, *args: Any, **others: Any) -> None:
        super().endheaders(*args, **others)
        self._unwanted = self._asks and isinstance(self.sock, _TimedSocket) and not self.sock.wants_more()

    def send(self, data: Any) -> None:
        if not self._unwanted:
            super().send(data)


class _Http(_Polite):
    def connect(self) -> None:
        super().connect()
        self.sock = _TimedSocket(self.sock)


class _Https(_Polite, HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        self.sock = _TimedSocket(self.sock)


def _checked(sock: socket.socket) -> socket.socket:
    """Return ``sock`` if it leads to a public address; names may lead elsewhere than when looked up."""
    if is_private(str(sock.getpeername()[0])):
        sock.close()
        raise elsewhere("it sends us on to a private address, which is not followed", "refused")
    return sock


class _PublicHttp(_Http):
    def _new_conn(self) -> socket.socket:
        return _checked(super()._new_conn())


class _PublicHttps(_Https):
    def _new_conn(self) -> socket.socket:
        return _checked(super()._new_conn())


class HttpPool(HTTPConnectionPool):
    """Connections by http."""

    ConnectionCls = _Http


class HttpsPool(HTTPSConnectionPool):
    """Connections by https."""

    ConnectionCls = _Https


class PublicHttpPool(HTTPConnectionPool):
    """Connections by http to public addresses only."""

    ConnectionCls = _PublicHttp


class PublicHttpsPool(HTTPSConnectionPool):
    """Connections by https to public addresses only."""

    ConnectionCls = _PublicHttps
