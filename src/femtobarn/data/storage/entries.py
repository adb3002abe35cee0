"""How a cache lies on disk, and what is in it.

::

    files/KEY/NAME         a verified file, under its own name
    files/KEY/entry.json   what is known of it (`Info`); its time is that of the last use
    partial/KEY            a file that is being fetched, or whose fetch was interrupted
    partial/KEY.json       what it is to become (`Started`)
    visits/KEY             a remote file that was read without being kept
    locks/KEY              held alone by who fetches or removes, shared by who uses

``KEY`` is made of checksum and size where the checksum is known, so that editions of one name lie side
by side; else of the address, the size and ROOT's identifier.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from femtobarn.base.canonical import digest
from femtobarn.base.errors import DataError
from femtobarn.base.record import Record
from femtobarn.data.storage.local import WHOLE_LIMIT, identify
from femtobarn.data.storage.urls import safe_name, shown

R = TypeVar("R", bound=Record)

INFO = "entry.json"
_INFO_LIMIT = 65_536
_CHECKSUM = re.compile(r"adler32:[0-9a-f]{8}")
_KEY = re.compile(r"[a-z0-9-]{1,80}")


class Info(Record):
    """What is known of a cached file; ``mark`` is what `identify` gave when it was fetched."""

    name: str
    url: str
    size: int
    adler32: str
    identity: str
    mark: str
    fetched: datetime


class Started(Record):
    """What an unfinished file is to become, and what its server said of it."""

    name: str
    url: str
    size: int
    identity: str
    validator: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in a cache.

    Parameters
    ----------
    key, path
        its key, and where it is
    info
        what is known of it
    used
        when it was used last
    """

    key: str
    path: Path
    info: Info
    used: datetime


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A file that is being fetched, or whose fetch was interrupted.

    Parameters
    ----------
    key, path
        its key, and where it is
    name, url
        what it is to become, and from where
    size, done
        bytes of the whole, and bytes that are there
    changed
        when the last bytes came
    """

    key: str
    path: Path
    name: str
    url: str
    size: int
    done: int
    changed: datetime


def checksum_of(identity: str | None) -> str | None:
    """Return the 8 digits of an ``adler32:`` identity, None for one of another kind."""
    text = (identity or "").lower()
    return text.removeprefix("adler32:") if _CHECKSUM.fullmatch(text) else None


def key_of(url: str, size: int, identity: str | None) -> str:
    """Return under which key a file is kept."""
    checksum = checksum_of(identity)
    if checksum is not None:
        return f"adler32-{checksum}-{size}"
    return f"url-{digest([shown(url), size, identity or ''])[:40]}"


def file_name(name: str) -> str:
    """Return the name a file has in a cache: its own, unless that could be mistaken for a part of the cache."""
    safe = safe_name(name)
    return f"_{safe}" if safe == INFO else safe


class Tree:
    """The folders of a cache. It only reads; a shared one may belong to others and be hostile."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.files, self.partial = top / "files", top / "partial"
        self.visits, self.locks = top / "visits", top / "locks"

    def lock(self, key: str) -> Path:
        """Return the path of the lock of ``key``."""
        return self.locks / key

    def unfinished_path(self, key: str) -> Path:
        """Return where an unfinished file is, whether there is one or not."""
        return self.partial / key

    def started_path(self, key: str) -> Path:
        """Return where it is written what an unfinished file is to become."""
        return self.partial / f"{key}.json"

    def entry(self, key: str) -> Entry | None:
        """Return what is kept under ``key``; None if there is nothing whole."""
        place = self.files / key / INFO
        try:
            info = read_record(Info, place)
            if info is None or file_name(info.name) != info.name:
                return None
            path = self.files / key / info.name
            status = path.lstat()
            used = datetime.fromtimestamp(place.stat().st_mtime, UTC)
        except OSError:
            return None
        if status.st_size != info.size or not path.is_file() or path.is_symlink():
            return None
        return Entry(key, path, info, used)

    def entries(self) -> Iterator[Entry]:
        """Give the files that are kept."""
        for key in self.kept():
            entry = self.entry(key)
            if entry is not None:
                yield entry

    def kept(self) -> list[str]:
        """Return the keys under which there is something, whole or not."""
        return _names(self.files)

    def unfinished(self) -> Iterator[Unfinished]:
        """Give the files that are being fetched or were not finished."""
        for name in _names(self.partial, ending=".json"):
            found = self.one_unfinished(name.removesuffix(".json"))
            if found is not None:
                yield found

    def one_unfinished(self, key: str) -> Unfinished | None:
        """Return the unfinished file of ``key``, if any."""
        path, place = self.unfinished_path(key), self.started_path(key)
        try:
            started = read_record(Started, place)
            if started is None:
                return None
            status = path.stat() if path.exists() else place.stat()
            done = status.st_size if path.exists() else 0
        except OSError:
            return None
        changed = datetime.fromtimestamp(status.st_mtime, UTC)
        return Unfinished(key, path, started.name, started.url, started.size, done, changed)


def sound(tree: Tree, key: str) -> Path | None:
    """Return the path of what is kept under ``key`` if its content is what it was when it was fetched.

    A file above `WHOLE_LIMIT` is known by its size, its identifier, and its first and last MiB.
    """
    entry = tree.entry(key)
    if entry is None:
        return None
    try:
        found = identify(entry.path)
    except DataError:
        return None
    kind, *numbers = key.split("-")
    if kind == "adler32" and found.size != int(numbers[1]):
        return None
    if kind == "adler32" and found.size <= WHOLE_LIMIT:
        return entry.path if found.identity == f"adler32:{numbers[0]}" else None
    return entry.path if found.identity == entry.info.mark else None


def read_record(kind: type[R], path: Path) -> R | None:
    """Return the record in the file ``path``; None if there is none that makes sense."""
    try:
        if not path.is_file():
            return None  # opening a pipe would wait for ever
        with path.open("rb") as file:
            text = file.read(_INFO_LIMIT)
        return kind.model_validate_json(text)
    except (OSError, ValidationError):
        return None


def _names(folder: Path, ending: str = "") -> list[str]:
    try:
        found = sorted(path.name for path in folder.iterdir())
    except OSError:
        return []
    return [n for n in found if n.endswith(ending) and _KEY.fullmatch(n.removesuffix(ending))]
