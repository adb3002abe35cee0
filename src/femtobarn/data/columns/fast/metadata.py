"""The description of a tree, parsed from a file of the layouts that this package knows.

Sources: ROOT's reference of ``TFile``, ``TKey``, ``TTree``, ``TBranch``, ``TBranchElement``, ``TLeaf``,
``TBasket``.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from femtobarn.data.columns.fast.cursor import Cursor, UnknownLayoutError

_TREE_HEAD = struct.Struct(">qqqqqdiiiIIqqqqqq")
_BRANCH_HEAD = struct.Struct(">iiiiq")
_BRANCH_TAIL = struct.Struct(">iIiqqqq")
_ELEMENT = struct.Struct(">Ihiiii")
_LEAF = struct.Struct(">iii??")
_KEY = struct.Struct(">ihiIhh")
_BASKET = struct.Struct(">Hiiii")
_MOST_BASKETS = 1 << 26


@dataclass(frozen=True, slots=True)
class Leaf:
    """What a ``TLeaf`` tells: ``length`` numbers of ``width`` bytes for an entry, or for each count."""

    class_name: str
    title: str
    length: int
    width: int
    unsigned: bool
    counted: bool


@dataclass(frozen=True, slots=True)
class Embedded:
    """A basket within the tree's own record.

    Parameters
    ----------
    entries
        number of entries
    data, size
        where its content is in the record, and its bytes
    offsets
        bytes of big-endian offsets of the entries, from ``header`` on; empty if there are none
    header
        what the first offset is
    """

    entries: int
    data: int
    size: int
    offsets: bytes
    header: int

    @property
    def bytes(self) -> int:
        """Bytes of content and offsets."""
        return self.size + len(self.offsets)


@dataclass(frozen=True, slots=True)
class Branch:
    """What a ``TBranch`` tells, as far as it is needed.

    Parameters
    ----------
    class_name
        class of the branch itself
    name, title
        its own
    entries, first_entry
        as the branch tells
    total, packed
        bytes before and after compression, of all its baskets
    places, sizes, edges
        position and stored bytes of the baskets with records of their own; first entries, and the end
    embedded
        baskets in the tree's record, which follow those
    leaves, branches
        what it consists of
    features
        bits of ``TIOFeatures``
    unusual
        whether something was found that is left to a library: baskets in another file, for instance
    type_name, kind, streamer
        of a ``TBranchElement``: the class it holds, its ``fType`` and ``fStreamerType``; empty and 0 else
    """

    class_name: str
    name: str
    title: str
    entries: int
    first_entry: int
    total: int
    packed: int
    places: NDArray[np.int64]
    sizes: NDArray[np.int64]
    edges: NDArray[np.int64]
    embedded: tuple[Embedded, ...]
    leaves: tuple[Leaf, ...]
    branches: tuple[Branch, ...]
    features: int
    unusual: bool
    type_name: str = ""
    kind: int = 0
    streamer: int = -1


@dataclass(frozen=True, slots=True)
class Tree:
    """What a ``TTree`` tells."""

    title: str
    entries: int
    features: int
    branches: tuple[Branch, ...]
    record: bytes = field(repr=False)


def parse_tree(record: bytes, origin: int) -> Tree:
    """Return the description in a tree's inflated record.

    Parameters
    ----------
    record
        the object
    origin
        bytes of the header of its record

    Raises
    ------
    UnknownLayoutError, struct.error, IndexError, ValueError
        if it is of a layout that is not known, or damaged
    """
    cursor = Cursor(record, origin)
    version, _ = cursor.header()
    if version not in {19, 20}:
        msg = f"a tree of version {version}"
        raise UnknownLayoutError(msg)
    _, title = cursor.named()
    for _ in range(3):  # line, fill and marker
        cursor.skip()
    head = cursor.take(_TREE_HEAD)
    ranges = head[10]
    if ranges > _MOST_BASKETS:
        msg = f"{ranges} ranges of clusters"
        raise UnknownLayoutError(msg)
    cursor.pass_over(2 * (1 + 8 * ranges))
    features = _features(cursor) if version == 20 else 0
    branches = cursor.array(_branch)
    return Tree(title, int(head[0]), features, tuple(branches), record)


def _features(cursor: Cursor) -> int:
    _, end = cursor.header()
    bits = cursor.data[end - 1]
    cursor.at = end
    return bits


def _branch(cursor: Cursor, class_name: str, end: int) -> Branch:
    version = 0
    if class_name in {"TBranchElement", "TBranchObject", "TBranchSTL"}:
        version, _ = cursor.header()
        if class_name == "TBranchElement" and version not in {9, 10}:
            msg = f"a TBranchElement of version {version}"
            raise UnknownLayoutError(msg)
    elif class_name != "TBranch":
        msg = f"a branch of class {class_name}"
        raise UnknownLayoutError(msg)
    base, base_end = cursor.header()
    if base not in {12, 13}:
        msg = f"a TBranch of version {base}"
        raise UnknownLayoutError(msg)
    cursor.end = base_end
    name, title = cursor.named()
    cursor.skip()  # fill attributes
    _, _, _, written, _ = cursor.take(_BRANCH_HEAD)
    features = _features(cursor) if base == 13 else 0
    _, most, _, entries, first, total, packed = cursor.take(_BRANCH_TAIL)
    if most > _MOST_BASKETS or not 0 <= written <= most:
        msg = f"{most} baskets"
        raise UnknownLayoutError(msg)
    branches = cursor.array(_branch)
    leaves = cursor.array(_leaf)
    baskets = cursor.array(_basket)
    sizes, edges, places = (_numbers(cursor, kind, most) for kind in (">i4", ">i8", ">i8"))
    elsewhere = bool(cursor.text())
    cursor.at, cursor.end = base_end, end
    normal = _normal(places, written)
    edges = edges[: normal + 1].copy() if normal else np.zeros(1, dtype=np.int64)
    unusual = elsewhere or len(edges) != normal + 1 or class_name in {"TBranchObject", "TBranchSTL"}
    embedded = tuple(baskets) if entries != edges[-1] else ()
    more: tuple[str, int, int] = ("", 0, -1)
    if class_name == "TBranchElement":
        type_name, _parent, _clones = cursor.text(), cursor.text(), cursor.text()
        _, _, _, kind, streamer, _ = cursor.take(_ELEMENT if version == 10 else _ELEMENT_9)
        for _ in range(2):
            cursor.pointer(_branch)  # those that count it
        more = (type_name, kind, streamer)
    return Branch(
        class_name,
        name,
        title,
        entries,
        first,
        total,
        packed,
        places[:normal].copy(),
        sizes[:normal].astype(np.int64),
        edges,
        embedded,
        tuple(leaves),
        tuple(branches),
        features,
        unusual,
        *more,
    )


_ELEMENT_9 = struct.Struct(">Iiiiii")


def _numbers(cursor: Cursor, kind: str, count: int) -> NDArray[np.int64]:
    cursor.pass_over(1)
    at = cursor.pass_over(count * np.dtype(kind).itemsize)
    return np.frombuffer(cursor.data, kind, count, at).astype(np.int64)


def _normal(places: NDArray[np.int64], written: int) -> int:
    """Return how many baskets have records of their own."""
    nowhere = np.flatnonzero(places[:written] == 0)
    return int(nowhere[0]) if len(nowhere) else min(written, len(places))


def _leaf(cursor: Cursor, class_name: str, _end: int) -> Leaf:
    if not class_name.startswith("TLeaf"):
        msg = f"a leaf of class {class_name}"
        raise UnknownLayoutError(msg)
    cursor.header()
    version, inner_end = cursor.header()
    if version != 2:
        msg = f"a leaf of version {version}"
        raise UnknownLayoutError(msg)
    _, title = cursor.named()
    length, width, _, _, unsigned = cursor.take(_LEAF)
    count_at = cursor.at
    cursor.pointer(_leaf)
    counted = cursor.data[count_at : count_at + 4] != bytes(4)
    cursor.at = inner_end
    return Leaf(class_name, title, length, width, bool(unsigned), counted)


def _basket(cursor: Cursor, class_name: str, end: int) -> Embedded:
    if class_name != "TBasket":
        msg = f"a basket of class {class_name}"
        raise UnknownLayoutError(msg)
    size, _, _, _, header, _ = _KEY.unpack_from(cursor.data, cursor.at)
    fields = cursor.at + header - _BASKET.size - 1
    if header < _KEY.size + _BASKET.size + 1 or fields < cursor.at or cursor.at + header > end:
        msg = "a basket without header"
        raise UnknownLayoutError(msg)
    _, _, width, entries, last = _BASKET.unpack_from(cursor.data, fields)
    at = cursor.at + header
    if size > header:  # it is elsewhere, or of a kind that no longer is written
        msg = "a basket that is not embedded"
        raise UnknownLayoutError(msg)
    offsets = b""
    if width * entries + header != last:
        offsets = cursor.data[at + 4 : min(at + 4 + 4 * (entries + 1), end)]
        at += 4 + 4 * entries
        if len(offsets) != 4 * (entries + 1):
            msg = "a basket of so many entries"
            raise UnknownLayoutError(msg)
    at += header
    length = last - header
    if entries < 0 or length < 0 or at + length > end:
        msg = "a basket of so many bytes"
        raise UnknownLayoutError(msg)
    return Embedded(entries, at, length, offsets, header)
