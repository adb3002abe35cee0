"""The configuration of a scan: what its YAML file may say, key by key.

Energies are in GeV, angles in radians. `femtobarn.physics.spectra.convert.record_of` makes of it what is run.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from femtobarn.base.record import Record
from femtobarn.base.spectra import Finite, NotNegative, Number, Positive, Quantity

NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$"
RESONANCE = r"^[A-Za-z0-9_+-]+$"
EXECUTOR = r"^[A-Za-z0-9_.-]+(\+[A-Za-z0-9_.-]+)*$"

Name = Annotated[str, Field(pattern=NAME, max_length=100)]
ObjectName = Literal["electron", "muon", "jet", "photon", "tau"]
KindName = Literal["electron", "muon", "jet", "photon", "tau", "b_jet"]
Counted = Annotated[int, Field(ge=1, le=20)]
Many = Annotated[int, Field(ge=1)]
Width = Annotated[float, Field(ge=1e-3, allow_inf_nan=False)]


def _word(value: Any) -> Any:
    """Return numbers, true and false as they are written."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


Word = Annotated[str, BeforeValidator(_word)]
"""A text that may look like a number."""


def key(default: Any, meaning: str, unit: str = "") -> Any:
    """Return a key of a configuration that may be left out."""
    return Field(default, description=meaning, json_schema_extra={"unit": unit})


def needed(meaning: str) -> Any:
    """Return a key of a configuration that must be there."""
    return Field(description=meaning, json_schema_extra={"unit": ""})


class InputsConfig(Record):
    """``inputs``: which files are read."""

    files: tuple[Annotated[str, Field(min_length=1)], ...] = key(
        (),
        "files, folders, globs, addresses, `record:N`, lists of such (.txt); relative to the configuration's folder",
    )
    records: tuple[Annotated[int, Field(ge=1)], ...] = key(
        (), "numbers of records of the release on the CERN Open Data portal"
    )
    kind: Literal["data", "mc", "both"] = key(
        "both",
        "which files are read; `data` or `mc` also says what files hold that do not say it themselves",
    )
    skim: str | None = key(None, "preselection of the release, such as `4lep`; files of others are not read")


class IsolationConfig(Record):
    """``isolation`` of objects: the largest activity around one."""

    track: NotNegative | None = key(None, "largest pt of tracks in a cone around the object, over its pt")
    calorimeter: Finite | None = key(
        None, "largest calorimeter energy in a cone around the object, over its pt"
    )
    relative: NotNegative | None = key(None, "largest relative isolation, as the release gives it")


class ObjectConfig(Record):
    """One kind of ``objects``: which of them count, and how many an event may have."""

    collection: str | None = key(None, "collection of the event model; by default that of the kind's name")
    pt_min: NotNegative = key(0.0, "objects with less transverse momentum are dropped", "GeV")
    eta_max: NotNegative | None = key(None, "objects with larger absolute eta are dropped")
    crack: tuple[NotNegative, NotNegative] | None = key(
        None, "objects whose absolute eta is between these two numbers are dropped"
    )
    identification: str | None = key(
        None, "decision of the collection that objects must pass, such as `medium_id`"
    )
    isolation: IsolationConfig = key(IsolationConfig(), "objects with more activity around them are dropped")
    least: Number = key(0, "events with fewer of them are dropped")
    most: Number | None = key(None, "events with more of them are dropped")


class ObjectsConfig(Record):
    """``objects``: the kinds that are counted and combined; what is left out does not take part."""

    electron: ObjectConfig | None = key(None, "electrons, `e`")
    muon: ObjectConfig | None = key(None, "muons, `m`")
    jet: ObjectConfig | None = key(None, "jets, `j`; those that pass `b_tag` are `b` instead")
    photon: ObjectConfig | None = key(None, "photons, `g`")
    tau: ObjectConfig | None = key(None, "hadronic tau leptons, `t`")


class TagConfig(Record):
    """``b_tag``: which jets are b jets; by a tagger's working point, or a field and a threshold."""

    tagger: str | None = key(None, "`dl1d` (PHYSLITE) or `deepflav` (CMS)")
    working_point: Word | None = key(
        None, "of the tagger: `77` (dl1d), `loose`, `medium` or `tight` (deepflav)"
    )
    field: str | None = key(None, "field of the jets, such as `btag_pnet`, if no tagger is named")
    threshold: Finite | None = key(None, "jets with at least this value are b jets; not with a working point")
    charm_fraction: Annotated[float, Field(ge=0, le=1)] | None = key(
        None, "weight f_c of charm in the discriminant of dl1d; 0.018 if left out"
    )
    least: Number = key(0, "events with fewer b jets are dropped")
    most: Number | None = key(None, "events with more b jets are dropped")


