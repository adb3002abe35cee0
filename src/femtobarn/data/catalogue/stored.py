"""Tables brought up to date on this machine: whole files in the cache, each with its origin and digest.

A file ``<cache>/catalogue/NAME.json.gz`` has two lines: what it is, with the digest of the second; the table.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import logging
import os
import re
import stat
import zlib
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from femtobarn.base.atomic import write_bytes
from femtobarn.base.errors import CatalogueError, UnwritableError
from femtobarn.base.record import first_fault
from femtobarn.base.settings import cache_folder
from femtobarn.data.catalogue.model import CatalogueFile, Dataset
from femtobarn.data.storage.private import private_folder

FORMAT = 1
Stamp = tuple[str | int, ...]
_ENDING = ".json.gz"
_LARGEST = 1024**3
_NAME = re.compile(r"record:[1-9]\d{0,11}|[A-Za-z0-9][A-Za-z0-9._-]{0,80}")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stored:
    """What servers said of a release or of a record.

    Parameters
    ----------
    name
        the release, or ``"record:N"``
    fetched
        when, in UTC and ISO 8601
    sources
        the addresses that were asked
    files, datasets
        what they said
    """

    name: str
    fetched: str
    sources: tuple[str, ...]
    files: tuple[CatalogueFile, ...]
    datasets: tuple[Dataset, ...]


@cache
def _table() -> TypeAdapter[Stored]:
    return TypeAdapter(Stored)


def folder() -> Path:
    """Return the folder of these tables; it may not exist yet."""
    return cache_folder() / "catalogue"


def path_of_table(name: str) -> Path:
    """Return where the table ``name`` is, if there is one.

    Raises
    ------
    CatalogueError
        if ``name`` could not be the name of a table
    """
    if not _NAME.fullmatch(name):
        msg = (
            f"Expected the name of a release or record:NUMBER, got {name!r}. `femtobarn releases` lists them."
        )
        raise CatalogueError(msg)
    return folder() / (name.replace(":", "-") + _ENDING)


def names() -> tuple[str, ...]:
    """Return the names of the tables that are there, readable or not; none if their folder is not for us."""
    try:
        found = sorted(p.name.removesuffix(_ENDING) for p in folder().glob(f"[!.]*{_ENDING}"))
    except OSError:
        return ()
    told = (re.sub(r"^record-(\d+)$", r"record:\1", name) for name in found)
    return tuple(name for name in told if _NAME.fullmatch(name))


def stamp(name: str) -> Stamp | None:
    """Return what changes whenever the table ``name`` is replaced; None if there is none."""
    path = path_of_table(name)
    try:
        status = path.lstat()
    except OSError:
        return None
    return (str(path), status.st_mtime_ns, status.st_size, status.st_ino, status.st_mode, status.st_uid)


def read(name: str) -> Stored | None:
    """Return the table ``name``; None if there is none that can be used (`fault` says why)."""
    found = stamp(name)
    return None if found is None else _loaded(path_of_table(name), name, found)[0]


def fault(name: str) -> str | None:
    """Return why the table ``name`` is there and not used; None if it is used, or absent."""
    found = stamp(name)
    return None if found is None else _loaded(path_of_table(name), name, found)[1]


def write(table: Stored) -> Path:
    """Write a table in one step and return its path.

    Raises
    ------
    UnwritableError
        if the cache cannot be written, or is not the user's own
    """
    private_folder(cache_folder())
    private_folder(folder())
    path = path_of_table(table.name)
    body = _table().dump_json(table)
    head = {"format": FORMAT, "name": table.name, "sha256": hashlib.sha256(body).hexdigest()}
    write_bytes(path, gzip.compress(json.dumps(head).encode() + b"\n" + body, compresslevel=6, mtime=0))
    path.chmod(0o600)
    return path


def forget(name: str) -> bool:
    """Remove the table ``name``; return whether there was one.

    Raises
    ------
    UnwritableError
        if it cannot be removed
    """
    path = path_of_table(name)
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        msg = f"Expected to remove {path}, but: {error.strerror or error}. Check its permissions."
        raise UnwritableError(msg) from error
    return True


@lru_cache(maxsize=256)
def _loaded(path: Path, name: str, found: Stamp) -> tuple[Stored | None, str | None]:  # noqa: ARG001 - a replaced file is read anew
    try:
        return _parsed(path, name), None
    except ValidationError as error:
        first = first_fault(error)
        reason = f"{first.where}: {first.what}, not {first.given!r}"
    except (OSError, EOFError, zlib.error, ValueError) as error:
        reason = str(error) or type(error).__name__
    _log.warning(
        "The refreshed table %s is not used: %s. Replace it: femtobarn catalogue refresh %s",
        path,
        reason,
        name,
    )
    return None, reason


def _parsed(path: Path, name: str) -> Stored:
    for place in (path.parent, path):
        _require_own(place)
    with gzip.open(path) as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        msg = f"expected at most {_LARGEST} bytes, found more"
        raise ValueError(msg)
    head, newline, body = content.partition(b"\n")
    said = json.loads(head) if newline else None
    if not isinstance(said, dict) or said.get("format") != FORMAT or said.get("name") != name:
        msg = f"expected a table of {name} in format {FORMAT}, found another"
        raise ValueError(msg)
    if said.get("sha256") != hashlib.sha256(body).hexdigest():
        msg = "its content is not that which was written"
        raise ValueError(msg)
    return _table().validate_json(body, strict=True)


def _require_own(place: Path) -> None:
    status = place.lstat()
    if status.st_uid != os.geteuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        msg = f"{place} belongs to somebody else, or others may write it"
        raise PermissionError(msg)
