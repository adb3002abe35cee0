"""Which branches are of a form that is known for certain. All others are for uproot."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from femtobarn.data.columns.fast.layout_codes import ARRAYS, FIXED, STRINGS, VECTORS
from femtobarn.data.columns.fast.metadata import Branch, Leaf
from femtobarn.data.columns.interface import BranchInfo

_LEAVES = {
    ("TLeafO", False): "bool",
    ("TLeafB", False): "int8",
    ("TLeafB", True): "uint8",
    ("TLeafS", False): "int16",
    ("TLeafS", True): "uint16",
    ("TLeafI", False): "int32",
    ("TLeafI", True): "uint32",
    ("TLeafL", False): "int64",
    ("TLeafL", True): "uint64",
    ("TLeafG", False): "int64",
    ("TLeafG", True): "uint64",
    ("TLeafF", False): "float32",
    ("TLeafD", False): "float64",
}
_WITHIN = {
    "bool": "bool",
    "char": "int8",
    "unsigned char": "uint8",
    "short": "int16",
    "unsigned short": "uint16",
    "int": "int32",
    "unsigned int": "uint32",
    "long": "int64",
    "unsigned long": "uint64",
    "float": "float32",
    "double": "float64",
}
_MOST_ENTRIES = 1 << 31  # of a basket, whose content has fewer bytes
_NAMES = {"bool": "bool", "float32": "float", "float64": "double"}  # others: int32 is int32_t
_VECTOR = re.compile(r"(vector|ROOT::VecOps::RVec)<([a-z ]+)>")
_FIXED = re.compile(r"[^\[\]]+\[([1-9][0-9]*)\]")
_COUNTED = re.compile(r"[^\[\]]+\[[A-Za-z_][\w.]*\]")


@dataclass(frozen=True, slots=True)
class Kind:
    """A branch that can be read fast.

    Parameters
    ----------
    info
        what callers are told of it
    form
        form of an entry (`layout_codes`)
    size
        bytes of a number
    count
        numbers of an entry if that is fixed, else 0
    edges
        first entry of each basket, and the number of entries
    """

    info: BranchInfo
    form: int
    size: int
    count: int
    edges: NDArray[np.int64]


def kind_of(branch: Branch, entries: int, end: int) -> Kind | None:
    """Return of what kind ``branch`` of a tree is; None if that is not known for certain.

    Parameters
    ----------
    branch
        what the file tells of it
    entries
        of the tree
    end
        bytes of the file
    """
    described = _described(branch)
    if described is None:
        return None
    form, dtype, count, typename = described
    edges = _edges(branch)
    if not _sound(branch, edges, entries, end) or (form == ARRAYS and branch.features):
        return None
    size = np.dtype(dtype).itemsize
    shape = "scalar" if form == FIXED and not count else "string" if form == STRINGS else "list"
    return Kind(BranchInfo(branch.name, shape, dtype, typename), form, size, count or 1, edges)  # type: ignore[arg-type]


def _described(branch: Branch) -> tuple[int, str, int, str] | None:
    """Return form, type of numbers, fixed count and name of the type; None if they are not known."""
    if branch.unusual or branch.branches or len(branch.leaves) != 1:
        return None
    (leaf,) = branch.leaves
    if branch.class_name == "TBranch":
        return _plain(leaf)
    if (leaf.class_name, leaf.counted) != ("TLeafElement", False) or "[" in leaf.title:
        return None
    if (branch.type_name, branch.kind, branch.streamer) == ("string", -1, -1):
        return STRINGS, "uint8", 0, "std::string"
    vector = _VECTOR.fullmatch(branch.type_name)
    if vector is None or vector[2] not in _WITHIN or (branch.kind, branch.streamer) != (0, -1):
        return None
    dtype = _WITHIN[vector[2]]
    return VECTORS, dtype, 0, f"{'std::vector' if vector[1] == 'vector' else 'RVec'}<{_name(dtype)}>"


def _plain(leaf: Leaf) -> tuple[int, str, int, str] | None:
    dtype = _LEAVES.get((leaf.class_name, leaf.unsigned))
    if dtype is None or np.dtype(dtype).itemsize != leaf.width:
        return None
    if leaf.counted:
        if leaf.length == 1 and _COUNTED.fullmatch(leaf.title):
            return ARRAYS, dtype, 0, f"{_name(dtype)}[]"
        return None
    if "[" not in leaf.title and "]" not in leaf.title:
        return (FIXED, dtype, 0, _name(dtype)) if leaf.length == 1 else None
    fixed = _FIXED.fullmatch(leaf.title)
    if fixed and int(fixed[1]) == leaf.length:
        return FIXED, dtype, leaf.length, f"{_name(dtype)}[{leaf.length}]"
    return None


def _name(dtype: str) -> str:
    return _NAMES.get(dtype, f"{dtype}_t")


def _edges(branch: Branch) -> NDArray[np.int64]:
    more = np.cumsum([basket.entries for basket in branch.embedded], dtype=np.int64)
    return np.concatenate([branch.edges, branch.edges[-1] + more])


def _sound(branch: Branch, edges: NDArray[np.int64], entries: int, end: int) -> bool:
    """Return whether the baskets lie within the file, apart, and have the tree's entries."""
    places, sizes = branch.places, branch.sizes
    starts = np.sort(places)
    return bool(
        branch.first_entry == 0
        and branch.entries == entries == edges[-1]
        and edges[0] == 0
        and (np.diff(edges) >= 0).all()
        and (np.diff(edges) <= _MOST_ENTRIES).all()
        and len(sizes) == len(places)
        and (sizes > 0).all()
        and (places > 0).all()
        and (places + sizes <= end).all()
        and (np.diff(starts) > 0).all()
    )
