"""Offsets of lists: one object for all branches of a collection."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from femtobarn.data.columns.interface import Column

_COLLECTION = re.compile(r"[A-Za-z0-9]+")


class SharedOffsets:
    """The different offsets of the lists read so far, for one range of entries."""

    def __init__(self) -> None:
        self._last: dict[str, NDArray[np.int64]] = {}
        self._different: dict[int, list[NDArray[np.int64]]] = {}

    def likely(self, branch: str) -> NDArray[np.int64] | None:
        """Return the offsets that a branch most likely has: those of the last one of its collection."""
        return self._last.get(_collection(branch))

    def column(self, branch: str, column: Column) -> Column:
        """Return what was read of a branch with the first offsets that equal its own."""
        if column.offsets is None:
            return column
        return Column(column.content, self._shared(branch, column.offsets))

    def _shared(self, branch: str, offsets: NDArray[np.int64]) -> NDArray[np.int64]:
        known = self._different.setdefault(int(offsets[-1]), [])
        for other in known:
            if other is offsets or np.array_equal(other, offsets):
                break
        else:
            known.append(offsets)
            other = offsets
        self._last[_collection(branch)] = other
        return other


def _collection(branch: str) -> str:
    match = _COLLECTION.match(branch)
    return match[0] if match else ""
