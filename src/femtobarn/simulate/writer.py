"""One ROOT file from one table: C arrays with counters, several baskets, complete or absent."""

from __future__ import annotations

import uuid
from itertools import pairwise
from pathlib import Path

import awkward as ak
import numpy as np
import uproot

from femtobarn.base.atomic import replacing
from femtobarn.simulate.table import Collection, Table

TREE = "analysis"
TITLE = "simulated demo data"
"""Title of the tree: what reads it can tell that these are not recorded events."""


def write_root(path: Path, table: Table, *, chunks: int = 3) -> None:
    """Write ``table`` as tree ``analysis`` of a ROOT file at ``path``.

    The file appears under its name only when it is complete. Its UUID follows from the values, so
    that equal contents have equal identities.

    Parameters
    ----------
    path
        the file; replaced if it exists
    table
        what to write
    chunks
        baskets per branch; fewer if there are fewer than 50 events for each

    Raises
    ------
    UnwritableError
        if the file cannot be written
    """
    with replacing(path) as partial:
        _write(partial, table, max(1, min(chunks, len(table) // 50)))


def _write(path: Path, table: Table, chunks: int) -> None:
    identities = (uuid.uuid5(uuid.UUID(bytes=table.digest()), str(i)) for i in range(1_000_000))
    compression = uproot.ZLIB(1)
    with uproot.recreate(path, compression=compression, uuid_function=lambda: next(identities)) as file:
        types: dict[str, object] = {name: array.dtype for name, array in table.events.items()}
        types |= {name: _jagged(c.part(0, 0)).type.content for name, c in table.collections.items()}
        types["category"] = "string"
        tree = file.mktree(TREE, types, title=TITLE, counter_name=lambda counted: f"{counted}_n")
        edges = np.linspace(0, len(table), chunks + 1).astype(int)
        for start, stop in pairwise(edges):
            part = table.part(int(start), int(stop))
            columns: dict[str, object] = dict(part.events)
            columns |= {name: _jagged(c) for name, c in part.collections.items()}
            columns["category"] = ak.Array([part.label] * len(part))
            tree.extend(columns)


def _jagged(collection: Collection) -> ak.Array:
    offsets = np.concatenate([[0], np.cumsum(collection.counts)]).astype(np.int64)
    contents = [ak.contents.NumpyArray(values) for values in collection.fields.values()]
    if list(collection.fields) == [""]:
        return ak.Array(ak.contents.ListOffsetArray(ak.index.Index64(offsets), contents[0]))
    record = ak.contents.RecordArray(contents, list(collection.fields), length=int(offsets[-1]))
    return ak.Array(ak.contents.ListOffsetArray(ak.index.Index64(offsets), record))
