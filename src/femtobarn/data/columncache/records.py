"""What the column cache writes down beside its Arrow files: facts of a tree, and what a piece holds."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self, TypeVar

from pydantic import Field, ValidationError

from femtobarn.base.canonical import digest
from femtobarn.base.installed import results_version, version
from femtobarn.base.record import Record
from femtobarn.data.columns.interface import BranchInfo, Shape

VERSION = 1
"""Part of every key: what was kept under another number is not looked at."""

DTYPES = (
    "bool",
    *(f"{kind}int{bits}" for kind in ("", "u") for bits in (8, 16, 32, 64)),
    "float32",
    "float64",
)
"""Types of numbers that are kept; branches of others are read from ROOT each time."""

Codec = Literal["none", "lz4", "zstd"]
Count = Annotated[int, Field(ge=0)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]

PIECE_NAME = re.compile(r"(0|[1-9][0-9]{0,17})-([1-9][0-9]{0,17})-[0-9a-f]{16}")


S = TypeVar("S", bound="Sealed")


class Sealed(Record):
    """A record of one tree that tells whether it is whole: ``seal`` is the digest of all else, ``key`` the tree's."""

    key: str
    seal: str = ""

    def sealed(self) -> Self:
        """Return the record with its seal."""
        return self.model_copy(update={"seal": self._digest()})

    def is_whole(self) -> bool:
        """Whether nothing was changed since it was sealed."""
        return self.seal == self._digest()

    def _digest(self) -> str:
        return digest(self.model_dump(mode="json", exclude={"seal"}))


class KeptBranch(Record):
    """A `BranchInfo`, and the compressed bytes of the branch in the file; None if that could not be told."""

    name: str
    shape: Shape
    dtype: str
    typename: str
    stored: Count | None

    def info(self) -> BranchInfo:
        """Return what is known of the branch before it is read."""
        return BranchInfo(self.name, self.shape, self.dtype, self.typename)


class Facts(Sealed):
    """What is known of a tree without opening its file.

    Parameters
    ----------
    additive
        whether the bytes of branches add up: those of an RNTuple may share pages
    """

    tree: str
    title: str
    entries: Count
    uuid: str
    branches: tuple[KeptBranch, ...]
    boundaries: tuple[Count, ...]
    additive: bool


class StoredBytes(Sealed):
    """The compressed bytes of some branches together, where they do not add up."""

    branches: tuple[str, ...]
    bytes: Count


class KeptOffsets(Record):
    """Where the offsets of lists are: position in the file, XXH3 of the bytes."""

    position: Count
    digest: Digest


class KeptColumn(Record):
    """Where the numbers of a branch are.

    Parameters
    ----------
    dtype
        NumPy name of the numbers; Arrow has bool as uint8
    position, count
        position in the file in bytes, and how many numbers
    digest
        XXH3 of the bytes
    lists
        which of the piece's offsets belong to it; None for one number per entry
    """

    name: str
    dtype: str
    position: Count
    count: Count
    digest: Digest
    lists: Count | None


class Piece(Sealed):
    """What an Arrow file holds: some branches in one range of entries.

    Parameters
    ----------
    size
        bytes of the Arrow file
    digest
        XXH3 of the whole Arrow file if it is compressed, else 16 zeros: its parts have their own
    """

    start: Count
    stop: Count
    codec: Codec
    size: Count
    digest: Digest
    offsets: tuple[KeptOffsets, ...]
    columns: tuple[KeptColumn, ...]


def tree_key(identity: str, tree: str) -> str:
    """Return under which key what was read of a tree is kept.

    The versions of what read it are part of it: after a correction of a reader nothing older is found.
    """
    readers = [results_version(), version("femtobarn"), version("uproot"), version("awkward")]
    return digest([VERSION, readers, identity, tree])[:40]


def piece_name(branches: tuple[str, ...], start: int, stop: int) -> str:
    """Return the name of a piece, without ending."""
    return f"{start}-{stop}-{digest(sorted(branches))[:16]}"


def parsed(kind: type[S], text: bytes, key: str) -> S | None:
    """Return the record that ``text`` holds; None if it is not whole, or of another tree."""
    try:
        record = kind.model_validate_json(text)
    except ValidationError:
        return None
    return record if record.key == key and record.is_whole() else None
