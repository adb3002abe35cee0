"""The first stages of a scan: which files in how many parts, and filling its spectra from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from femtobarn.api import runs
from femtobarn.api.recorded import require_unchanged
from femtobarn.api.runs import Data, Prepared
from femtobarn.api.scans import check_scaling, require_some
from femtobarn.api.spectra_again import Aside
from femtobarn.api.spectra_notes import counted, differences, fill_settings, note
from femtobarn.api.spectra_stages import OnStage, StageEnd
from femtobarn.base.errors import NothingToDoError, SettingsError
from femtobarn.base.settings import histogram_limit
from femtobarn.running.executors.early import nursery_for
from femtobarn.running.results.directory import RunDirectory
from femtobarn.running.results.spectra.cost import metered
from femtobarn.running.results.spectra.stages import Book, Stage
from femtobarn.running.results.version import package_version

if TYPE_CHECKING:
    from femtobarn.base.records import Kind, RunInfo
    from femtobarn.physics.spectra.scan import Scan
    from femtobarn.running.engine.observer import Observer
    from femtobarn.running.executors.nursery import Nursery
    from femtobarn.running.results.reader import RunResults
    from femtobarn.running.results.spectra.cost import Cost

_OF_THE_PLAN = ("part_bytes", "chunk_entries", "max_files", "max_events", "fraction")
"""Settings that decide the plan: to fill alone is to fill what was planned."""


@dataclass(frozen=True, slots=True)
class Request:
    """A scan that is asked for; for parameters see `femtobarn.api.spectra.run`."""

    scan: Scan
    data: Data
    kind: Kind | None
    format: str | Path | None
    observer: Observer | None
    command: str | None
    again: bool
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LaidOut:
    """A scan whose files are known.

    Parameters
    ----------
    ready
        what is run
    directory
        of the run
    command
        what repeats it
    plan
        digest of what is to be done
    """

    ready: Prepared
    directory: RunDirectory
    command: str
    plan: str


@dataclass(frozen=True, slots=True)
class Begun:
    """What the first stages did.

    Parameters
    ----------
    out
        the run directory
    results, cost
        the run and what filling cost, if events were read
    handed_over
        whether others read them now
    """

    out: Path
    results: RunResults | None = None
    cost: Cost | None = None
    handed_over: bool = False


def begin(
    request: Request, out: str | Path | None, stages: Sequence[Stage], *, detach: bool, on_stage: OnStage
) -> Begun:
    """Do those of the first ``stages`` that are asked for and not done.

    Raises
    ------
    NothingToDoError
        if there is no file, or no event
    """
    from femtobarn.running.engine.run import check_executor

    filling = "fill" in stages
    if "files" not in stages and request.data is not None:
        asked = ",".join(("files", "fill", *(stage for stage in stages if stage != "fill")))
        msg = f"--data is read by the stage files, which is not asked for. Leave --data out, or do all that depends on it: --stages {asked}"
        raise SettingsError(msg)
    if filling:
        check_executor(runs.settings_of(request.settings, request.scan), detach=detach)
    new = request.again or out is None or not RunDirectory(Path(out)).info.is_file()
    with _workers_for(request, wanted=filling and new and not detach) as nursery:
        if "files" in stages:
            laid, end = lay_out(request, out)
            on_stage(end)
        elif filling:
            laid = laid_out(request, _given(out))
        else:
            return Begun(_given(out))
        path = laid.directory.path
        if not filling:
            return Begun(path)
        Aside(laid.directory).back()  # from a command that was killed
        before = filled(request, laid)
        if before is not None:
            on_stage(before)
            return Begun(path)
        if detach:
            on_stage(hand_over(request, laid))
            return Begun(path, handed_over=True)
        return Begun(path, *fill(request, laid, nursery))


def lay_out(request: Request, out: str | Path | None) -> tuple[LaidOut, StageEnd]:
    """Find out which files are read, in how many parts; write it into the run directory.

    Raises
    ------
    NothingToDoError
        if there is no file to be read
    """
    from femtobarn.running.engine.finish import plan_digest
    from femtobarn.running.engine.run import lay_out as write_plan

    with metered() as cost:
        ready = runs.prepare(
            request.scan, request.data, kind=request.kind, format=request.format, out=out, **request.settings
        )
        require_some(ready.inputs, request.scan)
        directory = RunDirectory(runs.folder_of(out, ready))
        command = request.command or f"femtobarn spectra run {request.scan.source} --out {directory.path}"
        made = write_plan(
            ready.spec,
            ready.inputs,
            ready.settings,
            directory.path,
            command=command,
            histogram_limit=histogram_limit(),
        )
    plan, size = plan_digest(made), sum(f.size for f in made.files)
    left_out = f", {len(made.skipped):,} left out" if made.skipped else ""
    files, parts = counted(len(made.files), "file"), counted(len(made.tasks), "part")
    words = f"{files} in {parts}, {size / 1e6:,.1f} MB{left_out}"
    book = Book(directory.path, directory.spectra)
    known = book.unchanged("files", package_version(), "")
    same = not request.again and known is not None and known.digest == plan
    if not same:
        known = note(book, "files", (package_version(), "", plan), words, (directory.plan,), cost)
    return LaidOut(ready, directory, command, plan), StageEnd("files", words, known, repeated=not same)


def laid_out(request: Request, out: Path) -> LaidOut:
    """Return what an earlier command laid out in ``out``.

    Raises
    ------
    NothingToDoError
        if there is nothing
    SettingsError
        if the configuration, or a setting, is not that of the plan
    """
    from femtobarn.running.engine.finish import plan_digest
    from femtobarn.running.engine.request import read_plan
    from femtobarn.running.engine.submission import read_submission

    directory = RunDirectory(out)
    if not directory.plan.is_file():
        msg = f"The stage fill reads what files writes, but no files were looked for in {out}. Do both: --stages files,fill"
        raise NothingToDoError(msg)
    earlier, plan = read_submission(directory), read_plan(directory)
    again = f"Find the files again: --stages files,fill --out {out}"
    spec = request.scan.freeze()
    if (spec.identity, spec.release) != (earlier.spec.identity, earlier.spec.release):
        changed = ", ".join(differences(spec, earlier.spec)) or "release"
        msg = f"Expected the scan that was laid out in {out}, but the configuration says something else now: {changed}. {again}"
        raise SettingsError(msg)
    if request.again:
        require_unchanged(directory, earlier.files)
    spec = spec.model_copy(update={"inputs": earlier.spec.inputs})
    settings = runs.settings_of(request.settings, request.scan)
    for name in _OF_THE_PLAN:
        given, planned = request.settings.get(name), getattr(earlier.settings, name)
        if given is not None and given != planned:
            msg = f"Expected {name} = {planned}, with which the files in {out} were laid out, but got {given}. {again}"
            raise SettingsError(msg)
    settings = settings.model_copy(update={k: getattr(earlier.settings, k) for k in _OF_THE_PLAN})
    inputs = replace(earlier.inputs, spec=spec)
    check_scaling(inputs, settings.luminosity)
    command = request.command or earlier.command
    return LaidOut(Prepared(spec, inputs, settings), directory, command, plan_digest(plan))


def filled(request: Request, laid: LaidOut) -> StageEnd | None:
    """Return how filling ended before, if all of this was done and doing it again would give the same."""
    info = _info(laid.directory)
    if request.again or info is None or info.plan != laid.plan or info.files_failed or info.tasks_pending:
        return None
    book = Book(laid.directory.path, laid.directory.spectra)
    decided = fill_settings(laid.ready.spec.identity, laid.ready.settings.luminosity)
    known = book.unchanged("fill", decided, laid.plan)
    return None if known is None else StageEnd("fill", known.words, known, repeated=False)


def fill(request: Request, laid: LaidOut, nursery: Nursery | None) -> tuple[RunResults, Cost]:
    """Read all events, fill the spectra, write the run directory; return the run and what it cost.

    Raises
    ------
    NothingToDoError
        if no file could be used, or they have no events
    """
    from femtobarn.running.engine.run import exit_code

    aside = Aside(laid.directory)
    before = _info(laid.directory)
    if request.again:
        aside.take()
    try:
        with metered() as cost:
            results = _run(request, laid, nursery)
            if nursery is not None:
                nursery.close()  # what its processes cost is known when they have ended
    except BaseException:  # Ctrl-C as well
        aside.back()
        raise
    info = results.info
    if exit_code(info) == 1 or not info.events_processed:
        lost = next((row for row in results.ledger() if row.status == "failed"), None)
        why = (
            "they have no events"
            if lost is None
            else f"the first reason: {lost.file}: {lost.reason.rstrip('.')}"
        )
        msg = f"Nothing was filled: {info.files_processed} of {len(info.inputs)} files could be read, and no event; {why}. Every reason is in {laid.directory.ledger}."
        if aside.back() and before is not None and before.plan == laid.plan:
            _run(request, laid, None)  # writes what there was before, of which nothing is read
        raise NothingToDoError(msg)
    aside.drop()
    return results, cost


def _run(request: Request, laid: LaidOut, nursery: Nursery | None) -> RunResults:
    """Do the tasks that have no result, and write the run directory."""
    from femtobarn.running.engine.run import run

    ready = laid.ready
    return run(
        ready.spec,
        ready.inputs,
        ready.settings,
        laid.directory.path,
        request.observer,
        command=laid.command,
        histogram_limit=histogram_limit(),
        runner=None if nursery is None else runs.local_executor(ready.settings, nursery),
    )


@contextmanager
def _workers_for(request: Request, *, wanted: bool) -> Iterator[Nursery | None]:
    """Give what workers of this machine come from, started while files are looked for; None if not ``wanted``."""
    if not wanted:
        yield None
        return
    settings = runs.settings_of(request.settings, request.scan)
    with nursery_for(settings, runs.places_of(request.data)) as nursery:
        yield nursery


def hand_over(request: Request, laid: LaidOut) -> StageEnd:
    """Hand the tasks to others and leave."""
    from femtobarn.running.engine.run import submit

    ready = laid.ready
    tasks = submit(
        ready.spec,
        ready.inputs,
        ready.settings,
        laid.directory.path,
        request.observer,
        command=laid.command,
        histogram_limit=histogram_limit(),
    )
    return StageEnd("fill", f"{counted(tasks, 'task')} handed over", handed_over=True)


def _given(out: str | Path | None) -> Path:
    if out is None or not str(out):
        msg = "Stages without files continue a scan, but no run directory is named. Name it: --out DIR"
        raise SettingsError(msg)
    return Path(out)


def _info(directory: RunDirectory) -> RunInfo | None:
    return directory.read_info() if directory.info.is_file() else None
