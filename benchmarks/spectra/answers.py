"""What the programs found, read and compared: a speed counts only if all histograms are the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from benchmarks.spectra.scan import WIDTH
from numpy.typing import NDArray

Answer = Mapping[str, NDArray[np.int64]]
"""Counts in bins from 0 on, by the name of the histogram; bins behind the last one are empty."""


class UnequalError(RuntimeError):
    """Two programs that should have computed the same did not."""


def read_npz(path: Path) -> Answer:
    """Return what a peer wrote."""
    with np.load(path, allow_pickle=False) as stored:
        ends = np.cumsum(stored["lengths"])
        parts = np.split(stored["counts"], ends[:-1])
        return {str(name): part for name, part in zip(stored["names"], parts, strict=True)}


def read_root(path: Path) -> Answer:
    """Return the histograms of a ROOT file, with empty bins from 0 to their first one.

    Raises
    ------
    UnequalError
        if something lies below 0 or above the last edge, edges are no multiples of the width, or bins hold no counts
    """
    import uproot

    found: dict[str, NDArray[np.int64]] = {}
    with uproot.open(path) as file:
        for name in file.keys(cycle=False):  # a file is no dict
            histogram = file[name]
            values, edges = histogram.values(flow=True), histogram.axis().edges() / WIDTH
            counts = values.astype(np.int64)
            if values[0] or values[-1] or (counts != values).any():
                raise UnequalError(f"{name} of {path.name} does not hold counts between its edges alone")
            if edges[0] < 0 or not np.array_equal(edges, edges[0].round() + np.arange(len(edges))):
                raise UnequalError(f"{name} of {path.name} does not have edges that are multiples of {WIDTH}")
            found[name] = np.pad(counts[1:-1], (int(edges[0]), 0))
    return found


def require_equal(one: Answer, name: str, other: Answer, other_name: str) -> None:
    """Raise unless both have the same histograms with the same counts in all bins.

    Raises
    ------
    UnequalError
        with the first difference
    """
    if one.keys() != other.keys():
        only = min(one.keys() ^ other.keys())
        has, lacks = (name, other_name) if only in one else (other_name, name)
        raise UnequalError(f"{has} has {only}, but {lacks} does not")
    if not sum(int(counts.sum()) for counts in one.values()):
        raise UnequalError(f"{name} and {other_name} count nothing: nothing is compared")
    for key, counts in one.items():
        a, b = _trimmed(counts), _trimmed(other[key])
        if not np.array_equal(a, b):
            raise UnequalError(
                f"{key}: {name} has {a.sum()} entries in {len(a)} bins, {other_name} {b.sum()} in {len(b)}, "
                "and not the same in each bin"
            )


def _trimmed(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    filled = np.flatnonzero(counts)
    return counts[: filled[-1] + 1] if len(filled) else counts[:0]
