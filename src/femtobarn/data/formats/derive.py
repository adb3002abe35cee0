"""Columns that are made of others: energies, parts of collections, joined collections."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from femtobarn.data.columns.interface import Column
from femtobarn.data.formats.model import FIELDS

_TYPES = {"float": np.float64, "int": np.int64, "bool": np.bool_, "string": np.uint8}


def energy(pt: Column, eta: Column, mass: Column) -> Column:
    """Return the energy of each object, E^2 = (pt cosh eta)^2 + m^2, all in GeV, as float64."""
    with np.errstate(
        over="ignore", invalid="ignore"
    ):  # an absurd eta gives an infinite energy, not a warning
        momentum = pt.content * np.cosh(eta.content)
        return Column(np.hypot(momentum, mass.content), pt.offsets)


def part(column: Column, label: Column, value: int) -> Column:
    """Return the objects of ``column`` whose ``label`` is ``value``; both have the same offsets."""
    chosen = label.content == value
    before = np.zeros(len(chosen) + 1, dtype=np.int64)
    np.cumsum(chosen, out=before[1:])
    return Column(column.content[chosen], before[_lists(label)])


def joined(columns: Sequence[Column]) -> Column:
    """Return lists that hold, in each event, the objects of all ``columns`` in this order."""
    result = columns[0]
    for column in columns[1:]:
        result = _join(result, column)
    return result


def _join(first: Column, second: Column) -> Column:
    a, b = _lists(first), _lists(second)
    content = np.empty(len(first.content) + len(second.content), dtype=first.content.dtype)
    # an object moves up by what the other collection has in the events before it (the second: and in its own)
    content[np.arange(len(first.content)) + np.repeat(b[:-1], np.diff(a))] = first.content
    content[np.arange(len(second.content)) + np.repeat(a[1:], np.diff(b))] = second.content
    return Column(content, a + b)


def constant(like: Column, path: str, value: float) -> Column:
    """Return ``value`` for each entry of ``like``, in the type of the field ``path``."""
    return Column(np.full(len(like.content), value, dtype=_TYPES[FIELDS[path].kind]), like.offsets)


def empty(path: str, entries: int) -> Column:
    """Return no objects in any of ``entries`` events, in the type of the field ``path``."""
    return Column(np.empty(0, dtype=_TYPES[FIELDS[path].kind]), np.zeros(entries + 1, dtype=np.int64))


def per_event(path: str, value: float, entries: int) -> Column:
    """Return ``value`` for each of ``entries`` events, in the type of the field ``path``."""
    return Column(np.full(entries, value, dtype=_TYPES[FIELDS[path].kind]))


def _lists(column: Column) -> NDArray[np.int64]:
    assert column.offsets is not None
    return column.offsets
