"""Which of the given files an analysis reads, and as what; a reason for every other one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from femtobarn.base.errors import DataError, FormatError, NothingToDoError, UnknownNameError, UsageError
from femtobarn.base.records import AnalysisSpec, InputFile, Kind, ProcessRecord, SkippedFile
from femtobarn.data import catalogue
from femtobarn.data.storage import find_root_files, identify
from femtobarn.running.results.normalise import UnseenFile

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


@dataclass(frozen=True, slots=True)
class _Found:
    """What a file holds, from its name or its content."""

    kind: Kind
    dataset: int | None
    period: str | None


@dataclass(slots=True)
class _Sorting:
    """What is known while files are looked at."""

    spec: AnalysisSpec
    wanted: dict[int | str, str]
    accepted: list[tuple[Path, _Found, str]] = field(default_factory=list)
    skipped: list[SkippedFile] = field(default_factory=list)
    seen: set[int | str] = field(default_factory=set)
    lost: list[str] = field(default_factory=list)

    def skip(self, path: Path, reason: str) -> None:
        self.skipped.append(SkippedFile(name=path.name, url=str(path), reason=reason))

    def fail(self, path: Path, reason: str) -> None:
        self.skipped.append(SkippedFile(name=path.name, url=str(path), reason=reason, status="failed"))


def gather(spec: AnalysisSpec, data: Path | str | Sequence[Path | str], release: str | None = None) -> Inputs:
    """Return which of the files in ``data`` the analysis reads.

    Files are recognised by their names, else by what is in them. Every ``*.root`` file below a folder
    is a given input: what is not read is listed with the reason.

    Parameters
    ----------
    spec
        the analysis
    data
        folders and files
    release
        of which release the files must be; None: that of the analysis

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
    paths = given_files([data] if isinstance(data, str | Path) else data)
    sorting = _Sorting(spec, _wanted(spec))
    names_seen: set[str] = set()
    for path in paths:
        if path.name in names_seen:
            sorting.skip(path, f"a file of the same name {path.name} was given before")
            continue
        names_seen.add(path.name)
        _look(path, sorting)
    spec = _with_processes(spec, [found for _, found, _ in sorting.accepted])
    files = _identified(sorting)
    return Inputs(
        spec=spec,
        files=tuple(sorted(files, key=_plan_order(spec))),
        skipped=tuple(sorting.skipped),
        missing=tuple(str(k) for k in sorting.wanted if k not in sorting.seen),
        unseen=_unseen(spec, files),
        lost=tuple(sorting.lost),
    )


def given_files(places: Sequence[Path | str]) -> list[Path]:
    """Return the files that folders and files stand for, in order.

    Raises
    ------
    UsageError
        if one of ``places`` does not exist
    NothingToDoError
        if there is no ``*.root`` file at all
    """
    paths = [path for place in places for path in _paths(Path(place))]
    if not paths:
        names = ", ".join(str(p) for p in places)
        msg = f"Expected ROOT files (*.root) in {names}, but there are none. Check the folder."
        raise NothingToDoError(msg)
    return paths


def _paths(place: Path) -> list[Path]:
    if place.is_dir():
        return find_root_files(place)
    if place.is_symlink() or place.exists():
        return [place]
    msg = f"Expected a file or a folder with ROOT files, but {str(place)!r} does not exist. Check the path."
    raise UsageError(msg)


def _wanted(spec: AnalysisSpec) -> dict[int | str, str]:
    """Return the process of every wanted dataset and period."""
    wanted: dict[int | str, str] = {}
    for process in spec.inputs.processes:
        keys: tuple[int | str, ...] = (*process.datasets, *process.periods)
        for key in keys:
            wanted.setdefault(key, process.name)
    return wanted


def _look(path: Path, sorting: _Sorting) -> None:
    """Accept ``path`` for a process, or note why not."""
    spec = sorting.spec
    name = catalogue.recognise(path.name)
    if name is None:
        try:
            found = _from_content(path, sorting)
        except DataError as error:
            sorting.fail(path, str(error))
            return
        if found is None:
            return
    else:
        if name.release != spec.release:
            sorting.skip(path, f"it is of release {name.release}, the analysis reads {spec.release}")
            return
        if spec.inputs.skim is not None and name.skim != spec.inputs.skim:
            sorting.skip(path, f"it is of skim {name.skim}, the analysis reads {spec.inputs.skim}")
            return
        found = _Found(name.kind, name.dsid, name.period)
    process = _process_of(found, sorting)
    if process is None:
        what = f"dataset {found.dataset}" if found.kind == "mc" else f"data of {found.period or 'this kind'}"
        sorting.skip(path, f"{what} is not among what analysis {spec.name} wants")
        return
    key = found.dataset if found.kind == "mc" else found.period
    if key is not None:
        sorting.seen.add(key)
    sorting.accepted.append((path, found, process))


