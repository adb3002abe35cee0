"""Addresses of files: what may be opened, what is shown of them, where else the same file is."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from femtobarn.base.errors import AddressError, UnreadableError
from femtobarn.data.storage.local import local_path

if TYPE_CHECKING:
    from femtobarn.data.storage.network import Network

PORTS = {"http": 80, "https": 443, "root": 1094, "roots": 1094}
"""Schemes that are read over the network, and their usual ports."""

MIRRORS = (
    ("root://eospublic.cern.ch//eos/", "https://opendata.cern.ch/eos/"),
    ("https://opendata.cern.ch/eos/", "root://eospublic.cern.ch//eos/"),
    ("http://opendata.cern.ch/eos/", "https://opendata.cern.ch/eos/"),
    ("http://opendata.cern.ch/eos/", "root://eospublic.cern.ch//eos/"),
)
"""Beginnings of URLs below which the same files are (CERN Open Data serves its files by both protocols)."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?=//)")
_URL = re.compile(r"([A-Za-z]+)://([^/?#]*)([^?#]*)(\?[^#]*)?(?:#.*)?", re.DOTALL)
_AUTHORITY = re.compile(
    r"(?:([^@]*)@)?([A-Za-z0-9_](?:[A-Za-z0-9._-]*)|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5})?)?"
)
_NEVER = re.compile(r"[\x00-\x20\x7f\\]|[^\x00-\x7f]")
_LONGEST_NAME = 180
_UNSAFE = re.compile(r"[^A-Za-z0-9._+=,@-]")


@dataclass(frozen=True, slots=True)
class Address:
    """A remote URL in its parts.

    Parameters
    ----------
    scheme, host
        in lower case
    port
        the usual one if the URL names none
    path
        with its first slash, as written
    query
        with its question mark, or empty
    user
        ``name:password`` as written, or empty
    """

    scheme: str
    host: str
    port: int
    path: str
    query: str = ""
    user: str = ""

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port."""
        return (self.scheme, self.host, self.port)

    @property
    def place(self) -> str:
        """The URL without user, query and a port that is the usual one."""
        port = "" if self.port == PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}{self.path}"

    @property
    def target(self) -> str:
        """Path and query: what is asked of the server."""
        return (self.path or "/") + self.query

    @property
    def segments(self) -> tuple[str, ...]:
        """The parts of the path as the server reads them: XRootD takes them as written."""
        parts = self.path[1:].split("/") if self.path else []
        return tuple(parts if self.scheme in {"root", "roots"} else (unquote(part) for part in parts))


def is_remote(url: str | Path) -> bool:
    """Return whether ``url`` is read over the network; paths and ``file://`` are not."""
    found = _SCHEME.match(str(url))
    return found is not None and found[1].lower() in PORTS


def parse(url: str) -> Address:
    """Return the parts of a remote URL.

    Raises
    ------
    AddressError
        if it is none, or written in a way that two programs could read differently
    """
    if not is_remote(url):
        found = _SCHEME.match(url)
        what = f"a {found[1]}:// address" if found else "a path"
        msg = f"{shown(url)}: expected an address that begins with http://, https://, root:// or roots://, got {what}."
        raise AddressError(msg)
    parts = None if _NEVER.search(url) else _URL.fullmatch(url)
    authority = None if parts is None else _AUTHORITY.fullmatch(parts[2])
    if parts is None or authority is None:
        msg = f"{shown(url)}: expected an address such as https://host:port/path, but its host or characters are not clear. Write spaces and letters beyond ASCII as %20, no backslashes."
        raise AddressError(msg)
    scheme = parts[1].lower()
    port = int(authority[3] or PORTS[scheme])
    if not 0 < port < 65536:
        msg = f"{shown(url)}: expected a port from 1 to 65535, got {port}."
        raise AddressError(msg)
    address = Address(scheme, authority[2].lower(), port, parts[3], parts[4] or "", authority[1] or "")
    if any(_climbs(part) for part in address.path.split("/")):
        msg = f"{shown(url)}: expected a path without '..', also encoded. Write the path to the file itself."
        raise AddressError(msg)
    return address


def shown(url: str | Path) -> str:
    """Return ``url`` without user information, query and fragment: what is stored and logged."""
    text = str(url)
    if not _SCHEME.match(text) or text[:5].lower() == "file:":
        return text
    scheme, rest = text.split("://", 1)
    authority, path = re.fullmatch(r"([^/?#]*)([^?#]*).*", rest, re.DOTALL).groups()  # type: ignore[union-attr]
    host = authority.rpartition("@")[2]
    # a password with a slash in it would look like a port and a path
    if not _AUTHORITY.fullmatch(host) or (":" in host.rpartition("]")[2] and "@" in path):
        return f"{scheme.lower()}://..."
    return re.sub(r"[\x00-\x1f\x7f]", "?", f"{scheme.lower()}://{host}{path}")


def below(base: Address, *parts: str) -> Address:
    """Return the address of ``parts`` below ``base``, without the query of that."""
    return replace(base, path="/".join((base.path.rstrip("/"), *parts)), query="")


