"""A run: plan, what is there already, the rest, merge, directory. The same command continues it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from femtobarn.base.errors import RunDirectoryError, SettingsError, UnknownNameError
from femtobarn.base.records import Access, AnalysisSpec, Job, Notice, Outcome, RunInfo, Settings, Task
from femtobarn.base.settings import HISTOGRAM_LIMIT
from femtobarn.base.settings import prefixes as allowed_prefixes
from femtobarn.data.formats.registry import text_of
from femtobarn.running.engine import request
from femtobarn.running.engine.executor import Detached, Executor, check_no_secrets, executor
from femtobarn.running.engine.fetching import fetch_present, fetched
from femtobarn.running.engine.finish import Clock, finish, load, utc
from femtobarn.running.engine.inputs import Inputs
from femtobarn.running.engine.ledger import row_of
from femtobarn.running.engine.observer import Observer, Silent
from femtobarn.running.engine.places import prefixes
from femtobarn.running.engine.plan import Plan, make_plan
from femtobarn.running.engine.submission import Submission, elsewhere, submission_of
from femtobarn.running.engine.waiting import gathered, keep, released, state_of
from femtobarn.running.results.directory import RunDirectory
from femtobarn.running.results.reader import RunResults
from femtobarn.running.results.remotestore import check_store
from femtobarn.running.results.store import FolderStore


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
    wanted = _request(spec, inputs, settings, out, observer, command, histogram_limit)
    chosen = runner or executor(settings)
    directory, plan, watcher = wanted.directory, wanted.plan, wanted.watcher
    with directory.locked():
        store, todo = _begin(wanted)
        if todo and settings.workers:  # they work elsewhere: meanwhile what finishing needs is loaded
            threading.Thread(target=load, daemon=True).start()
        outcomes = _execute(wanted.submission.job, todo, store, chosen, watcher, settings.store)
        info = finish(
            wanted.spec, inputs, settings, plan, outcomes, directory, wanted.clock, wanted.submission.command
        )
        _tell(released(store, settings), watcher)
    watcher.finished(info)
    return RunResults(directory.path, info, info.luminosity)


def lay_out(
    spec: AnalysisSpec,
    inputs: Inputs,
    settings: Settings,
    out: Path | str,
    *,
    command: str = "",
    histogram_limit: int = HISTOGRAM_LIMIT,
) -> Plan:
    """Write what a run is to do into its directory, and do nothing of it; for parameters see `run`."""
    wanted = _request(spec, inputs, settings, out, None, command, histogram_limit)
    with wanted.directory.locked():
        request.prepare(wanted.directory, wanted.plan, wanted.submission)
    return wanted.plan


def submit(
    spec: AnalysisSpec,
    inputs: Inputs,
    settings: Settings,
    out: Path | str,
    observer: Observer | None = None,
    *,
    command: str = "",
    runner: Executor | None = None,
    histogram_limit: int = HISTOGRAM_LIMIT,
) -> int:
    """Hand the tasks of a run to others and leave; `femtobarn.running.engine.collect.collect` gathers them.

    Results that are there already are used, as by `run`, whose parameters these are.

    Returns
    -------
    int
        the number of tasks that were handed over

    Raises
    ------
    SettingsError
        if the executor needs this process to stay
    """
    chosen = _detached(runner or executor(settings), settings)
    wanted = _request(spec, inputs, settings, out, observer, command, histogram_limit)
    with wanted.directory.locked():
        store, todo = _begin(wanted)
        if todo:
            store.keep(chosen.submit(wanted.submission.job, todo, store))
    return len(todo)


def check_executor(settings: Settings, *, detach: bool) -> None:
    """Raise `SettingsError` or `UnknownNameError` if there is no such executor, or it cannot ``detach``."""
    chosen = executor(settings)
    if detach:
        _detached(chosen, settings)


def _detached(chosen: Executor, settings: Settings) -> Detached:
    if not isinstance(chosen, Detached):
        msg = f"The executor {settings.executor} needs this process until the end. Leave out --detach, or choose an executor that works alone, such as rabbitmq or batch."
        raise SettingsError(msg)
    return chosen


def exit_code(info: RunInfo) -> int:
    """Return the exit code of a finished run.

    0: all given inputs done; 3: finished with failures, or some tasks have no result yet (with ``strict``
    also when datasets are absent); 1: nothing done.
    """
    if info.tasks_pending:
        return 3
    if not info.files_processed and not info.events_processed:
        return 1
    if info.files_failed or (info.settings.strict and info.missing):
        return 3
    return 0


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A request whose directory was checked."""

    spec: AnalysisSpec
    plan: Plan
    directory: RunDirectory
    submission: Submission
    watcher: Observer
    clock: Clock


