"""The column cache as a whole: where it is, whose it is, what it holds."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from femtobarn.base import settings
from femtobarn.base.errors import DataError, UnwritableError
from femtobarn.data.columncache import room
from femtobarn.data.columncache.records import Codec, tree_key
from femtobarn.data.columncache.store import TreeStore
from femtobarn.data.columncache.tree import CachedTree, facts_of, same_tree
from femtobarn.data.columns.interface import TreeReader
from femtobarn.data.storage.private import private_folder, writing

FOLDER = "columns"
"""Its folder below the cache's."""

Mode = Literal["off", "read", "fill"]


@dataclass(frozen=True, slots=True)
class Holding:
    """What a column cache holds: its folder and limit, pieces, bytes of all, and trees."""

    folder: Path
    limit: int
    pieces: int
    bytes: int
    trees: int


class ColumnCache:
    """Columns that were read from ROOT files before.

    Parameters
    ----------
    folder
        where they are; made when it is first used, for this user alone
    limit_bytes
        bytes it may hold; what was not used for longest goes first
    codec
        how new files are compressed; those that are there are read whatever theirs is
    """

    def __init__(self, folder: str | Path, *, limit_bytes: int, codec: Codec = "none") -> None:
        self.folder = Path(folder).absolute()
        self.limit_bytes, self.codec = limit_bytes, codec

    @classmethod
    def from_environment(cls) -> ColumnCache:
        """Return the cache that the environment names: see `femtobarn.base.settings`."""
        found = settings.column_cache()
        return cls(settings.cache_folder() / FOLDER, limit_bytes=found.limit_bytes, codec=found.codec)

    def prepare(self) -> None:
        """Make the folder if it is not there.

        Raises
        ------
        UnwritableError
            if it cannot be made or written, belongs to somebody else, or others may look into it
        """
        private_folder(self.folder.parent)
        with writing(self.folder.parent):
            self.folder.mkdir(mode=0o700, exist_ok=True)
        fault = _fault(self.folder)
        if fault:
            msg = (
                f"Expected a folder of your own for columns, but {self.folder} {fault}. "
                "Remove it, or set FEMTOBARN_CACHE to a folder of your own."
            )
            raise UnwritableError(msg)

    def opened(
        self, identity: str, tree: str, opener: Callable[[], TreeReader], *, url: str, mode: Mode
    ) -> TreeReader:
        """Open a tree by way of the cache. Use the result as a context manager.

        Parameters
        ----------
        identity
            what tells the file from all others: ``str(FileIdentity)``
        tree
            the tree's name
        opener
            opens the tree in its ROOT file; called only for what is not kept
        url
            the file, for messages
        mode
            ``off``: from ROOT; ``read``: what is there is used; ``fill``: and what is not there is left

        Raises
        ------
        DataError
            as ``opener``
        """
        store = None if mode == "off" else self._store(identity, tree)
        if store is None:
            return opener()
        facts = store.facts()
        if facts is None:
            return self._first(store, opener(), mode)
        return CachedTree(facts, store, url=url, opener=opener, fill=mode == "fill")

    def around(self, tree: TreeReader, identity: str, *, mode: Mode) -> TreeReader:
        """Return an open tree by way of the cache; closing the result closes the tree."""
        store = None if mode == "off" else self._store(identity, tree.tree)
        if store is None:
            return tree
        facts = store.facts()
        if facts is not None and not same_tree(facts, tree):
            store.drop()  # of another file with this identity
            facts = None
        if facts is None:
            return self._first(store, tree, mode)
        return CachedTree(facts, store, url=tree.url, opener=lambda: tree, fill=mode == "fill", root=tree)

    def holding(self) -> Holding:
        """Return what the cache holds."""
        kept = list(room.everything(self.folder)) if self.is_usable() else []
        return Holding(
            folder=self.folder,
            limit=self.limit_bytes,
            pieces=sum(one.is_piece for one in kept),
            bytes=sum(one.bytes for one in kept),
            trees=len({one.stem.parent for one in kept}),
        )

    def clear(self, older_than: float | None = None) -> tuple[int, int]:
        """Remove what was not used for so many seconds (None: all), also what is being read: who reads goes on.

        Returns
        -------
        tuple of int
            how many pieces were removed, and the bytes of all that was
        """
        return room.remove_unused(self.folder, older_than) if self.is_usable() else (0, 0)

    def is_usable(self) -> bool:
        """Whether the folder is there, and nobody else could have put anything into it."""
        return not _fault(self.folder)

    def _store(self, identity: str, tree: str) -> TreeStore | None:
        try:
            self.prepare()
        except UnwritableError:
            return None  # who asked for the cache hears of it from `prepare`; a task goes on without
        return TreeStore(self.folder, tree_key(identity, tree), limit=self.limit_bytes, codec=self.codec)

    @staticmethod
    def _first(store: TreeStore, tree: TreeReader, mode: Mode) -> TreeReader:
        """Return a tree of which nothing is kept; in mode ``fill`` that changes.

        Facts are of all branches. If one that nobody may ask for cannot be described, the tree is as it is
        without a cache.
        """
        if mode != "fill":
            return tree
        try:
            facts = facts_of(tree, store.key)
        except DataError:
            return tree
        except BaseException:
            tree.close()
            raise
        store.keep_facts(facts)
        return CachedTree(facts, store, url=tree.url, opener=lambda: tree, fill=True, root=tree)


def _fault(folder: Path) -> str:
    try:
        status = folder.lstat()
    except OSError as error:
        return f"cannot be used: {error.strerror or error}"
    if not stat.S_ISDIR(status.st_mode):
        return "is no folder"
    if status.st_uid != os.geteuid():
        return f"belongs to another user (uid {status.st_uid})"
    if stat.S_IMODE(status.st_mode) & 0o077:
        return f"is open to others (mode {stat.S_IMODE(status.st_mode):04o}, expected 0700)"
    return ""
