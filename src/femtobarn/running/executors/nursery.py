"""Where worker processes come from: one process that has loaded what they need, and is copied for each.

The `Nursery` starts ``python -m femtobarn.running.executors.mother`` and tells it through a socket to copy itself
(``fork``): what a task needs is loaded once, in a process that never had a second thread, and not once for each
worker. This module loads nothing, so that a nursery can be started before everything else.
"""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO

import femtobarn.base
from femtobarn.base.errors import RunError

REQUEST = struct.Struct(">cq")
"""What is asked: `START` with the number of a worker and its three files, or `WAIT` with its process id."""

ANSWER = struct.Struct(">q")
"""What is answered: a process id, or how a process ended, as ``os.waitpid`` tells it."""

START, WAIT = b"s", b"w"
_LAST_WORDS = 5.0  # seconds for a process that fails to say why

UNKNOWN = -1
"""The answer about a process that another nursery started."""

_KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(512 << 20)}
"""For glibc: columns take the memory of those before them, instead of new pages that the kernel must clear."""

ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
"""Environment variables that say how many threads libraries start: one, for there is a process per core."""


class Nursery:
    """Starts processes for tasks. They and the nursery end when this process does, however it ends."""

    def __init__(self) -> None:
        try:
            self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the nursery
            self._link, self._mother = _mother(self._errors)
        except OSError as error:
            msg = (
                f"Expected to start a process for workers, but: {error}. End others, or run with --workers 0."
            )
            raise RunError(msg) from error

    def start(self, number: int) -> Child:
        """Start worker ``number``; waits until the nursery has loaded what workers need.

        Raises
        ------
        RunError
            if no process can be started
        """
        child = self._copied(number)
        if child is None:  # killed, perhaps for want of memory
            self._end()
            self._link, self._mother = _mother(self._errors)
            child = self._copied(number)
        if child is None:
            with suppress(subprocess.TimeoutExpired):
                self._mother.wait(_LAST_WORDS)
            self._end()
            reason = _last_line(self._errors) or "the process from which they are copied died"
            msg = f"Expected to start worker processes, but: {reason}. Free some memory, or run with --workers 0."
            raise RunError(msg)
        return child

    def status_of(self, pid: int) -> int | None:
        """Wait until a worker has ended; return how, or None if the nursery is gone and nobody knows."""
        with suppress(OSError):
            self._link.sendall(REQUEST.pack(WAIT, pid))
            status = self._answer()
            return None if status == UNKNOWN else status
        return None

    def close(self) -> None:
        """End the nursery; for when all workers have ended. Closing twice has no effect."""
        self._end()
        self._errors.close()

    def _end(self) -> None:
        self._link.close()
        self._mother.kill()
        self._mother.wait()

    def _copied(self, number: int) -> Child | None:
        source, to_child = os.pipe()
        from_child, target = os.pipe()
        stdin, stdout = os.fdopen(to_child, "wb"), os.fdopen(from_child, "rb")
        errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the worker
        pid = None
        try:
            with suppress(OSError):
                message = [REQUEST.pack(START, number)]
                socket.send_fds(self._link, message, [source, target, errors.fileno()])
                pid = self._answer()
        finally:
            os.close(source)
            os.close(target)
            if pid is None:
                for file in (stdin, stdout, errors):
                    file.close()
        return None if pid is None else Child(pid, stdin, stdout, errors, self)

    def _answer(self) -> int | None:
        data = self._link.recv(ANSWER.size, socket.MSG_WAITALL)
        return int(ANSWER.unpack(data)[0]) if len(data) == ANSWER.size else None


class Child:
    """A worker process: its input, its output, and how it ended.

    Parameters
    ----------
    pid
        its process id
    stdin, stdout
        its input and output, from this side
    """

    def __init__(
        self, pid: int, stdin: IO[bytes], stdout: IO[bytes], errors: IO[bytes], nursery: Nursery
    ) -> None:
        self.pid, self.stdin, self.stdout = pid, stdin, stdout
        self._errors, self._nursery = errors, nursery
        self._ended = False

    def kill(self) -> None:
        """Kill it, if it still runs."""
        if not self._ended:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def epitaph(self) -> str:
        """Wait for its end; return how it ended, with the last line it wrote to standard error."""
        status = None if self._ended else self._nursery.status_of(self.pid)
        self._ended = True
        code = None if status is None else os.waitstatus_to_exitcode(status)
        how = "" if code is None else f" (signal {-code})" if code < 0 else f" (exit code {code})"
        last = _last_line(self._errors)
        return f"worker died{how}" + (f": {last[:300]}" if last else "")

    def close(self) -> None:
        """Wait for its end, if nobody has, and close its files."""
        if not self._ended:
            self._nursery.status_of(self.pid)
            self._ended = True
        for file in (self.stdin, self.stdout, self._errors):
            with suppress(BrokenPipeError):
                file.close()


def environment() -> dict[str, str]:
    """Return the environment of workers: this package importable, one thread each."""
    env = dict(os.environ)
    root = str(Path(next(iter(femtobarn.base.__path__))).parent.parent)
    env["PYTHONPATH"] = os.pathsep.join(p for p in (root, env.get("PYTHONPATH", "")) if p)
    env.update(dict.fromkeys(ONE_THREAD, "1"))
    env.update({name: value for name, value in _KEEP_MEMORY.items() if name not in env})
    env.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # else every installed package is asked for some
    return env


def _mother(errors: IO[bytes]) -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """Start the process from which workers are copied; return the link to it, and it."""
    link, far = socket.socketpair()
    with far:
        process = subprocess.Popen(  # noqa: S603 - this interpreter, and no argument of a user
            [sys.executable, "-P", "-m", "femtobarn.running.executors.mother", str(far.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            pass_fds=(far.fileno(),),
            env=environment(),
        )
    return link, process


def _last_line(errors: IO[bytes]) -> str:
    errors.seek(0)
    lines = errors.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""
