"""Which of the given files an analysis reads, and as what; a reason for every other one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from femtobarn.base.errors import ChecksumError, DataError, UsageError
from femtobarn.base.records import (
    Access,
    AnalysisSpec,
    InputFile,
    Kind,
    Origin,
    ProcessRecord,
    SkippedFile,
    UnseenFile,
)
from femtobarn.data import catalogue
from femtobarn.data.catalogue.resolvers import Remote, wanted
from femtobarn.data.formats.opening import published_identity
from femtobarn.data.storage import FileIdentity, identify, identify_remote
from femtobarn.data.storage.urls import is_remote, shown
from femtobarn.running.engine.contents import Found, access_to, look_inside
from femtobarn.running.engine.places import given_files

SIMULATION = "simulation"
"""The process of simulated files that do not tell their dataset."""

_AT_ONCE = 8  # remote files whose size and identifier are asked for at the same time
_COLOURS = ("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#92dadd")


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs of a run.

    Parameters
    ----------
    spec
        the analysis; one that declares no processes got them from the files
    files
        what is read, in the order of the plan: processes, then their datasets or periods, then names
    skipped
        what was given and is not read, and why
    missing
        wanted datasets and periods without any file
    unseen
        published files of wanted datasets and periods of which only other files are read
    lost
        names of wanted files that were given and cannot be read
    """

    spec: AnalysisSpec
    files: tuple[InputFile, ...]
    skipped: tuple[SkippedFile, ...]
    missing: tuple[str, ...]
    unseen: tuple[UnseenFile, ...] = ()
    lost: tuple[str, ...] = ()

    @property
    def given(self) -> int:
        """Number of files that were given."""
        return len(self.files) + len(self.skipped)

    @property
    def wanted(self) -> int:
        """Number of files that a complete result is made of, as far as is known."""
        absent = {f.name for f in self.unseen} | set(self.lost)
        return len(self.files) + len(self.missing) + len(absent)


@dataclass(slots=True)
class _Sorting:
    """What is known while files are looked at."""

    spec: AnalysisSpec
    wanted: dict[int | str, str]
    access: Access
    kind: Kind | None
    identities: dict[str, FileIdentity] = field(default_factory=dict)
    accepted: list[tuple[Remote, Found, str]] = field(default_factory=list)
    skipped: list[SkippedFile] = field(default_factory=list)
    seen: set[int | str] = field(default_factory=set)
    lost: list[str] = field(default_factory=list)

    def skip(self, file: Remote, reason: str) -> None:
        self.skipped.append(SkippedFile(name=file.name, url=shown(file.url), reason=reason))

    def fail(self, file: Remote, reason: str) -> None:
        self.skipped.append(SkippedFile(name=file.name, url=shown(file.url), reason=reason, status="failed"))


def gather(
    spec: AnalysisSpec,
    data: Path | str | Sequence[Path | str | Remote],
    release: str | None = None,
    access: Access | None = None,
    kind: Kind | None = None,
) -> Inputs:
    """Return which of the files in ``data`` the analysis reads.

    Files are recognised by their names, else by what is in them. Every ``*.root`` file below a folder
    is a given input: what is not read is listed with the reason. Remote files of which the catalogue
    knows size and checksum are not asked for them.

    Parameters
    ----------
    spec
        the analysis
    data
        what `given_files` takes, or files it returned
    release
        of which release the files must be; None: that of the analysis
    access
        how remote files are looked at that neither their name nor the catalogue tells of
    kind
        what files hold that do not say whether they are data or simulation

    Raises
    ------
    UsageError
        if something in ``data`` does not exist
    NothingToDoError
        if there is no ``*.root`` file at all
    """
    if release is not None and release != spec.release:
        msg = (
            f"Analysis {spec.name} was built for release {spec.release}, but files of {release} are asked "
            "for. Build it for that release."
        )
        raise UsageError(msg)
    items = [data] if isinstance(data, str | Path) else data
    files = [f for item in items for f in ([item] if isinstance(item, Remote) else given_files([item]))]
    sorting = _Sorting(spec, _wanted(spec), access or Access(prefixes=()), kind)
    names_seen: set[str] = set()
    for file in _asked(files, sorting):
        if file.name in names_seen:
            sorting.skip(file, f"a file of the same name {file.name} was given before")
            continue
        names_seen.add(file.name)
        _look(file, sorting)
    spec = _with_processes(spec, [found for _, found, _ in sorting.accepted])
    accepted = _identified(sorting)
    return Inputs(
        spec=spec,
        files=tuple(sorted(accepted, key=_plan_order(spec))),
        skipped=tuple(sorting.skipped),
        missing=tuple(str(k) for k in sorting.wanted if k not in sorting.seen),
        unseen=_unseen(spec, accepted, [f.origin for _, f, _ in sorting.accepted if f.origin is not None]),
        lost=tuple(sorting.lost),
    )


