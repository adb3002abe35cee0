"""What a step is given: how much to measure, and where to put things."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.scale.results import Setting

ROOT = Path(__file__).resolve().parents[2]
"""Where processes of the benchmark start, so that they find it."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured.

    Parameters
    ----------
    rounds
        of steps 1, 3 and 5
    executors
        which are measured
    small_tasks
        of step 1
    queued
        tasks of step 2
    events
        in each demo file of steps 3 and 5
    copies
        how often these are read in step 3
    far_workers, far_tasks
        numbers of workers of step 4, and tasks for each
    factors
        sizes of input of step 5, as multiples of the demo files
    """

    rounds: int
    executors: tuple[str, ...]
    small_tasks: int
    queued: int
    events: int
    copies: int
    far_workers: tuple[int, ...]
    far_tasks: int
    factors: tuple[int, ...]


ALL = ("local", "rabbitmq", "dask", "batch")
LARGE = Size(3, ALL, 1000, 100_000, 20_000, 2, (1, 2, 4, 8, 16, 32, 64), 6, (1, 2, 4, 8, 16))
SMALL = Size(1, ALL, 100, 1000, 1000, 1, (1, 2, 4), 3, (1, 2, 4))


@dataclass(frozen=True, slots=True)
class Bench:
    """One call of the benchmark."""

    size: Size
    work: Path
    setting: Setting
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    def fresh(self) -> Path:
        """Return a folder that does not exist yet."""
        return self.work / "runs" / f"{next(self._numbers):04d}"
