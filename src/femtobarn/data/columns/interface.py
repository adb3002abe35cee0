"""What a reader of columns takes and gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

Shape = Literal["scalar", "list", "string", "other"]


@dataclass(frozen=True, slots=True)
class BranchInfo:
    """What is known of a branch before it is read.

    Parameters
    ----------
    name
        the branch's name
    shape
        one number per entry, a list of numbers, one string, or something this reader cannot read
    dtype
        NumPy name of the numbers in native byte order (``"float32"``); empty for ``other``
    typename
        the type as the file states it (``"std::vector<float>"``), for messages
    """

    name: str
    shape: Shape
    dtype: str
    typename: str


@dataclass(frozen=True, slots=True)
class Column:
    """The values of one branch in an entry range.

    Parameters
    ----------
    content
        flat, native byte order, in the file's type; bytes (uint8) for strings
    offsets
        None for one value per entry, else int64 of length entries + 1: entry i has
        ``content[offsets[i]:offsets[i + 1]]``
    """

    content: NDArray[Any]
    offsets: NDArray[np.int64] | None = None

    @property
    def entries(self) -> int:
        """Number of entries."""
        return len(self.content) if self.offsets is None else len(self.offsets) - 1


def empty_column(info: BranchInfo) -> Column:
    """Return the column of no entries."""
    content = np.empty(0, dtype=info.dtype)
    return Column(content, None if info.shape == "scalar" else np.zeros(1, dtype=np.int64))


@dataclass(frozen=True, slots=True)
class Stored:
    """What a branch occupies in the file.

    Parameters
    ----------
    compressed, uncompressed
        bytes as stored, and before compression; headers included
    baskets
        number of baskets (pages of an RNTuple)
    compression
        algorithm of the first basket: ``"zlib"``, ``"lzma"``, ``"lz4"``, ``"zstd"``, ``"none"``; empty if
        there is no basket, or the record at ``first`` would have to be looked at
    first
        position and bytes of the record with the first basket; None if that needs no look
    """

    compressed: int
    uncompressed: int
    baskets: int
    compression: str
    first: tuple[int, int] | None


class ClosedAtExit:
    """What is closed at the end of a ``with`` block."""

    def close(self) -> None:
        """Close the file."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        """Return the reader."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()


class TreeReader(Protocol):
    """An open tree. Use it as a context manager."""

    url: str
    tree: str
    title: str
    entries: int
    uuid: str

    def branches(self) -> Mapping[str, BranchInfo]:
        """Return all branches of the tree by name."""
        ...

    def boundaries(self) -> NDArray[np.int64]:
        """Return the entries at which clusters begin, and the number of entries at the end.

        Ascending, from 0 to ``entries``; the same for the same file, whatever is read from it.
        """
        ...

    def read(self, branches: Sequence[str], start: int, stop: int) -> dict[str, Column]:
        """Return the columns of ``branches`` for entries ``start`` to ``stop`` (excluded)."""
        ...

    def stored_bytes(self, branches: Sequence[str]) -> int:
        """Return the compressed bytes that the baskets of ``branches`` occupy in the file."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...

    def __enter__(self) -> Self:
        """Return the reader."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        ...
