"""What a ROOT file is made of: its keys, trees, branches, and how they are stored."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from femtobarn.data.columns.interface import Shape
from femtobarn.data.columns.open import checked

if TYPE_CHECKING:
    from femtobarn.data.storage.source import Source

Kind = Literal["TTree", "RNTuple"]


@dataclass(frozen=True, slots=True)
class KeyDescription:
    """An object of the file. Names of objects in folders hold the path (``folder/name``).

    Parameters
    ----------
    name, class_name, title
        as the file states them
    cycle
        its version among the objects of this name
    """

    name: str
    class_name: str
    cycle: int
    title: str


@dataclass(frozen=True, slots=True)
class Clusters:
    """The parts of a tree that can be read without the others.

    Parameters
    ----------
    number
        how many
    smallest, median, largest
        entries in them; 0 if there are none
    """

    number: int
    smallest: int
    median: float
    largest: int


@dataclass(frozen=True, slots=True)
class BranchDescription:
    """A branch of a tree, or a field of an RNTuple.

    Parameters
    ----------
    name, typename
        as the file states them
    shape, dtype
        as in `femtobarn.data.columns.BranchInfo`
    compressed, uncompressed
        bytes of its baskets as stored, and before compression
    baskets
        number of baskets, or pages
    compression
        algorithm of the first basket: ``"zlib"``, ``"lzma"``, ``"lz4"``, ``"zstd"``, ``"none"``; empty if
        there is no basket
    """

    name: str
    typename: str
    shape: Shape
    dtype: str
    compressed: int
    uncompressed: int
    baskets: int
    compression: str


@dataclass(frozen=True, slots=True)
class TreeDescription:
    """A tree of the file.

    Parameters
    ----------
    name, title, kind, entries
        what it is
    clusters
        how it is divided
    compressed, uncompressed
        bytes of all branches
    branches
        in the order of the file
    """

    name: str
    title: str
    kind: Kind
    entries: int
    clusters: Clusters
    compressed: int
    uncompressed: int
    branches: tuple[BranchDescription, ...]

    @property
    def ratio(self) -> float:
        """Uncompressed by compressed bytes; 1 if there are none."""
        return self.uncompressed / self.compressed if self.compressed else 1.0


@dataclass(frozen=True, slots=True)
class FileDescription:
    """What a ROOT file is made of.

    Parameters
    ----------
    name
        path or address
    size
        bytes
    root_version
        version of ROOT in whose format it was written (``"6.24/00"``)
    uuid
        the file's own identifier
    algorithm, level
        compression that new objects get: algorithm as in `BranchDescription`, and level
    keys
        every object, in the order of the file
    trees
        every tree that was asked for, in the order of the file
    """

    name: str
    size: int
    root_version: str
    uuid: str
    algorithm: str
    level: int
    keys: tuple[KeyDescription, ...]
    trees: tuple[TreeDescription, ...]


def describe(place: str | Path | Source, tree: str | None = None) -> FileDescription:
    """Return what a ROOT file is made of. No event is read.

    Parameters
    ----------
    place
        path or ``file://`` URL of a ROOT file, or a remote file, which stays open
    tree
        the one tree to look into; None for all of them

    Raises
    ------
    TreeMissingError
        if there is no tree of that name
    DataError
        if the file cannot be read, as `femtobarn.data.columns.open_tree`
    """
    from femtobarn.data.columns.survey import describe_file  # here, because it loads uproot

    return describe_file(checked(place), tree)
