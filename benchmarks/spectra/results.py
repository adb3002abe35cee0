"""What the steps find out: records that go to ``results.json`` and come back from it."""

from __future__ import annotations

import statistics
from pathlib import Path

from femtobarn.base.record import Record


class Setting(Record):
    """When and on what a step was measured."""

    date: str
    machine: tuple[tuple[str, str], ...]
    cores: int
    small: bool


class Row(Record):
    """A program that does the whole chain; seconds of each round, bytes of its processes together."""

    name: str
    command: str
    wall: tuple[float, ...]
    cpu: tuple[float, ...]
    peak: int


class StageCost(Record):
    """Seconds of one stage, as the run notes them: wall, and CPU of all tasks and the stage itself."""

    name: str
    wall: float
    cpu: float


class Chain(Record):
    """Step 1: the production configuration.

    Parameters
    ----------
    events, files, size, branches
        of the input; bytes
    bytes_read
        of the baskets that are read, as they are stored
    combinations, states, histograms, values
        how many there are: final states and histograms that are kept, and values in these
    stages
        of a run with plots and gallery
    """

    setting: Setting
    root: str
    events: int
    files: int
    size: int
    branches: int
    branches_read: int
    bytes_read: int
    combinations: int
    states: int
    histograms: int
    values: int
    rows: tuple[Row, ...]
    stages: tuple[StageCost, ...]


class GrowthRow(Record):
    """A run of the chain.

    Parameters
    ----------
    subleading, most_count
        of the configuration; `most_count` None: any
    events, tasks, bytes_read
        of the input
    states, histograms, written
        final states that occurred, their spectra, and how many of these were written
    values
        masses that were computed
    cpu, wall
        seconds of each round
    later
        CPU seconds of each round in stages that read no events
    partials, sums, root
        bytes of all results of tasks, of the merged sums, of the ROOT files
    """

    subleading: int
    most_count: int | None = None
    combinations: int
    events: int
    tasks: int
    bytes_read: int
    states: int
    histograms: int
    written: int
    values: int
    cpu: tuple[float, ...]
    wall: tuple[float, ...]
    later: tuple[float, ...]
    partials: int
    sums: int
    root: int

    @property
    def seconds(self) -> float:
        """The smallest CPU time: what others do on a machine only adds to it."""
        return min(self.cpu)

    @property
    def filled(self) -> float:
        """The same of all but the later stages."""
        return min(cpu - later for cpu, later in zip(self.cpu, self.later, strict=True))


class Opening(Record):
    """CPU seconds of opening a file of the input, and one with as many branches as files of the release have."""

    branches: tuple[int, int]
    seconds: tuple[float, float]


class KernelRow(Record):
    """CPU seconds from having read events to having their sums."""

    events: int
    states: int
    values: int
    seconds: float


class Growth(Record):
    """Step 2: time against events, combinations and final states; what opening a file and computing alone cost.

    ``merging`` are CPU seconds of the driver for the result of a task, read and added to the others.
    """

    setting: Setting
    opening: Opening
    kernel: tuple[KernelRow, ...]
    merging: float
    rows: tuple[GrowthRow, ...]


class MemoryRow(Record):
    """Copies of a file; peaks in bytes.

    Parameters
    ----------
    driver, worker
        resident sets of the driver and of the largest worker
    together
        proportional set sizes of all processes: what they share counts once
    """

    files: int
    events: int
    driver: int
    worker: int
    together: int


class Memory(Record):
    """Step 3: memory against the number of files."""

    setting: Setting
    rows: tuple[MemoryRow, ...]


class Results(Record):
    """results.json: the steps that were measured."""

    chain: Chain | None = None
    growth: Growth | None = None
    memory: Memory | None = None


def median(values: tuple[float, ...]) -> float:
    """Return the median."""
    return statistics.median(values)


def read_results(path: Path) -> Results:
    """Return what was measured before; nothing if there is no such file."""
    return Results.model_validate_json(path.read_bytes()) if path.exists() else Results()


def write_results(path: Path, results: Results) -> None:
    """Write the numbers of all steps."""
    path.write_text(results.model_dump_json(indent=1, exclude_none=True) + "\n", encoding="utf-8")
