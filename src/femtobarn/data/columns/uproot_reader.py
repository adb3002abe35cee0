"""Columns read by uproot. Everything that is particular to uproot ends in this file."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType, TracebackType
from typing import Any, Self

import awkward as ak
import numpy as np
import uproot
from numpy.typing import NDArray
from uproot.interpretation.jagged import AsJagged
from uproot.interpretation.numerical import AsDtype
from uproot.interpretation.strings import AsStrings
from uproot.source.file import MultithreadedFileSource

from femtobarn.base.errors import (
    BranchMissingError,
    BranchTypeError,
    DamagedError,
    FemtobarnError,
    TreeMissingError,
    UsageError,
    suggestion,
)
from femtobarn.data.columns.interface import BranchInfo, Column, Shape
from femtobarn.data.storage import unusable


@contextmanager
def _boundary(name: str, doing: str) -> Iterator[None]:
    """Turn whatever the library raises on a bad file into this package's errors; keep it quiet."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (FemtobarnError, MemoryError):
        raise
    except OSError as error:
        if error.errno is not None:
            raise unusable(name, error) from error
        raise _damaged(name, doing, error) from error
    except Exception as error:  # a corrupted file can raise anything: struct, zlib, IndexError, ...
        raise _damaged(name, doing, error) from error


def _damaged(name: str, doing: str, error: Exception) -> DamagedError:
    lines = str(error).strip().splitlines()
    detail = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    msg = f"{name}: damaged ROOT file, {doing} failed ({detail}). Fetch or write the file again."
    return DamagedError(msg)


def _open(path: str) -> Any:
    # Plain reads instead of uproot's memory map: a mapped file that is truncated while it is read
    # kills the process with SIGBUS, a short read is an error that can be handled. The dict keeps
    # uproot from searching the path for a tree's name after a colon.
    return uproot.open(
        {path: None}, handler=MultithreadedFileSource, use_threads=False, object_cache=None, array_cache=None
    )


def _trees(directory: Any) -> list[str]:
    # keys come with the newest cycle of each name first
    names = directory.keys(cycle=False, recursive=True, filter_classname="TTree")
    return list(dict.fromkeys(names))


def tree_titles(path: str) -> dict[str, str]:
    """Return the titles of the trees in the file by their names."""
    with _boundary(path, "listing its trees"), _open(path) as directory:
        return {name: str(directory[name].title) for name in _trees(directory)}


