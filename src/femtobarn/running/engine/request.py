"""Taking a run directory for a plan: whose it is, what may not be replaced, what is written first."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from femtobarn.base.atomic import replacing
from femtobarn.base.errors import RunDirectoryError
from femtobarn.base.records import AnalysisSpec
from femtobarn.data.storage.urls import is_remote, shown
from femtobarn.running.engine.finish import plan_digest
from femtobarn.running.engine.plan import Plan
from femtobarn.running.engine.submission import Submission, moved, read_submission, write_submission
from femtobarn.running.results.directory import RunDirectory


def check(directory: RunDirectory, plan: Plan, spec: AnalysisSpec) -> None:
    """Raise `RunDirectoryError` if a run of ``plan`` must not be written to ``directory``."""
    if not _same_scan(directory, spec):
        _check_owner(directory, plan)
    _refuse_own_inputs(directory, plan)
    _keep_skims(directory, spec)


def prepare(directory: RunDirectory, plan: Plan, submission: Submission) -> None:
    """Write what is to be done; remove results of an earlier and different plan."""
    current = plan_digest(plan)
    if directory.info.is_file():
        try:
            stale = directory.read_info().plan != current
        except RunDirectoryError:
            stale = True
        if stale:
            directory.remove_results()
    directory.tasks.mkdir(exist_ok=True)
    _write_plan(directory, plan)
    write_submission(directory, submission)


def _write_plan(directory: RunDirectory, plan: Plan) -> None:
    """Write ``plan`` task by task, so that a plan of 100,000 is never one text; addresses lose secrets."""
    frame = plan.model_copy(update={"tasks": ()}).model_dump_json()
    head, _, tail = frame.partition('"tasks":[]')  # inside a text of JSON it would have backslashes
    with replacing(directory.plan) as temporary, temporary.open("w", encoding="utf-8") as target:
        target.write(f'{head}"tasks":[')
        for i, task in enumerate(plan.tasks):
            target.write(("," if i else "") + moved(task, shown(task.file.url)).model_dump_json())
        target.write(f"]{tail}\n")


def read_plan(directory: RunDirectory) -> Plan:
    """Return what the run in ``directory`` is to do.

    Raises
    ------
    RunDirectoryError
        if there is no run, or its plan cannot be read
    """
    plan = _plan_if_any(directory)
    if plan is None:
        msg = f"Expected a run in {directory.path}, but there is none. Check the path."
        raise RunDirectoryError(msg)
    return plan


def _plan_if_any(directory: RunDirectory) -> Plan | None:
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


def _same_scan(directory: RunDirectory, spec: AnalysisSpec) -> bool:
    """Tell whether ``directory`` is of a scan that fills the same as ``spec``, whatever it is called."""
    if spec.spectra is None or not directory.plan.is_file():
        return False
    try:
        earlier = read_submission(directory).spec
    except RunDirectoryError:
        return False
    return earlier.spectra is not None and (earlier.identity, earlier.release) == (
        spec.identity,
        spec.release,
    )


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
    earlier = _plan_if_any(directory)
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
