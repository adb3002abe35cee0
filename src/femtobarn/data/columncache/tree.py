"""A tree that is read from the cache as far as it is there, and from ROOT for the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from femtobarn.base.errors import DataError, FileChangedError
from femtobarn.data.columncache.cover import cover, joined, sharing
from femtobarn.data.columncache.pieces import DamagedPieceError, OpenPiece
from femtobarn.data.columncache.records import Facts, KeptBranch, Piece
from femtobarn.data.columncache.store import TreeStore
from femtobarn.data.columns.interface import BranchInfo, ClosedAtExit, Column, TreeReader, empty_column


class CachedTree(ClosedAtExit):
    """A `TreeReader` whose columns may come from the column cache; these are read-only.

    Parameters
    ----------
    facts
        what is known of the tree
    store
        what is kept of it
    url
        the file, for messages
    opener
        opens the tree in its ROOT file; called at most once, and only for what is not kept
    fill
        whether what is read from ROOT is kept
    root
        the tree, if it is open already
    """

    def __init__(
        self,
        facts: Facts,
        store: TreeStore,
        *,
        url: str,
        opener: Callable[[], TreeReader],
        fill: bool,
        root: TreeReader | None = None,
    ) -> None:
        self.url, self.tree, self.title = url, facts.tree, facts.title
        self.entries, self.uuid = facts.entries, facts.uuid
        self._facts, self._store, self._fill = facts, store, fill
        self._opener = opener
        self._root = root
        self._branches = {kept.name: kept.info() for kept in facts.branches}
        self._open: dict[str, OpenPiece] = {}

    def branches(self) -> Mapping[str, BranchInfo]:
        """Return all branches of the tree by name."""
        return self._branches

    def boundaries(self) -> NDArray[np.int64]:
        """Return the entries at which clusters begin, and the number of entries at the end."""
        return np.array(self._facts.boundaries, dtype=np.int64)

    def read(self, branches: Sequence[str], start: int, stop: int) -> dict[str, Column]:
        """Return the columns of ``branches`` for entries ``start`` to ``stop`` (excluded).

        Raises
        ------
        DataError, UsageError
            as the reader of the ROOT file
        FileChangedError
            if the ROOT file has to be opened and is another one
        """
        names = list(dict.fromkeys(branches))
        if not 0 <= start <= stop <= self.entries or not all(self._readable(name) for name in names):
            return self._rooted().read(branches, start, stop)  # which says what is wrong
        if start == stop:
            return {name: empty_column(self._branches[name]) for name in names}
        found = self._kept(names, start, stop)
        missing = [name for name in names if name not in found]
        if missing:
            fresh = self._rooted().read(missing, start, stop)
            if self._fill:
                self._store.keep(fresh, start, stop)
            found.update(fresh)
        return sharing({name: found[name] for name in names})

    def stored_bytes(self, branches: Sequence[str]) -> int:
        """Return the compressed bytes that the baskets of ``branches`` occupy in the file."""
        names = set(branches)
        if self._facts.additive:
            sizes = [kept.stored for kept in self._facts.branches if kept.name in names]
            told = [size for size in sizes if size is not None]
            if len(told) == len(names):
                return sum(told)
        count = self._store.stored(branches)
        if count is None:
            count = self._rooted().stored_bytes(branches)
            if self._fill:
                self._store.keep_stored(branches, count)
        return count

    def close(self) -> None:
        """Close the file. Columns that were given out stay."""
        self._open = {}
        if self._root is not None:
            self._root.close()

    def _readable(self, name: str) -> bool:
        return name in self._branches and self._branches[name].shape != "other"

    def _rooted(self) -> TreeReader:
        if self._root is None:
            tree = self._opener()
            if not same_tree(self._facts, tree):
                tree.close()
                self._store.drop()
                msg = (
                    f"{self.url}: expected the file whose columns are in the column cache (ROOT's identifier "
                    f"{self.uuid}, {self.entries} entries), but it is another one ({tree.uuid}, {tree.entries} "
                    "entries). Its columns were removed from the cache; run again."
                )
                raise FileChangedError(msg)
            self._root = tree
        return self._root

    def _kept(self, names: Sequence[str], start: int, stop: int) -> dict[str, Column]:
        """Return the columns that pieces cover; those of the last call stay open for the next."""
        pieces = self._store.pieces(start, stop)
        held = {name: {column.name for column in piece.columns} for name, piece in pieces}
        records = dict(pieces)
        used: dict[str, OpenPiece] = {}
        parts: dict[str, list[Column]] = {}
        for name in names:
            # a piece that turns out damaged is left out, and the next best is taken
            while True:
                some = [(p.start, p.stop, key) for key, p in pieces if name in held[key]]
                chosen = cover(some, start, stop)
                if chosen is None:
                    break
                got = [self._part(key, records[key], name, a, b, used) for a, b, key in chosen]
                whole = [part for part in got if part is not None]
                if len(whole) == len(got):
                    parts[name] = whole
                    break
                for (_, _, key), part in zip(chosen, got, strict=True):
                    if part is None:
                        held[key].clear()
        self._open = used
        return joined(parts)

    def _part(
        self, key: str, record: Piece, name: str, start: int, stop: int, used: dict[str, OpenPiece]
    ) -> Column | None:
        piece = used.get(key) or self._open.get(key) or self._store.open(key, record)
        if piece is None:
            return None
        try:
            column = piece.column(name, start, stop)
        except DamagedPieceError:
            self._store.forget(key)
            return None
        used[key] = piece
        return column


def facts_of(tree: TreeReader, key: str) -> Facts:
    """Return what the cache keeps of an open tree.

    Raises
    ------
    DataError
        if the file cannot be read
    """
    infos = list(tree.branches().values())
    sizes: dict[str, int] = {}
    for info in infos:
        if info.shape != "other":
            try:
                sizes[info.name] = tree.stored_bytes([info.name])
            except DataError:
                continue  # who asks for this branch shall hear of it from the file
    return Facts(
        key=key,
        tree=tree.tree,
        title=tree.title,
        entries=tree.entries,
        uuid=tree.uuid,
        branches=tuple(
            KeptBranch(
                name=info.name,
                shape=info.shape,
                dtype=info.dtype,
                typename=info.typename,
                stored=sizes.get(info.name),
            )
            for info in infos
        ),
        boundaries=tuple(int(entry) for entry in tree.boundaries()),
        additive=tree.stored_bytes(list(sizes)) == sum(sizes.values()),
    ).sealed()


def same_tree(facts: Facts, tree: TreeReader) -> bool:
    """Whether facts are those of an open tree."""
    return (facts.uuid, facts.entries, facts.tree) == (tree.uuid, tree.entries, tree.tree)
