"""Executors as the suite sees them: what a run needs, who works meanwhile, and how one of these dies."""

from __future__ import annotations

import os
import random
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

import pytest
from tests.rabbitmq.stage import Worker
from tests.servers.daemons import bears, processes, until
from tests.servers.rabbitmq import RabbitMQ
from tests.servers.slurm import Slurm

from femtobarn.base.records import Settings

SOURCE = Path(__file__).resolve().parents[2] / "src"
PATIENCE = 60.0

Options = tuple[tuple[str, str], ...]


class Engine(Protocol):
    """One executor, or several that share a run."""

    name: str
    workers: int
    mortal: bool
    """Whether its workers are processes that can be killed."""
    late: bool
    """Whether all may be over by the time the first result is heard of."""

    @property
    def options(self) -> Options: ...

    @contextmanager
    def working(self, allowed: Sequence[str], folder: Path) -> Iterator[None]:
        """Have workers that open and write what is below ``allowed``; their logs go to ``folder``."""
        ...

    def kill_a_worker(self) -> bool:
        """Kill one that may have a task in hand; tell whether there was one."""
        ...


def settings_of(engine: Engine, base: Settings, store: str = "") -> Settings:
    return base.model_copy(
        update={
            "executor": engine.name,
            "executor_options": engine.options,
            "workers": engine.workers,
            "store": store,
        }
    )


class _Here:
    """Workers are processes below this one: the last generation of those that bear our mark."""

    options: Options = ()
    late = False

    def __init__(self, name: str, workers: int) -> None:
        self.name, self.workers, self.mortal = name, workers, workers > 0
        self._mark = f"{name}-{os.getpid()}-{random.SystemRandom().randrange(10**9)}"

    @contextmanager
    def working(self, allowed: Sequence[str], folder: Path) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(f"TESTS_{self.name.upper()}", self._mark)
            yield
            until(lambda: not self._living(), PATIENCE, f"workers of {self.name} live on")

    def kill_a_worker(self) -> bool:
        living = self._living()
        parents = {_parent(pid) for pid in living}
        return _killed([pid for pid in living if pid not in parents])

    def _living(self) -> list[int]:
        return list(processes(lambda folder: bears(folder, f"TESTS_{self.name.upper()}={self._mark}")))


class Local(_Here):
    """Processes of this machine."""

    def __init__(self, workers: int) -> None:
        super().__init__("local", workers)


class DaskLocal(_Here):
    """A cluster of Dask on this machine."""

    def __init__(self, workers: int) -> None:
        super().__init__("dask", workers)


class Rabbit:
    """Two workers of a queue, each a session of its own; one that is killed is replaced."""

    name, workers, mortal, late = "rabbitmq", 1, True, False
    options: Options = ()

    def __init__(self, broker: RabbitMQ) -> None:
        self._broker = broker
        self._working: list[Worker] = []
        self._started = 0
        self._words: list[str] = []
        self._folder = Path()

    @contextmanager
    def working(self, allowed: Sequence[str], folder: Path) -> Iterator[None]:
        self._words = [word for place in allowed for word in ("--allow", place)]
        self._folder = folder
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("FEMTOBARN_BROKER", self._broker.url)
            try:
                self._working = [self._start() for _ in range(2)]
                yield
            finally:
                for worker in self._working:
                    worker.kill()

    def kill_a_worker(self) -> bool:
        place = random.SystemRandom().randrange(len(self._working))
        self._working[place].kill()
        self._working[place] = self._start()
        return True

    def _start(self) -> Worker:
        self._started += 1
        name = f"w{self._started}"
        environment = {**os.environ, "PYTHONPATH": str(SOURCE), "FEMTOBARN_BROKER": self._broker.url}
        return Worker([*self._words, "--name", name], self._folder / f"{name}.log", environment)


class SlurmArray:
    """Arrays of jobs on a Slurm of one node."""

    name, workers, mortal, late = "batch", 1, True, True

    def __init__(self, slurm: Slurm) -> None:
        self._slurm = slurm

    @property
    def options(self) -> Options:
        given = {"system": "slurm", "jobs": "3", "walltime": "00:05:00", "memory": "500MB"}
        return tuple({**given, "poll": "0.5", "retries": "5", "python": sys.executable}.items())

    @contextmanager
    def working(self, allowed: Sequence[str], folder: Path) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self._slurm.env.items():
                patch.setenv(name, value)
            patch.setenv("PYTHONPATH", str(SOURCE))
            yield
            self._slurm.wait_idle()

    def kill_a_worker(self) -> bool:
        slices = list(range(3))
        random.SystemRandom().shuffle(slices)
        for index in slices:
            pids = self._slurm.pids(SLURM_ARRAY_TASK_ID=str(index))
            if pids:
                for pid in pids:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                return True
        return False


class Several:
    """Executors that share a run; those that die are of each in turn."""

    mortal = True

    def __init__(self, *engines: Engine) -> None:
        self._engines = list(engines)
        self.name = "+".join(engine.name for engine in engines)
        self.workers = max(engine.workers for engine in engines)
        self.late = all(engine.late for engine in engines)

    @property
    def options(self) -> Options:
        return tuple((f"{e.name}.{name}", value) for e in self._engines for name, value in e.options)

    @contextmanager
    def working(self, allowed: Sequence[str], folder: Path) -> Iterator[None]:
        with self._engines[0].working(allowed, folder), self._engines[1].working(allowed, folder):
            yield

    def kill_a_worker(self) -> bool:
        self._engines.reverse()
        return self._engines[0].kill_a_worker() or self._engines[1].kill_a_worker()


def _parent(pid: int) -> int:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return 0


def _killed(pids: list[int]) -> bool:
    if not pids:
        return False
    with suppress(ProcessLookupError):
        os.kill(random.SystemRandom().choice(pids), signal.SIGKILL)
    return True
