"""Which hosts are inside: machines that a stranger's redirect must not make us talk to."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING

from femtobarn.base.settings import plain_hosts

if TYPE_CHECKING:
    from femtobarn.data.storage import urls

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: the last four bytes are an IPv4 address


def is_private(address: str) -> bool:
    """Return whether the IP ``address`` is not one of the public network.

    Private are loopback, link-local, private, shared, unspecified, multicast and reserved addresses,
    also inside the IPv6 forms that carry an IPv4 address. What is no address is private too.
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return True
    return any(not one.is_global or one.is_multicast for one in _forms(found))


def is_loopback(host: str) -> bool:
    """Return whether ``host``, as written, is this machine; nothing is looked up."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return any(one.is_loopback for one in _forms(ipaddress.ip_address(name)))
    except ValueError:
        return False


def encrypted_or_allowed(place: urls.Address) -> bool:
    """Return whether results may be sent to ``place``: encrypted, within this machine, or as the user said."""
    encrypted = place.scheme in {"https", "roots"}
    return encrypted or is_loopback(place.host) or place.host.strip("[]") in plain_hosts()


def may_be_plain(host: str) -> bool:
    """Return whether orders may be taken without encryption from ``host``: this machine alone, or as the user said.

    Stricter than `is_loopback`: names below ``localhost`` are looked up, and may lead anywhere.
    """
    name = host.strip("[]").lower()
    if name == "localhost" or name in plain_hosts():
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def resolved(host: str, port: int) -> tuple[str, ...]:
    """Return the IP addresses of ``host``; none if its name is not known here."""
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def _forms(address: Address) -> tuple[Address, ...]:
    if isinstance(address, ipaddress.IPv4Address):
        return (address,)
    if address in _NAT64:
        return (ipaddress.IPv4Address(int(address) & 0xFFFFFFFF),)
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    inside = address.sixtofour
    return (address,) if inside is None else (address, inside)
