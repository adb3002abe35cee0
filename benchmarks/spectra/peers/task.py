"""What the peers compute: the production configuration in their own words, and how they write their answer."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

TREE = "CollectionTree"
WIDTH = 10.0
LEAST_EVENTS = 50
MOST_COUNT, MOST_TOTAL, SUBLEADING = 4, 4, 1
GEV = 1e-3
KINDS = {
    "e": ("AnalysisElectronsAuxDyn", 10.0),
    "m": ("AnalysisMuonsAuxDyn", 10.0),
    "j": ("AnalysisJetsAuxDyn", 20.0),
    "g": ("AnalysisPhotonsAuxDyn", 10.0),
}
"""By letter: the collection, and the least pt in GeV."""

MUON_MASS = 0.10566
"""GeV: files have none for muons."""

Windows = dict[str, tuple[int, int]]
"""By letter: how many objects, from which rank on."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Counts in bins from 0 on, by the name of the histogram."""

    spectra: dict[str, NDArray[np.int64]]

    def write(self, path: Path | str) -> None:
        """Write all of them into one NPZ file."""
        counts = list(self.spectra.values())
        np.savez(
            path,
            names=np.array(list(self.spectra)),
            lengths=np.array([len(one) for one in counts]),
            counts=np.concatenate(counts),
        )


def branches(letter: str) -> list[str]:
    """Return the branches of a kind: pt, eta, phi and, where there is one, the mass."""
    fields = ("pt", "eta", "phi") if letter == "m" else ("pt", "eta", "phi", "m")
    return [f"{KINDS[letter][0]}.{field}" for field in fields]


def windows_of_a_kind() -> list[tuple[int, int]]:
    """Return leading windows, and those of others that reach no further than the subleading object."""
    leading = [(count, 0) for count in range(1, MOST_COUNT + 1)]
    others = [
        (count, start)
        for start in range(1, SUBLEADING + 1)
        for count in range(1, MOST_COUNT + 1)
        if start + count - 1 <= SUBLEADING
    ]
    return leading + others


def combinations() -> list[Windows]:
    """Return all combinations of two to four objects."""
    choices = [None, *windows_of_a_kind()]
    found = []
    for chosen in itertools.product(choices, repeat=len(KINDS)):
        windows = {letter: window for letter, window in zip(KINDS, chosen, strict=True) if window is not None}
        if 2 <= sum(count for count, _ in windows.values()) <= MOST_TOTAL:
            found.append(windows)
    return found


def name_of(windows: Windows, counts: dict[str, int]) -> str:
    """Return the name of a histogram, as BumpNet reads it."""
    letters = "".join(
        f"{letter}{rank}" for letter, (n, start) in windows.items() for rank in range(start, start + n)
    )
    state = "_".join(f"{counts.get(letter, 0)}{letter}x" for letter in "emjgtb")
    return f"ROI_mass_{letters}_cat_{state}_width_{WIDTH}"