class UprootReader:
    """An open tree of a local ROOT file (see `TreeReader`).

    Parameters
    ----------
    path
        a ROOT file whose header has been checked
    tree
        name of the tree; None for the only one
    """

    def __init__(self, path: str, tree: str | None) -> None:
        self.url = path
        self._branches: dict[str, Any] = {}
        self._infos: Mapping[str, BranchInfo] | None = None
        with _boundary(path, "opening it"):
            directory = _open(path)
        try:
            with _boundary(path, "reading the tree's description"):
                self.tree = _choose(path, tree, _trees(directory))
                self._tree = directory[self.tree]
                self.title = str(self._tree.title)
                self.entries = int(self._tree.num_entries)
                self.uuid = str(directory.file.uuid)
                for branch in self._tree.itervalues(recursive=True):
                    self._branches.setdefault(branch.name, branch)
        except BaseException:
            directory.close()
            raise
        self._directory = directory

    def branches(self) -> Mapping[str, BranchInfo]:
        """Return all branches of the tree by name."""
        if self._infos is None:
            with _boundary(self.url, "reading the branches' description"):
                self._infos = MappingProxyType({name: _info(name, b) for name, b in self._branches.items()})
        return self._infos

    def boundaries(self) -> NDArray[np.int64]:
        """Return the entries that begin a basket in every branch, and the number of entries.

        Where the branches share no such entry, those of the branch with most bytes are returned, so
        that a long file can be divided all the same.
        """
        with _boundary(self.url, "reading the baskets' positions"):
            offsets = {
                name: frozenset(self._branches[name].entry_offsets)
                for name, info in self.branches().items()
                if info.shape != "other"
            }
            common = frozenset.intersection(*offsets.values()) if offsets else frozenset[int]()
            inner = sorted(entry for entry in common if 0 < entry < self.entries)
            if not inner and offsets:
                largest = max(offsets, key=lambda name: (self._stored(name), name))
                inner = sorted(entry for entry in offsets[largest] if 0 < entry < self.entries)
        ends = [0, *inner, self.entries] if self.entries else [0]
        return np.array(ends, dtype=np.int64)

    def read(self, branches: Sequence[str], start: int, stop: int) -> dict[str, Column]:
        """Return the columns of ``branches`` for entries ``start`` to ``stop`` (excluded).

        Raises
        ------
        BranchMissingError
            if the tree has no such branch; the message gives the nearest
        BranchTypeError
            if a branch holds neither numbers, lists of numbers, nor strings
        DamagedError
            if the file's content cannot be decoded
        UsageError
            if the range is not within the tree
        """
        if not 0 <= start <= stop <= self.entries:
            msg = (
                f"{self.url}: expected a range of entries within 0 to {self.entries}, got {start} to {stop}."
            )
            raise UsageError(msg)
        infos = [self._info(name) for name in dict.fromkeys(branches)]
        columns = {}
        for info in infos:
            if start == stop:
                columns[info.name] = _empty(info)
                continue
            with _boundary(self.url, f"reading branch {info.name!r}"):
                column = _read(self._branches[info.name], info, start, stop)
            if column.entries != stop - start:
                msg = (
                    f"{self.url}: damaged ROOT file, branch {info.name!r} gave {column.entries} entries, "
                    f"expected {stop - start}. Fetch or write the file again."
                )
                raise DamagedError(msg)
            columns[info.name] = column
        return columns

    def stored_bytes(self, branches: Sequence[str]) -> int:
        """Return the compressed bytes of the baskets of ``branches``, from the tree's description."""
        names = [self._info(name).name for name in dict.fromkeys(branches)]
        with _boundary(self.url, "reading the baskets' sizes"):
            return sum(self._stored(name) for name in names)

    def close(self) -> None:
        """Close the file."""
        self._directory.close()

    def __enter__(self) -> Self:
        """Return the reader."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()

    def _info(self, name: str) -> BranchInfo:
        infos = self.branches()
        if name not in infos:
            msg = f"{self.url}: tree {self.tree!r} has no branch {name!r}. {suggestion(name, infos)}"
            raise BranchMissingError(msg)
        info = infos[name]
        if info.shape == "other":
            msg = (
                f"{self.url}: branch {name!r} holds {info.typename}, but only numbers, lists of numbers "
                "and strings can be read. Choose another branch."
            )
            raise BranchTypeError(msg)
        return info

    def _stored(self, name: str) -> int:
        branch = self._branches[name]
        normal = int(branch.num_baskets) - len(branch.embedded_baskets)
        written = sum(int(n) for n in branch.member("fBasketBytes")[:normal])
        if not branch.embedded_baskets:
            return written
        # embedded baskets are compressed together with the tree's description: take their share of it
        embedded = sum(_embedded_bytes(basket) for basket in branch.embedded_baskets)
        key = self._directory.key(self.tree)
        return written + embedded * int(key.data_compressed_bytes) // int(key.data_uncompressed_bytes)


def _choose(path: str, tree: str | None, names: list[str]) -> str:
    if tree is None:
        if len(names) == 1:
            return names[0]
        msg = (
            f"{path}: expected exactly one tree, found {len(names)}: {', '.join(names) or 'none'}. Name one."
        )
        raise TreeMissingError(msg)
    if tree in names:
        return tree
    there = f"It has: {', '.join(names[:12])}" if names else "It has no tree at all"
    msg = f"{path}: expected a tree {tree!r}. {there}. {suggestion(tree, names)}"
    raise TreeMissingError(msg)


def _info(name: str, branch: Any) -> BranchInfo:
    interpretation = branch.interpretation
    shape: Shape = "other"
    dtype = ""
    if isinstance(interpretation, AsStrings):
        shape, dtype = "string", "uint8"
    else:
        inner = interpretation.content if isinstance(interpretation, AsJagged) else interpretation
        # exactly this class: its relatives pack numbers in ways that are not needed here
        numeric = type(inner) is AsDtype and inner.to_dtype.names is None
        if numeric and inner.to_dtype.base.kind in "biuf":
            rank = len(inner.to_dtype.shape) + (1 if isinstance(interpretation, AsJagged) else 0)
            if rank <= 1:
                shape = "list" if rank else "scalar"
                dtype = inner.to_dtype.base.newbyteorder("=").name
    return BranchInfo(name, shape, dtype, str(branch.typename))


def _embedded_bytes(basket: Any) -> int:
    offsets = basket.byte_offsets
    return int(basket.data.nbytes) + (0 if offsets is None else int(offsets.nbytes))


def _empty(info: BranchInfo) -> Column:
    content = np.empty(0, dtype=info.dtype)
    return Column(content, None if info.shape == "scalar" else np.zeros(1, dtype=np.int64))


def _read(branch: Any, info: BranchInfo, start: int, stop: int) -> Column:
    dtype = np.dtype(info.dtype)
    if isinstance(branch.interpretation, AsDtype):
        values = branch.array(entry_start=start, entry_stop=stop, library="np")
        content = np.ascontiguousarray(values, dtype=dtype)
        if info.shape == "scalar":
            return Column(content)
        counts = content.shape[1]
        return Column(content.reshape(-1), np.arange(len(content) + 1, dtype=np.int64) * counts)
    layout = branch.array(entry_start=start, entry_stop=stop, library="ak").layout
    layout = layout.to_ListOffsetArray64(True)
    offsets = np.asarray(layout.offsets.data, dtype=np.int64)
    content = np.asarray(ak.to_numpy(layout.content), dtype=dtype)[: offsets[-1]]
    return Column(np.ascontiguousarray(content), offsets)