def _request(
    spec: AnalysisSpec,
    inputs: Inputs,
    settings: Settings,
    out: Path | str,
    observer: Observer | None,
    command: str,
    histogram_limit: int,
) -> _Wanted:
    clock = Clock.start()
    check_no_secrets(settings)
    if settings.store:
        check_store(settings.store)
    _same_analysis(spec, inputs.spec)
    spec = inputs.spec
    directory = RunDirectory(Path(out))
    plan = make_plan(spec, inputs, settings, histogram_limit=histogram_limit)
    request.check(directory, plan, spec)
    submission = submission_of(_job(spec, plan, settings), inputs, settings, command, utc(clock.started))
    return _Wanted(spec, plan, directory, submission, Silent() if observer is None else observer, clock)


def _begin(wanted: _Wanted) -> tuple[FolderStore, list[Task]]:
    """Write the plan, take what earlier commands left elsewhere, and return the tasks without a result."""
    directory, plan, settings = wanted.directory, wanted.plan, wanted.submission.settings
    request.prepare(directory, plan, wanted.submission)
    store = FolderStore(directory.tasks)
    store.clean()
    if store.tickets():  # an earlier driver died: what its workers did is not done twice
        _tell(gathered(store, plan.tasks, settings), wanted.watcher)
        _tell(released(store, settings), wanted.watcher)
    store.forget_notes()
    done, _ = state_of(store, plan.by_file)
    done |= fetch_present(store, settings.store, [task.id for task in plan.tasks if task.id not in done])
    todo = [task for task in plan.tasks if task.id not in done]
    for task in todo:
        store.forgive(task.id)
    wanted.watcher.started(plan, len(done))
    return store, todo if settings.executor == "local" else [elsewhere(task) for task in todo]


def _tell(events: Iterable[Outcome | Notice], watcher: Observer) -> None:
    for event in events:
        if isinstance(event, Notice):
            watcher.notice(event.words)


def _job(spec: AnalysisSpec, plan: Plan, settings: Settings) -> Job:
    places = (*prefixes(plan.files), *allowed_prefixes())
    # workers may lead to the store as to what they read
    access = Access(policy=settings.access, prefixes=(*places, settings.store) if settings.store else places)
    text = text_of(spec.release)
    return Job(
        analysis=spec,
        access=access,
        formats=() if text is None else (text,),
        column_cache=settings.column_cache,
    )


def _execute(
    job: Job,
    todo: Sequence[Task],
    store: FolderStore,
    runner: Executor,
    watcher: Observer,
    left_at: str,
) -> dict[str, Outcome]:
    tasks = {task.id: task for task in todo}
    outcomes: dict[str, Outcome] = {}
    if not todo:
        return outcomes
    results = fetched(runner.run(job, todo, store), store, left_at)
    threading.Thread(
        target=load, daemon=True
    ).start()  # what finishing needs, while there is nothing else to do
    with closing(results):
        for outcome in _outcomes(results, watcher):
            if outcome.task not in tasks:
                raise UnknownNameError("task of this run", outcome.task, tasks)
            if outcome.task in outcomes:
                continue  # delivery may repeat; the effect is the same
            outcomes[outcome.task] = outcome
            keep(store, outcome)
            watcher.task_done(row_of(tasks[outcome.task], outcome), outcome)
    for task in todo:
        if task.id not in outcomes:
            lost = Outcome(
                task=task.id,
                processed=False,
                reason="the executor ended without it",
                attempts=0,
                finished=time.time(),
            )
            outcomes[task.id] = lost
            keep(store, lost)
            watcher.task_done(row_of(task, lost), lost)
    return outcomes


def _outcomes(events: Iterable[Outcome | Notice | None], watcher: Observer) -> Iterator[Outcome]:
    for event in events:
        if isinstance(event, Outcome):
            yield event
        elif event is not None:
            watcher.notice(event.words)


def _same_analysis(spec: AnalysisSpec, used: AnalysisSpec) -> None:
    if spec.identity != used.identity:
        msg = (
            f"The inputs were gathered for another analysis ({used.name}) than the one to run "
            f"({spec.name}). Gather them again."
        )
        raise RunDirectoryError(msg)
