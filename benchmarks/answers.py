"""What the programs found, read and compared: a speed counts only if everybody counts the same events."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

TOLERANCE = 1e-12
"""Every program fills in double precision; sums differ in their order only."""


class UnequalError(RuntimeError):
    """Two programs that should have computed the same did not."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Counts by variation, and sums of weights in the bins by (histogram, variation)."""

    counts: dict[str, int]
    histograms: dict[tuple[str, str], NDArray[np.float64]]


def read_json(path: Path) -> Answer:
    """Return what a peer wrote."""
    found = json.loads(path.read_text())
    histograms = {
        (name, variation): np.array(bins)
        for name, variations in found["histograms"].items()
        for variation, bins in variations.items()
    }
    return Answer({k: int(v) for k, v in found["counts"].items()}, histograms)


def read_run(folder: Path, selection: str = "final") -> Answer:
    """Return what is in a run directory of femtobarn: counts after the last cut, all files together."""
    last: dict[tuple[str, str], tuple[int, int]] = {}
    with (folder / "cutflow.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["selection"] == selection:
                key = (row["dsid"] or row["file"], _plain(row["variation"]))
                last[key] = max(last.get(key, (-1, 0)), (int(row["step"]), int(row["raw"])))
    counts: dict[str, int] = {}
    for (_, variation), (_, raw) in last.items():
        counts[variation] = counts.get(variation, 0) + raw
    histograms = {}
    with np.load(folder / "histograms.npz", allow_pickle=False) as stored:
        variations = [_plain(str(name)) for name in stored["variations"]]
        for name in stored.files:
            if name.startswith(f"{selection}/") and not name.endswith("/keys"):
                sums = stored[name].sum(axis=0)[:, 1:-1, 0]
                histogram = name.removeprefix(f"{selection}/")
                histograms |= {(histogram, v): sums[i] for i, v in enumerate(variations)}
    return Answer(counts, histograms)


def _plain(variation: str) -> str:
    return variation.removesuffix(":up")


def require_equal(one: Answer, name: str, other: Answer, other_name: str) -> None:
    """Raise unless counts are equal and the histograms that both have agree bin for bin.

    Raises
    ------
    UnequalError
        with the first difference
    """
    if one.counts != other.counts:
        names = sorted(one.counts.keys() | other.counts.keys())
        k = next(k for k in names if one.counts.get(k) != other.counts.get(k))
        msg = f"{name} counts {one.counts.get(k)} events ({k}), but {other_name} {other.counts.get(k)}"
        raise UnequalError(msg)
    if not sum(one.counts.values()):
        raise UnequalError(f"{name} and {other_name} count no events: nothing is compared")
    common = one.histograms.keys() & other.histograms.keys()
    if {v for _, v in common} != set(one.counts):
        raise UnequalError(f"{name} and {other_name} have no histogram in common for some variations")
    for key in sorted(common):
        a, b = one.histograms[key], other.histograms[key]
        if a.shape != b.shape:
            raise UnequalError(f"{name} and {other_name} have {a.shape} and {b.shape} bins in {key}")
        # a bin that is not a number is equal to none
        off = ~(np.abs(a - b) <= TOLERANCE * np.maximum(np.maximum(np.abs(a), np.abs(b)), 1.0))
        if off.any():
            i = int(np.flatnonzero(off)[0])
            raise UnequalError(f"{key}, bin {i}: {name} has {a[i]!r}, {other_name} {b[i]!r}")
