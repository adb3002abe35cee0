"""What a step is given: how much to measure, where things are."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from benchmarks.spectra.inputs import FILE_EVENTS, Input, generated
from benchmarks.spectra.results import Setting

ROOT = Path(__file__).resolve().parents[2]
"""Where processes of the benchmark start, so that they find it."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured.

    Parameters
    ----------
    rounds
        of the whole chain and the fast peer; the slow one runs once
    files
        of `FILE_EVENTS` events each, for the chain
    growth_rounds
        of the runs that show growth
    growth_files
        sizes of the input that show growth with events
    subleading
        indices that show growth with combinations
    most_counts
        limits on the number of objects of a kind that show growth with final states
    copies
        of one file, for the memory
    events
        of a file
    """

    rounds: int
    files: int
    growth_rounds: int
    growth_files: tuple[int, ...]
    subleading: tuple[int, ...]
    most_counts: tuple[int, ...]
    copies: tuple[int, ...]
    events: int


LARGE = Size(3, 8, 2, (4, 8, 16, 32), (0, 1, 2), (1, 2, 3, 4, 6, 12), (1, 10, 100), FILE_EVENTS)
SMALL = Size(1, 2, 1, (1, 2), (0, 1), (1, 4), (1, 3), 2000)


@dataclass(frozen=True, slots=True)
class Bench:
    """One call of the benchmark.

    Parameters
    ----------
    femtobarn
        the command
    peers
        the Python that has ROOT, uproot and awkward, and not femtobarn
    work
        folder for the input, caches and run directories
    """

    size: Size
    femtobarn: str
    peers: str
    work: Path
    setting: Setting

    def input(self) -> Input:
        """Return all files; they are written if they are not there."""
        number = max(self.size.files, *self.size.growth_files)
        return generated(self.peers, self.work / f"input-{self.size.events}", number, self.size.events)

    def out(self) -> Path:
        """Return the place of the next answer, where nothing is."""
        place = self.work / "out"
        if place.is_dir():
            shutil.rmtree(place)
        place.unlink(missing_ok=True)
        return place

    def environment(self) -> dict[str, str]:
        """Return the environment of measured commands: what everybody gets, caches of their own, no threads of libraries."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("FEMTOBARN_")}
        return kept | {
            "FEMTOBARN_CACHE": str(self.work / "cache"),
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
        }
