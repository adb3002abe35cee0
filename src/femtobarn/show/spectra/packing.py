"""Spectra packed for a page: bins that are not empty, as short numbers, compressed, in letters.

A block holds the spectra of some entries. Inflated it is: the length of the first part (four bytes, little
endian), then whole numbers of seven bits a byte (lowest first, the eighth bit says that more follow), then
numbers of simulation (float32, little endian). The whole numbers of an entry are how many layers it has,
and of each layer: its number, the number of its width, how many entries are below 0 and how many above the
last bin, how many bins are not empty, the first of them and the steps to the next ones, and the entries of
each. The numbers of a layer of simulation are the sum of weights and its variance, below and above, then
the sums of all bins, then their variances.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from femtobarn.running.results.spectra.reader import Spectrum

_BITS = 7
_MOST_BYTES = 8  # counts below 2^53, which is what a page can add up


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One of the spectra that are drawn on each other: ``number`` tells which, ``width`` that of its bins."""

    number: int
    width: int
    spectrum: Spectrum


def block(entries: Sequence[Sequence[Layer]]) -> str:
    """Return the layers of some entries as base64 of what `zlib` compressed."""
    whole: list[NDArray[np.uint64]] = []
    real: list[NDArray[np.float32]] = []
    for layers in entries:
        whole.append(np.array([len(layers)], np.uint64))
        for layer in layers:
            whole += _whole(layer)
            real += _real(layer.spectrum)
    numbers = varints(np.concatenate(whole))
    floats = np.concatenate(real).astype("<f4").tobytes() if real else b""
    raw = len(numbers).to_bytes(4, "little") + numbers + floats
    return base64.b64encode(zlib.compress(raw, 9)).decode("ascii")


def filled(spectrum: Spectrum) -> NDArray[np.intp]:
    """Return the places of the bins that are not empty."""
    return np.flatnonzero(spectrum.sums[:, 0])


def varints(numbers: NDArray[np.uint64]) -> bytes:
    """Return whole numbers, each in as few bytes of seven bits as it needs."""
    length = np.ones(len(numbers), np.intp)
    for i in range(1, _MOST_BYTES):
        length += numbers >= np.uint64(1) << np.uint64(_BITS * i)
    ends = np.cumsum(length)
    out = np.zeros(int(ends[-1]) if len(ends) else 0, np.uint8)
    begins = ends - length
    for i in range(_MOST_BYTES):
        there = length > i
        part = (numbers[there] >> np.uint64(_BITS * i)) & np.uint64(0x7F)
        more = np.where(length[there] > i + 1, np.uint64(0x80), np.uint64(0))
        out[begins[there] + i] = (part | more).astype(np.uint8)
    return out.tobytes()


def _whole(layer: Layer) -> list[NDArray[np.uint64]]:
    spectrum = layer.spectrum
    places = filled(spectrum)
    bins = places + spectrum.first
    outside = (round(spectrum.below[0]), round(spectrum.above[0]))
    head = np.array([layer.number, layer.width, *outside, len(bins)], np.uint64)
    entries = np.rint(spectrum.sums[places, 0]).astype(np.uint64)
    return [head, np.diff(bins, prepend=0).astype(np.uint64), entries]


def _real(spectrum: Spectrum) -> list[NDArray[np.float32]]:
    if spectrum.sums.shape[1] == 1:
        return []
    weighted = spectrum.sums[filled(spectrum), 1:].astype(np.float32)
    outside = np.concatenate([spectrum.below[1:], spectrum.above[1:]]).astype(np.float32)
    return [outside, weighted[:, 0], weighted[:, 1]]
