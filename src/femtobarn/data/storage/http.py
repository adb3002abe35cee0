"""Files behind http and https: parts of them by ranges, each checked against what was asked for."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from urllib3.response import BaseHTTPResponse

from femtobarn.base.installed import version
from femtobarn.data.storage.connections import limited
from femtobarn.data.storage.failures import Failure, TransportError, elsewhere, of_error, of_status, transient
from femtobarn.data.storage.network import Network
from femtobarn.data.storage.slots import slot
from femtobarn.data.storage.transport import HEAD, Meter
from femtobarn.data.storage.urls import Address
from femtobarn.data.storage.web import FAILURES, Web

_PIECE = 1024 * 1024
_CONTENT_RANGE = re.compile(r"\s*bytes\s+(?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18}|\*)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Version:
    """What an answer says of the version of the file (RFC 9110, 8.8)."""

    etag: str
    modified: str

    @classmethod
    def of(cls, answer: BaseHTTPResponse) -> _Version:
        etag = answer.headers.get("ETag", "")
        strong = "" if etag.startswith("W/") else etag
        return cls(strong, answer.headers.get("Last-Modified", ""))

    def differs(self, other: _Version) -> bool:
        """Return whether both cannot be of the same version."""
        if self.etag and other.etag:
            return self.etag != other.etag
        return bool(self.modified and other.modified and self.modified != other.modified)


class HttpTransport:
    """One http(s) address that is open; safe for several threads.

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
        self._meter = meter
        self._web = Web(network, prefixes)
        self._shortcut: Address | None = None
        self._lock = threading.Lock()
        self.head = b""
        try:
            self._open(size, until)
        except BaseException:
            self._web.close()
            raise

    def read(self, offset: int, count: int, until: float) -> bytes:
        """Return exactly ``count`` bytes from ``offset``.

        Raises
        ------
        TransportError
            if they did not come, or others came
        """
        with self._asked(until, count, f"bytes={offset}-{offset + count - 1}") as (answer, end):
            self._same_version(answer)
            if answer.status == 416:
                raise TransportError(of_status(416))
            if answer.status != 206:
                msg = "it ignores ranges: it sends the whole file when asked for a part"
                raise elsewhere(msg, "ranges")
            first, last, total = _content_range(answer)
            if total is not None and total != self.size:
                raise _changed(self.size, total)
            if first != offset or last is None or last > offset + count - 1:
                msg = f"it sent bytes {first}-{last} when asked for {offset}-{offset + count - 1}"
                raise transient(msg)
            if last != offset + count - 1:
                msg = f"the answer is too short: {last - first + 1} of {count} bytes"
                raise transient(msg)
            return self._content(answer, count, end)

    def body(self, until: float) -> Iterator[bytes]:
        """Give the whole content in order, asked for without a range.

        Raises
        ------
        TransportError
            if it ends early, or is not as long as it was
        """
        came = 0
        with self._asked(until, self.size) as (answer, end):
            self._same_version(answer)
            length = _length(answer)
            if answer.status != 200 or (length is not None and length != self.size):
                raise _changed(self.size, length)
            while came <= self.size:
                piece = self._pull(answer, _PIECE, end)
                if not piece:
                    break
                came += len(piece)
                yield piece
        if came < self.size:
            msg = f"the answer is too short: {came} of {self.size} bytes"
            raise transient(msg)
        if came > self.size:
            raise _changed(self.size, None)

    def close(self) -> None:
        """Close connections."""
        self._web.close()

    def _open(self, size: int | None, until: float) -> None:
        wanted = HEAD if not size else min(HEAD, size)
        with self._asked(until, wanted, f"bytes=0-{wanted - 1}") as (answer, end):
            self._version = _Version.of(answer)
            self.validator = self._version.etag or self._version.modified
            self.ranges = answer.status in {206, 416}
            if not self.ranges:
                self.size = _known(_length(answer), size)
                answer.close()  # the rest of it is not wanted
                return
            first, last, total = _content_range(answer)
            if answer.status == 416:
                if total != 0:
                    raise elsewhere("it has no such part: it refuses the first bytes of the file")
                self.size = 0
                return
            self.size = _known(total, size)
            there = min(wanted, self.size)
            if not there:
                return
            if (first, last) == (0, there - 1):
                self.head = self._content(answer, there, end)
                return
            if first != 0 or last is None or last < there:
                msg = f"it sent bytes {first}-{last} when asked for 0-{there - 1}"
                raise transient(msg)
        # some servers promise more than there is when asked beyond the end of the file
        self.head = self.read(0, there, until)

    @contextmanager
    def _asked(
        self, until: float, count: int, part: str | None = None
    ) -> Iterator[tuple[BaseHTTPResponse, float]]:
        """Give the answer to a request, and until when its content may come; close it in the end."""
        # an encoded answer would have other lengths and ranges than the file
        headers = {"User-Agent": f"femtobarn/{version('femtobarn')}", "Accept-Encoding": "identity"}
        if part is not None:
            headers["Range"] = part
        most = self._network.connections
        with slot(self._address.host, folder=self._network.slots, most=most, until=until):
            end = min(until, time.monotonic() + self._network.seconds_for(count))
            with limited(end, self._network.timeout):
                answer = self._answer(headers, end)
            try:
                encoding = answer.headers.get("Content-Encoding", "identity").strip().lower()
                if encoding not in {"", "identity"}:
                    raise elsewhere(
                        f"it sends the file encoded as {encoding[:40]!r}, which was not asked for"
                    )
                yield answer, end
            except TransportError:
                self._shortcut = None
                raise
            finally:
                answer.close()

    def _answer(self, headers: dict[str, str], until: float) -> BaseHTTPResponse:
        """Ask where the last redirect led to; if that gives nothing, ask anew from the start."""
        shortcut = self._shortcut
        self._meter.add(requests=1)
        if shortcut is not None:
            try:
                return self._web.get(shortcut, headers, until)[0]
            except TransportError as error:
                self._shortcut = None
                if error.failure.kind == "transient":
                    raise
                self._meter.add(requests=1)
        answer, place = self._web.get(self._address, headers, until)
        if place.origin != self._address.origin:
            self._shortcut = place
        return answer

    def _content(self, answer: BaseHTTPResponse, count: int, until: float) -> bytes:
        content = self._pull(answer, count + 1, until)
        if len(content) != count:
            what = "short" if len(content) < count else "long"
            msg = f"the answer is too {what}: {len(content)} of {count} bytes"
            raise transient(msg)
        return content

    def _pull(self, answer: BaseHTTPResponse, most: int, until: float) -> bytes:
        try:
            with limited(until, self._network.timeout):
                content = answer.read(most, decode_content=False)
        except FAILURES as error:
            raise TransportError(of_error(error)) from error
        self._meter.add(received=len(content))
        return content

    def _same_version(self, answer: BaseHTTPResponse) -> None:
        if _Version.of(answer).differs(self._version):
            raise elsewhere("the file was changed while it was read", "changed")


def _content_range(answer: BaseHTTPResponse) -> tuple[int | None, int | None, int | None]:
    """Return first, last and total of ``Content-Range``; None for what it does not say."""
    found = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    if found is None:
        return None, None, None
    first, last, total = (int(text) if text and text != "*" else None for text in found.groups())
    return first, last, total


def _length(answer: BaseHTTPResponse) -> int | None:
    text = answer.headers.get("Content-Length", "").strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def _known(told: int | None, expected: int | None) -> int:
    if told is not None and expected is not None and told != expected:
        raise _changed(expected, told)
    if told is None and expected is None:
        raise elsewhere("it does not say how long the file is")
    return told if told is not None else expected or 0


def _changed(expected: int, told: int | None) -> TransportError:
    found = "another number of" if told is None else str(told)
    return TransportError(Failure("address", f"the file has {found} bytes there, not {expected}", "changed"))
