"""Runs: plan them, start or continue them, and show what came out."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from femtobarn.api.recorded import recorded_in
from femtobarn.api.scans import check_scaling, files_of, names_files, only, scan_of
from femtobarn.base.errors import DataError, NothingToDoError, SettingsError, TypesError, UnknownNameError
from femtobarn.base.record import first_fault
from femtobarn.base.records import Access, AnalysisSpec, Kind, Settings
from femtobarn.base.settings import default_settings, histogram_limit
from femtobarn.base.settings import prefixes as allowed_prefixes
from femtobarn.data.storage.urls import shown
from femtobarn.running.executors.early import nursery_for

if TYPE_CHECKING:
    from femtobarn.data.catalogue.resolvers import Remote
    from femtobarn.physics.language.analysis import Analysis
    from femtobarn.physics.spectra.scan import Scan
    from femtobarn.running.engine.executor import Executor
    from femtobarn.running.engine.inputs import Inputs
    from femtobarn.running.engine.observer import Observer
    from femtobarn.running.engine.plan import Plan
    from femtobarn.running.engine.progress import RunStatus
    from femtobarn.running.executors.nursery import Nursery
    from femtobarn.running.results.reader import RunResults

_AT_ONCE = 8  # files that are opened at once to learn their release

Data = str | Path | Sequence[str | Path] | None


@dataclass(frozen=True)
class Skimming:
    """A request to write the events that pass a selection; see `femtobarn.api.skims.skim`."""

    selection: str
    columns: tuple[str, ...] | None = None
    to: str = "root"


@dataclass(frozen=True)
class Prepared:
    """A run that could start: what, on what, how."""

    spec: AnalysisSpec
    inputs: Inputs
    settings: Settings


def analyses() -> tuple[str, ...]:
    """Return the names of all analyses."""
    from femtobarn.physics.analyses import analyses as names

    return names()


def find(analysis: str | Path | Analysis | Scan) -> Analysis | Scan:
    """Return an analysis by name, from a Python file, from the configuration of a scan, or as it is."""
    from femtobarn.physics.analyses import find_analysis
    from femtobarn.physics.language.analysis import Analysis

    if isinstance(analysis, str | Path):
        return find_analysis(analysis)
    if isinstance(analysis, Analysis) or scan_of(analysis) is not None:
        return analysis
    msg = f"An analysis is a name, a Python or YAML file or an Analysis, not {type(analysis).__name__}."
    raise TypesError(msg)


def prepare(
    analysis: str | Path | Analysis | Scan,
    data: Data = None,
    *,
    release: str | None = None,
    mode: str = "physics",
    options: Mapping[str, Any] | None = None,
    kind: Kind | None = None,
    format: str | Path | None = None,  # noqa: A002 - what the command line calls it
    skimming: Skimming | None = None,
    out: str | Path | None = None,
    **settings: Any,
) -> Prepared:
    """Return a run that could start; for parameters see `run`.

    A scan in ``out`` is of the files it was of, unless ``data`` or its configuration name others.
    """
    from femtobarn.running.engine.places import given_files

    if options is not None and not isinstance(options, Mapping):
        msg = f"options are names with values, such as {{'threshold': 25}}, not {options!r}."
        raise TypesError(msg)
    if kind not in {None, "data", "mc"}:
        raise UnknownNameError("kind of file", kind, ("data", "mc"))
    if format is not None:
        from femtobarn.data.formats.userfile import hand_in

        own = hand_in(Path(format)).release
        release = own if release is None else release
    scan = scan_of(analysis)  # its release may be that of the format
    found = scan or find(analysis)
    chosen = settings_of(settings, scan)
    access = Access(policy=chosen.access, prefixes=allowed_prefixes())
    if scan is not None:
        release = release or scan.releases[0]
        kind = kind or scan.kind
    files = None if data is None else given_files(places_of(data))
    before = None if scan is None or files is not None else recorded_in(out, scan)
    if scan is not None and files is None:
        files = files_of(scan) if before is None or names_files(scan) else before.files
        kind = kind or (None if before is None else before.kind)
    from femtobarn.running.engine.inputs import catalogue_files, gather

    if files is not None and release is None:
        release = _release_of(found, files, access)
    spec = _frozen(found, release, mode, options, skimming)
    inputs = gather(spec, catalogue_files(spec) if files is None else files, access=access, kind=kind)
    if scan is not None:
        inputs = only(inputs, scan.kind)
        if before is not None:
            before.require_readable(inputs)
            before.require_same(inputs, scan)
        check_scaling(inputs, chosen.luminosity)
    return Prepared(inputs.spec, inputs, chosen)


def _read(
    analysis: str | Path | Analysis | Scan, format_file: str | Path | None
) -> str | Path | Analysis | Scan:
    """Return a scan in place of its configuration, which is read once and says how workers are started."""
    if format_file is not None:
        from femtobarn.data.formats.userfile import hand_in

        hand_in(Path(format_file))
    return scan_of(analysis) or analysis


def _frozen(
    analysis: Analysis | Scan,
    release: str | None,
    mode: str,
    options: Mapping[str, Any] | None,
    skimming: Skimming | None,
) -> AnalysisSpec:
    from femtobarn.running.engine.skim import with_skim

    spec = analysis.freeze(release=release, mode=mode, options=options)
    if skimming is None:
        return spec
    if spec.spectra is not None:
        msg = f"A scan of mass spectra writes no events, but a skim was asked of {spec.name}. Declare an analysis with the selection in a Python file."
        raise SettingsError(msg)
    return with_skim(spec, skimming.selection, skimming.columns, skimming.to)


def settings_of(given: Mapping[str, Any], scan: Scan | None = None) -> Settings:
    """Return the settings of a run: what is given, else what the scan says, else those of this machine."""
    known = set(Settings.model_fields)
    for name in given:
        if name not in known:
            raise UnknownNameError("setting of a run", name, known)
    chosen = {} if scan is None else scan.settings
    told = {k: v for k, v in given.items() if v is not None and v != ()}
    if told.get("executor") not in {None, chosen.get("executor", "local")}:
        chosen.pop("executor_options", None)  # they are of the other executor
    chosen |= told
    try:
        return Settings.model_validate({**default_settings().model_dump(), **chosen})
    except ValidationError as error:
        fault = first_fault(error)
        msg = f"Setting {fault.where}: {fault.what}, not {fault.given!r}."
        raise SettingsError(msg) from error


def places_of(data: Data) -> list[str | Path]:
    """Return what ``data`` names, one by one; nothing for None."""
    if data is None:
        return []
    places = [data] if isinstance(data, str | Path) else list(data) if isinstance(data, Sequence) else [data]
    if not all(isinstance(p, str | Path) for p in places):
        msg = f"data is a folder, a file, an address, or a list of them, not {data!r}."
        raise TypesError(msg)
    if any(isinstance(i, str) and not i for i in places):
        msg = "data is an empty name: give a folder or a file (an unset variable?)."
        raise SettingsError(msg)
    return places


def _release_of(analysis: Analysis | Scan, files: Sequence[Remote], access: Access) -> str | None:
    """Return the release that most names tell of, or the first file, among those the analysis knows."""
    from femtobarn.data.catalogue import recognise
    from femtobarn.running.engine.contents import release_inside

    votes: Counter[str] = Counter()
    unknown = []
    for file in files:
        name = recognise(file.name) if file.release is None else file
        if name is None or name.release is None:
            unknown.append(file)
        elif not analysis.inputs or name.release in analysis.inputs:
            skim = analysis.inputs[name.release].skim if analysis.inputs else None
            votes[name.release] += 2 if skim in {None, name.skim} else 1
    if votes or not unknown:
        return votes.most_common(1)[0][0] if votes else None
    from concurrent.futures import ThreadPoolExecutor

    reasons: list[str] = []

    def inside(file: Remote) -> str | DataError:
        try:
            return release_inside(file, access)
        except DataError as error:  # the plan tells it again, if there is one
            return error

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for first in range(0, len(unknown), _AT_ONCE):
            for found in pool.map(inside, unknown[first : first + _AT_ONCE]):
                if isinstance(found, DataError):
                    reasons.append(str(found))
                elif not analysis.inputs or found in analysis.inputs:
                    return found  # opening files costs: the first answer is taken
    if not analysis.inputs and reasons:
        msg = f"None of the {len(files)} files could be used. The first reason: {reasons[0]}"
        raise NothingToDoError(msg)
    return None


def plan(
    analysis: str | Path | Analysis | Scan,
    data: Data = None,
    *,
    release: str | None = None,
    mode: str = "physics",
    options: Mapping[str, Any] | None = None,
    kind: Kind | None = None,
    format: str | Path | None = None,  # noqa: A002 - what the command line calls it
    **settings: Any,
) -> Plan:
    """Return what a run would do: files, parts, branches, bytes, and what is missing. Reads no event."""
    from femtobarn.running.engine.plan import make_plan

    ready = prepare(
        analysis, data, release=release, mode=mode, options=options, kind=kind, format=format, **settings
    )
    return make_plan(ready.spec, ready.inputs, ready.settings, histogram_limit=histogram_limit())


def run(
    analysis: str | Path | Analysis | Scan,
    data: Data = None,
    *,
    release: str | None = None,
    out: str | Path | None = None,
    mode: str = "physics",
    options: Mapping[str, Any] | None = None,
    kind: Kind | None = None,
    format: str | Path | None = None,  # noqa: A002 - what the command line calls it
    observer: Observer | None = None,
    command: str | None = None,
    skimming: Skimming | None = None,
    **settings: Any,
) -> RunResults:
    """Run an analysis, or continue a run that was interrupted; draw its figures and write its report.

    Parameters
    ----------
    analysis
        a name (see `analyses`), a Python file, the YAML file of a scan, or an `Analysis`
    data
        folders, files, globs, http(s) and root addresses, ``record:N``, files that list such; None: what
        the analysis wants of the published files
    release
        which release the files are of; None: recognised from the files
    out
        the run directory; None: ``runs/<analysis>-<UTC time>``. Giving the same one continues a run
    mode
        ``"physics"``, or ``"notebook"`` for the quirks of the published notebook
    options
        values for the options that the analysis declares
    kind
        ``"data"`` or ``"mc"``: what files hold that do not say it
    format
        a format file for ntuples that the package does not know; see `femtobarn inspect --draft`
    observer
        is told of the progress
    command
        what repeats this run, for the record
    skimming
        write selected events too: `femtobarn.api.skims.skim`
    settings
        fields of `femtobarn.base.records.Settings`: workers, max_files, max_events, fraction,
        luminosity (fb^-1), strict, part_bytes, chunk_entries, executor, access (``"auto"``, ``"stream"``
        or ``"cache"``), figures (False: none are drawn; `figures` draws them later),
        column_cache (True: columns that are read are kept for the next analysis)

    Returns
    -------
    RunResults
        histograms (``hist.Hist``), yields, cutflow and ledger

    Raises
    ------
    FemtobarnError
        see the tree in `femtobarn.base.errors`; a bad file is no error but a line of the ledger
    """
    analysis = _read(analysis, format)
    chosen = settings_of(settings, scan_of(analysis))
    with nursery_for(chosen, places_of(data)) as nursery:
        ready = prepare(
            analysis,
            data,
            release=release,
            mode=mode,
            options=options,
            kind=kind,
            format=format,
            skimming=skimming,
            out=out,
            **settings,
        )
        folder = folder_of(out, ready)
        from femtobarn.running.engine.run import exit_code
        from femtobarn.running.engine.run import run as run_engine

        results = run_engine(
            ready.spec,
            ready.inputs,
            ready.settings,
            folder,
            observer,
            command=command
            or repeat(analysis, data, ready, folder, kind=kind, format=format, skimming=skimming),
            histogram_limit=histogram_limit(),
            runner=None if nursery is None else local_executor(chosen, nursery),
        )
    if exit_code(results.info) != 1:  # nothing done: nothing to show
        _show(results, with_figures=ready.settings.figures)
    return results


def submit(
    analysis: str | Path | Analysis | Scan,
    data: Data = None,
    *,
    release: str | None = None,
    out: str | Path | None = None,
    mode: str = "physics",
    options: Mapping[str, Any] | None = None,
    kind: Kind | None = None,
    format: str | Path | None = None,  # noqa: A002 - what the command line calls it
    observer: Observer | None = None,
    command: str | None = None,
    **settings: Any,
) -> Path:
    """Hand the tasks of a run to others and leave; for parameters see `run`.

    Returns
    -------
    Path
        the run directory, for `collect`

    Raises
    ------
    SettingsError
        if the executor needs this process to stay
    """
    from femtobarn.running.engine.run import submit as submit_tasks

    analysis = _read(analysis, format)
    ready = prepare(
        analysis,
        data,
        release=release,
        mode=mode,
        options=options,
        kind=kind,
        format=format,
        out=out,
        **settings,
    )
    folder = folder_of(out, ready)
    submit_tasks(
        ready.spec,
        ready.inputs,
        ready.settings,
        folder,
        observer,
        command=command or repeat(analysis, data, ready, folder, kind=kind, format=format),
        histogram_limit=histogram_limit(),
    )
    return folder


def collect(out: str | Path, *, wait: bool = False, observer: Observer | None = None) -> RunResults:
    """Gather what there is of a run that was handed to others, merge it, draw it; any number of times.

    Parameters
    ----------
    out
        the run directory
    wait
        until every task has ended; else the results are of what is there ("n of m")
    observer
        is told of the progress

    Raises
    ------
    RunDirectoryError
        if there is no run, or somebody else writes it now
    NothingToDoError
        if nobody works on the tasks that are waited for
    """
    from femtobarn.running.engine.collect import collect as gather_results

    results = gather_results(out, observer, wait=wait)
    if results.info.events_processed:
        _show(results, with_figures=results.info.settings.figures)
    return results


def folder_of(out: str | Path | None, ready: Prepared) -> Path:
    """Return the run directory: the one that is named, or one that does not exist yet."""
    if out is not None and not str(out):
        msg = "The run directory is an empty name: give a folder (an unset variable?)."
        raise SettingsError(msg)
    return Path(out) if out is not None else default_folder(ready.spec.name)


def local_executor(settings: Settings, nursery: Nursery) -> Executor:
    """Return what runs tasks in processes that come from ``nursery``."""
    from femtobarn.running.executors.local import LocalExecutor

    return LocalExecutor.from_settings(settings, nursery)


def default_folder(name: str) -> Path:
    """Return a run directory that does not exist yet: ``runs/<name>-<UTC time>``."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    base = Path("runs") / f"{name}-{stamp}"
    numbered = (base.with_name(f"{base.name}-{i}") for i in range(2, 1000))
    return base if not base.exists() else next(p for p in numbered if not p.exists())


