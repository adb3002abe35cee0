"""The columns of one file, before they are written."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class Collection:
    """Objects of one kind: ``counts`` of shape (n,), and fields of shape (counts.sum(),).

    A single field without a name is a list that is a branch by itself.
    """

    counts: NDArray[np.int32]
    fields: Mapping[str, Array]

    def part(self, start: int, stop: int) -> Collection:
        """Return the objects of events ``start`` to ``stop``."""
        edges = np.concatenate([[0], np.cumsum(self.counts)])
        inner = slice(int(edges[start]), int(edges[stop]))
        return Collection(self.counts[start:stop], {name: a[inner] for name, a in self.fields.items()})


@dataclass(frozen=True, slots=True)
class Table:
    """One file's events.

    Parameters
    ----------
    label
        one string for all events, written as ``category``
    events
        branches with one number per event, shape (n,)
    collections
        branches with any number of values per event; ``lep`` with field ``pt`` is branch ``lep_pt``
    """

    label: str
    events: Mapping[str, Array]
    collections: Mapping[str, Collection]

    def __len__(self) -> int:
        return len(next(iter(self.events.values())))

    def part(self, start: int, stop: int) -> Table:
        """Return events ``start`` to ``stop``."""
        return Table(
            self.label,
            {name: a[start:stop] for name, a in self.events.items()},
            {name: c.part(start, stop) for name, c in self.collections.items()},
        )

    def digest(self) -> bytes:
        """Return 16 bytes that depend on every name, type and value."""
        made = hashlib.blake2b(self.label.encode(), digest_size=16)
        columns = dict(self.events)
        for name, collection in self.collections.items():
            columns[f"{name}_n"] = collection.counts
            columns.update({f"{name}_{field}": a for field, a in collection.fields.items()})
        for name, array in columns.items():
            made.update(f"{name} {array.dtype} {len(array)}".encode())
            made.update(np.ascontiguousarray(array).tobytes())
        return made.digest()


def compact(values: NDArray[np.floating], bits: int = 14) -> NDArray[np.float32]:
    """Return ``values`` as float32 rounded to ``bits`` bits after the first: files become a third smaller.

    Parameters
    ----------
    values
        finite numbers
    bits
        kept bits of the mantissa; the relative error is at most 2**-(bits + 1)
    """
    raw = np.ascontiguousarray(values, np.float32).view(np.uint32)
    dropped = 23 - bits
    half = np.uint32(1 << (dropped - 1))
    mask = np.uint32(0xFFFFFFFF ^ ((1 << dropped) - 1))
    return ((raw + half) & mask).view(np.float32)
