"""JSON from a server: asked for again when it fails in passing, an error in words when it does not."""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Callable
from typing import Any, NoReturn, Self
from urllib.parse import urlencode

from urllib3.response import BaseHTTPResponse

from femtobarn.base.errors import AddressError, CatalogueError, SettingsError
from femtobarn.base.installed import version
from femtobarn.data.storage.connections import limited
from femtobarn.data.storage.failures import Failure, TransportError, of_error
from femtobarn.data.storage.network import Network
from femtobarn.data.storage.urls import Address, parse, shown
from femtobarn.data.storage.web import FAILURES, Web

LARGEST = 512 * 1024 * 1024
"""Bytes of one answer above which it is not read on."""

LONGEST_WAIT = 120.0
"""Seconds above which a server's wish to wait is not granted, but told."""

_PIECE = 1024 * 1024


class Api:
    """The address of an interface, and how it is asked.

    Parameters
    ----------
    base
        its address, http or https
    setting
        the environment variable that names it, for messages
    network
        timeouts, attempts, certificates; proxies are those of the environment
    pause
        what waits between attempts

    Raises
    ------
    SettingsError
        if ``base`` is no such address
    """

    def __init__(
        self, base: str, setting: str, network: Network, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self.base, self._network, self._pause = base.rstrip("/"), network, pause
        try:
            self.address = parse(self.base)
        except AddressError as error:
            msg = f"{setting}: {error}"
            raise SettingsError(msg) from error
        if self.address.scheme not in {"http", "https"} or self.address.query:
            msg = f"{setting}: expected an http or https address without a query, got {shown(base)}. Correct it."
            raise SettingsError(msg)
        self.shown = shown(self.base)
        self.setting = setting
        self._web = Web(network, (self.address.place,))

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close connections."""
        self._web.close()

    def at(self, base: str) -> Api:
        """Return another address of the same server, asked in the same way."""
        return Api(base, self.setting, self._network, self._pause)

    def get(self, path: str, **query: str | int) -> Any:
        """Return the JSON at ``path`` below the address.

        Parameters
        ----------
        path
            with its first slash
        query
            what stands behind the question mark

        Raises
        ------
        CatalogueError
            if no right answer came, however often it was asked for
        """
        address = parse(f"{self.base}{path}" + (f"?{urlencode(query)}" if query else ""))
        until = time.monotonic() + self._network.longest
        for attempt in range(1, self._network.attempts + 1):
            try:
                return self._json(address, self._content(address, until))
            except TransportError as error:
                failure = error.failure
            wait = self._wait(failure, attempt)
            if failure.kind != "transient" or attempt == self._network.attempts:
                break
            if wait > LONGEST_WAIT or time.monotonic() + wait > until:
                raise self._failure(address, f"{failure.words}, and asks to wait {wait:.0f} s", attempt)
            self._pause(wait)
        if failure.cause == "absent":
            msg = f"Expected an entry at {shown(address.place)}, but the server knows none. Check the number or name, and {self.setting}."
            raise CatalogueError(msg)
        raise self._failure(address, failure.words, attempt)

    def _wait(self, failure: Failure, attempt: int) -> float:
        if failure.after is not None:
            return failure.after
        spread = 1 + random.random() / 2  # noqa: S311 - so that many do not come back at once
        return float(self._network.backoff * 2 ** (attempt - 1) * spread)

    def _content(self, address: Address, until: float) -> bytes:
        headers = {
            "User-Agent": f"femtobarn/{version('femtobarn')}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
        }
        with limited(until, self._network.timeout):
            answer, _ = self._web.get(address, headers, until)
            try:
                return self._read(answer, address)
            except FAILURES as error:
                raise TransportError(of_error(error)) from error
            finally:
                answer.close()

    def _read(self, answer: BaseHTTPResponse, address: Address) -> bytes:
        pieces, size = [], 0
        for piece in answer.stream(_PIECE, decode_content=True):
            pieces.append(piece)
            size += len(piece)
            if size > LARGEST:
                raise self._failure(address, f"an answer of more than {LARGEST} bytes", 1)
        return b"".join(pieces)

    def _json(self, address: Address, content: bytes) -> Any:
        try:
            return json.loads(content, parse_constant=_refuse, parse_float=_finite)
        except (ValueError, RecursionError) as error:
            begins = content[:40].decode(errors="replace")
            raise self._failure(
                address, f"{len(content)} bytes that begin with {begins!r} ({error})", 1
            ) from error

    def _failure(self, address: Address, what: str, attempts: int) -> CatalogueError:
        times = f" after {attempts} attempts" if attempts > 1 else ""
        msg = (
            f"Expected JSON from {shown(address.place)}, but got{times}: {what}. The tables stay as they are. "
            f"Try again later, or set {self.setting} to another address."
        )
        return CatalogueError(msg)


def _refuse(text: str) -> NoReturn:
    msg = f"{text} is not a number of JSON"
    raise ValueError(msg)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        msg = f"{text} is too large for a number"
        raise ValueError(msg)
    return value
