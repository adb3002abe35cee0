"""What batch systems say of jobs that do not become workers."""

from __future__ import annotations

import getpass
import re
from pathlib import Path

from femtobarn.base.errors import ExecutorError
from femtobarn.base.text import visible, without_secrets
from femtobarn.running.executors.batch.commands import answer

_SHOWN = 4  # lines of an answer that are told
_LOG_END = 4096  # bytes of a log that are looked at


def what_waits(system: str, name: str, folder: Path) -> str:
    """Return what a batch system says of the jobs ``name``, or what the last of them wrote to its log.

    Parameters
    ----------
    folder
        of the logs
    """
    commands = {
        "slurm": ["squeue", "--noheader", f"--name={name}", "--format=%i %T (%r)"],
        "pbs": ["qstat", "-u", getpass.getuser()],
        "htcondor": ["condor_q", "-batch", "-constraint", f'JobBatchName >= "{name}"'],
    }
    if system not in commands:
        return ""
    try:
        lines = [line.strip() for line in answer(commands[system]).splitlines() if line.strip()]
    except ExecutorError as error:
        return str(error)
    if lines:
        return f"{system} says: {'; '.join(map(visible, lines[-_SHOWN:]))}."
    last = _last_words(folder)
    return f"{system} has no job of it any more." + (f" The last log ends with: {last}" if last else "")


def in_queue(system: str, name: str) -> set[str] | None:
    """Return the numbers of jobs ``name`` in the queue, as Dask knows them; None if there is no answer.

    PBS gives all jobs of this user.
    """
    commands = {
        "slurm": ["squeue", "--noheader", f"--name={name}", "--format=%A"],
        "pbs": ["qstat", "-u", getpass.getuser()],
        "htcondor": ["condor_q", "-constraint", f'regexp("{name}", JobBatchName)', "-af:j", "JobStatus"],
    }
    pattern = r"\d+\.\d+" if system == "htcondor" else r"\d+"
    try:
        lines = answer(commands[system]).splitlines()
    except ExecutorError:
        return None
    return {found[0] for line in lines if (found := re.match(pattern, line.strip()))}


def _last_words(folder: Path) -> str:
    logs = [path for path in folder.glob("*") if path.suffix in {".err", ".out"} or ".o" in path.name]
    for path in sorted(logs, key=lambda path: path.stat().st_mtime, reverse=True):
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - _LOG_END))
            lines = log.read().decode(errors="replace").strip().splitlines()
        if lines:
            return visible(without_secrets(lines[-1]))
    return ""
