"""One request by http or https: connections, proxies, certificates, redirects, and an end in time."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urljoin

import urllib3
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from femtobarn.base.errors import AddressError
from femtobarn.data.storage.connections import HttpPool, HttpsPool, PublicHttpPool, PublicHttpsPool
from femtobarn.data.storage.failures import (
    TooSlowError,
    TransportError,
    elsewhere,
    of_error,
    of_status,
    transient,
)
from femtobarn.data.storage.guard import encrypted_or_allowed, is_private, resolved
from femtobarn.data.storage.network import Network, proxy_for, tls_context
from femtobarn.data.storage.urls import Address, parse, permitted, shown

REDIRECTS = 5
"""How many redirects are followed for one request."""

_REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})
_PIECE = 256 * 1024  # bytes that are sent at once: each has the time of a silent server
_DRAINED = 64 * 1024  # bytes of an answer without use that are read so that its connection can be used again
FAILURES = (HTTPError, OSError, http.client.HTTPException)
"""What urllib3 and what is below it raise when an answer does not come."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked of a server.

    Parameters
    ----------
    method
        of http
    headers
        for every server to which this leads
    own
        headers for the first server only, such as a token
    body
        content to send
    accepted
        statuses that are answers though they are no success
    """

    method: str
    headers: dict[str, str]
    own: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    accepted: frozenset[int] = frozenset()


class Web:
    """Sends requests; safe for several threads.

    Parameters
    ----------
    network
        limits, certificates
    prefixes
        beginnings of URLs to which a redirect may lead though they are not public
    """

    def __init__(self, network: Network, prefixes: tuple[str, ...]) -> None:
        self._network = network
        self._prefixes = prefixes
        self._tls = tls_context(network.ca_file)
        self._managers: dict[tuple[str | None, bool], urllib3.PoolManager] = {}
        self._lock = threading.Lock()

    def get(
        self, address: Address, headers: dict[str, str], until: float
    ) -> tuple[BaseHTTPResponse, Address]:
        """Return the answer of success, its content not yet read, and where it came from.

        Parameters
        ----------
        address
            what to ask for
        headers
            of the request
        until
            time of ``time.monotonic`` at which to give up

        Raises
        ------
        TransportError
            if there is no answer, one that is no success, or a redirect that is not followed
        """
        return self.ask(Ask("GET", headers, accepted=frozenset({416})), address, until)

    def ask(self, ask: Ask, address: Address, until: float) -> tuple[BaseHTTPResponse, Address]:
        """Return the answer to ``ask`` as `get` does; content that is sent may be sent on by redirects.

        Raises
        ------
        TransportError
            as `get`; also if content would be sent on without encryption
        """
        place, public = address, False
        for _ in range(REDIRECTS + 1):
            sent = ask.headers
            if place.origin == address.origin:
                sent = {**sent, **ask.own}
                if address.user:
                    sent |= urllib3.make_headers(basic_auth=unquote(address.user))
            answer = self._send(ask, place, sent, until, public=public)
            if answer.status not in _REDIRECT_STATUSES or (answer.status == 303 and ask.body is not None):
                if not 200 <= answer.status < 300 and answer.status not in ask.accepted:
                    self.drop(answer, reuse=ask.body is None)
                    raise TransportError(
                        of_status(answer.status, answer.headers.get("Retry-After"), time.time())
                    )
                return answer, place
            location = answer.headers.get("Location")
            self.drop(answer, reuse=ask.body is None)  # the content would be its next request
            place, public = self._next(place, location)
            if ask.body is not None and not encrypted_or_allowed(place):
                msg = f"it sends us on to {place.host}, to which nothing is sent without encryption unless FEMTOBARN_PLAIN_HOSTS names it"
                raise elsewhere(msg, "refused")
        msg = f"it sends us on more than {REDIRECTS} times"
        raise elsewhere(msg)

    def close(self) -> None:
        """Close all connections that are not in use."""
        with self._lock:
            managers, self._managers = list(self._managers.values()), {}
        for manager in managers:
            manager.clear()

    def _send(
        self, ask: Ask, place: Address, headers: dict[str, str], until: float, *, public: bool
    ) -> BaseHTTPResponse:
        left = until - time.monotonic()
        if left <= 0:
            raise transient("the time for this read is over")
        wait = min(self._network.timeout, left)
        manager = self._manager(place, public=public)
        try:
            return manager.urlopen(
                ask.method,
                place.place + place.query,
                body=None if ask.body is None else _pieces(ask.body, until),
                headers=headers,
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
                timeout=urllib3.Timeout(connect=wait, read=wait),
            )
        except FAILURES as error:
            raise TransportError(of_error(error)) from error

    def _manager(self, place: Address, *, public: bool) -> urllib3.PoolManager:
        proxy = proxy_for(place.scheme, place.host)
        public = public and proxy is None  # behind a proxy the peer is the proxy
        with self._lock:
            known = self._managers.get((proxy, public))
            if known is None:
                known = self._managers[proxy, public] = self._made(proxy, public=public)
            return known

    def _made(self, proxy: str | None, *, public: bool) -> urllib3.PoolManager:
        manager: urllib3.PoolManager
        size = self._network.connections
        if proxy is None:
            manager = urllib3.PoolManager(maxsize=size, ssl_context=self._tls)
        else:
            login = urllib3.util.parse_url(proxy).auth
            headers = urllib3.make_headers(proxy_basic_auth=unquote(login)) if login else None
            manager = urllib3.ProxyManager(
                proxy, maxsize=size, ssl_context=self._tls, proxy_ssl_context=self._tls, proxy_headers=headers
            )
        manager.pool_classes_by_scheme = (
            {"http": PublicHttpPool, "https": PublicHttpsPool}
            if public
            else {"http": HttpPool, "https": HttpsPool}
        )
        return manager

    def _next(self, place: Address, location: str | None) -> tuple[Address, bool]:
        """Return where a redirect leads, and whether that must be a public address."""
        if not location:
            raise elsewhere("it sends us on without saying where")
        target = urljoin(place.place + place.query, quote(location, safe="%/:=&?~#+!$,;'@()*[]"))
        try:
            found = parse(target)
        except AddressError as error:
            msg = f"it sends us on to {shown(target)}, which is no clear address"
            raise elsewhere(msg, "refused") from error
        if found.scheme not in {"http", "https"} or (place.scheme, found.scheme) == ("https", "http"):
            msg = f"it sends us on to {found.scheme}://, which is not followed"
            raise elsewhere(msg, "refused")
        try:
            permitted(found.place, self._prefixes)
        except AddressError:
            addresses = resolved(found.host, found.port)
            if not addresses and proxy_for(found.scheme, found.host) is not None:
                # only the proxy would know whether it is a place inside, and it does not tell
                msg = f"it sends us on to {found.host}, whose address is not known here, only to the proxy"
                raise elsewhere(msg, "refused") from None
            if any(is_private(one) for one in addresses):
                msg = f"it sends us on to a private address ({found.host}), which is not followed"
                raise elsewhere(msg, "refused") from None
            return found, True
        return found, False

    @staticmethod
    def drop(answer: BaseHTTPResponse, *, reuse: bool = True) -> None:
        """Read what little an answer without use holds, so that its connection can be used again."""
        if reuse:
            with suppress(*FAILURES):
                answer.read(_DRAINED, decode_content=False)
        answer.close()


def _pieces(body: bytes, until: float) -> Iterator[memoryview]:
    view = memoryview(body)
    for start in range(0, len(view), _PIECE):
        if time.monotonic() > until:
            raise TooSlowError
        yield view[start : start + _PIECE]
