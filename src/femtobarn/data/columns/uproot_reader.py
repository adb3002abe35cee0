"""Trees (TTree) read by uproot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from femtobarn.data.columns.baskets import Basket
from femtobarn.data.columns.boundary import boundary
from femtobarn.data.columns.branches import baskets_of, embedded_bytes, info_of, read_column
from femtobarn.data.columns.interface import BranchInfo, Column, Stored
from femtobarn.data.columns.library import Place
from femtobarn.data.columns.reader import Reader


class UprootReader(Reader):
    """An open TTree (see `TreeReader`)."""

    def __init__(self, place: Place, directory: Any, tree: str) -> None:
        super().__init__(place, directory, tree)
        self._branches: dict[str, Any] = {}
        self._infos: Mapping[str, BranchInfo] | None = None
        with boundary(self.url, "reading the tree's description"):
            self._tree = directory[tree]
            self.title = str(self._tree.title)
            self.entries = int(self._tree.num_entries)
            self.uuid = str(directory.file.uuid)
            for branch in self._tree.itervalues(recursive=True):
                self._branches.setdefault(branch.name, branch)

    def branches(self) -> Mapping[str, BranchInfo]:
        """Return all branches of the tree by name."""
        if self._infos is None:
            with self._suspicion(), boundary(self.url, "reading the branches' description"):
                self._infos = MappingProxyType({name: info_of(name, b) for name, b in self._branches.items()})
        return self._infos

    def boundaries(self) -> NDArray[np.int64]:
        """Return the entries that begin a basket in every branch, and the number of entries.

        Where the branches share no such entry, those of the branch with most bytes are returned, so
        that a long file can be divided all the same.
        """
        infos = self.branches()
        with boundary(self.url, "reading the baskets' positions"):
            offsets = {
                name: frozenset(self._branches[name].entry_offsets)
                for name, info in infos.items()
                if info.shape != "other"
            }
            common = frozenset.intersection(*offsets.values()) if offsets else frozenset[int]()
            inner = sorted(entry for entry in common if 0 < entry < self.entries)
            if not inner and offsets:
                largest = max(offsets, key=lambda name: (self._written(name), name))
                inner = sorted(entry for entry in offsets[largest] if 0 < entry < self.entries)
        ends = [0, *inner, self.entries] if self.entries else [0]
        return np.array(ends, dtype=np.int64)

    def stored_bytes(self, branches: Sequence[str]) -> int:
        """Return the compressed bytes of the baskets of ``branches``, from the tree's description."""
        names = [self._info(name).name for name in dict.fromkeys(branches)]
        with boundary(self.url, "reading the baskets' sizes"):
            return sum(self._written(name) for name in names)

    def stored(self, branch: str) -> Stored:
        """Return what ``branch`` occupies in the file, from the tree's description."""
        found = self._branches[branch]
        with boundary(self.url, "reading the baskets' sizes"):
            baskets = int(found.num_baskets)
            normal = baskets - len(found.embedded_baskets)
            first = None
            if normal:
                first = (int(found.member("fBasketSeek")[0]), int(found.member("fBasketBytes")[0]))
            elif baskets:  # within the tree's own record
                key = self._directory.key(self.tree)
                first = (int(key.fSeekKey), int(key.fNbytes))
            whole = int(found.member("fTotBytes")) + embedded_bytes(found)
            return Stored(self._written(branch), whole, baskets, "", first)

    def _pieces(self, name: str, start: int, stop: int) -> list[Basket]:
        return baskets_of(name, self._branches[name], start, stop)

    def _column(self, info: BranchInfo, start: int, stop: int) -> Column:
        return read_column(self._branches[info.name], info, start, stop)

    def _written(self, name: str) -> int:
        branch = self._branches[name]
        normal = int(branch.num_baskets) - len(branch.embedded_baskets)
        written = sum(int(n) for n in branch.member("fBasketBytes")[:normal])
        if not branch.embedded_baskets:
            return written
        # embedded baskets are compressed together with the tree's description: take their share of it
        key = self._directory.key(self.tree)
        compressed, whole = int(key.data_compressed_bytes), int(key.data_uncompressed_bytes)
        return written + embedded_bytes(branch) * compressed // whole
