"""Small things that are written and read whole below an address: one address, one attempt."""

from __future__ import annotations

from typing import Protocol

from femtobarn.data.storage.network import Network
from femtobarn.data.storage.urls import Address

LARGEST = 4 * 1024**3
"""Bytes of the largest thing that is taken from a server."""


class Objects(Protocol):
    """What a protocol must do to keep things; every method may raise `TransportError`.

    ``until`` is a time of ``time.monotonic`` at which to give up; a name is one part of a path.

    Attributes
    ----------
    led_on
        whether the server has sent us on to another that holds things, which its lists may lack
    """

    led_on: bool

    def put(self, folder: str, name: str, data: bytes, until: float) -> None:
        """Write ``data``; when this returns the server has all of it. What was there before is replaced."""
        ...

    def get(self, folder: str, name: str, until: float) -> bytes | None:
        """Return the whole content, or None if there is no such thing. It may be half of one being written."""
        ...

    def listed(self, folder: str, until: float) -> frozenset[str] | None:
        """Return words, the names in ``folder`` among them; None if this server does not tell."""
        ...

    def close(self) -> None:
        """Release connections."""
        ...


def objects(base: Address, network: Network, prefixes: tuple[str, ...]) -> Objects:
    """Return what keeps things below ``base``; safe for several threads.

    Parameters
    ----------
    base
        http, https, root or roots
    network, prefixes
        limits, and where redirects may lead though it is not public

    Raises
    ------
    MissingExtraError
        if it needs the XRootD client and that is not installed
    """
    if base.scheme in {"root", "roots"}:
        from femtobarn.data.storage.objects_xrootd import XRootDObjects

        return XRootDObjects(base, network, prefixes)
    from femtobarn.data.storage.objects_http import HttpObjects

    return HttpObjects(base, network, prefixes)
