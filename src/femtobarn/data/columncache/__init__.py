"""The column cache: what one analysis read from ROOT files, the next one finds as arrays on disk.

`open_cached` opens a tree whose facts and columns come from the cache as far as they are there; the ROOT
file is opened only for the rest. Columns are Arrow files, mapped into memory, under the identity of
their file: content decides, not names or times.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from femtobarn.data.columncache.cache import ColumnCache, Holding, Mode
from femtobarn.data.columns.interface import TreeReader
from femtobarn.data.storage import FileIdentity, unusable
from femtobarn.data.storage.entries import checksum_of

__all__ = ["ColumnCache", "Holding", "Mode", "identity_of", "open_cached", "with_cache"]


def identity_of(file: FileIdentity, path: Path | None) -> str:
    """Return what tells a file from all others, as `open_cached` wants it.

    Parameters
    ----------
    file
        size and identity
    path
        where it is on this machine; None if it is elsewhere, or a copy in the cache of files

    Raises
    ------
    UnreadableError
        if the file is not there any more
    """
    if path is None or checksum_of(file.identity) is not None:
        return str(file)
    # its identity does not see the middle of the file: the system's account of it does
    try:
        status = path.stat()
    except OSError as error:
        raise unusable(str(path), error) from error
    return f"{file}:{status.st_dev}:{status.st_ino}:{status.st_mtime_ns}"


def open_cached(
    identity: str, tree: str, opener: Callable[[], TreeReader], *, url: str, mode: Mode
) -> TreeReader:
    """Open a tree by way of the column cache of this machine: see `ColumnCache.opened`."""
    if mode == "off":
        return opener()
    return ColumnCache.from_environment().opened(identity, tree, opener, url=url, mode=mode)


def with_cache(tree: TreeReader, identity: str, *, mode: Mode) -> TreeReader:
    """Return an open tree by way of the column cache of this machine: see `ColumnCache.around`."""
    return tree if mode == "off" else ColumnCache.from_environment().around(tree, identity, mode=mode)
