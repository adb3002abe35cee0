"""The column cache: what one analysis read from ROOT files, the next one finds as arrays on disk.

`open_cached` opens a tree whose facts and columns come from the cache as far as they are there; the ROOT
file is opened only for the rest. Columns are Arrow files, mapped into memory, under the identity of
their file: content decides, not names or times.
"""

from __future__ import annotations

from collections.abc import Callable

from femtobarn.data.columncache.cache import ColumnCache, Holding, Mode
from femtobarn.data.columns.interface import TreeReader

__all__ = ["ColumnCache", "Holding", "Mode", "open_cached", "with_cache"]


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