def repeat(
    analysis: Any,
    data: Data,
    ready: Prepared,
    out: Path,
    *,
    kind: Kind | None = None,
    format: str | Path | None = None,  # noqa: A002 - what the command line calls it
    skimming: Skimming | None = None,
) -> str:
    """Return the command that repeats a run; words if the analysis was declared in a program."""
    spec, settings = ready.spec, ready.settings
    scan = scan_of(analysis)
    if scan is not None:
        analysis = scan.source
    if not isinstance(analysis, str | Path) and (
        spec.name not in analyses() or find(spec.name) is not analysis
    ):
        return f"(no command: the analysis {spec.name!r} was declared in the program that ran it)"
    name = analysis if isinstance(analysis, str | Path) else spec.name
    verb = "run" if skimming is None else "skim"
    words = ["femtobarn", verb, str(name), "--release", spec.release, "--mode", spec.mode]
    if skimming is not None:
        words += ["--selection", skimming.selection, "--to", skimming.to]
        words += [] if skimming.columns is None else ["--columns", ",".join(skimming.columns)]
    for place in places_of(data):
        words += ["--data", shown(os.fspath(place))]
    words += ["--kind", kind] if kind is not None else []
    words += ["--format", str(format)] if format is not None else []
    words += ["--out", str(out)]
    for option in spec.options:
        words += ["--option", f"{option.name}={option.value}"]
    usual = default_settings().model_copy(update={"workers": settings.workers})
    for setting, value in settings:
        if value != getattr(usual, setting):
            flag = f"--{setting.replace('_', '-')}"
            words += _words(flag, value)
    return shlex.join(words)


