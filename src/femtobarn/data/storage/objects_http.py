"""Small things behind http and https: PUT, GET, and what WebDAV adds where a server has it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from urllib3.response import BaseHTTPResponse

from femtobarn.base.installed import version
from femtobarn.base.settings import store_token
from femtobarn.data.storage.connections import limited
from femtobarn.data.storage.failures import TransportError, elsewhere, of_error, of_status, transient
from femtobarn.data.storage.guard import is_loopback
from femtobarn.data.storage.network import Network
from femtobarn.data.storage.objects import LARGEST
from femtobarn.data.storage.slots import slot
from femtobarn.data.storage.urls import Address, below
from femtobarn.data.storage.web import FAILURES, Ask, Web

_LISTING = 64 * 1024**2  # bytes of the longest list of a folder that is read
_ABSENT = frozenset({404, 410})
_NO_FOLDER = frozenset({403, 404, 409})  # what servers say of what is to be in a folder that is not there
_NO_PUT = _NO_FOLDER | {500}  # nginx says so of a PUT
_WITHOUT = frozenset({400, 403, 405, 415, 501})  # what servers say to methods that they do not have
_EXISTS = 405
_WORD = re.compile(rb"[A-Za-z0-9._-]+")


class _Got(NamedTuple):
    """An answer, who gave it, and until when its content may come."""

    answer: BaseHTTPResponse
    place: Address
    until: float


class HttpObjects:
    """Things below an http(s) address; `Objects`.

    Parameters
    ----------
    base
        the address
    network, prefixes
        limits, and where redirects may lead though it is not public
    """

    def __init__(self, base: Address, network: Network, prefixes: tuple[str, ...]) -> None:
        self._base = base
        self._network = network
        self._web = Web(network, prefixes)
        self.led_on = False

    def put(self, folder: str, name: str, data: bytes, until: float) -> None:
        """Write ``data`` and ask for its size; folders that the server misses are made."""
        place = below(self._base, folder, name)
        status, there = self._put(place, data, until)
        if status in _NO_PUT:
            self._make(below(self._base, folder, ""), until)
            status, there = self._put(place, data, until)
            if status in _NO_PUT:
                raise TransportError(of_status(status))
        size = self._size(there, until)
        if size is None:  # it does not tell
            found = self.get(folder, name, until)
            size = -1 if found is None else len(found)
        if size != len(data):
            what = "nothing" if size < 0 else f"{size} of {len(data)} bytes"
            msg = f"the server took the result, but has {what} of it"
            raise transient(msg)

    def get(self, folder: str, name: str, until: float) -> bytes | None:
        """Return the whole content, or None."""
        with self._asked("GET", below(self._base, folder, name), until, accepted=_ABSENT) as got:
            answer = got.answer
            if answer.status in _ABSENT:
                return None
            if answer.status != 200 or answer.headers.get("Content-Encoding", "identity") != "identity":
                msg = "it does not send the whole of it as it is"
                raise elsewhere(msg)
            expected = _length(answer)
            content = self._content(answer, LARGEST if expected is None else expected, got.until)
        if expected is not None and len(content) != expected:
            msg = f"the answer is too short: {len(content)} of {expected} bytes"
            raise transient(msg)
        return content

    def listed(self, folder: str, until: float) -> frozenset[str] | None:
        """Return the words in the list that WebDAV gives of ``folder``."""
        with self._asked(
            "PROPFIND", below(self._base, folder, ""), until, {"Depth": "1"}, accepted=_ABSENT | _WITHOUT
        ) as got:
            if got.answer.status in _ABSENT:
                return frozenset()
            if got.answer.status != 207:
                return None
            content = self._content(got.answer, _LISTING, got.until)
        return frozenset(word.decode() for word in _WORD.findall(content))

    def close(self) -> None:
        """Close connections."""
        self._web.close()

    def _put(self, place: Address, data: bytes, until: float) -> tuple[int, Address]:
        """Send ``data``; return the status, which may say that the folder is missing, and who gave it."""
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(len(data)),
            "Connection": "close",  # who sends us on may take what it did not read for another request
        }
        if data:
            headers["Expect"] = "100-continue"  # and does not want it
        with self._asked("PUT", place, until, headers, body=data, accepted=_NO_PUT) as got:
            return got.answer.status, got.place

    def _size(self, place: Address, until: float) -> int | None:
        """Return the bytes that the server has, -1 if nothing; None if it does not tell."""
        with self._asked("HEAD", place, until, accepted=_ABSENT | _WITHOUT) as got:
            Web.drop(got.answer)
            if got.answer.status in _ABSENT:
                return -1
            return None if got.answer.status in _WITHOUT else _length(got.answer)

    def _make(self, folder: Address, until: float) -> None:
        """Make a folder, and those above it that are missing; servers with PUT alone have none."""
        with self._asked("MKCOL", folder, until, accepted=_NO_FOLDER | _WITHOUT) as got:
            Web.drop(got.answer)
            status = got.answer.status
        above = folder.path.rstrip("/").rpartition("/")[0]
        if status in _NO_FOLDER and status != 403 and above:
            self._make(Address(folder.scheme, folder.host, folder.port, f"{above}/"), until)
            with self._asked("MKCOL", folder, until, accepted=frozenset({_EXISTS})) as got:
                Web.drop(got.answer)

    @contextmanager
    def _asked(
        self,
        method: str,
        place: Address,
        until: float,
        headers: dict[str, str] | None = None,
        *,
        body: bytes | None = None,
        accepted: frozenset[int] = frozenset(),
    ) -> Iterator[_Got]:
        """Give the answer; close it in the end."""
        common = {"User-Agent": f"femtobarn/{version('femtobarn')}", "Accept-Encoding": "identity"}
        ask = Ask(method, {**common, **(headers or {})}, self._login(place), body, accepted)
        network = self._network
        with slot(place.host, folder=network.slots, most=network.connections, until=until):
            end = min(until, time.monotonic() + network.seconds_for(len(body or b"")))
            with limited(end, network.timeout):
                answer, there = self._web.ask(ask, place, end)
                self.led_on = self.led_on or there.origin != place.origin
                try:
                    size = _length(answer) if method == "GET" else None
                    yield _Got(answer, there, min(until, time.monotonic() + network.seconds_for(size or 0)))
                finally:
                    answer.close()

    def _login(self, place: Address) -> dict[str, str]:
        """Return what only the server of the store itself gets, and nobody on the way to it."""
        token = store_token() if place.origin == self._base.origin else ""
        safe = place.scheme == "https" or is_loopback(place.host)
        return {"Authorization": f"Bearer {token}"} if token and safe else {}

    def _content(self, answer: BaseHTTPResponse, most: int, until: float) -> bytes:
        try:
            with limited(until, self._network.timeout):
                content = answer.read(most + 1, decode_content=False)
        except FAILURES as error:
            raise TransportError(of_error(error)) from error
        if len(content) > most:
            msg = f"it sends more than {most} bytes"
            raise elsewhere(msg)
        return content


def _length(answer: BaseHTTPResponse) -> int | None:
    text = answer.headers.get("Content-Length", "").strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None