def catalogue_files(spec: AnalysisSpec) -> tuple[Remote, ...]:
    """Return the published files that the analysis reads, from the catalogue alone.

    Raises
    ------
    UsageError
        if the analysis does not say what it reads, or the catalogue has no files of its release
    """
    if not spec.inputs.processes or spec.inputs.skim is None:
        msg = f"Analysis {spec.name} does not say which datasets it reads. Name the data: --data."
        raise UsageError(msg)
    keys = _wanted(spec)
    return wanted(
        spec.release,
        spec.inputs.skim,
        [k for k in keys if isinstance(k, int)],
        [k for k in keys if isinstance(k, str)],
    )


def _wanted(spec: AnalysisSpec) -> dict[int | str, str]:
    """Return the process of every wanted dataset and period."""
    wanted: dict[int | str, str] = {}
    for process in spec.inputs.processes:
        keys: tuple[int | str, ...] = (*process.datasets, *process.periods)
        for key in keys:
            wanted.setdefault(key, process.name)
    return wanted


def _asked(files: Sequence[Remote], sorting: _Sorting) -> list[Remote]:
    """Ask servers for size and identifier of files that nothing else tells; drop those that fail."""
    unknown = [f for f in files if is_remote(f.url) and published_identity(f) is None]
    if not unknown:
        return list(files)
    from concurrent.futures import ThreadPoolExecutor

    def ask(file: Remote) -> FileIdentity | DataError:
        try:
            return identify_remote(file.url, access_to(file, sorting.access).prefixes)
        except DataError as error:
            return error

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = dict(zip((f.url for f in unknown), pool.map(ask, unknown), strict=True))
    left = []
    for file in files:
        answer = answers.get(file.url)
        if isinstance(answer, DataError):
            sorting.lost.append(file.name)
            sorting.fail(file, str(answer))
            continue
        if answer is not None:
            sorting.identities[file.url] = _as_published(file.name, answer)
        left.append(file)
    return left


def _look(file: Remote, sorting: _Sorting) -> None:
    """Accept ``file`` for a process, or note why not."""
    spec = sorting.spec
    name = catalogue.recognise(file.name)
    if name is not None:
        file = replace(file, release=name.release, skim=name.skim, kind=name.kind, dsid=name.dsid)
        file = replace(file, period=name.period)
    if file.release is None or file.kind is None:
        try:
            inside = look_inside(file, spec, sorting.access, sorting.identities, sorting.kind)
        except DataError as error:
            sorting.fail(file, str(error))
            return
        if isinstance(inside, str):
            sorting.skip(file, inside)
            return
        found = inside
    else:
        if file.release != spec.release:
            sorting.skip(file, f"it is of release {file.release}, the analysis reads {spec.release}")
            return
        if spec.inputs.skim is not None and file.skim != spec.inputs.skim:
            sorting.skip(file, f"it is of skim {file.skim}, the analysis reads {spec.inputs.skim}")
            return
        found = Found(file.kind, file.dsid, file.period)
    process = _process_of(found, sorting)
    if process is None:
        what = f"dataset {found.dataset}" if found.kind == "mc" else f"data of {found.period or 'this kind'}"
        sorting.skip(file, f"{what} is not among what analysis {spec.name} wants")
        return
    key = found.dataset if found.kind == "mc" else found.period
    if key is not None:
        sorting.seen.add(key)
    sorting.accepted.append((file, found, process))


def _process_of(found: Found, sorting: _Sorting) -> str | None:
    processes = sorting.spec.inputs.processes
    if not processes:
        return "data" if found.kind == "data" else _own_process(found.dataset)
    if found.kind == "mc":
        return sorting.wanted.get(found.dataset) if found.dataset is not None else None
    for process in processes:
        if process.role == "data" and (
            not process.periods or found.period is None or found.period in process.periods
        ):
            return process.name
    return None


def _own_process(dataset: int | None) -> str:
    """Return the process of a simulated file in an analysis that declares none."""
    return SIMULATION if dataset is None else str(dataset)


def _with_processes(spec: AnalysisSpec, found: Iterable[Found]) -> AnalysisSpec:
    """Return ``spec``; if it declares no processes, with one for the data and one for each dataset."""
    if spec.inputs.processes:
        return spec
    items = list(found)
    processes = []
    if any(f.kind == "data" for f in items):
        processes.append(ProcessRecord(name="data", label="Data", colour="#000000", role="data"))
    simulated: list[int | None] = [*sorted({f.dataset for f in items if f.dataset is not None})]
    if any(f.kind == "mc" and f.dataset is None for f in items):
        simulated.append(None)
    for i, dsid in enumerate(simulated):
        processes.append(
            ProcessRecord(
                name=_own_process(dsid),
                label="Simulation" if dsid is None else _dataset_name(spec.release, dsid),
                colour=_COLOURS[i % len(_COLOURS)],
                role="background",
                datasets=() if dsid is None else (dsid,),
            )
        )
    inputs = spec.inputs.model_copy(update={"processes": tuple(processes)})
    return spec.model_copy(update={"inputs": inputs})


