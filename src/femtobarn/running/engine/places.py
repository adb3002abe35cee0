"""What ``--data`` can name: folders, files, globs, addresses, lists of them, records, names of resolvers."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Sequence
from pathlib import Path

from femtobarn.base.errors import NothingToDoError, UsageError
from femtobarn.base.records import InputFile
from femtobarn.base.text import without_secrets
from femtobarn.data.catalogue.resolvers import Remote, at_address, read_list, resolve
from femtobarn.data.storage import find_root_files, local_path
from femtobarn.data.storage.urls import is_remote

LISTS = frozenset({".txt", ".list", ".json"})
"""Endings of the names of files that list other files."""


def given_files(places: Sequence[Path | str]) -> list[Remote]:
    """Return the files that ``places`` stand for, in order.

    Parameters
    ----------
    places
        folders, files, globs (``data/*.root``), http(s) and root addresses, text files that list paths
        and addresses (``.txt``, ``.list``, ``.json``), and names with a resolver (``record:93924``)

    Raises
    ------
    UsageError
        if a place does not exist or a name is unknown
    NothingToDoError
        if they stand for no file at all
    """
    files = [file for place in places for file in _files(place)]
    if not files:
        names = ", ".join(str(p) for p in places)
        msg = f"Expected ROOT files (*.root) in {names}, but there are none. Check the folder."
        raise NothingToDoError(msg)
    return files


def prefixes(files: Iterable[InputFile]) -> tuple[str, ...]:
    """Return the folders and addresses below which ``files`` are, for workers to open nothing else."""
    return tuple(dict.fromkeys(prefix_of(file.url) for file in files))


def prefix_of(url: str) -> str:
    """Return what permits a file and its neighbours of this machine, or one address."""
    return url if is_remote(url) else str(Path(url).absolute().parent.resolve())


def _files(place: Path | str) -> Sequence[Remote]:
    text = str(place)
    if isinstance(place, str):
        if is_remote(text):
            return (at_address(text),)
        named = resolve(text)
        if named is not None:
            return named
        if "://" in text and not text.lower().startswith("file://"):
            msg = f"Expected a path, or an address that begins with https://, http:// or root://, but got {without_secrets(text)!r}. Check the address."
            raise UsageError(msg)
    path = local_path(place)
    if path.is_dir():
        return [_local(p) for p in find_root_files(path)]
    if path.suffix.lower() in LISTS and path.is_file():
        return read_list(path)
    if path.is_symlink() or path.exists():
        return [_local(path)]
    if glob.has_magic(text):
        return _matching(text)
    msg = f"Expected a file or a folder with ROOT files, but {text!r} does not exist. Check the path."
    raise UsageError(msg)


def _local(path: Path) -> Remote:
    return Remote(name=path.name, url=str(path))


def _matching(pattern: str) -> list[Remote]:
    found = sorted(p for p in glob.glob(pattern, recursive=True) if Path(p).is_file())  # noqa: PTH207 - absolute patterns too
    if not found:
        msg = f"Expected files that match {pattern!r}, but there are none. Check the pattern; quote it in a shell."
        raise UsageError(msg)
    return [_local(Path(p)) for p in found]
