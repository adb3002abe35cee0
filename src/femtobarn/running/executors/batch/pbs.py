"""PBS, in the dialects of OpenPBS and Torque: scripts, and what ``qsub``, ``qstat`` and ``qdel`` answer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from femtobarn.base.errors import ExecutorError
from femtobarn.running.executors.batch import shell
from femtobarn.running.executors.batch.commands import RefusedError, answer
from femtobarn.running.executors.batch.options import mebibytes
from femtobarn.running.executors.batch.request import JobState, Phase, Request, Scripts, States

_PHASES: dict[str, Phase] = {
    "Q": "waiting", "H": "waiting", "W": "waiting", "T": "waiting", "M": "waiting",
    "R": "running", "E": "running", "B": "running", "S": "running", "U": "running",
    "C": "ended", "F": "ended", "X": "ended",
}  # fmt: skip
_UNKNOWN_JOB = re.compile(r"unknown job id|job has finished|request invalid for state", re.IGNORECASE)
_ID = re.compile(r"(?P<number>\d+)(?:\[(?P<index>\d*)\])?(?P<server>(?:\.[\w.-]+)?)", re.ASCII)
_NAME_LENGTH = 15  # what older PBS take


def render_openpbs(request: Request) -> Scripts:
    """Return scripts for OpenPBS and PBS Professional."""
    options = request.options
    need = f"select=1:ncpus={{cores}}:mem={mebibytes(options.memory)}mb"
    return _render(request, need, "-J", "afterany")


def render_torque(request: Request) -> Scripts:
    """Return scripts for Torque."""
    options = request.options
    need = f"nodes=1:ppn={{cores}},mem={mebibytes(options.memory)}mb"
    need += f",file={mebibytes(options.disk)}mb" if options.disk else ""
    return _render(request, need, "-t", "afteranyarray" if request.slices > 1 else "afterany")


def _render(request: Request, need: str, array_flag: str, dependency: str) -> Scripts:
    """Return the scripts of either dialect; an array of one is none in PBS, but a job."""
    several = [f"#PBS {array_flag} 0-{request.slices - 1}"] if request.slices > 1 else []
    # who takes this dialect over another scheduler may set its variable only
    number = "${PBS_ARRAY_INDEX:-${PBS_ARRAYID:-${SLURM_ARRAY_TASK_ID:?}}}" if several else "0"
    array = shell.script(
        [*_directives(request, need.format(cores=request.options.cores)), *several],
        [
            f"index={number}",
            *_log(request, "slice-$(printf %04d $index)"),
            *shell.slice_lines(request, "$index"),
        ],
    )
    files = [("array.sh", array)]
    merge: tuple[str, ...] = ()
    if request.merge:
        lines = [*_log(request, "merge"), *shell.merge_lines(request)]
        files.append(("merge.sh", shell.script(_directives(request, need.format(cores=1)), lines)))
        after = ":".join((dependency, "{array}", *request.after))
        merge = ("qsub", "-W", f"depend={after}", "merge.sh")
    return Scripts(tuple(files), ("qsub", "array.sh"), merge)


def _directives(request: Request, need: str) -> list[str]:
    options = request.options
    given = {
        "-N": request.name[:_NAME_LENGTH].rstrip("-"),
        "-l": need,
        "-l ": f"walltime={options.walltime}",
        "-q": options.queue,
        "-A": options.account,
        "-j": "oe",
        "-o": "logs/",  # only what comes before the script writes its own log
    }
    lines = [f"#PBS {flag.strip()} {value}" for flag, value in given.items() if value]
    return [*lines, *(f"#PBS {line}" for line in options.extra.splitlines())]


def _log(request: Request, name: str) -> list[str]:
    """Return the line that begins the log of a job: its name in a directive differs between dialects."""
    return [f'exec >>{shell.quoted(f"{request.folder}/logs")}"/{name}.log" 2>&1']


def job_id(said: str) -> str:
    """Return the id of a job from what ``qsub`` says: its last line."""
    lines = said.strip().splitlines()
    if not lines or not _ID.fullmatch(lines[-1].strip()):
        msg = (
            f"Expected the id of a job from qsub, but got {said.strip()[:200]!r}. Is a wrapper in its place?"
        )
        raise ExecutorError(msg)
    return lines[-1].strip()


def openpbs_states(array: str, merge: str) -> States:
    """Return what OpenPBS says of the jobs of a submission, those that are over included."""
    return _states(("qstat", "-f", "-t", "-x"), array, merge)


def torque_states(array: str, merge: str) -> States:
    """Return what Torque says of the jobs of a submission; it forgets them some minutes after their end."""
    return _states(("qstat", "-f", "-t"), array, merge)


def _states(words: tuple[str, ...], array: str, merge: str) -> States:
    found = _asked(words, array)
    slices = {index: state for index, state in found.items() if index is not None}
    last = _asked(words, merge).get(None) if merge else None
    whole = found.get(None)  # an array of one is a job; slices that are not told apart are as their array
    return States(slices, last) if whole is None else States(slices, last, whole)


def _asked(words: tuple[str, ...], job: str) -> dict[int | None, JobState]:
    try:
        return read_states(answer([*words, job]))
    except RefusedError as error:
        if _UNKNOWN_JOB.search(error.said):
            return {}
        raise


def read_states(said: str) -> dict[int | None, JobState]:
    """Return the states in the answer of ``qstat -f -t``: by index in an array; None is a job or array itself."""
    states: dict[int | None, JobState] = {}
    for index, own in _jobs(said):
        word = own.get("job_state", "")
        now = _PHASES.get(word, "unknown")
        code = own.get("exit_status", "")
        reason = own.get("comment", "") if now != "ended" else f"exit status {code}" if code else ""
        states[index] = JobState(phase=now, word=word, reason=reason)
    return states


def _jobs(said: str) -> Iterator[tuple[int | None, dict[str, str]]]:
    """Cut the answer into jobs with their attributes; a line that begins with a tab continues the one before."""
    for block in said.replace("\n\t", "").split("Job Id:")[1:]:
        first, *lines = block.splitlines()
        name = _ID.match(first.strip())
        if name is not None:
            pairs = (line.partition(" = ") for line in lines)
            index = int(name["index"]) if name["index"] else None
            yield index, {key.strip().lower(): value.strip() for key, _, value in pairs}


def cancel(ids: Sequence[str]) -> None:
    """Remove jobs, running or not; those that are over are no error.

    Raises
    ------
    ExecutorError
        if PBS does not answer
    """
    for job in ids:
        try:
            answer(["qdel", job])
        except RefusedError as error:
            # over another scheduler it says nothing of a job that is over
            if error.said and not _UNKNOWN_JOB.search(error.said):
                raise