def _dataset_name(release: str, dsid: int) -> str:
    known = catalogue.known(release)
    return known.datasets[dsid].name if known is not None and dsid in known.datasets else str(dsid)


def _identified(sorting: _Sorting) -> list[InputFile]:
    """Return the accepted files with their identities, in the order of their names' first appearance."""
    files: list[InputFile] = []
    taken: dict[str, str] = {}
    # whole files before skims of them
    for given, found, process in sorted(sorting.accepted, key=lambda one: one[1].origin is not None):
        try:
            identity = _identity(given, sorting)
            _check_published(given, identity)
        except DataError as error:
            sorting.lost.append(given.name)
            sorting.fail(given, str(error))
            continue
        same = next((taken[mark] for mark in _marks(given, identity, found.origin) if mark in taken), None)
        if same is not None:
            what = "its content is that" if found.origin is None else "its events are those"
            sorting.skip(given, f"{what} of {same}, which is read already")
            continue
        taken |= dict.fromkeys(_marks(given, identity, found.origin), given.name)
        files.append(
            InputFile(
                name=given.name,
                url=given.url if is_remote(given.url) else str(Path(given.url).absolute()),
                size=identity.size,
                identity=identity.identity,
                format=found.format,
                origin="" if found.origin is None else found.origin.name,
                kind=found.kind,
                dataset=found.dataset,
                period=found.period,
                process=process,
            )
        )
    return files


def _marks(file: Remote, identity: FileIdentity, origin: Origin | None) -> tuple[str, ...]:
    """Return what makes two inputs the same events: name, content or identifier of the first file."""
    own = f"{identity.size}:{identity.identity}"
    if origin is not None:
        return (own, origin.name, f"{origin.size}:{origin.identity}", f"{origin.size}:uuid:{origin.uuid}")
    # an empty file is no copy of another: each is reported as what it is
    return (file.name, own) if identity.size else (file.name,)


def _identity(file: Remote, sorting: _Sorting) -> FileIdentity:
    if not is_remote(file.url):
        return identify(file.url)
    return published_identity(file) or sorting.identities[file.url]


def _check_published(file: Remote, identity: FileIdentity) -> None:
    """Raise `ChecksumError` for a file of the name and size of a published one and other bytes.

    An edition of another size is another file, and no error.
    """
    kind, _, found = identity.identity.partition(":")
    if kind != "adler32":
        return
    same = [p for p in catalogue.published(file.name) if p.size == identity.size]
    if same and all(p.adler32 != found for p in same):
        msg = (
            f"{shown(file.url)}: expected the published file of this name and size ({identity.size} bytes), whose adler32 is "
            f"{same[0].adler32}, but that of this one is {found}: it is damaged. Fetch it again: femtobarn get."
        )
        raise ChecksumError(msg)


def _as_published(name: str, asked: FileIdentity) -> FileIdentity:
    """Return the published checksum for a remote file of a published name and size, so that it is verified."""
    same = [p for p in catalogue.published(name) if p.size == asked.size]
    return FileIdentity(asked.size, f"adler32:{same[0].adler32}") if len(same) == 1 else asked


def _plan_order(spec: AnalysisSpec) -> Callable[[InputFile], tuple[int, int, str]]:
    ranks: dict[tuple[str, int | str | None], tuple[int, int]] = {}
    for i, process in enumerate(spec.inputs.processes):
        keys: tuple[int | str, ...] = (*process.datasets, *process.periods)
        for j, key in enumerate(keys):
            ranks[process.name, key] = (i, j)
        ranks[process.name, None] = (i, len(process.datasets) + len(process.periods))

    def order(file: InputFile) -> tuple[int, int, str]:
        key = file.dataset if file.kind == "mc" else file.period
        rank = ranks.get((file.process, key), ranks[file.process, None])
        return (*rank, file.name)

    return order


def _unseen(
    spec: AnalysisSpec, files: Sequence[InputFile], origins: Sequence[Origin]
) -> tuple[UnseenFile, ...]:
    """Return the files of the same datasets and periods as ``files`` that are not among them.

    They are known from the catalogue, and from skims that were made without them.
    """
    read = {f.origin or f.name for f in files}
    absent = {f.name: f for origin in origins for f in origin.unseen if f.name not in read}
    known = catalogue.known(spec.release)
    if spec.inputs.skim is None or known is None or spec.inputs.skim not in known.skims:
        return tuple(absent.values())
    published = known.files(spec.inputs.skim)
    listed = {f.name: f for f in published}
    here = [listed[name] for name in read if name in listed]
    datasets = {f.dsid for f in here if f.dsid is not None}
    periods = {f.period for f in here if f.period is not None}
    for f in published:
        if f.name not in read and (f.dsid in datasets or f.period in periods):
            absent[f.name] = UnseenFile(name=f.name, size=f.size, dataset=f.dsid, period=f.period)
    return tuple(absent.values())
