"""A tree in memory, as readers of columns give it: for formats that no writer at hand can write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from femtobarn.data.columns import BranchInfo, Column


def lists(values: Sequence[Sequence[float]], dtype: str = "float32") -> Column:
    flat = [x for event in values for x in event]
    offsets = np.cumsum([0, *(len(event) for event in values)])
    return Column(np.array(flat, dtype=dtype), offsets.astype(np.int64))


def scalars(values: Sequence[float], dtype: str = "float32") -> Column:
    return Column(np.array(values, dtype=dtype))


class MemoryTree:
    def __init__(
        self, columns: Mapping[str, Column], tree: str = "Events", entries: int | None = None
    ) -> None:
        self.url, self.tree, self.title, self.uuid = "memory.root", tree, tree, "none"
        self._columns = dict(columns)
        self.entries = next(iter(columns.values())).entries if entries is None else entries

    def branches(self) -> Mapping[str, BranchInfo]:
        return {
            name: BranchInfo(name, "scalar" if c.offsets is None else "list", c.content.dtype.name, "number")
            for name, c in self._columns.items()
        }

    def boundaries(self) -> NDArray[np.int64]:
        return np.array([0, self.entries])

    def read(self, branches: Sequence[str], start: int, stop: int) -> dict[str, Column]:
        found = {}
        for name in branches:
            column = self._columns[name]
            if column.offsets is None:
                found[name] = Column(column.content[start:stop])
            else:
                offsets = column.offsets[start : stop + 1]
                found[name] = Column(column.content[offsets[0] : offsets[-1]], offsets - offsets[0])
        return found

    def stored_bytes(self, branches: Sequence[str]) -> int:
        return sum(self._columns[name].content.nbytes for name in branches)

    def close(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


def as_lists(column: Column) -> list[Any]:
    if column.offsets is None:
        return list(column.content.tolist())
    return [column.content[a:b].tolist() for a, b in zip(column.offsets, column.offsets[1:], strict=False)]