class OverlapConfig(Record):
    """A step of ``overlap_removal``; only what earlier steps left counts."""

    remove: ObjectName = needed("kind of which objects go; `jet` is all jets, b jets too")
    near: ObjectName = needed("kind near which they go")
    delta_r: Positive = needed("distance below which they go")
    sliding: NotNegative = key(
        0.0, "if not 0 the distance is min(`delta_r`, 0.04 + `sliding` / pt) of the object that may go", "GeV"
    )


class StatesConfig(Record):
    """``final_states``: which of them are kept."""

    least_kinds: Number = key(1, "fewest kinds of objects that occur in an event")
    most_kinds: Number = key(6, "most kinds of objects that occur in an event")
    least_count: Number = key(1, "fewest objects of each kind that occurs")
    most_count: Number = key(255, "most objects of each kind")
    min_events: Annotated[int, Field(ge=0)] = key(
        0,
        "final states with fewer events in the whole input are not written; all data count together, and all simulation",
    )


class CombinationsConfig(Record):
    """``combinations``: of which objects masses are computed."""

    kinds: tuple[KindName, ...] | None = key(None, "kinds that take part; by default all that the scan has")
    least_kinds: Annotated[int, Field(ge=1, le=6)] = key(1, "fewest kinds in a combination")
    most_kinds: Annotated[int, Field(ge=1, le=6)] = key(4, "most kinds in a combination")
    least_count: Counted = key(1, "fewest objects of each kind")
    most_count: Counted = key(4, "most objects of each kind")
    most_total: Counted = key(4, "most objects in all; there are always two at least (one with `met`)")
    subleading: Annotated[int, Field(ge=0, le=9)] = key(
        0, "also windows of objects that do not begin with the leading one and end at this rank or before"
    )
    applicability: Literal["leading", "exact_leading"] | None = key(
        None,
        "final states that have a combination: those with at least its objects (`leading`), or, of kinds whose window "
        "begins with the leading object, with exactly them (`exact_leading`, the default of `mode: compatible`)",
    )


class WindowConfig(Record):
    """A window of ``post_processing.windows`` around a known resonance."""

    name: Annotated[str, Field(pattern=RESONANCE)] = needed("name of the resonance")
    centre: Positive = Field(description="its mass", json_schema_extra={"unit": "GeV"})
    half_width: Positive = Field(
        description="how far from it its peak reaches, on both sides", json_schema_extra={"unit": "GeV"}
    )
    particles: tuple[str, ...] = key(
        (), "what it decays to, as letters (`ee`, `eemm`); left out: any combination"
    )


def _form(value: Any) -> str:
    """Tell a list or mapping from a single word: the two forms that some keys have."""
    return "<parts>" if isinstance(value, dict | list | tuple | Record) else "<word>"


Window = Annotated[
    Annotated[str, Tag("<word>")] | Annotated[WindowConfig, Tag("<parts>")], Discriminator(_form)
]
Overlap = Annotated[
    Annotated[bool, Tag("<word>")] | Annotated[tuple[OverlapConfig, ...], Tag("<parts>")],
    Discriminator(_form),
]


class ProcessingConfig(Record):
    """``post_processing``: what is made of a full spectrum, and kept beside it."""

    mode: Literal["none", "windows", "compatible"] | None = key(
        None,
        "`windows` removes known resonances; `compatible` begins at the rightmost fullest bin and splits at the first "
        "empty one (the default of `mode: compatible`)",
    )
    windows: tuple[Window, ...] | None = key(
        None, "known resonances, by name from the table below or in full; by default all of the table"
    )
    keep: Literal["veto", "only", "both"] = key(
        "veto", "`veto` empties the bins of the windows, `only` all others, `both` writes both"
    )
    width: Width | None = key(
        None, "width of the bins in which `compatible` looks for the fullest; by default `width`", "GeV"
    )
    cutoff: Positive | None = key(
        None, "larger values are no part of what `compatible` makes; by default all are", "GeV"
    )
    pair_cutoff: Positive | None = key(
        None,
        "nor are smaller values of combinations with two electrons or two muons at least, so that a Z peak is not "
        "taken for theirs; by default all are",
        "GeV",
    )


