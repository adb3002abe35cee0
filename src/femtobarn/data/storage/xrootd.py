"""Files behind root:// and roots://, read by the XRootD client."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from femtobarn.data.storage.failures import TransportError, elsewhere, transient
from femtobarn.data.storage.network import Network
from femtobarn.data.storage.slots import slot
from femtobarn.data.storage.transport import HEAD, Meter
from femtobarn.data.storage.urls import Address
from femtobarn.data.storage.xrootd_client import (
    check_place,
    client,
    failure_of,
    left_until,
    place_of,
    url_of,
)

CHECK_EVERY = 1.0
"""Seconds after which a read also asks whether the file is still the same."""

_PIECE = 8 * 1024 * 1024


class XRootDTransport:
    """One root:// address that is open; safe for several threads.

    After a failure the file is opened again by the next read.

    Parameters
    ----------
    address
        where the file is
    size
        bytes that are expected; None if not known
    network, prefixes
        limits, and where redirects may lead though it is not public
    meter
        counts what comes
    until
        time of ``time.monotonic`` until which opening may take

    Raises
    ------
    TransportError
        if the file cannot be had there
    """

    def __init__(
        self,
        address: Address,
        *,
        size: int | None,
        network: Network,
        prefixes: tuple[str, ...],
        meter: Meter,
        until: float,
    ) -> None:
        self._address = address
        self._network = network
        self._prefixes = prefixes
        self._meter = meter
        self._client = client(network)
        self._lock = threading.Lock()
        self._file: Any = None
        self._retired: list[Any] = []
        self._place = ("", "")
        self._checked = 0.0
        self.ranges = True
        self.validator = ""
        self.size = -1 if size is None else size
        try:
            with self._slot(until, 0) as end:
                self._opened(end)
            self.head = self.read(0, min(HEAD, self.size), until) if self.size else b""
        except BaseException:
            self.close()
            raise

    def read(self, offset: int, count: int, until: float) -> bytes:
        """Return exactly ``count`` bytes from ``offset``.

        Raises
        ------
        TransportError
            if they did not come
        """
        with self._slot(until, count) as end:
            file = self._opened(end)
            self._meter.add(requests=1)
            try:
                status, content = file.read(offset, count, timeout=left_until(end))
            except ValueError:  # the client has closed it after an error in another thread
                self._retire(file)
                raise transient("the connection broke") from None
        found = content or b""
        self._meter.add(received=len(found))
        if not status.ok:
            self._retire(file)
            raise TransportError(failure_of(status))
        if len(found) != count:
            self._retire(file)
            msg = f"the answer is too short: {len(found)} of {count} bytes"
            raise transient(msg)
        # when a connection breaks, the client opens the file again without a word, perhaps elsewhere
        self._check_place(file)
        if time.monotonic() - self._checked > CHECK_EVERY:
            self._check_version(file, end, force=True)
        return bytes(found)

    def body(self, until: float) -> Iterator[bytes]:
        """Give the whole content in order.

        Raises
        ------
        TransportError
            if it cannot be had
        """
        for start in range(0, self.size, _PIECE):
            yield self.read(start, min(_PIECE, self.size - start), until)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            files, self._retired = [*self._retired, self._file], []
            self._file = None
        for file in files:
            with suppress(ValueError):
                if file is not None and file.is_open():
                    file.close(timeout=1)

    @contextmanager
    def _slot(self, until: float, count: int) -> Iterator[float]:
        """Hold one of the host's places; give until when the answer may take."""
        most = self._network.connections
        with slot(self._address.host, folder=self._network.slots, most=most, until=until):
            yield min(until, time.monotonic() + self._network.seconds_for(count))

    def _opened(self, until: float) -> Any:
        """Return the open file; the lock is not held while it is opened."""
        with self._lock:
            file = self._file
        if file is not None:
            return file
        file = self._client.File()
        self._meter.add(requests=1)
        status, _ = file.open(url_of(self._address), timeout=left_until(until))
        if not status.ok:
            raise TransportError(failure_of(status))
        try:
            self._check_place(file)
            self._check_version(file, until)
        except TransportError:
            with self._lock:
                self._retired.append(file)
            raise
        with self._lock:
            if self._file is not None:
                self._retired.append(file)
            else:
                self._file = file
            return self._file

    def _check_version(self, file: Any, until: float, *, force: bool = False) -> None:
        """Take size and time of the file, or refuse another version of it; ``force`` asks the server."""
        self._meter.add(requests=int(force))
        status, info = file.stat(force=force, timeout=left_until(until))
        if not status.ok:
            raise TransportError(failure_of(status))
        size, validator = int(info.size), str(info.modtime)
        if self.size not in {-1, size}:
            words = f"the file has {size} bytes there, not {self.size}"
            raise elsewhere(words, "changed")
        if self.validator not in {"", validator}:
            raise elsewhere("the file was changed while it was read", "changed")
        self.size, self.validator, self._checked = size, validator, time.monotonic()

    def _check_place(self, file: Any) -> None:
        """Refuse a file that the server has sent us to a private address for."""
        found = place_of(file)
        if found != self._place:
            check_place(self._address, found, self._prefixes)
            self._place = found

    def _retire(self, file: Any) -> None:
        """Let the next read open the file again; other threads may still use this one."""
        with self._lock:
            if self._file is file:
                self._file = None
                self._retired.append(file)
