"""Remote files as sources: right bytes, or one clear error."""

from __future__ import annotations

import importlib.util
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Self

from femtobarn.base.errors import DamagedError, FileChangedError, MissingExtraError
from femtobarn.data.storage.coalesce import LARGEST, coalesce
from femtobarn.data.storage.failures import TransportError
from femtobarn.data.storage.network import Network
from femtobarn.data.storage.relay import Relay
from femtobarn.data.storage.transport import Meter
from femtobarn.data.storage.urls import alternatives, parse, permitted, shown

_PIECE = 8 * 1024 * 1024
_AT_ONCE = 4  # requests of one `read_many`; other processes want some of the host's places too


def open_source(
    url: str, *, size: int | None, prefixes: tuple[str, ...], network: Network | None = None
) -> RemoteSource:
    """Open the remote file ``url``.

    Parameters
    ----------
    url
        http, https, root or roots
    size
        bytes that it must have; None if not known
    prefixes
        beginnings of URLs below which files may be opened. Mirrors of an address that may be opened may
        be opened too: they are settings of this machine.
    network
        limits, certificates and mirrors; by default those of the environment

    Returns
    -------
    RemoteSource
        to be closed

    Raises
    ------
    AddressError
        if the address may not be opened, or leads to one that may not
    UnreadableError
        if the file is absent or not permitted
    UnavailableError
        if no server gave a right answer in time
    FileChangedError
        if the file has another size
    MissingExtraError
        if it can only be had by XRootD and that extra is missing
    """
    permitted(url, prefixes)
    limits = network or Network.from_environment()
    addresses = alternatives(url, limits)
    if not has_xrootd():
        addresses = tuple(one for one in addresses if parse(one).scheme not in {"root", "roots"})
        if not addresses:
            raise MissingExtraError("reading root:// addresses", "xrootd")
    return RemoteSource(shown(url), addresses, size=size, prefixes=prefixes, network=limits)


def has_xrootd() -> bool:
    """Return whether the client for root:// addresses is installed."""
    return importlib.util.find_spec("XRootD") is not None


class RemoteSource:
    """A file at one or more addresses (a `Source`); safe for several threads.

    Parameters
    ----------
    name
        what messages call it
    addresses
        where the same file is, in the order in which they are asked
    size, prefixes, network
        as of `open_source`
    """

    def __init__(
        self,
        name: str,
        addresses: Sequence[str],
        *,
        size: int | None,
        prefixes: tuple[str, ...],
        network: Network,
    ) -> None:
        self.name = name
        self._network = network
        meter = Meter()
        self.transfer = meter.transfer
        self._relay = Relay(name, addresses, size=size, prefixes=prefixes, network=network, meter=meter)
        try:
            opened = self._relay.first()
        except BaseException:
            self.close()
            raise
        self.size = opened.size
        self.validator = opened.validator
        self.ranges = opened.ranges
        self._head = opened.head

    def read(self, offset: int, count: int) -> bytes:
        """Return ``count`` bytes from ``offset``; fewer only at the end of the file.

        Raises
        ------
        DamagedError
            if ``offset`` or ``count`` is below 0: no file that is whole leads there
        UnavailableError, UnreadableError, FileChangedError, AddressError
            if they cannot be had
        """
        self._sensible(offset, count)
        end = min(offset + count, self.size)
        if end <= offset:
            return b""
        if end <= len(self._head):
            head, self._head = self._head, b""  # given once: who asks again wants to know if the same comes
            return self._piece(offset, end - offset) if end > len(head) else head[offset:end]
        starts = range(offset, end, LARGEST)
        pieces = [self._piece(start, min(LARGEST, end - start)) for start in starts]
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def read_many(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return the bytes of each (offset, count), in few requests: near ranges are read as one.

        Raises
        ------
        DamagedError, UnavailableError, UnreadableError, FileChangedError, AddressError
            as `read`
        """
        for offset, count in ranges:
            self._sensible(offset, count)
        groups = coalesce([(min(offset, self.size), count) for offset, count in ranges])
        workers = min(len(groups), self._network.connections, _AT_ONCE)
        if workers > 1:
            with ThreadPoolExecutor(workers, thread_name_prefix="femtobarn-read") as pool:
                try:
                    blocks = list(pool.map(lambda group: self.read(group.offset, group.count), groups))
                except BaseException:
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise
        else:
            blocks = [self.read(group.offset, group.count) for group in groups]
        found = [b""] * len(ranges)
        for group, block in zip(groups, blocks, strict=True):
            for member in group.members:
                offset, count = ranges[member]
                start = min(offset, self.size) - group.offset
                found[member] = block[start : start + count]
        return found

    def body(self) -> Iterator[bytes]:
        """Give the whole content in order; after a failure what was given already is not given again.

        Raises
        ------
        FileChangedError
            if the second answer does not begin as the first one did
        UnavailableError, UnreadableError, AddressError
            if it cannot be had
        """
        if self.ranges:
            for start in range(0, self.size, _PIECE):
                yield self.read(start, _PIECE)
            return
        given = check = 0
        for turn in self._relay.turns(longest=self._network.seconds_for(self.size)):
            passed = again = 0
            try:
                for block in self._relay.transport(turn).body(turn.until):
                    old = min(len(block), given - passed)
                    again = zlib.crc32(block[:old], again)
                    passed += len(block)
                    if passed <= given and old:
                        continue
                    if again != check:
                        raise self._another()
                    yield block[old:]
                    check = again = zlib.crc32(block[old:], check)
                    given = passed
            except TransportError as error:
                turn.failure = error.failure
                continue
            return

    def close(self) -> None:
        """Release connections; a read that waits to be tried again ends."""
        self._relay.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def _piece(self, offset: int, count: int) -> bytes:
        return self._relay.done(lambda transport, until: transport.read(offset, count, until))

    def _sensible(self, offset: int, count: int) -> None:
        if offset < 0 or count < 0:
            msg = f"{self.name}: expected a place in a file of {self.size} bytes, got {count} bytes from {offset}. What leads there is damaged: fetch the file again."
            raise DamagedError(msg)

    def _another(self) -> FileChangedError:
        return FileChangedError(
            f"{self.name}: expected the same content when asked again, but it begins otherwise. Fetch the file again."
        )
