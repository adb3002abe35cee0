"""One whole process and all that it starts: wall time, CPU time, peak memory.

CPU time is the operating system's account of every process that ended, orphans too: this process adopts them.
Memory is sampled in runs of its own, since looking costs time: the proportional set sizes of all processes of
the command, added up.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
SAMPLE_SECONDS = 0.05
POLL_SECONDS = 0.01
PATIENCE_SECONDS = 3600.0


class CommandError(RuntimeError):
    """A program of the benchmark failed, or left processes behind."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run of a command took.

    Parameters
    ----------
    wall
        seconds from the start to the end of the first process
    cpu
        user and system seconds of all its processes
    peak
        bytes, the sum over its processes; 0 where memory was not sampled
    """

    wall: float
    cpu: float
    peak: int = 0


def adopt_orphans() -> None:
    """Make processes whose parent ends children of this one, so that their CPU time is counted."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def session_members(session: int, proc: Path = Path("/proc")) -> list[int]:
    """Return the processes of a session."""
    members = []
    for entry in proc.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text()
        except OSError:
            continue  # ended meanwhile
        if int(stat.rpartition(")")[2].split()[3]) == session:
            members.append(int(entry.name))
    return members


def memory_of(pids: Sequence[int], proc: Path = Path("/proc")) -> int:
    """Return the proportional set sizes of processes in bytes, added up; ended ones count nothing."""
    total = 0
    for pid in pids:
        try:
            lines = (proc / str(pid) / "smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total


class _Watch(threading.Thread):
    """Samples the memory of a session until it is stopped."""

    def __init__(self, session: int) -> None:
        super().__init__(daemon=True)
        self.session, self.peak, self.stopped = session, 0, threading.Event()

    def run(self) -> None:
        while not self.stopped.wait(SAMPLE_SECONDS):
            self.peak = max(self.peak, memory_of(session_members(self.session)))


def run(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    log: Path,
    memory: bool = False,
    orphans: bool = True,
) -> Measured:
    """Run a command to its end and return what it took.

    Parameters
    ----------
    command, environment
        as for `subprocess.Popen`
    log
        takes what the command says
    memory
        whether to sample memory
    orphans
        whether to wait for processes that outlive the first one and to count them; not with other commands
        at the same time

    Raises
    ------
    CommandError
        if the command fails
    """
    with log.open("wb") as said:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, env=dict(environment), stdout=said, stderr=said, start_new_session=True
        )
        watch = _Watch(process.pid) if memory else None
        if watch:
            watch.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if watch:
        watch.stopped.set()
        watch.join()
    cpu = usage.ru_utime + usage.ru_stime + (_orphans(start) if orphans else 0.0)
    if process.returncode != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        msg = f"{' '.join(command)} ended with {process.returncode}; the end of {log}:\n{tail}"
        raise CommandError(msg)
    return Measured(wall, cpu, watch.peak if watch else 0)


def _orphans(start: float) -> float:
    """Wait for processes that outlived the first, and return their CPU seconds."""
    cpu = 0.0
    while time.perf_counter() - start < PATIENCE_SECONDS:
        try:
            pid, _, usage = os.wait4(-1, os.WNOHANG)  # who waits without end has no patience to lose
        except ChildProcessError:
            return cpu
        if pid:
            cpu += usage.ru_utime + usage.ru_stime
        else:
            time.sleep(POLL_SECONDS)
    msg = f"processes were still there after {PATIENCE_SECONDS:.0f} s"
    raise CommandError(msg)
