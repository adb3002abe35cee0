"""The fast reader of a local tree."""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from femtobarn.base.errors import FileChangedError, RunError, UsageError
from femtobarn.data.columns.asked import require_branch, require_range
from femtobarn.data.columns.boundary import damaged
from femtobarn.data.columns.fast.checked import Checked
from femtobarn.data.columns.fast.codecs import BlockError
from femtobarn.data.columns.fast.column import BasketError, Piece, read_column
from femtobarn.data.columns.fast.cursor import UnknownLayoutError
from femtobarn.data.columns.fast.file import Found, find_tree, titles
from femtobarn.data.columns.fast.kinds import Kind, kind_of
from femtobarn.data.columns.fast.layout_codes import UNREADABLE
from femtobarn.data.columns.fast.metadata import Branch
from femtobarn.data.columns.fast.native import kernel, scratch
from femtobarn.data.columns.fast.offsets import SharedOffsets
from femtobarn.data.columns.interface import BranchInfo, ClosedAtExit, Column, empty_column
from femtobarn.data.storage import unusable

if TYPE_CHECKING:
    from femtobarn.data.columns.reader import Reader

_NEAR = 1 << 16  # ranges of a file that are so near are asked for as one
_KEPT_SCRATCH = 16 << 20
# whatever is wrong with a file, or only unknown, is for the library to say
_DOUBTS = (
    UnknownLayoutError,
    BlockError,
    struct.error,
    LookupError,
    ValueError,
    ArithmeticError,
    OSError,
    RecursionError,
)


def open_fast(path: Path, tree: str | None, *, verified: bool) -> FastReader | None:
    """Open a tree of a file whose header has been checked; None if another reader is needed.

    Parameters
    ----------
    path
        the file
    tree
        name of the tree; None for the only one
    verified
        whether the file's own checksum is known to be right

    Raises
    ------
    UnreadableError
        if the file cannot be opened
    """
    fd = _open(path)
    try:
        found = find_tree(fd, tree)
        return FastReader(path, fd, found, verified=verified)
    except _DOUBTS:
        os.close(fd)
        return None
    except BaseException:
        os.close(fd)
        raise


def titles_fast(path: Path) -> dict[str, str] | None:
    """Return the title of every tree of a file by its name; None if a library has to look.

    Raises
    ------
    UnreadableError
        if the file cannot be opened
    """
    fd = _open(path)
    try:
        return titles(fd)
    except _DOUBTS:
        return None
    finally:
        os.close(fd)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise unusable(str(path), error) from error