class OutputConfig(Record):
    """``output``: how spectra are written."""

    layout: Literal["flat", "directories"] = key(
        "flat", "all histograms at the top of the file, or in one directory for each final state"
    )
    files: Literal["kind", "process"] = key(
        "kind", "one file for data and one for simulation, or one for each process"
    )
    scale: Literal["none", "luminosity"] = key(
        "none", "simulation as the sum of its event weights, or scaled to the luminosity of the data"
    )
    storage: Literal["TH1F", "TH1D"] = key("TH1F", "class of the histograms")
    maximum: Positive | None = key(
        None,
        "upper edge of written histograms, a multiple of `width`; by default 14,000 GeV or the next multiple",
        "GeV",
    )
    axis: Literal["common", "filled"] = key(
        "filled",
        "bins from the first to the last that is not empty (`filled`: BumpNet passes over histograms that begin with "
        "an empty bin), or from 0 to `maximum` (`common`)",
    )
    outliers: bool = key(False, "whether what `compatible` splits off is written too")
    figures: bool = key(True, "whether plots are made")
    gallery: bool = key(True, "whether the page with all spectra is made")


class RunConfig(Record):
    """``run``: how; what is given on the command line goes first."""

    workers: Annotated[int, Field(ge=0)] | None = key(None, "worker processes; by default one per core")
    executor: Annotated[str, Field(pattern=EXECUTOR)] | None = key(
        None, "where tasks run: `local`, `rabbitmq`, `dask`, `batch`, several joined by `+`"
    )
    executor_options: dict[str, Word] = key({}, "options of the executor, by name")
    store: str | None = key(None, "address where workers leave results")
    part_bytes: Many | None = key(None, "size of the part of a file that makes a task", "bytes")
    chunk_entries: Many | None = key(None, "events in memory at once")
    max_files: Many | None = key(None, "read at most this many files of each process")
    max_events: Many | None = key(None, "read at most this many events of each file")
    fraction: Annotated[float, Field(gt=0, le=1)] | None = key(
        None, "read this fraction of the events of each file"
    )
    luminosity: Positive | None = key(None, "luminosity to which simulation is scaled", "fb^-1")
    strict: bool | None = key(None, "whether absent datasets make the run fail (exit code 3)")
    access: Literal["auto", "stream", "cache"] | None = key(None, "how remote files are read")
    column_cache: bool | None = key(None, "whether columns that are read are kept for the next run")


class ScanConfig(Record):
    """The whole file."""

    name: Name | None = key(None, "short name, used for the run directory; by default that of the file")
    title: str = key("", "what the scan is called on pages and plots")
    release: str = needed("release of the files, such as `2024r-pp`")
    mode: Literal["right", "compatible"] = key(
        "right", "`compatible` changes defaults so that results are those people are used to"
    )
    inputs: InputsConfig = key(InputsConfig(), "which files are read; by default all of the release")
    objects: ObjectsConfig = needed("kinds of objects, and which of them count")
    b_tag: TagConfig | None = key(None, "which jets are b jets; left out: none")
    overlap_removal: Overlap | None = key(
        None,
        "whether one particle that is two objects is counted once, or the steps in which that is done; by default "
        "the recommended steps, in `mode: compatible` none",
    )
    final_states: StatesConfig = key(StatesConfig(), "which final states are kept")
    combinations: CombinationsConfig = key(CombinationsConfig(), "of which objects masses are computed")
    quantities: tuple[Quantity, ...] = key(
        ("mass",),
        "`mass`; `os` and `ss`, the mass where two leptons have opposite or the same sign; `met`, the transverse mass "
        "with the missing momentum",
    )
    met: Literal["file", "objects"] = key(
        "file", "missing momentum of the file, or minus the sum of the selected objects"
    )
    width: Width = key(10.0, "width of the bins; their edges are its multiples", "GeV")
    weight: tuple[str, ...] = key(
        ("mc.generator",), "fields whose product weighs simulated events; data count"
    )
    values: bool | None = key(
        None,
        "whether single values are kept too (Parquet); by default only if `post_processing.mode: compatible` needs them",
    )
    post_processing: ProcessingConfig = key(ProcessingConfig(), "what is made of full spectra")
    output: OutputConfig = key(OutputConfig(), "how spectra are written")
    run: RunConfig = key(RunConfig(), "how it is run")
