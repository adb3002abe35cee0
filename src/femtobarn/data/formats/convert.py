"""Values of a branch in base units and in the type of the event model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from femtobarn.base.errors import BranchTypeError, DamagedError
from femtobarn.base.units import parse_unit
from femtobarn.data.columns.interface import Column
from femtobarn.data.formats.model import FIELDS, Kind
from femtobarn.data.formats.spec import FieldSource


@dataclass(frozen=True, slots=True)
class RawColumn:
    """A column as it is in the file, and what brings its numbers to base units.

    Parameters
    ----------
    content, offsets
        as those of a `Column`, in the file's type
    divide, multiply
        what a number is divided or multiplied by; None: nothing
    kind
        what it is in the event model: ``float`` becomes float64, ``int`` int64
    """

    content: NDArray[Any]
    offsets: NDArray[np.int64] | None
    divide: float | None = None
    multiply: float | None = None
    kind: Kind | None = None

    def base(self) -> Column:
        """Return the column in base units and in the type of the event model."""
        content = self.content if self.kind is None else self.content.astype(_DTYPES[self.kind], copy=False)
        if self.divide is not None:
            content = content / self.divide
        if self.multiply is not None:
            content = content * self.multiply
        return Column(content, self.offsets)


_DTYPES: dict[str, type[np.generic]] = {
    "float": np.float64,
    "int": np.int64,
    "bool": np.bool_,
    "string": np.uint8,
}


def raw(url: str, source: FieldSource, branch: str, column: Column, start: int) -> RawColumn:
    """Return the column of a field without touching its numbers where that can wait; see `converted`."""
    kind, dtype = FIELDS[source.path].kind, column.content.dtype
    waits = not source.first and dtype.isnative and source.at_least is None
    waits = waits and (kind == "float" or (dtype.kind in "iub" and dtype != np.uint64))
    if not waits or kind == "string":
        done = converted(url, source, branch, column, start)
        return RawColumn(done.content, done.offsets)
    divide, multiply = _factors(parse_unit(source.unit).scale) if kind == "float" else (None, None)
    return RawColumn(column.content, column.offsets, divide, multiply, kind)


def converted(url: str, source: FieldSource, branch: str, column: Column, start: int) -> Column:
    """Return the column of a field from that of its branch.

    Numbers become float64 in base units or int64, decisions bool; strings stay bytes.

    Parameters
    ----------
    url
        the file, for messages
    source
        where the field comes from
    branch, column
        what was read
    start
        the entry at which the column begins, for messages

    Raises
    ------
    BranchTypeError
        if a number cannot be what the event model says
    DamagedError
        if the first number of a list is wanted and a list is empty
    """
    if source.first:
        column = _first(url, branch, column, start)
    kind, content = FIELDS[source.path].kind, column.content
    if kind == "float":
        content = _scaled(content.astype(np.float64), parse_unit(source.unit).scale)
    elif kind == "int":
        content = _whole(url, source.path, branch, content)
    elif kind == "bool" and source.at_least is not None:
        content = content >= source.at_least
    elif kind == "bool":
        content = content.astype(np.bool_)
    return Column(content, column.offsets)


def offsets_of(counts: NDArray[Any]) -> NDArray[np.int64]:
    """Return the offsets of lists with so many numbers each."""
    offsets = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, dtype=np.int64, out=offsets[1:])
    return offsets


def require_same_lengths(
    url: str, known: tuple[str, NDArray[np.int64]], other: tuple[str, NDArray[np.int64]], start: int
) -> None:
    """Raise `DamagedError` unless two branches, each with its offsets, have lists of the same lengths."""
    if np.array_equal(known[1], other[1]):
        return
    entry = int(np.flatnonzero(np.diff(known[1]) != np.diff(other[1]))[0])
    counts = [int(offsets[entry + 1] - offsets[entry]) for offsets in (known[1], other[1])]
    msg = (
        f"{url}: lists of one collection differ in length: in entry {start + entry} "
        f"{known[0]!r} tells of {counts[0]} objects, {other[0]!r} of {counts[1]}. "
        "The file is damaged or was written wrongly; fetch or write it again."
    )
    raise DamagedError(msg)


def _first(url: str, branch: str, column: Column, start: int) -> Column:
    offsets = column.offsets
    assert offsets is not None
    empty = np.flatnonzero(np.diff(offsets) == 0)
    if len(empty):
        msg = (
            f"{url}: expected at least one number in each list of branch {branch!r}, but in entry "
            f"{start + int(empty[0])} there is none. Check that the file is of this release; data may have no such values."
        )
        raise DamagedError(msg)
    return Column(column.content[offsets[:-1]])


def _whole(url: str, path: str, branch: str, content: NDArray[Any]) -> NDArray[np.int64]:
    fits = True
    if content.dtype.kind == "f":
        fits = bool(np.all(np.abs(content) < 2.0**53)) and np.array_equal(content, np.rint(content))
    elif content.dtype == np.uint64:
        fits = bool(np.all(content <= np.uint64(np.iinfo(np.int64).max)))
    if not fits:
        msg = (
            f"{url}: expected whole numbers of 64 bits with sign in branch {branch!r} "
            f"for {path}, found others. Check that the file is of this release."
        )
        raise BranchTypeError(msg)
    return content.astype(np.int64)


def _scaled(values: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
    divide, multiply = _factors(scale)
    if divide is not None:
        return values / divide
    return values if multiply is None else values * multiply


def _factors(scale: float) -> tuple[float | None, float | None]:
    """Return what a number is divided, or multiplied, by to be scaled."""
    if scale == 1:
        return None, None
    inverse = round(1 / scale) if scale < 1 else 0
    # a division by 1000 is rounded once, a product with 0.001 twice
    if inverse and 1 / inverse == scale:
        return float(inverse), None
    return None, scale
