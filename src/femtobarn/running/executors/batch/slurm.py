"""Slurm: scripts, and what ``sbatch``, ``squeue`` and ``scancel`` answer."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from femtobarn.base.errors import ExecutorError
from femtobarn.running.executors.batch import shell
from femtobarn.running.executors.batch.commands import RefusedError, answer
from femtobarn.running.executors.batch.options import mebibytes
from femtobarn.running.executors.batch.request import JobState, Phase, Request, Scripts, States

_WAITING = frozenset({
    "PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "RESV_DEL_HOLD", "SPECIAL_EXIT",
})  # fmt: skip
_RUNNING = frozenset({"RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT", "RESIZING"})
_UNKNOWN_JOB = "Invalid job id"  # what all commands say of a job that Slurm has forgotten
_ENDED = frozenset({
    "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "LAUNCH_FAILED", "NODE_FAIL", "OUT_OF_MEMORY",
    "PREEMPTED", "RECONFIG_FAIL", "REVOKED", "TIMEOUT",
})  # fmt: skip
_ID = re.compile(r"(?P<number>\d+)(?:;(?P<cluster>[\w.-]+))?", re.ASCII)
_NAMED = "name="  # begins what stands for the id of a job whose id is not known
_AFTER = "--dependency=afterany:"
_OWN_NAME = re.compile(r"\s*(?:-J|--job-name)\b")
_CLUSTERS = re.compile(r"\s*(?:-M|--clusters?)[\s=]*([\w.,-]+)", re.ASCII)


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
        after = ":".join(("{array}", *request.after))
        merge = ("sbatch", "--parsable", f"{_AFTER}{after}", "merge.sh")
    return Scripts(tuple(files), ("sbatch", "--parsable", "array.sh"), merge)


def _directives(request: Request, log: str, cores: int) -> list[str]:
    options = request.options
    given = {
        "job-name": _name(request),
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


def _name(request: Request) -> str:
    """Return the name of the jobs of a submission, which no other has: they can be found by it."""
    return f"{request.name}-{request.token}"


def lost_id(request: Request) -> str:
    """Return what finds the jobs of a submission when no answer came; empty if the user names jobs."""
    lines = request.options.extra.splitlines()
    if any(map(_OWN_NAME.match, lines)):
        return ""
    asked = [found[1] for line in lines if (found := _CLUSTERS.match(line))]
    clusters = asked[-1] if asked else os.environ.get("SBATCH_CLUSTERS", "")
    return f"{_NAMED}{_name(request)}" + (f";{clusters}" if clusters else "")


def following(words: Sequence[str], array: str) -> list[str]:
    """Return the command that submits the merge after ``array``, on the cluster where that is.

    Raises
    ------
    ExecutorError
        if it were to wait for jobs of another cluster, or for some whose number is not known: Slurm cannot
    """
    _, cluster = _parted(array)
    made = []
    for word in words:
        if not word.startswith(_AFTER):
            made.append(word)
            continue
        ids = word.removeprefix(_AFTER).replace("{array}", array).split(":")
        for one in ids:
            if one.startswith(_NAMED) or _parted(one)[1] != cluster:
                msg = f"Expected earlier jobs on the same cluster as job {array}, so that the merge can wait for them, but there is {one}. Wait until it is over, or remove it with `femtobarn batch cancel`, and submit again."
                raise ExecutorError(msg)
        made.append(_AFTER + ":".join(_parted(one)[0] for one in ids))
    return [made[0], *_where(cluster), *made[1:]]


def _parted(job: str) -> tuple[str, str]:
    """Return a job without its cluster, and the cluster (or empty)."""
    own, _, cluster = job.partition(";")
    return own, cluster


def _where(cluster: str) -> list[str]:
    return [f"--clusters={cluster}"] if cluster else []


def job_id(said: str) -> str:
    """Return the number of a job from what ``sbatch --parsable`` says, with ``;`` and its cluster if it says that."""
    lines = said.strip().splitlines()
    found = _ID.fullmatch(lines[-1].strip()) if lines else None
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
    own, cluster = _parted(array)
    last = _parted(merge)[0]
    which = f"--{own}" if own.startswith(_NAMED) else f"--jobs={','.join(filter(None, (own, last)))}"
    try:
        said = answer(
            [
                "squeue",
                *_where(cluster),
                "--noheader",
                "--array",
                "--states=all",
                "--format=%F|%K|%T|%r",
                which,
            ]
        )
    except RefusedError as error:
        if _UNKNOWN_JOB in error.said:
            return States()
        raise
    return read_states(said, own, last)


def read_states(said: str, array: str, merge: str) -> States:
    """Return the states in the answer of ``squeue``: array job, index, state and reason in each line.

    Of jobs that were found by their name, those of an array are slices and the other one merges.
    """
    named = array.startswith(_NAMED)
    slices: dict[int, JobState] = {}
    last = None
    for line in said.splitlines():
        job, index, word, reason = (part.strip() for part in f"{line}|||".split("|")[:4])
        state = JobState(phase=phase(word), word=word, reason="" if reason == "None" else reason)
        if (job == array or named) and index.isdecimal():
            slices[int(index)] = state
        elif job == merge or (named and job.isdecimal()):
            last = state
    return States(slices, last)


def phase(word: str) -> Phase:
    """Return what a state of Slurm means here: a slice whose state is not known may still run."""
    if word in _ENDED:
        return "ended"
    return "waiting" if word in _WAITING else "running" if word in _RUNNING else "unknown"


def cancel(ids: Sequence[str]) -> None:
    """Remove jobs, running or not; those that are over are no error.

    Raises
    ------
    ExecutorError
        if Slurm does not answer
    """
    groups: dict[str, list[str]] = {}
    for job in ids:
        own, cluster = _parted(job)
        if own.startswith(_NAMED):
            _cancel([*_where(cluster), f"--{own}"])  # alone: scancel takes jobs that are all it is told
        else:
            groups.setdefault(cluster, []).append(own)
    for cluster, group in groups.items():
        _cancel([*_where(cluster), *group])


def _cancel(words: Sequence[str]) -> None:
    try:
        answer(["scancel", *words])
    except RefusedError as error:
        if _UNKNOWN_JOB not in error.said:
            raise
