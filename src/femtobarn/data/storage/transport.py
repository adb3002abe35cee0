"""What a protocol must do for a source: one address, one attempt, right bytes or an error."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Protocol

from femtobarn.data.storage.source import Transfer

HEAD = 32 * 1024
"""Bytes from the start of a file that come with opening it: enough for ROOT's header and names."""


class Transport(Protocol):
    """One address that is open; every method may raise `TransportError`.

    Attributes
    ----------
    size
        bytes of the file
    validator
        what changes with the content; empty if unknown
    ranges
        whether `read` works
    head
        the first `HEAD` bytes; empty if parts cannot be read
    """

    size: int
    validator: str
    ranges: bool
    head: bytes

    def read(self, offset: int, count: int, until: float) -> bytes:
        """Return exactly ``count`` bytes; ``until`` is a time of ``time.monotonic``."""
        ...

    def body(self, until: float) -> Iterator[bytes]:
        """Give the whole content in order."""
        ...

    def close(self) -> None:
        """Release connections."""
        ...


class Meter:
    """Counts for several threads what goes over the network."""

    def __init__(self) -> None:
        self.transfer = Transfer()
        self._lock = threading.Lock()

    def add(self, *, received: int = 0, requests: int = 0, retries: int = 0) -> None:
        """Count more of each."""
        with self._lock:
            self.transfer.bytes += received
            self.transfer.requests += requests
            self.transfer.retries += retries
