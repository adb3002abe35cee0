"""The batch systems there are, and submitting to any of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from femtobarn.base.errors import ExecutorError
from femtobarn.running.executors.batch import htcondor, kubernetes, pbs, slurm
from femtobarn.running.executors.batch.commands import AbsentError, RefusedError, SilentError, answer
from femtobarn.running.executors.batch.layout import BatchFolder
from femtobarn.running.executors.batch.request import Request, Scripts, States


def _no_advice(_: RefusedError) -> str:
    return ""


def _no_lost_id(_: Request) -> str:
    return ""


def _following(words: Sequence[str], array: str) -> list[str]:
    return [word.replace("{array}", array) for word in words]


@dataclass(frozen=True, slots=True)
class BatchSystem:
    """What femtobarn knows of one batch system.

    Parameters
    ----------
    render
        scripts for a request; a pure function
    job_id
        of what a command of `Scripts` answers
    states
        of the jobs of a submission, now, by the ids of the array and of the job that merges (or empty)
    cancel
        removes jobs
    advice
        what to do about a refusal
    keeps
        whether jobs that are over stay until they are removed
    lost_id
        what stands for the id of the array of a request when its answer was lost (or empty: there is nothing)
    following
        the command that submits the job that merges, with the id of the array put in
    """

    render: Callable[[Request], Scripts]
    job_id: Callable[[str], str]
    states: Callable[[str, str], States]
    cancel: Callable[[Sequence[str]], None]
    advice: Callable[[RefusedError], str] = _no_advice
    keeps: bool = False
    lost_id: Callable[[Request], str] = _no_lost_id
    following: Callable[[Sequence[str], str], list[str]] = _following


SYSTEMS = {
    "slurm": BatchSystem(
        slurm.render,
        slurm.job_id,
        slurm.states,
        slurm.cancel,
        slurm.advice,
        lost_id=slurm.lost_id,
        following=slurm.following,
    ),
    "pbs": BatchSystem(pbs.render_openpbs, pbs.job_id, pbs.openpbs_states, pbs.cancel),
    "torque": BatchSystem(pbs.render_torque, pbs.job_id, pbs.torque_states, pbs.cancel),
    "htcondor": BatchSystem(htcondor.render, htcondor.job_id, htcondor.states, htcondor.cancel),
    "k8s-job": BatchSystem(
        kubernetes.render,
        kubernetes.job_id,
        kubernetes.states,
        kubernetes.cancel,
        keeps=True,
        lost_id=kubernetes.lost_id,
    ),
}


def submit(
    system: BatchSystem,
    folder: BatchFolder,
    scripts: Scripts,
    on_array: Callable[[str], None],
    *,
    lost: str = "",
    on_nothing: Callable[[], None] = lambda: None,
) -> tuple[str, str]:
    """Submit the array, and the job that merges if there is one; return their ids (or empty).

    Parameters
    ----------
    on_array
        is told the id of the array before anything else happens, so that it can be removed after a crash
    lost
        stands for that id as long as it is not known; empty: nothing can
    on_nothing
        called if this fails and nothing is left there; else jobs may be, which could not be removed now

    Raises
    ------
    ExecutorError
        if the batch system refuses, or does not answer
    """
    array, begun = "", False
    try:
        if lost:
            on_array(lost)
        begun = True
        array = _submitted(system, folder, scripts.array)
        on_array(array)
        return array, _submitted(
            system, folder, system.following(scripts.merge, array)
        ) if scripts.merge else ""
    except BaseException as error:
        # a command that could not be begun has submitted nothing; any other may have, whatever it said
        maybe = bool(array) or (begun and not isinstance(error, AbsentError))
        words = _removed(system, [job for job in (array, lost) if job]) if maybe else ""
        if not words:
            on_nothing()
            if maybe and not array and not lost and isinstance(error, SilentError):
                words = "It may have taken the jobs all the same: look for them, and remove them."
        if words and isinstance(error, ExecutorError):
            msg = f"{error} {words}"
            raise ExecutorError(msg) from error
        raise


def _removed(system: BatchSystem, jobs: Sequence[str]) -> str:
    """Remove jobs that may be there; return why not, if that cannot be done now."""
    try:
        if jobs:
            system.cancel(jobs)
    except ExecutorError as error:
        return (
            f"What it has taken could not be removed, and is remembered for `femtobarn batch cancel`: {error}"
        )
    return ""


def _submitted(system: BatchSystem, folder: BatchFolder, words: Sequence[str]) -> str:
    try:
        return system.job_id(answer(words, folder.path))
    except RefusedError as error:
        if advice := system.advice(error):
            msg = f"{error}{advice}"
            raise ExecutorError(msg) from error
        raise
