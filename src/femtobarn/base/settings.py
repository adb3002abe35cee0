"""Settings of this machine: defaults, and the environment variables that change them.

======================================  ===========================================================
``FEMTOBARN_WORKERS``                   worker processes (default: the cores this process may use)
``FEMTOBARN_PART_BYTES``                size of the part of a file that makes a task (256 MiB)
``FEMTOBARN_CHUNK_ENTRIES``             events in memory at once (100,000)
``FEMTOBARN_HISTOGRAM_LIMIT``           bytes that the histograms of a run may take (4 GiB)
``FEMTOBARN_PREFIXES``                  folders and beginnings of URLs below which files may be opened
                                        besides those of the catalogue and the run, comma-separated
``FEMTOBARN_CACHE``                     folder of the cache (default: the user's cache folder)
``FEMTOBARN_CACHE_BYTES``               bytes that the cache may take (50 GB)
``FEMTOBARN_CACHE_SMALL``               files up to this many bytes are always cached (256 MiB)
``FEMTOBARN_CACHE_LARGEST``             files above this many bytes are never cached unasked (5 GB)
``FEMTOBARN_COLUMN_CACHE``              ``on``: columns that are read are kept for the next analysis (off)
``FEMTOBARN_COLUMN_CACHE_BYTES``        bytes that kept columns may take, besides the cache (20 GB)
``FEMTOBARN_COLUMN_CACHE_CODEC``        how they are compressed: ``none``, ``lz4`` or ``zstd`` (none)
``FEMTOBARN_SHARED_CACHE``              folders of caches that are only read, separated as in ``PATH``
``FEMTOBARN_TIMEOUT``                   seconds that a server may be silent (30)
``FEMTOBARN_ATTEMPTS``                  how often one address is asked before the next one (4)
``FEMTOBARN_CONNECTIONS``               requests at once to one host, of all processes of a user (8)
``FEMTOBARN_CA_FILE``                   certificates to trust besides those of the system (PEM)
``FEMTOBARN_MIRRORS``                   other places of files: ``from=to`` beginnings of URLs,
                                        comma-separated; those of a ``from`` replace what is built in
``FEMTOBARN_PLAIN_HOSTS``               hosts beyond this machine that are talked to without encryption when
                                        tasks or results are sent to them, comma-separated
``FEMTOBARN_STORE_TOKEN``               bearer token for ``--store https://...``; sent only encrypted or
                                        within this machine
``FEMTOBARN_STORE_TOKEN_FILE``          a file that holds it, read for each request, so that it can be renewed
``FEMTOBARN_METADATA_API``              address of the metadata of ATLAS Open Data
``FEMTOBARN_PORTAL_API``                address of the CERN Open Data portal
``FEMTOBARN_BROKER``                    addresses of a message broker, comma-separated; the next one is
                                        taken when one is gone: ``amqps://host:5671/vhost``
``FEMTOBARN_BROKER_USER``               user name there, if the addresses hold none
``FEMTOBARN_BROKER_PASSWORD``           password there, if the addresses hold none
``FEMTOBARN_BROKER_PASSWORD_FILE``      a file with that password
``FEMTOBARN_BROKER_CA_FILE``            certificates to trust there instead of the system's (PEM)
``FEMTOBARN_BROKER_CERT_FILE``          certificate that this side shows there (PEM)
``FEMTOBARN_BROKER_KEY_FILE``           its private key (PEM)
======================================  ===========================================================

Proxies are those of ``HTTPS_PROXY``, ``HTTP_PROXY`` and ``NO_PROXY``.
"""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from femtobarn.base.errors import SettingsError
from femtobarn.base.records import Settings

PART_BYTES = 256 * 1024 * 1024
CHUNK_ENTRIES = 100_000
HISTOGRAM_LIMIT = 4 * 1024**3
CACHE_BYTES = 50 * 1000**3
COLUMN_CACHE_BYTES = 20 * 1000**3
CACHE_SMALL = 256 * 1024**2
CACHE_LARGEST = 5 * 1000**3
TIMEOUT = 30.0
ATTEMPTS = 4
CONNECTIONS = 8
METADATA_API = "https://atlasopenmagic-api.app.cern.ch"
PORTAL_API = "https://opendata.cern.ch/api"
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")


