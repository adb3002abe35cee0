"""Small things behind root:// and roots://, by the XRootD client."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from secrets import token_hex
from typing import Any

from femtobarn.base.atomic import TEMPORARY
from femtobarn.data.storage.failures import TransportError, elsewhere, transient
from femtobarn.data.storage.guard import encrypted_or_allowed
from femtobarn.data.storage.network import Network
from femtobarn.data.storage.objects import LARGEST
from femtobarn.data.storage.slots import slot
from femtobarn.data.storage.urls import Address, below, parse
from femtobarn.data.storage.xrootd_client import (
    check_place,
    client,
    failure_of,
    left_until,
    place_of,
    url_of,
)

_PIECE = 8 * 1024 * 1024


class XRootDObjects:
    """Things below a root(s):// address; `Objects`.

    Parameters
    ----------
    base
        the address
    network, prefixes
        limits, and where redirects may lead though it is not public

    Raises
    ------
    MissingExtraError
        if the client is not installed
    """

    def __init__(self, base: Address, network: Network, prefixes: tuple[str, ...]) -> None:
        self._base = base
        self._network = network
        self._prefixes = prefixes
        self._client = client(network)
        self.led_on = False  # lists are those of all servers

    def put(self, folder: str, name: str, data: bytes, until: float) -> None:
        """Write ``data`` beside its name, then give it the name: what breaks off takes the place of nothing."""
        flags, modes = self._client.flags.OpenFlags, self._client.flags.AccessMode
        how = flags.DELETE | flags.MAKEPATH | flags.POSC
        aside = below(self._base, folder, f"{name}.{token_hex(8)}{TEMPORARY}")
        with self._slot(until, len(data)) as end, self._file() as file:
            _good(file.open(url_of(aside), how, modes.UR | modes.UW | modes.GR | modes.OR, left_until(end)))
            self._check(file, writing=True)
            holder = _holder(file)
            for start in range(0, len(data), _PIECE):
                piece = data[start : start + _PIECE]
                _good(file.write(piece, start, len(piece), timeout=left_until(end)))
            size = int(_good(file.stat(force=True, timeout=left_until(end))).size)
            if size != len(data):
                msg = f"the server took the result, but has {size} of {len(data)} bytes of it"
                raise transient(msg)
            _good(file.close(timeout=left_until(end)))
            self._name(holder, name, len(data), end)

    def get(self, folder: str, name: str, until: float) -> bytes | None:
        """Return the whole content, or None."""
        with self._slot(until, 0) as opening, self._file() as file:
            try:
                _good(file.open(url_of(below(self._base, folder, name)), timeout=left_until(opening)))
            except TransportError as error:
                if error.failure.cause == "absent":
                    return None
                raise
            self._check(file, writing=False)
            size = int(_good(file.stat(force=True, timeout=left_until(opening))).size)
            if size > LARGEST:
                msg = f"it holds more than {LARGEST} bytes"
                raise elsewhere(msg)
            end = min(until, time.monotonic() + self._network.seconds_for(size))
            pieces = []
            for start in range(0, size, _PIECE):
                count = min(_PIECE, size - start)
                piece = bytes(_good(file.read(start, count, timeout=left_until(end))) or b"")
                if len(piece) != count:
                    msg = f"the answer is too short: {len(piece)} of {count} bytes"
                    raise transient(msg)
                pieces.append(piece)
        return b"".join(pieces)

    def listed(self, folder: str, until: float) -> frozenset[str] | None:
        """Return the names in ``folder``, on all servers that have some of it."""
        place = below(self._base, folder, "")
        flags = self._client.flags.DirListFlags
        with self._slot(until, 0) as end:
            system = self._client.FileSystem(url_of(Address(place.scheme, place.host, place.port, "")))
            try:
                found = _good(system.dirlist(place.path[1:], flags.LOCATE, timeout=left_until(end)))
            except TransportError as error:
                if error.failure.cause == "absent":
                    return frozenset()
                if error.failure.kind == "transient":
                    raise
                return None
        return frozenset(str(entry.name) for entry in found)

    def close(self) -> None:
        """Do nothing: the client shares its connections."""

    def _name(self, aside: Address, name: str, size: int, end: float) -> None:
        """Give what is at ``aside`` its name; servers refuse where there is something, which may be the same.

        The server that holds it is asked: those that led there need not know of it yet.
        """
        system = self._client.FileSystem(url_of(Address(aside.scheme, aside.host, aside.port, "")))
        source = aside.path[1:]
        target = f"{source.rpartition('/')[0]}/{name}"
        status, _ = system.mv(source, target, left_until(end))
        if status.ok:
            return
        found, info = system.stat(target, timeout=left_until(end))
        if found.ok and int(info.size) == size:
            system.rm(source, left_until(end))
            return
        if found.ok:
            _good(system.rm(target, left_until(end)))
        _good(system.mv(source, target, left_until(end)))

    def _check(self, file: Any, *, writing: bool) -> None:
        """Refuse a file that the server has sent us elsewhere for than it may."""
        found = place_of(file)
        check_place(self._base, found, self._prefixes)
        if writing and not encrypted_or_allowed(parse(found[0])):
            msg = "it sends us on to a host to which nothing is sent without encryption unless FEMTOBARN_PLAIN_HOSTS names it"
            raise elsewhere(msg, "refused")

    @contextmanager
    def _slot(self, until: float, count: int) -> Iterator[float]:
        """Hold one of the host's places; give until when ``count`` bytes may take."""
        network = self._network
        with slot(self._base.host, folder=network.slots, most=network.connections, until=until):
            yield min(until, time.monotonic() + network.seconds_for(count))

    @contextmanager
    def _file(self) -> Iterator[Any]:
        file = self._client.File()
        try:
            yield file
        finally:
            with suppress(ValueError):  # the client has closed it after an error
                if file.is_open():
                    file.close(timeout=1)


def _holder(file: Any) -> Address:
    """Return where an open file is, on the server that holds it."""
    last, server = place_of(file)
    place = parse(last)
    return parse(f"{place.scheme}://{server}{place.path}") if server else place


def _good(answer: tuple[Any, Any]) -> Any:
    """Return what came with the status of success."""
    status, content = answer
    if not status.ok:
        raise TransportError(failure_of(status))
    return content
