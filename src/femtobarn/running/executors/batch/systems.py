"""The batch systems there are, and submitting to any of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from femtobarn.base.errors import ExecutorError
from femtobarn.running.executors.batch import htcondor, kubernetes, pbs, slurm
from femtobarn.running.executors.batch.commands import RefusedError, answer
from femtobarn.running.executors.batch.layout import BatchFolder
from femtobarn.running.executors.batch.request import Request, Scripts, States


def _no_advice(_: RefusedError) -> str:
    return ""


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
    """

    render: Callable[[Request], Scripts]
    job_id: Callable[[str], str]
    states: Callable[[str, str], States]
    cancel: Callable[[Sequence[str]], None]
    advice: Callable[[RefusedError], str] = _no_advice
    keeps: bool = False


SYSTEMS = {
    "slurm": BatchSystem(slurm.render, slurm.job_id, slurm.states, slurm.cancel, slurm.advice),
    "pbs": BatchSystem(pbs.render_openpbs, pbs.job_id, pbs.openpbs_states, pbs.cancel),
    "torque": BatchSystem(pbs.render_torque, pbs.job_id, pbs.torque_states, pbs.cancel),
    "htcondor": BatchSystem(htcondor.render, htcondor.job_id, htcondor.states, htcondor.cancel),
    "k8s-job": BatchSystem(
        kubernetes.render, kubernetes.job_id, kubernetes.states, kubernetes.cancel, keeps=True
    ),
}


def submit(
    system: BatchSystem, folder: BatchFolder, scripts: Scripts, on_array: Callable[[str], None]
) -> tuple[str, str]:
    """Submit the array, and the job that merges if there is one; return their ids (or empty).

    Parameters
    ----------
    on_array
        is told the id of the array before anything else happens, so that it can be removed after a crash

    Raises
    ------
    ExecutorError
        if the batch system refuses; nothing is left there then
    """
    array = _submitted(system, folder, scripts.array)
    try:
        on_array(array)
        merge = (
            _submitted(system, folder, [word.replace("{array}", array) for word in scripts.merge])
            if scripts.merge
            else ""
        )
    except BaseException:
        with suppress(ExecutorError):
            system.cancel([array])
        raise
    return array, merge


def _submitted(system: BatchSystem, folder: BatchFolder, words: Sequence[str]) -> str:
    try:
        return system.job_id(answer(words, folder.path))
    except RefusedError as error:
        if advice := system.advice(error):
            msg = f"{error}{advice}"
            raise ExecutorError(msg) from error
        raise