@dataclass(frozen=True, slots=True)
class ColumnCacheSettings:
    """Settings of the column cache.

    Parameters
    ----------
    on
        whether runs use it and leave in it what they read
    limit_bytes
        bytes that it may hold
    codec
        how its files are compressed
    """

    on: bool
    limit_bytes: int
    codec: Literal["none", "lz4", "zstd"]


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """How a message broker is reached.

    Parameters
    ----------
    addresses
        as given, perhaps with a user name and a password
    user, password
        for addresses without
    ca_file, cert_file, key_file
        certificates to trust, the certificate of this side, and its private key
    """

    addresses: tuple[str, ...] = field(repr=False)
    user: str
    password: str = field(repr=False)
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None


def default_settings() -> Settings:
    """Return the settings of a run on this machine.

    Raises
    ------
    SettingsError
        if an environment variable has a value that is not allowed
    """
    return Settings(
        workers=_whole("FEMTOBARN_WORKERS", cores()),
        part_bytes=_whole("FEMTOBARN_PART_BYTES", PART_BYTES),
        chunk_entries=_whole("FEMTOBARN_CHUNK_ENTRIES", CHUNK_ENTRIES),
        column_cache=column_cache().on,
    )


def histogram_limit() -> int:
    """Return how many bytes the histograms of a run may take."""
    return _whole("FEMTOBARN_HISTOGRAM_LIMIT", HISTOGRAM_LIMIT)


def prefixes() -> tuple[str, ...]:
    """Return the folders and beginnings of URLs that this machine allows besides a run's own."""
    return _listed("FEMTOBARN_PREFIXES")


def plain_hosts() -> tuple[str, ...]:
    """Return the hosts, in lower case, to which tasks and results may be sent without encryption."""
    return tuple(name.strip("[]").lower() for name in _listed("FEMTOBARN_PLAIN_HOSTS"))


def store_token() -> str:
    """Return the bearer token for a store of results; empty if there is none.

    Raises
    ------
    SettingsError
        if the file that should hold it cannot be read, or what is given is no token
    """
    path = _text("FEMTOBARN_STORE_TOKEN_FILE")
    name, token = "FEMTOBARN_STORE_TOKEN", _text("FEMTOBARN_STORE_TOKEN")
    if path:
        name = "FEMTOBARN_STORE_TOKEN_FILE"
        try:
            token = Path(path).expanduser().read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            msg = f"The environment variable {name} must name a file that holds a token, but {path!r} cannot be read ({type(error).__name__})."
            raise SettingsError(msg) from error
    if (path or token) and not _TOKEN.fullmatch(token):
        msg = f"The environment variable {name} must give a bearer token (RFC 6750: letters, digits and -._~+/=), but what it gives is none."
        raise SettingsError(msg)
    return token


def cache_folder() -> Path:
    """Return the folder of the cache; it may not exist yet."""
    text = _text("FEMTOBARN_CACHE")
    if text:
        return Path(text).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("femtobarn", appauthor=False)


def cache_limit() -> int:
    """Return how many bytes the cache may take."""
    return _whole("FEMTOBARN_CACHE_BYTES", CACHE_BYTES)


def column_cache() -> ColumnCacheSettings:
    """Return the settings of the column cache.

    Raises
    ------
    SettingsError
        if an environment variable has a value that is not allowed
    """
    switch = _text("FEMTOBARN_COLUMN_CACHE").lower() or "off"
    if switch not in {"on", "off"}:
        msg = f"The environment variable FEMTOBARN_COLUMN_CACHE must be on or off, but is {switch!r}."
        raise SettingsError(msg)
    codecs: tuple[Literal["none", "lz4", "zstd"], ...] = ("none", "lz4", "zstd")
    wanted = _text("FEMTOBARN_COLUMN_CACHE_CODEC").lower() or "none"
    codec = next((one for one in codecs if one == wanted), None)
    if codec is None:
        msg = f"The environment variable FEMTOBARN_COLUMN_CACHE_CODEC must be none, lz4 or zstd, but is {wanted!r}."
        raise SettingsError(msg)
    limit = _whole("FEMTOBARN_COLUMN_CACHE_BYTES", COLUMN_CACHE_BYTES)
    return ColumnCacheSettings(switch == "on", limit, codec)


def cache_small() -> int:
    """Return up to how many bytes a file is always cached."""
    return _whole("FEMTOBARN_CACHE_SMALL", CACHE_SMALL)


def cache_largest() -> int:
    """Return above how many bytes a file is not cached unless that is asked for."""
    return _whole("FEMTOBARN_CACHE_LARGEST", CACHE_LARGEST)


