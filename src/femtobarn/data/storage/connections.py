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


class _TimedSocket:
    """A socket whose answers are read by `_TimedReader`; otherwise as it is."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock

    def makefile(self, *_: object, **__: object) -> io.BufferedReader:
        """Return a reader, which is all that urllib3 asks for."""
        return io.BufferedReader(_TimedReader(self._sock), _BLOCK)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class _Http(HTTPConnection):
    def connect(self) -> None:
        super().connect()
        self.sock = _TimedSocket(self.sock)


class _Https(HTTPSConnection):
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
