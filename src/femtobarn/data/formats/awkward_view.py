"""Columns of the event model as one awkward array, to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import awkward as ak
import numpy as np

from femtobarn.base.errors import UsageError
from femtobarn.data.columns.interface import Column
from femtobarn.data.formats.model import FIELDS


def to_awkward(columns: Mapping[str, Column], paths: Sequence[str] | None = None) -> Any:
    """Return an ``ak.Array`` of events with nested fields (``events.lep.pt``, ``events.met.pt``).

    A field called as a method or property of awkward arrays is reached by index: ``events.lep["type"]``.

    Parameters
    ----------
    columns
        as `femtobarn.data.formats.reader.EventReader.read` returns them
    paths
        the fields to show, all if None

    Raises
    ------
    UsageError
        if no field is given, one is not in ``columns``, or they differ in length
    """
    chosen = list(columns) if paths is None else list(dict.fromkeys(paths))
    absent = [path for path in chosen if path not in columns]
    lengths = {columns[path].entries for path in chosen if path in columns}
    if absent or len(lengths) != 1:
        msg = (
            "Expected at least one field, all of them read and of one length, got "
            f"{', '.join(chosen) or 'none'}; not read: {', '.join(absent) or 'none'}; "
            f"lengths: {sorted(lengths)}. Read the fields first."
        )
        raise UsageError(msg)
    lists: dict[str, dict[str, Column]] = {}
    tree: dict[str, Any] = {}
    for path in chosen:
        collection = FIELDS[path].collection
        if collection is None:
            _put(tree, path.split("."), _per_event(path, columns[path]))
        else:
            lists.setdefault(collection, {})[path.removeprefix(f"{collection}.")] = columns[path]
    for collection, members in lists.items():
        _put(tree, [collection], _collection(members))
    return ak.Array(_record(tree, lengths.pop()))


def _put(tree: dict[str, Any], names: list[str], layout: Any) -> None:
    for name in names[:-1]:
        tree = tree.setdefault(name, {})
    tree[names[-1]] = layout


def _record(tree: Mapping[str, Any], length: int) -> Any:
    contents = [_record(v, length) if isinstance(v, dict) else v for v in tree.values()]
    return ak.contents.RecordArray(contents, list(tree), length=length)


def _per_event(path: str, column: Column) -> Any:
    if column.offsets is None:
        return ak.contents.NumpyArray(column.content)
    if FIELDS[path].kind == "string":
        letters = ak.contents.NumpyArray(column.content.astype(np.uint8), parameters={"__array__": "char"})
        return ak.contents.ListOffsetArray(
            ak.index.Index64(column.offsets), letters, parameters={"__array__": "string"}
        )
    return ak.contents.ListOffsetArray(
        ak.index.Index64(column.offsets), ak.contents.NumpyArray(column.content)
    )


def _collection(members: Mapping[str, Column]) -> Any:
    offsets = next(iter(members.values())).offsets
    contents = [ak.contents.NumpyArray(column.content) for column in members.values()]
    return ak.contents.ListOffsetArray(
        ak.index.Index64(offsets), ak.contents.RecordArray(contents, list(members))
    )