def shared_caches() -> tuple[Path, ...]:
    """Return the folders of caches that are only read, in the order in which they are searched."""
    names = _text("FEMTOBARN_SHARED_CACHE").split(os.pathsep)
    return tuple(Path(name.strip()).expanduser() for name in names if name.strip())


def network_timeout() -> float:
    """Return how many seconds a server may be silent."""
    text = _text("FEMTOBARN_TIMEOUT")
    if not text:
        return TIMEOUT
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= 3600:
        msg = f"The environment variable FEMTOBARN_TIMEOUT must be seconds above 0, at most 3600, but is {text!r}."
        raise SettingsError(msg)
    return value


def network_attempts() -> int:
    """Return how often one address is asked before the next one is."""
    return _whole("FEMTOBARN_ATTEMPTS", ATTEMPTS)


def network_connections() -> int:
    """Return how many requests may be under way to one host."""
    return _whole("FEMTOBARN_CONNECTIONS", CONNECTIONS)


def certificate_file() -> Path | None:
    """Return the file of certificates that are trusted besides the system's, if one is named.

    Raises
    ------
    SettingsError
        if there is no such file
    """
    return _file("FEMTOBARN_CA_FILE", "a file of certificates")


def mirrors() -> tuple[tuple[str, str], ...]:
    """Return pairs of beginnings of URLs; what is below the first is also below the second.

    Raises
    ------
    SettingsError
        if the variable does not hold pairs ``from=to``
    """
    pairs: list[tuple[str, str]] = []
    for text in _listed("FEMTOBARN_MIRRORS"):
        place, _, other = (part.strip() for part in text.partition("="))
        if "://" not in place or "://" not in other:
            msg = (
                "The environment variable FEMTOBARN_MIRRORS must hold pairs of beginnings of URLs, "
                f"from=to,from=to, but has {text!r}."
            )
            raise SettingsError(msg)
        pairs.append((place, other))
    return tuple(pairs)


def metadata_api() -> str:
    """Return the address of the metadata of ATLAS Open Data, without a slash at the end."""
    return (_text("FEMTOBARN_METADATA_API") or METADATA_API).rstrip("/")


def portal_api() -> str:
    """Return the address of the CERN Open Data portal's interface, without a slash at the end."""
    return (_text("FEMTOBARN_PORTAL_API") or PORTAL_API).rstrip("/")


def broker() -> BrokerSettings:
    """Return how a message broker is reached; no address if none is named.

    Raises
    ------
    SettingsError
        if a named file is not there, or two passwords are given
    """
    password = os.environ.get("FEMTOBARN_BROKER_PASSWORD", "")
    file = _file("FEMTOBARN_BROKER_PASSWORD_FILE", "a file with a password")
    if file is not None:
        if password:
            msg = "FEMTOBARN_BROKER_PASSWORD and FEMTOBARN_BROKER_PASSWORD_FILE are both set. Leave out one of them."
            raise SettingsError(msg)
        try:
            password = file.read_text(encoding="utf-8").strip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            msg = f"The file that FEMTOBARN_BROKER_PASSWORD_FILE names cannot be read: {type(error).__name__}. Check its permissions."
            raise SettingsError(msg) from error
    return BrokerSettings(
        addresses=_listed("FEMTOBARN_BROKER"),
        user=_text("FEMTOBARN_BROKER_USER"),
        password=password,
        ca_file=_file("FEMTOBARN_BROKER_CA_FILE", "a file of certificates"),
        cert_file=_file("FEMTOBARN_BROKER_CERT_FILE", "a certificate"),
        key_file=_file("FEMTOBARN_BROKER_KEY_FILE", "a private key"),
    )


def cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _text(name: str) -> str:
    return os.environ.get(name, "").strip()


def _file(name: str, what: str) -> Path | None:
    text = _text(name)
    if not text:
        return None
    path = Path(text).expanduser()
    if not path.is_file():
        msg = f"The environment variable {name} must name {what}, but {text!r} is none."
        raise SettingsError(msg)
    return path


def _listed(name: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in _text(name).split(",") if part.strip())


def _whole(name: str, default: int) -> int:
    text = _text(name)
    if not text:
        return default
    if not text.isdecimal() or int(text) < 1:
        msg = f"The environment variable {name} must be a whole number above 0, but is {text!r}."
        raise SettingsError(msg)
    return int(text)