def alternatives(url: str, network: Network) -> tuple[str, ...]:
    """Return ``url``, then where else the same file is: mirrors and the other protocol.

    Parameters
    ----------
    url
        a remote URL
    network
        its ``mirrors`` come before the built-in ones; those of a beginning that is built in replace it

    Raises
    ------
    AddressError
        if ``url`` or a mirror is not a remote URL
    """
    address = parse(url)
    own = [(parse(place), parse(other)) for place, other in network.mirrors]
    replaced = {(place.origin, _trimmed(place)) for place, _ in own}
    builtin = [(parse(place), parse(other)) for place, other in MIRRORS]
    pairs = own + [pair for pair in builtin if (pair[0].origin, _trimmed(pair[0])) not in replaced]
    places = [
        _joined(other, address, len(_trimmed(place))) for place, other in pairs if _below(address, place)
    ]
    return tuple(dict.fromkeys([url, *(place for place in places if place != address.place)]))


def permitted(url: str | Path, prefixes: tuple[str, ...]) -> None:
    """Do nothing if ``url`` lies below one of ``prefixes``.

    Folders are compared after ``..`` and the symbolic links above a file are resolved; URLs by scheme,
    host, port and the parts of their path.

    Parameters
    ----------
    url
        a path, ``file://`` or remote URL
    prefixes
        folders, and beginnings of URLs

    Raises
    ------
    AddressError
        if it lies elsewhere, or is not clear
    """
    text = str(url)
    remote = [prefix for prefix in prefixes if is_remote(prefix)]
    if is_remote(text):
        address = parse(text)
        # a run may name 70,000 addresses one by one: most often this is one of them
        if text in prefixes or any(_below(address, parse(prefix)) for prefix in remote):
            return
        allowed = ", ".join(shown(prefix) for prefix in remote) or "no address at all"
        msg = f"{shown(text)}: expected an address below {allowed}. Add its beginning to FEMTOBARN_PREFIXES if it may be read."
        raise AddressError(msg)
    place = _real(text)
    folders = [_real(prefix, whole=True) for prefix in prefixes if prefix and not is_remote(prefix)]
    if any(place.is_relative_to(folder) for folder in folders):
        return
    allowed = ", ".join(str(folder) for folder in folders) or "no folder at all"
    msg = f"{text}: expected a file below {allowed}. Add its folder to FEMTOBARN_PREFIXES if it may be read."
    raise AddressError(msg)


def safe_name(text: str) -> str:
    """Return a file name made of ``text``: one component, visible, portable, at most 180 characters.

    A name that is safe already is returned as it is; any other gets a digest of the whole text, so that
    different texts have different names.
    """
    name = _UNSAFE.sub("_", text)
    name = re.sub(r"^[.-]+", "_", name)
    if name == text and 0 < len(name) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    stem, dot, ending = name.rpartition(".")
    if not stem or len(ending) > 16:
        stem, dot, ending = name, "", ""
    return f"{stem[: _LONGEST_NAME - 40] or '_'}-{digest}{dot}{ending}"


def _below(address: Address, prefix: Address) -> bool:
    wanted = _trimmed(prefix)
    return address.origin == prefix.origin and address.segments[: len(wanted)] == wanted


def _trimmed(prefix: Address) -> tuple[str, ...]:
    """Return the parts of a beginning, without the empty ones at its end."""
    parts = list(prefix.segments)
    while parts and not parts[-1]:
        parts.pop()
    return tuple(parts)


def _joined(place: Address, address: Address, drop: int) -> str:
    rest = "/".join(address.path[1:].split("/")[drop:]).lstrip("/")
    return place.place + ("" if place.path.endswith("/") else "/") + rest


def _climbs(part: str) -> bool:
    """Return whether a part of a path means the folder above, however often it is encoded."""
    for _ in range(8):
        if any(piece.partition(";")[0] == ".." for piece in re.split(r"[/\\]", part)):
            return True
        decoded = unquote(part)
        if decoded == part:
            return False
        part = decoded
    return True


def _real(text: str, *, whole: bool = False) -> Path:
    if not text:
        msg = "Expected a path or an address, got an empty text. Give the file that is meant."
        raise AddressError(msg)
    try:
        path = local_path(text).expanduser() if whole else local_path(text)
        if "\0" in os.fspath(path):
            msg = "it holds a zero byte"
            raise ValueError(msg)  # noqa: TRY301 - as the operating system would say below
        if whole or path.name in {"", ".."}:
            return path.resolve()
        return path.parent.resolve() / path.name
    except UnreadableError as error:
        scheme = text.partition("://")[0]
        msg = f"{shown(text)}: expected a path, or an address that begins with file://, http://, https://, root:// or roots://, got {scheme}://."
        raise AddressError(msg) from error
    except (OSError, ValueError, RuntimeError) as error:
        msg = f"{text!r}: expected a path, but it leads nowhere: {error}."
        raise AddressError(msg) from error