def _from_content(path: Path, sorting: _Sorting) -> _Found | None:
    """Return what the first event of ``path`` says; None if it was skipped."""
    from femtobarn.data.columns import open_tree
    from femtobarn.data.formats.detect import detect_format
    from femtobarn.data.formats.reader import EventReader

    spec = sorting.spec
    fmt = detect_format(str(path))
    if fmt.release != spec.release:
        sorting.skip(path, f"it is of release {fmt.release}, the analysis reads {spec.release}")
        return None
    with open_tree(str(path), fmt.tree) as tree:
        facts = EventReader(tree, fmt).facts()
    channel = facts.channel
    if channel is None:
        msg = (
            f"{path}: neither its name nor an event (it has none) says whether it is data or simulation. "
            "Give it the name under which it was published."
        )
        raise FormatError(msg)
    if facts.run is not None:
        simulated = facts.dataset is not None
    else:
        simulated = channel in sorting.wanted or channel in catalogue.release(spec.release).datasets
    return _Found("mc", channel, None) if simulated else _Found("data", None, None)


def _process_of(found: _Found, sorting: _Sorting) -> str | None:
    processes = sorting.spec.inputs.processes
    if not processes:
        return "data" if found.kind == "data" else str(found.dataset)
    if found.kind == "mc":
        return sorting.wanted.get(found.dataset) if found.dataset is not None else None
    for process in processes:
        if process.role == "data" and (
            not process.periods or found.period is None or found.period in process.periods
        ):
            return process.name
    return None


def _with_processes(spec: AnalysisSpec, found: Iterable[_Found]) -> AnalysisSpec:
    """Return ``spec``; if it declares no processes, with one for the data and one for each dataset."""
    if spec.inputs.processes:
        return spec
    items = list(found)
    processes = []
    if any(f.kind == "data" for f in items):
        processes.append(ProcessRecord(name="data", label="Data", colour="#000000", role="data"))
    for i, dsid in enumerate(sorted({f.dataset for f in items if f.dataset is not None})):
        processes.append(
            ProcessRecord(
                name=str(dsid),
                label=_dataset_name(spec.release, dsid),
                colour=_COLOURS[i % len(_COLOURS)],
                role="background",
                datasets=(dsid,),
            )
        )
    inputs = spec.inputs.model_copy(update={"processes": tuple(processes)})
    return spec.model_copy(update={"inputs": inputs})


def _dataset_name(release: str, dsid: int) -> str:
    try:
        return catalogue.release(release).dataset(dsid).name or str(dsid)
    except UnknownNameError:
        return str(dsid)


def _identified(sorting: _Sorting) -> list[InputFile]:
    """Return the accepted files with their identities, in the order of their names' first appearance."""
    files: list[InputFile] = []
    contents: dict[tuple[int, str], str] = {}
    for path, found, process in sorting.accepted:
        try:
            identity = identify(path)
        except DataError as error:
            sorting.lost.append(path.name)
            sorting.fail(path, str(error))
            continue
        content = (identity.size, identity.identity)
        # an empty file is no copy of another: each is reported as what it is
        if identity.size and content in contents:
            sorting.skip(path, f"its content is that of {contents[content]}, which is read already")
            continue
        contents[content] = path.name
        files.append(
            InputFile(
                name=path.name,
                url=str(path.absolute()),
                size=identity.size,
                identity=identity.identity,
                kind=found.kind,
                dataset=found.dataset,
                period=found.period,
                process=process,
            )
        )
    return files


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


def _unseen(spec: AnalysisSpec, files: Sequence[InputFile]) -> tuple[UnseenFile, ...]:
    """Return the published files of the same datasets and periods as ``files`` that are not among them."""
    if spec.inputs.skim is None:
        return ()
    try:
        published = catalogue.release(spec.release).files(spec.inputs.skim)
    except UnknownNameError:
        return ()
    listed = {f.name: f for f in published}
    read = {f.name for f in files}
    here = [listed[f.name] for f in files if f.name in listed]
    datasets = {f.dsid for f in here if f.dsid is not None}
    periods = {f.period for f in here if f.period is not None}
    return tuple(
        UnseenFile(f.name, f.size, f.dsid, f.period)
        for f in published
        if f.name not in read and (f.dsid in datasets or f.period in periods)
    )