class FastReader(ClosedAtExit):
    """An open TTree of a local file (see `TreeReader`). Several threads may read at once.

    Parameters
    ----------
    path
        the file
    fd
        its descriptor; this reader closes it
    found
        the tree
    verified
        whether the file's own checksum is known to be right
    """

    def __init__(self, path: Path, fd: int, found: Found, *, verified: bool) -> None:
        self.url, self.tree, self.uuid = str(path), found.name, found.uuid
        self.title, self.entries = found.tree.title, found.tree.entries
        self._path, self._fd, self._found = path, fd, found
        self._status = os.fstat(fd)
        self._branches: dict[str, Branch] = {}
        for branch in _all(found.tree.branches):
            self._branches.setdefault(branch.name, branch)
        self._kinds: dict[str, Kind | None] = {
            name: kind_of(branch, self.entries, self._status.st_size)
            for name, branch in self._branches.items()
        }
        self._checked = None if verified else Checked(self._status, self.uuid, self.tree)
        self._lock = threading.RLock()
        self._library: Reader | None = None
        self._closed = False

    def branches(self) -> Mapping[str, BranchInfo]:
        """Return all branches of the tree by name."""
        return _Infos(self._kinds, lambda: self._slow().branches())

    def boundaries(self) -> NDArray[np.int64]:
        """Return the entries that begin a basket in every branch, and the number of entries.

        Where the branches share no such entry, those of the branch with most bytes are returned.
        """
        known = {name: kind for name, kind in self._kinds.items() if kind is not None}
        unknown = [self._branches[name] for name, kind in self._kinds.items() if kind is None]
        inner: set[int] = set()
        if known:
            inner = set.intersection(*(set(kind.edges[:-1].tolist()) for kind in known.values())) - {0}
            inner = {entry for entry in inner if entry < self.entries}
        # what the library tells of the others matters only if they divide the tree in another way
        if unknown and not (inner and all(inner <= set(branch.edges.tolist()) for branch in unknown)):
            return self._slow().boundaries()
        if not inner and known:
            largest = max(known, key=lambda name: (self._written(name), name))
            inner = {entry for entry in known[largest].edges.tolist() if 0 < entry < self.entries}
        ends = [0, *sorted(inner), self.entries] if self.entries else [0]
        return np.array(ends, dtype=np.int64)

    def stored_bytes(self, branches: Sequence[str]) -> int:
        """Return the compressed bytes of the baskets of ``branches``, from the tree's description."""
        names = [self._info(name).name for name in dict.fromkeys(branches)]
        known = [name for name in names if self._kinds[name] is not None]
        others = [name for name in names if self._kinds[name] is None]
        total = sum(self._written(name) for name in known)
        return total + (self._slow().stored_bytes(others) if others else 0)

    def read(self, branches: Sequence[str], start: int, stop: int) -> dict[str, Column]:
        """Return the columns of ``branches`` for entries ``start`` to ``stop`` (excluded).

        Branches whose lists have the same lengths get the same ``offsets``, one object.

        Raises
        ------
        BranchMissingError
            if the tree has no such branch; the message gives the nearest
        BranchTypeError
            if a branch holds neither numbers, lists of numbers, nor strings
        DamagedError
            if the file's content cannot be decoded, or is not what its checksums tell
        UsageError
            if the range is not within the tree, or the tree is closed
        """
        require_range(self.url, start, stop, self.entries)
        if self._closed:
            msg = f"{self.url}: expected an open tree, but it was closed. Open it again."
            raise UsageError(msg)
        infos = [self._info(name) for name in dict.fromkeys(branches)]
        if start == stop:
            return {info.name: empty_column(info) for info in infos}
        fast = _compiles()
        pieces = {
            info.name: Piece(self._branches[info.name], kind, start, stop)
            for info in infos
            if fast and (kind := self._kinds[info.name]) is not None
        }
        rest = [info.name for info in infos if info.name not in pieces]
        self._announce(list(pieces.values()))
        columns: dict[str, Column] = {}
        lengths = SharedOffsets()
        for name, piece in pieces.items():
            columns[name] = self._read(name, piece, lengths)
        scratch().trim(_KEPT_SCRATCH)
        if rest:
            for name, column in self._slow().read(rest, start, stop).items():
                columns[name] = lengths.column(name, column)
        return {info.name: columns[info.name] for info in infos}

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            if self._checked is not None:
                self._checked.keep()
            os.close(self._fd)
            if self._library is not None:
                self._library.close()

    def _read(self, name: str, piece: Piece, lengths: SharedOffsets) -> Column:
        first, last = piece.baskets
        check = self._checked is not None and not self._checked.has(name, first, last)
        try:
            column = read_column(self._fd, self._found.tree.record, piece, lengths.likely(name), check=check)
        except BasketError as error:
            if error.outcome == UNREADABLE:
                self._require_disk(piece.branch, error.basket)
            raise damaged(self.url, f"reading branch {name!r} failed ({error})") from error
        if check and self._checked is not None:
            self._checked.add(name, first, last)
        return lengths.column(name, column)

    def _require_disk(self, branch: Branch, basket: int) -> None:
        """Tell an error of the disk, or of the server behind it, from a file that ends too early."""
        try:
            os.pread(self._fd, int(branch.sizes[basket]), int(branch.places[basket]))
        except OSError as error:
            raise unusable(self.url, error) from error

    def _announce(self, pieces: Sequence[Piece]) -> None:
        """Tell the system which parts of the file will be read."""
        starts, stops = [], []
        for piece in pieces:
            first, last = piece.baskets
            starts.append(piece.branch.places[first:last])
            stops.append(piece.branch.places[first:last] + piece.branch.sizes[first:last])
        if not starts or not hasattr(os, "posix_fadvise"):
            return
        begin, end = np.concatenate(starts), np.concatenate(stops)
        if not len(begin):
            return
        order = np.argsort(begin)
        begin, end = begin[order], np.maximum.accumulate(end[order])
        breaks = np.flatnonzero(begin[1:] > end[:-1] + _NEAR)
        lows, highs = begin[np.append(0, breaks + 1)], end[np.append(breaks, len(end) - 1)]
        with suppress(OSError):  # it is only advice
            for low, high in zip(lows.tolist(), highs.tolist(), strict=True):
                os.posix_fadvise(self._fd, low, high - low, os.POSIX_FADV_WILLNEED)

    def _written(self, name: str) -> int:
        branch, key = self._branches[name], self._found.key
        written = int(branch.sizes.sum())
        # embedded baskets are compressed together with the tree's description: take their share of it
        embedded = sum(basket.bytes for basket in branch.embedded)
        return written + embedded * (key.size - key.header) // key.length

    def _info(self, name: str) -> BranchInfo:
        return require_branch(self.url, self.tree, name, self.branches())

    def _slow(self) -> Reader:
        """Return uproot's reader of the same tree, opened when it is first needed."""
        with self._lock:
            if self._library is None:
                from femtobarn.data.columns.readers import open_reader

                try:
                    now = self._path.stat()
                except OSError as error:
                    raise unusable(self.url, error) from error
                if _identity(now) != _identity(self._status):
                    msg = f"{self.url}: expected the file that was opened, but another has taken its place. Read it again."
                    raise FileChangedError(msg)
                self._library = open_reader(self._path, self.tree)
            return self._library


class _Infos(Mapping[str, BranchInfo]):
    """What is known of branches; a library is asked only for those that are not understood here."""

    def __init__(self, kinds: Mapping[str, Kind | None], ask: Callable[[], Mapping[str, BranchInfo]]) -> None:
        self._kinds, self._ask = kinds, ask

    def __getitem__(self, name: str) -> BranchInfo:
        kind = self._kinds[name]
        return self._ask()[name] if kind is None else kind.info

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)

    def __contains__(self, name: object) -> bool:
        return name in self._kinds


def _all(branches: Sequence[Branch]) -> Iterator[Branch]:
    for branch in branches:
        yield branch
        yield from _all(branch.branches)


def _identity(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _compiles() -> bool:
    """Return whether the compiled kernel is to be had."""
    try:
        kernel()
    except (ImportError, RunError, RuntimeError):
        return False
    return True
