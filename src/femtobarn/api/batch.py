"""Runs on batch systems: submit an array of jobs, look after it, merge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from femtobarn.api.runs import Data, collect, default_folder, prepare
from femtobarn.api.runs import submit as submit_run
from femtobarn.base.settings import histogram_limit

if TYPE_CHECKING:
    from femtobarn.physics.language.analysis import Analysis
    from femtobarn.running.engine.observer import Observer
    from femtobarn.running.executors.batch.layout import SliceEnd
    from femtobarn.running.executors.batch.manage import Resubmitted
    from femtobarn.running.executors.batch.submitting import Rendered
    from femtobarn.running.executors.batch.survey import BatchReport
    from femtobarn.running.results.reader import RunResults

_EXECUTOR = "batch"


def submit(
    analysis: str | Path | Analysis, data: Data = None, *, batch: Mapping[str, str], **run: Any
) -> tuple[Path, BatchReport]:
    """Submit the tasks of a run that have no result yet as an array of jobs, and a job after it that merges.

    Parameters
    ----------
    batch
        options of the batch system, as names and values; see `BatchOptions`
    run
        further parameters of `femtobarn.api.runs.submit`

    Returns
    -------
    tuple
        the run directory, and its slices; none if every task has a result already

    Raises
    ------
    SettingsError
        for options that are not allowed
    ExecutorError
        if the batch system refuses
    """
    options = tuple(batch.items())
    folder = submit_run(analysis, data, executor=_EXECUTOR, executor_options=options, **run)
    return folder, status(folder)


def render(
    analysis: str | Path | Analysis,
    data: Data = None,
    *,
    batch: Mapping[str, str],
    out: str | Path | None = None,
    **run: Any,
) -> Rendered | None:
    """Return what `submit` would do, without doing it or writing anything; None if there is nothing to do."""
    from femtobarn.running.engine import request
    from femtobarn.running.engine.plan import make_plan
    from femtobarn.running.engine.submission import elsewhere
    from femtobarn.running.engine.waiting import state_of
    from femtobarn.running.executors.batch.executor import BatchExecutor
    from femtobarn.running.executors.batch.submitting import rendered
    from femtobarn.running.results.directory import RunDirectory
    from femtobarn.running.results.store import FolderStore

    ready = prepare(analysis, data, out=out, executor=_EXECUTOR, executor_options=tuple(batch.items()), **run)
    executor = BatchExecutor.from_settings(ready.settings)
    directory = RunDirectory(Path(out) if out is not None else default_folder(ready.spec.name))
    plan = make_plan(ready.spec, ready.inputs, ready.settings, histogram_limit=histogram_limit())
    request.check(directory, plan, ready.spec)
    done, _ = state_of(FolderStore(directory.tasks), plan.by_file)
    todo = [elsewhere(task) for task in plan.tasks if task.id not in done]
    if not todo:
        return None
    return rendered(executor.options, ready.spec.name, todo, directory.path, store=ready.settings.store)


def run_slice(out: str | Path, token: str, index: int, *, ends: float | None = None) -> SliceEnd:
    """Run one slice: what a job of an array does. It ends in order at ``ends``, in seconds since the epoch."""
    from femtobarn.running.executors.batch.element import run_slice as run_element

    return run_element(Path(out), token, index, ends=ends)


def status(out: str | Path) -> BatchReport:
    """Return how far the slices of a run are, and what the batch system says of them."""
    from femtobarn.running.executors.batch.manage import survey

    return survey(out)


def merge(
    out: str | Path,
    *,
    wait: bool = False,
    observer: Observer | None = None,
    on_wait: Callable[[str], None] | None = None,
) -> RunResults:
    """Merge a run as `femtobarn.api.collect` does, if no task was lost with its slice.

    If another command writes the run directory it is waited for.

    Parameters
    ----------
    wait
        for slices that wait or run
    observer
        is told of the progress
    on_wait
        told what is waited for

    Raises
    ------
    MergeError
        if tasks were lost; it names their slices
    """
    from femtobarn.running.executors.batch.wholeness import check_whole

    check_whole(out, wait=wait, on_wait=on_wait)
    return collect(out, observer=observer)


def resubmit(
    out: str | Path, changes: Mapping[str, str] | None = None, *, failed: bool = False
) -> Resubmitted:
    """Submit again what is missing and not under way, with ``changes`` to the options; also ``failed`` tasks."""
    from femtobarn.running.executors.batch.manage import resubmit as submit_again

    return submit_again(out, changes, failed=failed)


def cancel(out: str | Path) -> tuple[str, ...]:
    """Remove every job of a run; return the tokens of the submissions that had any."""
    from femtobarn.running.executors.batch.manage import cancel as remove

    return remove(out)
