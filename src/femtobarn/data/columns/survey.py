"""Looking through a ROOT file for its description, with uproot."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from femtobarn.data.columns.boundary import boundary
from femtobarn.data.columns.describe import (
    BranchDescription,
    Clusters,
    FileDescription,
    KeyDescription,
    TreeDescription,
)
from femtobarn.data.columns.interface import Stored
from femtobarn.data.columns.layout import ALGORITHMS
from femtobarn.data.columns.library import RNTUPLE, Place, choose, name_of, open_directory, tree_classes
from femtobarn.data.columns.preload import preload
from femtobarn.data.columns.readers import open_reader
from femtobarn.data.columns.streamed import StreamedFile

_HEADER = ((6, 10), (14, 16))  # where a record's header tells the uncompressed length, and its own
_PEEK = 256  # most headers are shorter
_NONE, _UNKNOWN = "none", "unknown"


def describe_file(place: Place, tree: str | None) -> FileDescription:
    """Return what a file is made of, whose header has been checked.

    Parameters
    ----------
    place
        the file
    tree
        the one tree to look into; None for all

    Raises
    ------
    TreeMissingError
        if there is no tree of that name
    DataError
        if the file cannot be read
    """
    name = name_of(place)
    if isinstance(place, StreamedFile):
        preload(place, lambda _: ())
    with open_directory(place) as directory, boundary(name, "reading its directory"):
        classes = tree_classes(directory)
        file = directory.file
        compression = file.compression
        algorithm = _NONE if compression is None else str(compression.name).lower()
        level = 0 if compression is None else int(compression.level)
        version, uuid, keys = str(file.root_version), str(file.uuid), tuple(_keys(directory))
    size = place.size if isinstance(place, StreamedFile) else place.stat().st_size
    chosen = list(classes) if tree is None else [choose(name, tree, list(classes))]
    trees = tuple(_tree(place, one, classes[one]) for one in chosen)
    return FileDescription(name, size, version, uuid, algorithm, level, keys, trees)


def _keys(directory: Any, within: str = "") -> list[KeyDescription]:
    found = []
    for label in directory.keys(recursive=False):
        key = directory.key(label)
        path = f"{within}{key.fName}"
        found.append(KeyDescription(path, str(key.fClassName), int(key.fCycle), str(key.fTitle)))
        if key.fClassName in {"TDirectory", "TDirectoryFile"}:
            found += _keys(directory[label], f"{path}/")
    return found


def _tree(place: Place, name: str, kind: str) -> TreeDescription:
    with open_reader(place, name) as reader:
        infos = reader.branches()
        stored = {branch: reader.stored(branch) for branch in infos}
        firsts = _compressions(place, stored)
        sizes = [int(size) for size in np.diff(reader.boundaries())]
        clusters = Clusters(len(sizes), min(sizes), statistics.median(sizes), max(sizes)) if sizes else None
        return TreeDescription(
            name=name,
            title=reader.title,
            kind="RNTuple" if kind == RNTUPLE else "TTree",
            entries=reader.entries,
            clusters=clusters or Clusters(0, 0, 0, 0),
            compressed=sum(one.compressed for one in stored.values()),
            uncompressed=sum(one.uncompressed for one in stored.values()),
            branches=tuple(
                BranchDescription(
                    info.name,
                    info.typename,
                    info.shape,
                    info.dtype,
                    stored[info.name].compressed,
                    stored[info.name].uncompressed,
                    stored[info.name].baskets,
                    firsts[info.name],
                )
                for info in infos.values()
            ),
        )


def _compressions(place: Place, stored: Mapping[str, Stored]) -> dict[str, str]:
    """Return the algorithm of each branch's first basket."""
    places = sorted({one.first for one in stored.values() if one.first is not None})
    heads = _peek(place, [(start, min(size, _PEEK)) for start, size in places])
    found: dict[tuple[int, int], str] = {}
    far: dict[tuple[int, int], int] = {}  # what has a header longer than was looked at
    for (start, size), head in zip(places, heads, strict=True):
        length, header = (int.from_bytes(head[at:stop], "big") for at, stop in _HEADER)
        if size - header == length:
            found[start, size] = _NONE
        elif header + 2 <= len(head) or header + 2 > size:
            found[start, size] = ALGORITHMS.get(head[header : header + 2], _UNKNOWN)
        else:
            far[start, size] = start + header
    blocks = _peek(place, [(block, 2) for block in far.values()])
    found |= {one: ALGORITHMS.get(block, _UNKNOWN) for one, block in zip(far, blocks, strict=True)}
    return {name: one.compression if one.first is None else found[one.first] for name, one in stored.items()}


def _peek(place: Place, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
    if isinstance(place, StreamedFile):
        return place.fetch_twice(ranges)
    parts = []
    with boundary(str(place), "looking at its records"), place.open("rb") as file:
        for start, size in ranges:
            file.seek(start)
            parts.append(file.read(size))
    return parts
