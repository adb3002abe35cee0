"""Slurm: scripts, and what ``sbatch``, ``squeue`` and ``scancel`` answer."""

from __future__ import annotations

import re
from collections.abc import Sequence

from femtobarn.base.errors import ExecutorError
from femtobarn.running.executors.batch import shell
from femtobarn.running.executors.batch.commands import RefusedError, answer
from femtobarn.running.executors.batch.options import mebibytes
from femtobarn.running.executors.batch.request import JobState, Phase, Request, Scripts, States

_WAITING = frozenset({"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT"})
_RUNNING = frozenset({"RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT", "RESIZING"})
_UNKNOWN_JOB = "Invalid job id"  # what all commands say of a job that Slurm has forgotten
_ID = re.compile(r"\d+")


def render(request: Request) -> Scripts:
    """Return the scripts of an array and of the job that merges after it."""
    array = shell.script(
        [
            *_directives(request, "slice-%4a", request.options.cores),
            f"#SBATCH --array=0-{request.slices - 1}",
        ],
        shell.slice_lines(request, "${SLURM_ARRAY_TASK_ID:?}"),
    )
    files = [("array.sh", array)]
    merge: tuple[str, ...] = ()
    if request.merge:
        files.append(("merge.sh", shell.script(_directives(request, "merge", 1), shell.merge_lines(request))))
        after = ":".join(("afterany", "{array}", *request.after))
        merge = ("sbatch", "--parsable", f"--dependency={after}", "merge.sh")
    return Scripts(tuple(files), ("sbatch", "--parsable", "array.sh"), merge)


def _directives(request: Request, log: str, cores: int) -> list[str]:
    options = request.options
    given = {
        "job-name": request.name,
        "ntasks": "1",
        "cpus-per-task": str(cores),
        "time": options.walltime,
        "mem": f"{mebibytes(options.memory)}M",
        "tmp": f"{mebibytes(options.disk)}M" if options.disk else "",
        "partition": options.queue,
        "account": options.account,
        # relative to the folder of the submission: a path in a directive would need quoting of its own
        "output": f"logs/{log}.log",
        "open-mode": "append",
    }
    lines = [f"#SBATCH --{name}={value}" for name, value in given.items() if value]
    return [*lines, *(f"#SBATCH {line}" for line in options.extra.splitlines())]


def job_id(said: str) -> str:
    """Return the number of a job from what ``sbatch --parsable`` says; a cluster's name may follow it."""
    lines = said.strip().splitlines()
    found = _ID.match(lines[-1]) if lines else None
    if found is None:
        msg = f"Expected the number of a job from sbatch --parsable, but got {said.strip()[:200]!r}. Is a wrapper in its place?"
        raise ExecutorError(msg)
    return found[0]


def advice(error: RefusedError) -> str:
    """Return what to do about an array that Slurm refuses, if that is known."""
    if "array specification" in error.said:
        return " This Slurm takes no array as long (`scontrol show config` has it as MaxArraySize): use fewer --jobs."
    return ""


def states(array: str, merge: str) -> States:
    """Return what Slurm says of the jobs of a submission; it forgets them some minutes after their end.

    Raises
    ------
    ExecutorError
        if it does not answer
    """
    ids = ",".join(filter(None, (array, merge)))
    try:
        said = answer(
            ["squeue", "--noheader", "--array", "--states=all", "--format=%F|%K|%T|%r", f"--jobs={ids}"]
        )
    except RefusedError as error:
        if _UNKNOWN_JOB in error.said:
            return States()
        raise
    return read_states(said, array, merge)


def read_states(said: str, array: str, merge: str) -> States:
    """Return the states in the answer of ``squeue``: array job, index, state and reason in each line."""
    slices: dict[int, JobState] = {}
    last = None
    for line in said.splitlines():
        job, index, word, reason = (part.strip() for part in f"{line}|||".split("|")[:4])
        state = JobState(phase=phase(word), word=word, reason="" if reason == "None" else reason)
        if job == array and index.isdecimal():
            slices[int(index)] = state
        elif job == merge:
            last = state
    return States(slices, last)


def phase(word: str) -> Phase:
    """Return what a state of Slurm means here."""
    return "waiting" if word in _WAITING else "running" if word in _RUNNING else "ended"


def cancel(ids: Sequence[str]) -> None:
    """Remove jobs, running or not; those that are over are no error.

    Raises
    ------
    ExecutorError
        if Slurm does not answer
    """
    try:
        answer(["scancel", *ids])
    except RefusedError as error:
        if _UNKNOWN_JOB not in error.said:
            raise
