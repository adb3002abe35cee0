"""What executors of the benchmark share: processes of workers, settings, and being absent."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from femtobarn.base.records import Settings
from femtobarn.base.settings import default_settings

_DEADLINE = 300.0  # seconds until servers and workers must be there
_PAUSE = 0.1


class AbsentError(RuntimeError):
    """An executor cannot be measured here, and why."""


class Pool:
    """Processes that are started for as many workers as are wanted, and ended when fewer are."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._all: list[subprocess.Popen[bytes]] = []

    @property
    def pids(self) -> tuple[int, ...]:
        """The workers that there are."""
        return tuple(process.pid for process in self._all)

    def start(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start a process that is none of the workers, with its output in a file."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "log.txt").open("ab") as log:
            threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
            return subprocess.Popen(
                command, env=os.environ | threads, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def resize(self, number: int, command: Callable[[int], Sequence[str]]) -> None:
        """Start or end workers until there are ``number``."""
        surplus, self._all = self._all[number:], self._all[:number]
        end(surplus)
        for i in range(len(self._all), number):
            self._all.append(self.start(command(i)))

    def wait(self, ready: Callable[[], bool], what: str) -> None:
        """Wait until ``ready``; `AbsentError` with the end of the log if a process ends, or after some minutes."""
        until = time.monotonic() + _DEADLINE
        while not ready():
            dead = [process for process in self._all if process.poll() is not None]
            if dead or time.monotonic() > until:
                tail = (self._folder / "log.txt").read_text(errors="replace")[-2000:]
                raise AbsentError(f"{what} did not come; {len(dead)} of their processes ended:\n{tail}")
            time.sleep(_PAUSE)


def end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """End processes in order; kill those that do not."""
    for process in processes:
        process.send_signal(signal.SIGTERM)
    for process in processes:
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            for child in (*psutil.Process(process.pid).children(recursive=True), process):
                with suppress(psutil.NoSuchProcess):
                    child.kill()
            process.wait()


def settings(name: str, workers: int, **options: str) -> Settings:
    """Return the settings of a run on an executor with so many workers."""
    changes = {"executor": name, "workers": workers, "executor_options": tuple(options.items())}
    return default_settings().model_copy(update={**changes, "figures": False})


@contextmanager
def server_or_absent() -> Iterator[None]:
    """Servers of the tests are skipped where they are not installed: so is what needs them here."""
    import pytest

    try:
        yield
    except (pytest.skip.Exception, pytest.fail.Exception) as error:
        raise AbsentError(str(error)) from error
