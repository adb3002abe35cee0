"""What summary.json of a scan holds."""

from __future__ import annotations

from femtobarn.base.record import Record
from femtobarn.base.records import Kind
from femtobarn.running.results.metrics import StepCost
from femtobarn.running.results.spectra.processed import ProcessingSummary


class Failure(Record):
    """A file that could not be read, in part or at all, and why."""

    file: str
    reason: str


class FilesSummary(Record):
    """What became of the files; ``failures`` are all that failed."""

    wanted: int
    given: int
    processed: int
    failed: int
    skipped: int
    pending: int
    failures: tuple[Failure, ...] = ()


class CutSummary(Record):
    """Events of data or of simulation that are left after a step: step 0 is before the first."""

    kind: Kind
    step: int
    cut: str
    events: int
    sumw: float


class StateSummary(Record):
    """A final state: its events, and why its spectra are not kept."""

    final_state: str
    events: int
    sumw: float
    kept: bool
    reason: str = ""


class GroupSummary(Record):
    """What was found of data, of simulation, or of a process.

    Parameters
    ----------
    processes, factors
        what it is the sum of, and what scales each; 1: it is not scaled
    states_found, states_kept, states_dropped
        numbers of final states
    combinations
        how many of the declared ones have a value in a final state that is kept
    spectra
        histograms of final states that are kept
    bins
        of them that are not empty
    values
        how many they hold, with those ``below`` 0 and ``above`` the upper edge of histograms
    states
        all final states
    """

    name: str
    kind: Kind
    processes: tuple[str, ...]
    factors: tuple[float, ...]
    states_found: int
    states_kept: int
    states_dropped: int
    combinations: int
    spectra: int
    bins: int
    values: int
    below: int
    above: int
    states: tuple[StateSummary, ...]


class StageSummary(Record):
    """What a stage cost: seconds of wall time and of processors, largest memory of a process in bytes."""

    stage: str
    seconds: float
    cpu_seconds: float
    peak_rss: int


class ScanSummary(Record):
    """summary.json.

    Parameters
    ----------
    complete
        whether all that was wanted was read
    events, tasks, bytes_read
        of all files
    cuts
        events after each step
    combinations
        how many are declared
    steps
        seconds of all tasks by what they did
    stages
        what each stage cost, as far as they were done when this was written
    processing
        what was made of the spectra
    notes
        what a reader must know
    """

    name: str
    release: str
    complete: bool
    files: FilesSummary
    events: int
    tasks: int
    bytes_read: int
    cuts: tuple[CutSummary, ...]
    combinations: int
    groups: tuple[GroupSummary, ...]
    steps: StepCost
    peak_rss: int
    stages: tuple[StageSummary, ...] = ()
    processing: ProcessingSummary | None = None
    notes: tuple[str, ...] = ()
