"""Ranges of entries: which pieces cover one, columns put together, and offsets that are the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from femtobarn.data.columns.interface import Column

T = TypeVar("T")


def cover(pieces: Sequence[tuple[int, int, T]], start: int, stop: int) -> list[tuple[int, int, T]] | None:
    """Return ranges that make up ``start`` to ``stop``, each with the piece that holds it.

    Parameters
    ----------
    pieces
        first entry, last entry (excluded), and something that is given back

    Returns
    -------
    list or None
        as few as possible; None if they do not cover all entries
    """
    found: list[tuple[int, int, T]] = []
    at = start
    while at < stop:
        begun = [piece for piece in pieces if piece[0] <= at < piece[1]]
        if not begun:
            return None
        best = max(begun, key=lambda piece: min(piece[1], stop))
        end = min(best[1], stop)
        found.append((at, end, best[2]))
        at = end
    return found


def joined(parts: Mapping[str, Sequence[Column]]) -> dict[str, Column]:
    """Return columns made of parts that follow each other; lists that shared offsets still do."""
    known: dict[tuple[int, ...], NDArray[np.int64]] = {}
    found = {}
    for name, some in parts.items():
        if len(some) == 1:
            found[name] = some[0]
            continue
        content = np.concatenate([part.content for part in some])
        lists = [part.offsets for part in some if part.offsets is not None]
        if not lists:
            found[name] = Column(content)
            continue
        place = tuple(id(offsets) for offsets in lists)
        if place not in known:
            begins = np.cumsum([0] + [int(offsets[-1]) for offsets in lists])
            moved = [offsets[1:] + begin for offsets, begin in zip(lists, begins[:-1], strict=True)]
            known[place] = np.concatenate([np.zeros(1, dtype=np.int64), *moved])
        found[name] = Column(content, known[place])
    return found


def sharing(columns: Mapping[str, Column]) -> dict[str, Column]:
    """Return the columns with one object for offsets that are equal."""
    distinct: list[NDArray[np.int64]] = []
    found = {}
    for name, column in columns.items():
        offsets = column.offsets
        if offsets is None:
            found[name] = column
            continue
        same = next((one for one in distinct if one is offsets), None)
        if same is None:
            same = next((one for one in distinct if _equal(one, offsets)), None)
        if same is None:
            distinct.append(offsets)
            same = offsets
        found[name] = column if same is offsets else Column(column.content, same)
    return found


def _equal(one: NDArray[np.int64], other: NDArray[np.int64]) -> bool:
    # the last number tells most collections apart without a look at the others
    return len(one) == len(other) and one[-1] == other[-1] and np.array_equal(one, other)
