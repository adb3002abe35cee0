"""Names that stand for files: ``record:93924``, what other packages add, and lists of addresses.

A resolver is a function registered in the entry point group `GROUP` under a word; ``word:rest`` calls it with
``rest``. It returns things with the fields of `Remote`, of which only ``name`` and ``url`` must be there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import ValidationError

from femtobarn.base.errors import FemtobarnError, NothingToDoError, SettingsError, UsageError
from femtobarn.base.record import first_fault
from femtobarn.data.catalogue import bundled, inuse
from femtobarn.data.catalogue.remote import Remote, at_address, named, of_file, wanted
from femtobarn.data.storage.local import local_path
from femtobarn.data.storage.urls import is_remote

__all__ = ["GROUP", "Remote", "Resolver", "at_address", "read_list", "record", "resolve", "wanted"]

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "femtobarn.resolvers"
"""The entry point group: the name is what stands before the colon, the object a `Resolver`."""

LARGEST_LIST = 256 * 1024 * 1024
"""Bytes above which a file is not taken for a list of files."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9_.+-]+):(?!//)(.*)", re.DOTALL)  # one letter would be a drive
_FIELDS = tuple(field.name for field in fields(Remote))


class Resolver(Protocol):
    """What turns the text after ``word:`` into files."""

    def __call__(self, rest: str, /) -> Sequence[Any]:
        """Return the files that ``rest`` stands for, in order."""
        ...


def resolve(text: str) -> tuple[Remote, ...] | None:
    """Return the files that a name such as ``record:93924`` stands for; None if no resolver has its word.

    Raises
    ------
    UsageError
        if the resolver does not know the name
    SettingsError
        if what is registered cannot be loaded, fails, or returns something else than files
    """
    match = _SCHEME.fullmatch(text)
    if match is None:
        return None
    word, rest = match[1], match[2].strip()
    if word in _BUILT_IN:
        return tuple(_BUILT_IN[word](rest))
    point = _points().get(word)
    if point is None:
        return None
    try:
        found = list(point.load()(rest))
    except FemtobarnError:
        raise
    except Exception as error:
        msg = f"Resolver {word!r} of group {GROUP!r} ({point.value}) failed on {text!r}: {type(error).__name__}: {error}. Correct or remove the package that registers it."
        raise SettingsError(msg) from error
    return tuple(_checked(file, word, point) for file in found)


def record(number: str) -> tuple[Remote, ...]:
    """Return the files of a record of the CERN Open Data portal, from the tables on this machine.

    Raises
    ------
    UsageError
        if ``number`` is none, or no table has the files of that record
    """
    if not re.fullmatch(r"[1-9]\d{0,11}", number):
        msg = f"Expected the number of a portal record, as in record:93924, got {f'record:{number}'!r}. `femtobarn releases --json` lists them."
        raise UsageError(msg)
    files = inuse.by_record(int(number))
    if not files:
        title = next((f" ({r.title})" for r in bundled.records() if r.record == int(number)), "")
        msg = f"Expected a table of the files of record {number}{title}, but there is none on this machine. Fetch it: femtobarn catalogue refresh record:{number}"
        raise UsageError(msg)
    return tuple(of_file(file) for file in files)


def read_list(path: Path) -> tuple[Remote, ...]:
    """Return the files that a list names.

    A list is a text file with one path or address per line; empty lines and those that begin with ``#``
    are skipped, and so is what follows a ``#`` after a space. A JSON list of texts will do as well.
    Paths are relative to the folder of the list.

    Raises
    ------
    UsageError
        if it cannot be read, or is not such a list
    NothingToDoError
        if it names no file
    """
    text = _text(path)
    try:
        lines = json.loads(text) if text.lstrip().startswith("[") else _lines(text)
    except (ValueError, RecursionError) as error:
        msg = f"{path}: expected a list of files in JSON, but: {error}. Write one path or address per line instead."
        raise UsageError(msg) from error
    for place, line in enumerate(lines, 1):
        if not isinstance(line, str) or not line.strip() or "\0" in line:
            msg = f"{path}: expected paths and addresses, but number {place} is {str(line)[:80]!r}. Correct the list."
            raise UsageError(msg)
    if not lines:
        msg = f"{path}: expected a list of files, but it names none. Write one path or address per line."
        raise NothingToDoError(msg)
    index = inuse.index()
    return tuple(_listed(line.strip(), path, index) for line in lines)


def _listed(line: str, path: Path, index: inuse.Index) -> Remote:
    if is_remote(line):
        return at_address(line, index)
    own = line.startswith("file://")
    place = local_path(line) if own else Path(line)
    if ("://" in line and not own) or "\0" in str(place):
        msg = f"{path}: expected paths, or addresses that begin with https://, http:// or root://, got {line[:80]!r}. Correct the list."
        raise UsageError(msg)
    place = path.parent / place
    return named(place.name or line, str(place))


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_LIST:
            msg = f"{path}: expected a list of files, but it has more than {LARGEST_LIST} bytes. Split it."
            raise UsageError(msg)
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        msg = f"Expected to read the list of files {path}, but: {error.strerror or error}. Check the path."
        raise UsageError(msg) from error
    except UnicodeDecodeError as error:
        msg = f"{path}: expected a text file that lists files, but it is not text. Give ROOT files without a list."
        raise UsageError(msg) from error


def _lines(text: str) -> list[str]:
    bare = (re.split(r"(?:^|\s)#", line, maxsplit=1)[0].strip() for line in text.splitlines())
    return [line for line in bare if line]


def _checked(file: object, word: str, point: EntryPoint) -> Remote:
    from pydantic import TypeAdapter

    said = {name: getattr(file, name) for name in _FIELDS if getattr(file, name, None) is not None}
    try:
        return TypeAdapter(Remote).validate_python(said)
    except ValidationError as error:
        fault = first_fault(error)
        msg = f"Resolver {word!r} of group {GROUP!r} ({point.value}): expected files with name and url, but {fault.where}: {fault.what}, not {fault.given!r}. Correct or remove the package that registers it."
        raise SettingsError(msg) from error


@cache
def _points() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=GROUP) if point.name not in _BUILT_IN}


_BUILT_IN: dict[str, Resolver] = {"record": record}
