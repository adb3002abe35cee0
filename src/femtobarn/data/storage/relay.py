"""The addresses of one file: which one is asked, again or the next, until one answers right."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from femtobarn.base.errors import UnavailableError
from femtobarn.data.storage.attempts import Tried, Turn, Unwell, conclusion, turns
from femtobarn.data.storage.failures import TransportError, elsewhere
from femtobarn.data.storage.http import HttpTransport
from femtobarn.data.storage.network import Network
from femtobarn.data.storage.transport import Meter, Transport
from femtobarn.data.storage.urls import parse
from femtobarn.data.storage.xrootd import XRootDTransport

T = TypeVar("T")

unwell = Unwell()
"""Hosts that failed this process lately; they are asked last."""


class Relay:
    """Whom to ask for a file; safe for several threads.

    Parameters
    ----------
    name
        what messages call the file
    addresses
        where the same file is, in the order in which they are asked
    size
        bytes that it must have; None if not known
    prefixes, network
        where redirects may lead though it is not public; limits
    meter
        counts what comes
    """

    def __init__(
        self,
        name: str,
        addresses: Sequence[str],
        *,
        size: int | None,
        prefixes: tuple[str, ...],
        network: Network,
        meter: Meter,
    ) -> None:
        self._name = name
        self._addresses = unwell.last(addresses)
        self._size = size
        self._prefixes = prefixes
        self._network = network
        self._meter = meter
        self._head = b""
        self._transports: dict[str, Transport] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()

    def first(self) -> Transport:
        """Open the first address that gives parts; if none does, one that gives the whole file.

        What it says of the file is then expected of all others.

        Raises
        ------
        UnreadableError, UnavailableError, FileChangedError, AddressError
            if none can be opened
        """
        whole: list[Transport] = []

        def parts(transport: Transport, _: float) -> Transport:
            if not transport.ranges:
                whole.append(transport)
                raise elsewhere("it ignores ranges: it gives the whole file only", "ranges")
            return transport

        try:
            found = self.done(parts)
        except UnavailableError:
            if not whole:
                raise
            found = whole[0]
            with self._lock:  # only these are of use
                self._addresses = tuple(one for one in self._addresses if self._transports.get(one) in whole)
        self._size, self._head = found.size, found.head
        return found

    def done(self, action: Callable[[Transport, float], T]) -> T:
        """Return what ``action`` gives with the first transport with which it works.

        Parameters
        ----------
        action
            takes a transport and the time of ``time.monotonic`` at which to give up

        Raises
        ------
        UnreadableError, UnavailableError, FileChangedError, AddressError
            if it works with none
        """
        result: list[T] = []
        for turn in self.turns():
            try:
                result.append(action(self.transport(turn), turn.until))
            except TransportError as error:
                turn.failure = error.failure
                continue
            self._worked(turn.address)
            break
        return result[0]

    def turns(self, *, longest: float = 0.0) -> Iterator[Turn]:
        """Give attempts until the caller has enough, or raise the error that tells of all.

        Parameters
        ----------
        longest
            seconds that all may take, if that is more than usual
        """
        tried: list[Tried] = []

        def given_up(one: Tried) -> None:
            tried.append(one)
            if one.failure.kind == "transient":
                unwell.failed(one.address)

        seconds = max(self._network.longest, longest)
        yield from turns(self._addresses, self._network, longest=seconds, wait=self._wait, given_up=given_up)
        raise conclusion(self._name, tried)

    def transport(self, turn: Turn) -> Transport:
        """Return the open transport of an address; no lock is held while one is opened.

        Raises
        ------
        TransportError
            if it cannot be opened, or has another file
        UnavailableError
            if the file was closed
        """
        if self._closed.is_set():
            raise self._was_closed()
        with self._lock:
            known = self._transports.get(turn.address)
        if known is not None:
            return known
        opened = self._opened(turn)
        both = min(len(opened.head), len(self._head))
        if opened.head[:both] != self._head[:both]:
            opened.close()
            raise elsewhere("it begins otherwise than at the other address", "changed")
        with self._lock:
            known = self._transports.setdefault(turn.address, opened)
        if known is not opened:
            opened.close()
        return known

    def close(self) -> None:
        """Release connections; what waits to be tried again ends."""
        self._closed.set()
        with self._lock:
            transports, self._transports = list(self._transports.values()), {}
        for transport in transports:
            transport.close()

    def _opened(self, turn: Turn) -> Transport:
        address = parse(turn.address)
        transport = XRootDTransport if address.scheme in {"root", "roots"} else HttpTransport
        return transport(
            address,
            size=self._size,
            network=self._network,
            prefixes=self._prefixes,
            meter=self._meter,
            until=turn.until,
        )

    def _worked(self, address: str) -> None:
        """Ask this address first from now on."""
        unwell.worked(address)
        with self._lock:
            if self._addresses[0] != address:
                others = tuple(one for one in self._addresses if one != address)
                self._addresses = (address, *others)

    def _wait(self, seconds: float) -> None:
        self._meter.add(retries=1)
        if self._closed.wait(seconds):
            raise self._was_closed()

    def _was_closed(self) -> UnavailableError:
        return UnavailableError(f"{self._name}: expected an open file, but it was closed. Open it again.")
