"""The XRootD client: how it is set up, what its answers mean, and whom it may be led to."""

from __future__ import annotations

import math
import os
import time
from contextlib import suppress
from typing import Any

from femtobarn.base.errors import AddressError, MissingExtraError
from femtobarn.data.storage.failures import Failure, elsewhere, of_xrootd, transient
from femtobarn.data.storage.guard import is_private, resolved
from femtobarn.data.storage.network import Network
from femtobarn.data.storage.urls import Address, parse, permitted


def client(network: Network) -> Any:
    """Return the module of the XRootD client, its own waiting limited as ``network`` says.

    The client reads its settings from the environment when it is loaded. Those that the user has set stay.

    Raises
    ------
    MissingExtraError
        if it is not installed
    """
    seconds = str(_whole(network.timeout))
    for name, value in {
        "CONNECTIONWINDOW": seconds,
        "CONNECTIONRETRY": "1",
        "REQUESTTIMEOUT": seconds,
        "STREAMTIMEOUT": seconds,
        "TIMEOUTRESOLUTION": "1",
        "STREAMERRORWINDOW": "0",  # else a server that is back is not asked again for half an hour
        "METALINKPROCESSING": "0",  # a file must not name other places to read
    }.items():
        os.environ.setdefault(f"XRD_{name}", value)
    if network.ca_file is not None:
        os.environ.setdefault("X509_CERT_FILE", str(network.ca_file))  # for roots://
    try:
        from XRootD import client as module
    except ImportError as error:
        raise MissingExtraError("reading root:// addresses", "xrootd") from error
    return module


def place_of(file: Any) -> tuple[str, str]:
    """Return the address to which the servers have led for an open file, and the server that holds it."""
    last = str(file.get_property("LastURL") or "").partition("?")[0]
    return last, str(file.get_property("DataServer") or "")


def check_place(address: Address, found: tuple[str, str], prefixes: tuple[str, ...]) -> None:
    """Do nothing if `place_of` a file of ``address`` is one that may be talked to.

    Raises
    ------
    TransportError
        if it is private and not below ``prefixes``, another protocol, or without encryption where that was asked
    """
    last, server = found
    try:
        place = parse(last)
        peer = parse(f"{place.scheme}://{server}{place.path}") if server else place
    except AddressError:
        msg = "it sends us on to something else than an XRootD server, which is not followed"
        raise elsewhere(msg, "refused") from None
    for one in {place, peer}:
        _check_redirect(address, one, prefixes)


def _check_redirect(address: Address, place: Address, prefixes: tuple[str, ...]) -> None:
    if (place.host, place.port) == (address.host, address.port):
        return
    if (address.scheme, place.scheme) == ("roots", "root") or place.scheme not in {"root", "roots"}:
        msg = f"it sends us on to {place.scheme}://, which is not followed"
        raise elsewhere(msg, "refused")
    with suppress(AddressError):
        permitted(place.place, prefixes)
        return
    if any(is_private(one) for one in resolved(place.host, place.port)):
        msg = f"it sends us on to a private address ({place.host}), which is not followed"
        raise elsewhere(msg, "refused")


def url_of(address: Address) -> str:
    """Return ``address`` as the client wants it."""
    user = f"{address.user}@" if address.user else ""
    return f"{address.scheme}://{user}{address.host}:{address.port}{address.path}{address.query}"


def failure_of(status: Any) -> Failure:
    """Return what a status of the client other than success means."""
    return of_xrootd(int(status.code), int(status.errno), str(status.message))


def left_until(until: float) -> int:
    """Return the seconds until a time of ``time.monotonic`` as the client wants them."""
    left = until - time.monotonic()
    if left <= 0:
        raise transient("the time for this read is over")
    return _whole(left)


def _whole(seconds: float) -> int:
    """Return ``seconds`` as the client wants them: whole, at least 1 (0 would mean its default)."""
    return min(max(1, math.ceil(seconds)), 65_535)
