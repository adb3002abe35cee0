"""The frozen records that rooms hand to each other.

All are immutable, typed, closed (an unknown field is an error) and go to JSON and back unchanged.
Array-carrying results (`femtobarn.running.results.partial.Partial`) are the only exception: they live
in files of their own.
"""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from femtobarn.base.canonical import digest
from femtobarn.base.record import Record
from femtobarn.base.spectra import SpectraRecord

Role = Literal["data", "background", "signal"]
Keep = Literal["file", "dataset", "process"]
Mode = Literal["physics", "notebook"]
Status = Literal["processed", "skipped", "failed", "pending"]
Kind = Literal["data", "mc"]
Policy = Literal["auto", "stream", "cache"]

NOMINAL = "nominal"
RUN_PLAN = "plan.json"
"""The file that makes a folder a run directory."""


def _frozen(value: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return lists as tuples at every depth: JSON knows only lists."""
    return tuple(_frozen(tuple(v)) if isinstance(v, list | tuple) else v for v in value)


# --- what an analysis is ---------------------------------------------------------------------------


class NodeRecord(Record):
    """One expression: an operator, the indices of its arguments, and its parameters."""

    op: str
    args: tuple[int, ...] = ()
    params: tuple[Any, ...] = ()

    _freeze = field_validator("params", mode="after")(_frozen)


class CutRecord(Record):
    """One step of a selection; ``automatic`` ones come from a requirement such as four leptons."""

    name: str
    node: int
    automatic: bool = False


class SelectionRecord(Record):
    """A named sequence of cuts; nested selections are already written out."""

    name: str
    cuts: tuple[CutRecord, ...]


class AxisRecord(Record):
    """Bin edges of one histogram axis in base units (ascending, at least two), and how to label it.

    ``regular`` axes are stored by number of bins and limits, so that edges are exact.
    """

    kind: Literal["regular", "variable"]
    edges: tuple[float, ...]
    bins: int
    label: str = ""
    unit: str = ""


class HistogramRecord(Record):
    """A histogram: one node per axis, and the selections for which it is filled."""

    name: str
    values: tuple[int, ...]
    axes: tuple[AxisRecord, ...]
    selections: tuple[str, ...]
    keep: Keep = "dataset"


class VariationRecord(Record):
    """A systematic variation: nodes that are replaced by others wherever they occur.

    ``direction`` is ``up`` or ``down``, or what tells several of one name apart: ``"001"``.
    """

    name: str
    direction: Annotated[str, Field(pattern=r"^[^:/]+$")]
    replace: tuple[tuple[int, int], ...]

    @property
    def key(self) -> str:
        """Its name in results: ``"lepton scale:up"``."""
        return f"{self.name}:{self.direction}"


class FunctionRecord(Record):
    """Code of ``@function`` or ``@columnar``: the only code that an analysis carries."""

    name: str
    kind: Literal["function", "columnar"]
    source: str
    inputs: tuple[tuple[str, str], ...]
    output: str
    constants: tuple[tuple[str, Any], ...] = ()
    files: tuple[tuple[str, str], ...] = ()

    _freeze = field_validator("constants", mode="after")(_frozen)

    @cached_property
    def digest(self) -> str:
        """Digest of source, signature, constants and declared files (path and content digest)."""
        return digest(self.model_dump(mode="json"))


class FigureRecord(Record):
    """A figure of one histogram.

    Parameters
    ----------
    processes, datasets, files
        what is drawn; all None: everything. ``datasets`` are dataset ids, ``files`` data periods or
        logical file names
    luminosity
        fb^-1 to which simulation is scaled; None: that of the processed data
    style
        ``"notebook"`` follows the published notebook; ``"femtobarn"`` adds a ratio panel
    size
        width and height in inches
    headroom
        the y axis ends at this multiple of the highest data point (or stack, without data)
    log, log_x
        logarithmic y axis, logarithmic x axis
    """

    name: str
    histogram: str
    selection: str
    processes: tuple[str, ...] | None = None
    datasets: tuple[int, ...] | None = None
    files: tuple[str, ...] | None = None
    luminosity: float | None = None
    style: Literal["femtobarn", "notebook"] = "femtobarn"
    size: tuple[float, float] | None = None
    headroom: float | None = None
    log: bool = False
    log_x: bool = False
    text: str = ""


class SignificanceRecord(Record):
    """A counting experiment: signal over background in bins ``first`` to ``last`` of a histogram."""

    name: str
    histogram: str
    selection: str
    first: int
    last: int
    background_uncertainty: float = 0.3


class ProcessRecord(Record):
    """A group of datasets drawn and counted together; the order of processes is that of the stack."""

    name: str
    label: str
    colour: str
    role: Role
    datasets: tuple[int, ...] = ()
    periods: tuple[str, ...] = ()


class InputsRecord(Record):
    """What an analysis wants of one release; ``luminosity`` in fb^-1 is the nominal one."""

    release: str
    skim: str | None = None
    luminosity: float | None = None
    processes: tuple[ProcessRecord, ...] = ()


class SkimRecord(Record):
    """The events to write: those that pass ``selection``, nominally or under any variation.

    Parameters
    ----------
    selection
        which selection
    fields
        fields of the event model, with all objects of the event
    if_there
        those of them that are left out of the skim of a file that lacks them
    values
        names and nodes of what is computed and written beside them
    to
        the format of the files
    """

    selection: str
    fields: tuple[str, ...]
    if_there: tuple[str, ...] = ()
    values: tuple[tuple[str, int], ...] = ()
    to: Literal["parquet", "root"] = "root"


class OptionRecord(Record):
    """The value that an option of the analysis has in this run."""

    name: str
    value: bool | int | float | str


class AnalysisSpec(Record):
    """An analysis, complete, for one release, mode and set of options: what workers receive.

    A scan of mass spectra has no nodes: ``spectra`` says what is filled, and the cuts of its one selection
    are steps of its own loop.

    ``identity`` covers what decides the numbers: nodes, cuts, weight, variations, histograms, code,
    mode and options. Labels, colours, figures and the choice of inputs are not part of it.
    """

    name: str
    title: str
    release: str
    mode: Mode
    quirks: tuple[str, ...] = ()
    options: tuple[OptionRecord, ...] = ()
    nodes: tuple[NodeRecord, ...]
    selections: tuple[SelectionRecord, ...]
    weight: int | None = None
    variations: tuple[VariationRecord, ...] = ()
    histograms: tuple[HistogramRecord, ...]
    figures: tuple[FigureRecord, ...] = ()
    significances: tuple[SignificanceRecord, ...] = ()
    functions: tuple[FunctionRecord, ...] = ()
    skim: SkimRecord | None = None
    spectra: SpectraRecord | None = None
    inputs: InputsRecord

    @cached_property
    def node_digests(self) -> tuple[str, ...]:
        """Digest of each node from its operator, parameters and the digests of its arguments."""
        done: list[str] = []
        for node in self.nodes:
            done.append(digest([node.op, [done[a] for a in node.args], node.params]))
        return tuple(done)

    @cached_property
    def identity(self) -> str:
        """Digest of everything that decides the numbers of a partial result."""
        if self.spectra is not None:
            return digest({"mode": self.mode, "spectra": self.spectra.content()})
        ids = self.node_digests
        skim = {} if self.skim is None else {"skim": self._skim_content(self.skim)}
        return digest(
            {
                **skim,
                "mode": self.mode,
                "options": [o.model_dump(mode="json") for o in self.options],
                "selections": [[s.name, [[c.name, ids[c.node]] for c in s.cuts]] for s in self.selections],
                "weight": None if self.weight is None else ids[self.weight],
                "variations": [[v.key, [[ids[a], ids[b]] for a, b in v.replace]] for v in self.variations],
                "histograms": [
                    [
                        h.name,
                        [ids[v] for v in h.values],
                        [[a.kind, a.edges, a.bins] for a in h.axes],
                        h.selections,
                    ]
                    for h in self.histograms
                ],
                "functions": sorted(f.digest for f in self.functions),
            }
        )

    def _skim_content(self, skim: SkimRecord) -> list[Any]:
        # the format of the files is not part of it: they are written from the same partial results
        return [
            skim.selection,
            skim.fields,
            skim.if_there,
            [[name, self.node_digests[n]] for name, n in skim.values],
        ]

    @property
    def variation_keys(self) -> tuple[str, ...]:
        """``nominal`` and then each variation, in the order of the arrays of results."""
        return (NOMINAL, *(v.key for v in self.variations))

    def process(self, name: str) -> ProcessRecord:
        """Return the process ``name``; KeyError if there is none."""
        return {p.name: p for p in self.inputs.processes}[name]


# --- what a run does -------------------------------------------------------------------------------


Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{0,128}$")]
"""A name that is safe as a part of a path, whoever it came from."""


Moment = Annotated[float, Field(ge=0, le=253_402_300_799, allow_inf_nan=False)]
"""Seconds since the epoch, before the year 10000; 0 if not known."""

Duration = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
"""Seconds that something took."""


class Access(Record):
    """What a task may open, and how it gets at remote files.

    Parameters
    ----------
    policy
        ``cache``: remote files are fetched whole, verified and kept; ``stream``: only the needed bytes
        are read; ``auto``: whichever suits the file
    prefixes
        folders and beginnings of URLs below which files may be opened; nothing else is
    """

    policy: Policy = "auto"
    prefixes: tuple[str, ...]


class InputFile(Record):
    """A file of a run.

    Parameters
    ----------
    name
        logical name: the file's own name, the same wherever it is stored
    url
        where to read it now (a path, or a URL)
    size, identity
        bytes, and a digest of the content (``adler32:...`` or ``uuid:...``)
    kind, dataset, period, process
        what it holds; ``process`` is the analysis' name of the group
    format
        name of its ntuple format; empty: that of the release
    origin
        logical name of the file from which a skim has its events; empty if it is no skim
    """

    name: str
    url: str
    size: int
    identity: str
    format: str = ""
    origin: str = ""
    kind: Kind
    dataset: int | None = None
    period: str | None = None
    process: str

    @property
    def key(self) -> str:
        """Under which results of ``keep="dataset"`` are summed: dataset id, or data period, or name."""
        if self.kind == "mc" and self.dataset is not None:
            return str(self.dataset)
        return self.period or self.name


class Task(Record):
    """Part ``part`` of ``parts`` (from 0) of one file under one analysis; ``id`` names its result."""

    id: Identifier
    analysis: str
    release: str
    format: str
    file: InputFile
    part: int
    parts: int
    chunk_entries: int
    max_events: int | None = None
    fraction: float | None = None


class Job(Record):
    """What runs tasks needs besides them.

    Parameters
    ----------
    analysis
        what is evaluated
    access
        what may be opened, and how remote files are read
    formats
        ntuple formats that are not part of the package, as the text of their files
    column_cache
        whether columns that are read are kept, and kept ones used
    """

    analysis: AnalysisSpec
    access: Access
    formats: tuple[str, ...] = ()
    column_cache: bool = False


class SkippedFile(Record):
    """A file that was given and is not read, and why."""

    name: str
    url: str
    reason: str
    status: Literal["skipped", "failed"] = "skipped"


class UnseenFile(Record):
    """A file of a wanted dataset or period of which other files are read, but not this."""

    name: str
    size: int
    dataset: int | None
    period: str | None


class Origin(Record):
    """Where the events of a skim are from, as far as normalisation needs it.

    Parameters
    ----------
    name, size, identity, uuid, entries
        of the file that was skimmed first: logical name, bytes, content, ROOT's identifier, events
    processed
        how many of its events were looked at, whether they passed or not
    unseen
        files of its dataset or period that were not read when it was skimmed
    steps
        what was done to them, first to last: ``analysis/selection (identity)``
    """

    name: str
    size: int
    identity: str
    uuid: str
    entries: int
    processed: int
    unseen: tuple[UnseenFile, ...] = ()
    steps: tuple[str, ...]


class FileFacts(Record):
    """What a file says of itself; None where it does not.

    ``cross_section`` is in fb, with k-factor and filter efficiency; ``sum_of_weights`` is of the
    dataset before any skim; ``simulated`` marks demo data; ``origin`` is where the events of a skim are from.
    """

    entries: int
    uuid: str = ""
    simulated: bool = False
    cross_section: float | None = None
    sum_of_weights: float | None = None
    origin: Origin | None = None


class TaskMetrics(Record):
    """What one task cost.

    ``bytes_read`` are compressed bytes of the baskets that were read; ``network_bytes`` those that came
    over the network, which may be more (whole files for the cache) or less (files in the cache).
    """

    seconds: Duration
    cpu_seconds: Duration
    bytes_read: int
    peak_rss: int
    worker: str
    started: Moment
    read_seconds: Duration = 0.0
    evaluate_seconds: Duration = 0.0
    network_bytes: int = 0
    network_requests: int = 0
    network_retries: int = 0


class Environment(Record):
    """Where a result was computed: instruction set and package versions (equal ones give equal bits)."""

    instruction_set: str
    versions: tuple[tuple[str, str], ...]


class Outcome(Record):
    """How a task ended. Its sums are in the store, if it was processed.

    Parameters
    ----------
    task
        its id
    processed
        whether its result is in the store
    reason
        why not
    attempts
        how often it was tried
    start, stop
        its entries, if they became known
    events, seconds, bytes_read
        what was done in the last attempt
    finished
        seconds since the epoch when it ended; 0 if that is not known
    pending
        it has not ended: somebody may still work on it
    """

    task: Identifier
    processed: bool
    reason: str = ""
    attempts: int = 1
    start: int | None = None
    stop: int | None = None
    events: int = 0
    seconds: Duration = 0.0
    bytes_read: int = 0
    worker: str = ""
    finished: Moment = 0.0
    pending: bool = False


class Notice(Record):
    """What a person who waits for a run should know now, such as that no worker has come yet."""

    words: str


class Ticket(Record):
    """What is needed to fetch the results of tasks that were handed to others, without secrets.

    Parameters
    ----------
    executor
        name of the executor they were handed to
    token
        tells this submission from all others
    details
        what else the executor must remember, as names and values
    """

    executor: str
    token: Identifier
    details: tuple[tuple[str, str], ...] = ()


class LedgerRow(Record):
    """One line of ledger.csv."""

    task: str
    file: str
    part: int
    start: int | None
    stop: int | None
    status: Status
    reason: str = ""
    attempts: int = 0
    seconds: float = 0.0
    worker: str = ""


class CutflowRow(Record):
    """One line of cutflow.csv; sums are raw, ``norm`` is the factor to 1 fb^-1 (None: data, or unknown)."""

    process: str
    dsid: int | None
    file: str
    selection: str
    variation: str
    step: int
    cut: str
    raw: int
    sumw: float
    sumw2: float
    norm: float | None


class YieldRow(Record):
    """One line of yields.csv; ``yield_`` and ``stat_error`` are None if normalisation is unknown."""

    selection: str
    process: str
    role: Role
    raw: int
    yield_: float | None
    stat_error: float | None
    complete: bool


class Normalisation(Record):
    """How one simulated dataset is scaled: ``factor`` to 1 fb^-1 = cross-section / sum of weights.

    ``cross_section`` in fb; ``sum_of_weights`` is already scaled to the fraction of events processed.
    """

    dataset: int
    process: str
    factor: float | None
    cross_section: float | None
    sum_of_weights: float | None
    fraction: float
    source: str
    note: str = ""


class Luminosity(Record):
    """The luminosity of a result in fb^-1.

    ``value`` is what simulation is scaled to when shown with data (None: unknown, then nothing is
    overlaid); ``nominal`` is the analysis' own.
    """

    value: float | None
    nominal: float | None
    source: Literal["given", "data", "analysis", "unknown"]
    note: str = ""


class InputRow(Record):
    """One input in run.json."""

    name: str
    url: str
    size: int
    identity: str
    process: str
    dataset: int | None
    period: str | None
    entries: int | None
    events_processed: int
    status: Status

    @property
    def contributes(self) -> bool:
        """Whether results hold something of it: a file that failed in parts does, with the others."""
        return self.status == "processed" or self.events_processed > 0


class Settings(Record):
    """The settings of a run that matter for repeating it.

    ``executor`` is a name, or several joined by ``+``; ``executor_options`` are names and values for it,
    with the name of the executor and a dot before them if there are several. ``store`` is where workers
    leave results (empty: where the executor has them).
    """

    executor: str = "local"
    executor_options: tuple[tuple[str, str], ...] = ()
    store: str = ""
    workers: int = 1
    part_bytes: int
    chunk_entries: int
    max_files: int | None = None
    max_events: int | None = None
    fraction: float | None = None
    luminosity: float | None = None
    strict: bool = False
    access: Policy = "auto"
    figures: bool = True
    column_cache: bool = False


class RunInfo(Record):
    """run.json: where a result comes from and whether it is complete.

    ``catalogue`` is the table whose numbers were used: ``bundled``, ``refreshed`` with its date, or none.
    """

    femtobarn: str
    results_version: int
    analysis: AnalysisSpec
    identity: str
    plan: str
    mode: Mode
    release: str
    complete: bool
    simulated: bool
    files_wanted: int
    files_given: int
    files_processed: int
    files_failed: int
    files_skipped: int
    files_pending: int = 0
    tasks_pending: int = 0
    missing: tuple[str, ...]
    events_processed: int
    catalogue: str = ""
    luminosity: Luminosity
    normalisations: tuple[Normalisation, ...]
    notes: tuple[str, ...]
    settings: Settings
    inputs: tuple[InputRow, ...]
    environment: Environment
    mixed_environments: bool
    started: str
    finished: str
    seconds: float
    command: str
