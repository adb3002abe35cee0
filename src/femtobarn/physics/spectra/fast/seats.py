"""Where bins are in their table, compiled: see `bins`."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

from numba import types

from femtobarn.physics.spectra.fast.memory import compiled, numbers
from femtobarn.physics.spectra.sums import LAST_BIN

U64 = types.uint64
Int: TypeAlias = Any  # a number of Numba's
Float: TypeAlias = Any
_GOLDEN = 0x9E3779B97F4A7C15


def _first(key: Int, bits: Int) -> Int:
    return (key * U64(_GOLDEN)) >> U64(64 - bits)


first_seat = compiled(_first)


def _seat(table: Int, bits: Int, stride: Int, key: Int) -> Int:
    """Return where in the table a bin is, or the free place that it takes."""
    last = (U64(1) << U64(bits)) - U64(1)
    at = first_seat(key, bits)
    while True:
        place = at * U64(stride)
        there = table[place]
        if there == key or there == U64(0):
            return place
        at = (at + U64(1)) & last


seat = compiled(_seat)


def _bin(value: Float, width: Float) -> Int:
    """Return 0 for what is below 0, else k + 1 where k * width <= value < (k + 1) * width."""
    if value < 0.0:
        return U64(0)
    ratio = value / width
    if ratio >= LAST_BIN:
        return U64(LAST_BIN)
    k = math.floor(ratio)
    # a quotient is rounded: the edges decide
    if k * width > value:
        k -= 1.0
    elif (k + 1.0) * width <= value:
        k += 1.0
    return min(U64(k) + U64(1), U64(LAST_BIN))


number = compiled(_bin)


def move(old_at: Int, old_bits: Int, new_at: Int, new_bits: Int, columns: Int) -> Int:
    """Bring the bins of a table into a larger one; return their number."""
    old, new = numbers(old_at), numbers(new_at)
    stride = 1 + columns
    moved = 0
    for row in range(1 << old_bits):
        at = row * stride
        if old[at] != U64(0):
            to = seat(new, new_bits, stride, old[at])
            for word in range(stride):
                new[to + U64(word)] = old[at + word]
            moved += 1
    return moved