def _words(flag: str, value: object) -> list[str]:
    """Return a setting as words of the command line."""
    if isinstance(value, tuple):
        return [word for name, given in value for word in ("--executor-option", f"{name}={given}")]
    return [flag] if value is True else [f"--no-{flag[2:]}"] if value is False else [flag, str(value)]


def load(out: str | Path, *, luminosity: float | None = None) -> RunResults:
    """Return the results in a run directory, with simulation scaled to another luminosity if given."""
    from femtobarn.running.results.reader import RunResults

    results = RunResults.load(out)
    return results if luminosity is None else results.with_luminosity(luminosity)


def status(out: str | Path) -> RunStatus:
    """Return how far a run is, also while it runs."""
    from femtobarn.running.engine.progress import status as run_status

    return run_status(out)


def figures(results: RunResults | str | Path, *, luminosity: float | None = None) -> tuple[Path, ...]:
    """Draw the figures of a run into its directory; return the paths of the PNG files."""
    from femtobarn.show.figures import draw_all

    loaded = _checked(results, luminosity)
    if loaded.spec.spectra is not None:
        from femtobarn.api.spectra_work import draw

        return draw(loaded, luminosity)
    return tuple(f.png for f in draw_all(loaded, loaded.path / "figures", luminosity))


def report(results: RunResults | str | Path, *, luminosity: float | None = None) -> Path:
    """Write the report of a run into its directory; return its path."""
    from femtobarn.show.report import write_report

    loaded = _checked(results, luminosity)
    if loaded.spec.spectra is not None and loaded.spec.spectra.output.scale == "luminosity":
        from femtobarn.api.spectra_work import refuse_luminosity

        refuse_luminosity(luminosity)
    return write_report(loaded, loaded.path, luminosity)


def _show(results: RunResults, *, with_figures: bool) -> None:
    """Draw the figures once, for their files and for the report; or write a report without them."""
    if results.spec.spectra is not None:
        from femtobarn.api.spectra_stages import after_run

        after_run(results, figures=with_figures)
        return
    from femtobarn.show.report import write_report

    if not with_figures:
        write_report(results, results.path, drawn=())
        return
    from femtobarn.show.figures import draw_all

    write_report(results, results.path, drawn=draw_all(results, results.path / "figures"))


def _checked(results: RunResults | str | Path, luminosity: float | None) -> RunResults:
    """Return loaded results, after checking that they can be scaled to ``luminosity``."""
    loaded = load(results) if isinstance(results, str | Path) else results
    if luminosity is not None:
        loaded.with_luminosity(luminosity)
    return loaded


def demo_data(
    folder: str | Path, *, seed: int = 20251121, progress: Callable[[str, int, int], None] | None = None
) -> tuple[Path, ...]:
    """Write simulated demo data for the H -> ZZ* -> 4l analysis: 40 files in the 2025 names and fields."""
    from femtobarn.simulate import write_demo_data

    return write_demo_data(Path(folder), seed=seed, progress=progress)
