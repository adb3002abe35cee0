"""Servers of this machine that tests run: installed, started, waited for, ended with all they started."""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

_WATCH = """
cat >/dev/null
kill -KILL $(ps -o pid= -s "$0")
test -z "$1" || kill -KILL $(grep -lzxF -e "$1" /proc/[0-9]*/environ | cut -d/ -f3)
"""
"""Kills what a daemon would when the other end of its input is closed: when the test process is gone."""


def free_port() -> int:
    """A free port of loopback that no outgoing connection takes while its server is down."""
    while True:
        port = random.SystemRandom().randrange(10_000, 30_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def installed(programs: Sequence[str], packages: Sequence[str], lost: str) -> None:
    """See that ``programs`` are there; install ``packages`` where that is possible, else skip.

    ``lost`` says what is not tested without them. Workers of one test run wait for each other.
    """
    if os.geteuid() == 0 and shutil.which("apt-get") and not _there(programs):
        with (Path(tempfile.gettempdir()) / "tests-apt-get.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for words in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
                if _there(programs):
                    break
                subprocess.run(
                    ["apt-get", "-qq", *words],
                    env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    check=False,
                    timeout=600,
                )
    if not _there(programs):
        missing = [program for program in programs if shutil.which(program) is None]
        pytest.skip(
            f"NO {', '.join(missing).upper()}: {lost} NOT tested; install {' '.join(packages)} (apt-get install)"
        )


def until(reached: Callable[[], bool], seconds: float, words: str, *, pause: float = 0.02) -> None:
    """Wait until ``reached``; fail with ``words`` after ``seconds``."""
    end = time.monotonic() + seconds
    waiting = threading.Event()
    while not reached():
        assert time.monotonic() < end, f"{words} (after {seconds:g} s)"
        waiting.wait(pause)


def listens(port: int, address: str = "127.0.0.1") -> bool:
    with contextlib.suppress(OSError), socket.create_connection((address, port), 1):
        return True
    return False


def as_user(user: str) -> list[str]:
    """What to put before a command to run it as ``user``: nothing unless we are root."""
    if os.geteuid():
        return []
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--"]


def own_folder(prefix: str, user: str = "") -> Path:
    """Make a folder that other users can come to, owned by ``user``: pytest closes its own to all others."""
    folder = Path(tempfile.mkdtemp(prefix=f"{prefix}-"))
    if os.geteuid() == 0 and user:
        shutil.chown(folder, user, user)
    folder.chmod(0o755)
    return folder


def processes(chosen: Callable[[Path], bool]) -> Iterator[int]:
    """The living processes whose folder in ``/proc`` is ``chosen`` (zombies that wait for init do not count)."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if _stat(folder)[0] not in "ZX" and chosen(folder):
                yield int(folder.name)


def bears(folder: Path, *entries: str) -> bool:
    """Whether a process, not this one, was started with all ``NAME=value`` in its environment."""
    theirs = (folder / "environ").read_bytes().split(b"\0")
    return int(folder.name) != os.getpid() and all(entry.encode() in theirs for entry in entries)


def kill_all(chosen: Callable[[Path], bool], words: str) -> None:
    """Kill the ``chosen`` processes, and those they start meanwhile, until none is left."""

    def gone() -> bool:
        left = list(processes(chosen))
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not left

    until(gone, 20, f"{words}: some processes do not end")


class Daemon:
    """One server in a session of its own, with its output in ``log``.

    It is ended with all of its processes, also when the test process is killed.

    Parameters
    ----------
    command, environment
        how to start it; no variable but these is set
    log
        a file to which its output is added
    bearing
        ``NAME=value``: those who have it in their environment are its processes too, in whichever session
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str],
        bearing: str = "",
    ) -> None:
        self._command, self._log, self._environment = list(command), log, dict(environment)
        self._bearing = bearing
        self._process: subprocess.Popen[bytes] | None = None
        self._watch: subprocess.Popen[bytes] | None = None

    @property
    def session(self) -> int:
        assert self._process is not None, "it was not started"
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        assert not self.running, "it runs already"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._log.parent,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._watch = subprocess.Popen(
            ["sh", "-c", _WATCH, str(self.session), self._bearing],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def wait_until(self, reached: Callable[[], bool], seconds: float, words: str) -> None:
        """Wait until ``reached``; fail with the end of its log if it ends, or after ``seconds``."""

        def reached_or_ended() -> bool:
            return reached() or not self.running

        try:
            until(reached_or_ended, seconds, words)
            assert self.running, f"{words}: it ended at once"
        except AssertionError as error:
            tail = self._log.read_text(errors="replace")[-3000:]
            pytest.fail(f"{error}\n{' '.join(self._command)}\n{tail}")

    def pause(self) -> None:
        """Stop it with all of its session, as a machine that swaps does."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def stop(self, seconds: float = 30.0) -> None:
        """Ask it to end; kill what is left after ``seconds``."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
        self.kill()

    def kill(self) -> None:
        """End it as a crash would, with all of its session."""
        if self._process is None or self._watch is None:
            return
        kill_all(self._is_mine, " ".join(self._command))
        self._process.wait(20)
        # its session is free for others now: nothing of it may be killed any more
        os.killpg(self._watch.pid, signal.SIGKILL)
        self._watch.communicate()
        self._process = self._watch = None

    def _is_mine(self, folder: Path) -> bool:
        if int(_stat(folder)[3]) == self.session:
            return True
        return bool(self._bearing) and bears(folder, self._bearing)

    def _signal(self, number: int) -> None:
        for pid in processes(self._is_mine):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


def _there(programs: Sequence[str]) -> bool:
    return all(shutil.which(program) for program in programs)


def _stat(folder: Path) -> list[str]:
    """Its state, parent, process group, session and more."""
    return (folder / "stat").read_text().rpartition(")")[2].split()
