"""What readers of both kinds of tree share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from femtobarn.data.columns.asked import require_branch, require_range
from femtobarn.data.columns.baskets import Piece, fetch_checked
from femtobarn.data.columns.boundary import boundary, damaged
from femtobarn.data.columns.fast.offsets import SharedOffsets
from femtobarn.data.columns.interface import BranchInfo, ClosedAtExit, Column, Stored, empty_column
from femtobarn.data.columns.library import Place, name_of
from femtobarn.data.columns.streamed import StreamedFile


class Reader(ClosedAtExit, ABC):
    """An open tree of a ROOT file (see `TreeReader`), whatever kind of tree it is.

    Parameters
    ----------
    place
        the file; a remote one with its description preloaded
    directory
        uproot's top directory of it; this reader closes it
    tree
        the tree's name
    """

    title: str
    entries: int
    uuid: str

    def __init__(self, place: Place, directory: Any, tree: str) -> None:
        self.url, self.tree = name_of(place), tree
        self._place, self._directory = place, directory
        self._streamed = place if isinstance(place, StreamedFile) else None

    @abstractmethod
    def branches(self) -> Mapping[str, BranchInfo]:
        """Return all branches of the tree by name."""

    @abstractmethod
    def boundaries(self) -> NDArray[np.int64]:
        """Return the entries at which clusters begin, and the number of entries at the end."""

    @abstractmethod
    def stored_bytes(self, branches: Sequence[str]) -> int:
        """Return the compressed bytes that ``branches`` occupy in the file."""

    @abstractmethod
    def stored(self, branch: str) -> Stored:
        """Return what ``branch`` occupies in the file, also if it cannot be read."""

    @abstractmethod
    def _pieces(self, name: str, start: int, stop: int) -> Sequence[Piece]:
        """Return the parts of the file that hold ``name`` in an entry range."""

    @abstractmethod
    def _column(self, info: BranchInfo, start: int, stop: int) -> Column:
        """Return the values of one branch; the range is not empty."""

    def read(self, branches: Sequence[str], start: int, stop: int) -> dict[str, Column]:
        """Return the columns of ``branches`` for entries ``start`` to ``stop`` (excluded).

        Of a remote file, all that is needed comes by one request, and by a second one for what carries
        no checksum (see `femtobarn.data.columns.baskets`); it is released afterwards. Branches whose lists
        have the same lengths get the same ``offsets``, one object.

        Raises
        ------
        BranchMissingError
            if the tree has no such branch; the message gives the nearest
        BranchTypeError
            if a branch holds neither numbers, lists of numbers, nor strings
        DamagedError
            if the file's content cannot be decoded
        TransientDataError
            if a remote file's content came in different versions
        UsageError
            if the range is not within the tree
        """
        require_range(self.url, start, stop, self.entries)
        infos = [self._info(name) for name in dict.fromkeys(branches)]
        if start == stop:
            return {info.name: empty_column(info) for info in infos}
        with self._suspicion():
            pieces: list[Piece] = []
            for info in infos:
                with self._reading(info.name):
                    pieces += self._pieces(info.name, start, stop)
            if self._streamed is not None:
                fetch_checked(self._streamed, pieces)
            lengths = SharedOffsets()
            return {info.name: lengths.column(info.name, self._checked(info, start, stop)) for info in infos}

    def close(self) -> None:
        """Close the file. A `Source` stays open."""
        self._directory.close()
        if self._streamed is not None:
            self._streamed.release()

    @contextmanager
    def _suspicion(self) -> Iterator[None]:
        try:
            with nullcontext() if self._streamed is None else self._streamed.blaming():
                yield
        finally:
            if self._streamed is not None:
                self._streamed.release()

    def _reading(self, name: str) -> Any:
        return boundary(self.url, f"reading branch {name!r}")

    def _checked(self, info: BranchInfo, start: int, stop: int) -> Column:
        with self._reading(info.name):
            column = self._column(info, start, stop)
        if column.entries != stop - start:
            what = f"branch {info.name!r} gave {column.entries} entries, expected {stop - start}"
            raise damaged(self.url, what)
        return column

    def _info(self, name: str) -> BranchInfo:
        return require_branch(self.url, self.tree, name, self.branches())
