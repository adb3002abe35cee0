"""A run: plan, what is there already, the rest, merge, directory. The same command continues it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from femtobarn.base.atomic import write_text
from femtobarn.base.errors import RunDirectoryError, UnknownNameError
from femtobarn.base.records import (
    Access,
    AnalysisSpec,
    Job,
    Record,
    RunInfo,
    Settings,
    Task,
)
from femtobarn.base.settings import HISTOGRAM_LIMIT
from femtobarn.base.settings import prefixes as allowed_prefixes
from femtobarn.data.formats.registry import text_of
from femtobarn.data.storage.urls import is_remote, shown
from femtobarn.running.engine.executor import Executor, Outcome, executor
from femtobarn.running.engine.finish import Clock, finish, load, plan_digest, utc
from femtobarn.running.engine.inputs import Inputs
from femtobarn.running.engine.ledger import row_of
from femtobarn.running.engine.observer import Observer, Silent
from femtobarn.running.engine.places import prefixes
from femtobarn.running.engine.plan import Plan, make_plan
from femtobarn.running.results.directory import RunDirectory
from femtobarn.running.results.reader import RunResults
from femtobarn.running.results.store import FolderStore


class RunStatus(Record):
    """How far a run is.

    Parameters
    ----------
    tasks, done
        all tasks of the plan, and those whose result is there
    failed
        tasks and files that failed; known when the run has finished
    finished
        whether the results of this plan are written
    running
        whether a process holds the directory now
    last_activity
        UTC time of the last result, or of the plan
    """

    analysis: str
    release: str
    tasks: int
    done: int
    failed: int
    finished: bool
    running: bool
    last_activity: str


def run(
    spec: AnalysisSpec,
    inputs: Inputs,
    settings: Settings,
    out: Path | str,
    observer: Observer | None = None,
    *,
    command: str = "",
    runner: Executor | None = None,
    histogram_limit: int = HISTOGRAM_LIMIT,
) -> RunResults:
    """Run an analysis over its inputs, or continue a run that was interrupted, and write its directory.

    Results that are there already are used if nothing that decides them has changed: analysis, options,
    mode, format, file, parts, chunks and limits are all in the name of a result.

    Parameters
    ----------
    spec
        the analysis; ``inputs.spec`` is what is run, and must be this one (its processes may be filled in)
    inputs
        from `femtobarn.running.engine.inputs.gather`
    settings
        executor, workers, parts and limits
    out
        the run directory; made if needed
    observer
        is told of the progress
    command
        what repeats this run, for the record
    runner
        an executor; None: the one that ``settings`` name

    Raises
    ------
    RunDirectoryError
        if ``out`` belongs to another analysis or release, or another run is writing it
    MemoryLimitError, SettingsError
        as `make_plan`
    """
    clock = Clock.start()
    watcher: Observer = Silent() if observer is None else observer
    _same_analysis(spec, inputs.spec)
    spec = inputs.spec
    directory = RunDirectory(Path(out))
    plan = make_plan(spec, inputs, settings, histogram_limit=histogram_limit)
    _check_owner(directory, plan)
    _refuse_own_inputs(directory, plan)
    _keep_skims(directory, spec)
    chosen = runner or executor(settings)
    with directory.locked():
        _prepare(directory, plan)
        store = FolderStore(directory.tasks)
        store.clean()
        todo = [task for task in plan.tasks if not store.has(task.id)]
        watcher.started(plan, len(plan.tasks) - len(todo))
        if todo and settings.workers:  # they work elsewhere: meanwhile what finishing needs is loaded
            threading.Thread(target=load, daemon=True).start()
        outcomes = _execute(_job(spec, plan, settings), todo, store, chosen, watcher)
        info = finish(spec, inputs, settings, plan, outcomes, directory, clock, command)
    watcher.finished(info)
    return RunResults(directory.path, info, info.luminosity)


def exit_code(info: RunInfo) -> int:
    """Return the exit code of a finished run.

    0: all given inputs done; 3: finished with failures (with ``strict`` also when datasets are absent);
    1: nothing done.
    """
    if not info.files_processed and not info.events_processed:
        return 1
    if info.files_failed or (info.settings.strict and info.missing):
        return 3
    return 0


def status(out: Path | str) -> RunStatus:
    """Return how far the run in ``out`` is, also while it runs.

    Raises
    ------
    RunDirectoryError
        if there is no run
    """
    directory = RunDirectory(Path(out))
    plan = _read_plan(directory)
    if plan is None:
        msg = f"Expected a run in {directory.path}, but there is none. Check the path."
        raise RunDirectoryError(msg)
    store = FolderStore(directory.tasks)
    paths = [p for p in (store.path(t.id) for t in plan.tasks) if p.is_file()]
    last = max(p.stat().st_mtime for p in (*paths, directory.plan))
    info = directory.read_info() if directory.info.is_file() else None
    finished = info is not None and info.plan == plan_digest(plan)
    failed = sum(f.status == "failed" for f in plan.skipped)
    done = len(paths)
    if info is not None and finished:
        rows = RunResults(directory.path, info, info.luminosity).ledger()
        failed = sum(row.status == "failed" for row in rows)
        done = sum(row.status == "processed" for row in rows)
    return RunStatus(
        analysis=plan.analysis,
        release=plan.release,
        tasks=len(plan.tasks),
        done=done,
        failed=failed,
        finished=finished,
        running=directory.busy(),
        last_activity=utc(datetime.fromtimestamp(last, UTC)),
    )


def _job(spec: AnalysisSpec, plan: Plan, settings: Settings) -> Job:
    access = Access(policy=settings.access, prefixes=(*prefixes(plan.files), *allowed_prefixes()))
    text = text_of(spec.release)
    return Job(
        analysis=spec,
        access=access,
        formats=() if text is None else (text,),
        column_cache=settings.column_cache,
    )


def _execute(
    job: Job, todo: Sequence[Task], store: FolderStore, runner: Executor, watcher: Observer
) -> dict[str, Outcome]:
    tasks = {task.id: task for task in todo}
    outcomes: dict[str, Outcome] = {}
    if not todo:
        return outcomes
    results = runner.run(job, todo, store)
    threading.Thread(
        target=load, daemon=True
    ).start()  # what finishing needs, while there is nothing else to do
    with closing(results):
        for outcome in results:
            if outcome.task not in tasks:
                raise UnknownNameError("task of this run", outcome.task, tasks)
            if outcome.task in outcomes:
                continue  # delivery may repeat; the effect is the same
            outcomes[outcome.task] = outcome
            watcher.task_done(row_of(tasks[outcome.task], outcome), outcome)
    for task in todo:
        if task.id not in outcomes:
            lost = Outcome(task=task.id, processed=False, reason="the executor ended without it", attempts=0)
            outcomes[task.id] = lost
            watcher.task_done(row_of(task, lost), lost)
    return outcomes


def _refuse_own_inputs(directory: RunDirectory, plan: Plan) -> None:
    """Raise `UsageError` if an input is in the run directory: results there are replaced."""
    top = directory.path.absolute().resolve()
    for file in plan.files:
        if not is_remote(file.url) and Path(file.url).resolve().is_relative_to(top):
            msg = f"The input {file.name} is in the run directory {directory.path}, where results are replaced. Choose another folder with --out."
            raise RunDirectoryError(msg)


def _keep_skims(directory: RunDirectory, spec: AnalysisSpec) -> None:
    """Raise `RunDirectoryError` if a run that writes no skim would replace one that did."""
    if spec.skim is None and any(directory.skim.glob("*.skim.*")):
        msg = f"{directory.path} holds a skim, which this run would remove. Choose another output directory with --out, or remove this one."
        raise RunDirectoryError(msg)


def _same_analysis(spec: AnalysisSpec, used: AnalysisSpec) -> None:
    if spec.identity != used.identity:
        msg = (
            f"The inputs were gathered for another analysis ({used.name}) than the one to run "
            f"({spec.name}). Gather them again."
        )
        raise RunDirectoryError(msg)


def _check_owner(directory: RunDirectory, plan: Plan) -> None:
    """Refuse a directory of another analysis or release; the same one may be continued or replaced."""
    if directory.path.exists() and not directory.path.is_dir():
        msg = f"Expected a folder to write results to, but {directory.path} is a file. Choose another output directory."
        raise RunDirectoryError(msg)
    if directory.path.is_dir() and not directory.plan.is_file() and not directory.info.is_file():
        others = sorted(p.name for p in directory.path.iterdir() if not p.name.startswith("."))
        if others:
            msg = (
                f"{directory.path} holds other files ({', '.join(others[:3])}{', ...' if len(others) > 3 else ''}) "
                "and is no run directory: results would be mixed with them. Choose a new or empty folder with --out."
            )
            raise RunDirectoryError(msg)
    owner: tuple[str, str] | None = None
    earlier = _read_plan(directory)
    if earlier is not None:
        owner = (earlier.analysis, earlier.release)
    elif directory.info.is_file():
        info = directory.read_info()
        owner = (info.analysis.name, info.release)
    if owner is not None and owner != (plan.analysis, plan.release):
        msg = (
            f"{directory.path} holds a run of {owner[0]} on {owner[1]}, not of {plan.analysis} on "
            f"{plan.release}. Choose another output directory with --out, or remove this one."
        )
        raise RunDirectoryError(msg)


def _prepare(directory: RunDirectory, plan: Plan) -> None:
    """Write the plan; remove results of an earlier and different one."""
    current = plan_digest(plan)
    if directory.info.is_file():
        try:
            stale = directory.read_info().plan != current
        except RunDirectoryError:
            stale = True
        if stale:
            directory.remove_results()
    directory.tasks.mkdir(exist_ok=True)
    write_text(directory.plan, _without_secrets(plan).model_dump_json() + "\n")


def _without_secrets(plan: Plan) -> Plan:
    """Return ``plan`` with addresses that lack user names, passwords and queries."""
    tasks = tuple(
        t.model_copy(update={"file": t.file.model_copy(update={"url": shown(t.file.url)})})
        for t in plan.tasks
    )
    return plan.model_copy(update={"tasks": tasks})


def _read_plan(directory: RunDirectory) -> Plan | None:
    try:
        return Plan.model_validate_json(directory.plan.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        msg = (
            f"Expected the plan of a run in {directory.plan}, but it cannot be read "
            f"({type(error).__name__}). It may be of another version of femtobarn: choose another "
            "output directory."
        )
        raise RunDirectoryError(msg) from error
