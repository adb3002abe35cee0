"""A kept piece, mapped into memory: nothing is given out before its bytes were checked."""

from __future__ import annotations

import mmap
import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from femtobarn.data.columncache.arrowfile import digest_of, read_arrow
from femtobarn.data.columncache.records import DTYPES, KeptColumn, Piece
from femtobarn.data.columns.interface import Column

_ITEM = 8  # bytes of an offset; Arrow aligns what it writes to as many


class DamagedPieceError(Exception):
    """A piece that is not what was written; for the cache itself, users never see it."""


class OpenPiece:
    """A piece whose columns are views of the mapped file, checked when they are first asked for.

    Parameters
    ----------
    path
        the Arrow file
    piece
        what it holds

    Raises
    ------
    DamagedPieceError
        if the file is not the one that was written
    OSError
        if it cannot be opened
    """

    def __init__(self, path: Path, piece: Piece) -> None:
        self.piece = piece
        self._data = _mapped(path, piece.size)
        self._kept = {column.name: (number, column) for number, column in enumerate(piece.columns)}
        self._checked: dict[str, Column] = {}
        self._offsets: dict[int, NDArray[np.int64]] = {}
        self._sliced: dict[tuple[int, int, int], NDArray[np.int64]] = {}
        self._decoded: tuple[list[NDArray[Any]], list[NDArray[np.int64]]] | None = None
        if piece.codec != "none":
            self._decoded = _decoded(self._data, piece)

    def column(self, name: str, start: int, stop: int) -> Column:
        """Return the values of a branch for entries of the tree that this piece holds; read-only.

        Raises
        ------
        DamagedPieceError
            if they are not what was written
        """
        whole = self._whole(name)
        first, last = start - self.piece.start, stop - self.piece.start
        if whole.offsets is None:
            return Column(whole.content[first:last])
        if last - first == whole.entries:
            return whole
        begin, end = int(whole.offsets[first]), int(whole.offsets[last])
        lists = self._kept[name][1].lists
        assert lists is not None
        place = (lists, first, last)
        if place not in self._sliced:
            self._sliced[place] = whole.offsets[first : last + 1] - begin
        return Column(whole.content[begin:end], self._sliced[place])

    def _whole(self, name: str) -> Column:
        found = self._checked.get(name)
        if found is None:
            number, column = self._kept[name]
            content = self._content(number, column)
            if column.lists is None:
                _require(len(content) == self._entries, f"{name} has other entries")
                found = Column(content)
            else:
                offsets = self._lists(column.lists)
                _require(int(offsets[-1]) == len(content), f"lists of {name} do not fit")
                found = Column(content, offsets)
            self._checked[name] = found
        return found

    @property
    def _entries(self) -> int:
        return self.piece.stop - self.piece.start

    def _content(self, number: int, column: KeptColumn) -> NDArray[Any]:
        _require(column.dtype in DTYPES, f"{column.name} is of type {column.dtype}")
        dtype = np.dtype(column.dtype)
        if self._decoded is None:
            content = self._view(dtype, column.position, column.count)
            _require(digest_of(content) == column.digest, f"{column.name} has other bytes")
        else:
            content = self._decoded[0][number]
            _require(content.dtype.itemsize == dtype.itemsize, f"{column.name} is of another type")
            content = content.view(dtype)
            _require(len(content) == column.count, f"{column.name} has other values")
        if dtype == np.bool_ and len(content):
            _require(int(content.view(np.uint8).max()) <= 1, f"{column.name} is not true or false")
        return content

    def _lists(self, number: int) -> NDArray[np.int64]:
        found = self._offsets.get(number)
        if found is None:
            _require(number < len(self.piece.offsets), "offsets are missing")
            kept = self.piece.offsets[number]
            if self._decoded is None:
                found = self._view(np.dtype(np.int64), kept.position, self._entries + 1)
                _require(digest_of(found) == kept.digest, "offsets have other bytes")
            else:
                found = self._decoded[1][number]
                _require(found.dtype == np.int64 and len(found) == self._entries + 1, "offsets do not fit")
            _require(int(found[0]) == 0, "lists do not begin at 0")
            _require(bool((found[1:] >= found[:-1]).all()), "offsets do not ascend")
            self._offsets[number] = found
        return found

    def _view(self, dtype: np.dtype[Any], position: int, count: int) -> NDArray[Any]:
        inside = position % _ITEM == 0 and position + count * dtype.itemsize <= self.piece.size
        _require(inside, "numbers lie outside the file")
        return np.frombuffer(self._data, dtype, count, position)


def _mapped(path: Path, size: int) -> mmap.mmap:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        status = os.fstat(handle)
        _require(stat.S_ISREG(status.st_mode) and status.st_size == size > 0, "the file has another size")
        # who removes the file meanwhile takes its name only: the pages stay until the last array goes
        return mmap.mmap(handle, size, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ)
    finally:
        os.close(handle)


def _decoded(data: mmap.mmap, piece: Piece) -> tuple[list[NDArray[Any]], list[NDArray[np.int64]]]:
    _require(digest_of(data) == piece.digest, "the file has other bytes")
    try:
        contents, offsets = read_arrow(data)
    except (ValueError, OSError) as error:
        raise DamagedPieceError(str(error)) from error
    same = len(contents) == len(piece.columns) and len(offsets) == len(piece.offsets)
    _require(same, "the file has other columns")
    return contents, offsets


def _require(condition: bool, what: str) -> None:
    if not condition:
        raise DamagedPieceError(what)
