"""Addresses of brokers: what they mean, who may be spoken to in the clear, and what is shown of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from femtobarn.base import settings
from femtobarn.base.errors import SettingsError
from femtobarn.data.storage.guard import may_be_plain
from femtobarn.data.storage.urls import shown

_PORTS = {"amqp": 5672, "amqps": 5671}
_GUEST = "guest"  # what a broker has if nobody made a user; it lets it in from its own machine only


@dataclass(frozen=True, slots=True)
class Place:
    """One broker, and who we are to it.

    Parameters
    ----------
    host, port, vhost
        where
    tls
        whether the connection is encrypted, and the broker shows a certificate
    user, password
        who we are
    """

    host: str
    port: int
    vhost: str
    tls: bool
    user: str
    password: str = field(repr=False)

    def __str__(self) -> str:
        """Its address without user and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'amqps' if self.tls else 'amqp'}://{host}:{self.port}/{self.vhost.lstrip('/')}"


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker that can be reached at one or more places, tried in this order.

    Parameters
    ----------
    places
        at least one
    ca_file, cert_file, key_file
        certificates to trust instead of the system's, the certificate of this side, and its private key
    """

    places: tuple[Place, ...]
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    def __str__(self) -> str:
        """Its addresses without users and passwords."""
        return ", ".join(map(str, self.places))


def find_broker(option: str = "") -> Broker:
    """Return the broker that the environment names.

    Parameters
    ----------
    option
        addresses that take the place of those of the environment, comma-separated

    Raises
    ------
    SettingsError
        if none is named, an address is none, ``option`` holds a password, or a broker beyond this machine
        would be spoken to in the clear
    """
    known = settings.broker()
    own = tuple(part.strip() for part in option.split(",") if part.strip())
    if any("@" in address for address in own):
        msg = "The option broker takes addresses without user name and password: it is stored with the results. Put them into FEMTOBARN_BROKER_USER and FEMTOBARN_BROKER_PASSWORD_FILE."
        raise SettingsError(msg)
    if not (own or known.addresses):
        msg = "Expected the address of a RabbitMQ broker, but none is named. Set FEMTOBARN_BROKER, for instance to amqps://host:5671/vhost, with FEMTOBARN_BROKER_USER and FEMTOBARN_BROKER_PASSWORD_FILE."
        raise SettingsError(msg)
    if (known.cert_file is None) != (known.key_file is None):
        msg = "FEMTOBARN_BROKER_CERT_FILE and FEMTOBARN_BROKER_KEY_FILE belong together, but only one of them is set."
        raise SettingsError(msg)
    places = tuple(_place(address, known.user, known.password) for address in own or known.addresses)
    return Broker(places, known.ca_file, known.cert_file, known.key_file)


def _place(address: str, user: str, password: str) -> Place:
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        raise _unclear(address) from None  # its words hold parts of a password with a slash in it
    if parts.scheme not in _PORTS or not parts.hostname or parts.query or parts.fragment:
        raise _unclear(address)
    vhost = unquote(parts.path[1:])
    if "/" in parts.path[1:]:
        raise _unclear(address)
    if parts.username is not None:
        user, password = unquote(parts.username), unquote(parts.password or "")
    place = Place(
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        vhost=vhost or "/",
        tls=parts.scheme == "amqps",
        user=user or _GUEST,
        password=password or ("" if user else _GUEST),
    )
    if not place.tls and not may_be_plain(place.host):
        msg = f"{place}: beyond this machine a broker is spoken to with encryption only, for whoever listens could read the password and send tasks. Use amqps://, or put {place.host} into FEMTOBARN_PLAIN_HOSTS if the way to it is private."
        raise SettingsError(msg)
    return place


def _unclear(address: str) -> SettingsError:
    given = shown(address) if "://" in address else address.rpartition("@")[2]
    return SettingsError(
        f"Expected the address of a broker such as amqps://host:5671/vhost, got {given!r}. Write / and @ in names and passwords as %2F and %40."
    )
