"""The executors of the benchmark: their servers are started once, and their workers before a measurement."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol, Self

import psutil
from benchmarks.scale.costs import Parties
from benchmarks.scale.pools import AbsentError, Pool, end

from femtobarn.base.records import Settings
from femtobarn.base.settings import default_settings

QUEUE = "scale"
SLICE = {"system": "slurm", "walltime": "01:00:00", "memory": "1GB"}


class Engine(Protocol):
    """An executor, and what it needs."""

    name: str
    workers_counted: bool
    """Whether all its workers descend from this process, so that their CPU time is known."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def ready(self, workers: int) -> Settings:
        """See that exactly so many workers wait for tasks; return the settings of a run with them."""
        ...

    def servers(self) -> tuple[int, ...]:
        """Return the processes of broker or scheduler."""
        ...

    def waiting(self) -> tuple[int, ...]:
        """Return the workers that are there."""
        ...


class Local:
    """Worker processes of the run itself; they are there a moment after it begins."""

    name, workers_counted = "local", True

    def __init__(self, folder: Path, allowed: Sequence[str]) -> None:
        del folder, allowed  # workers of a run open what its job allows

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing was started."""

    def ready(self, workers: int) -> Settings:
        return settings(self.name, workers)

    def servers(self) -> tuple[int, ...]:
        return ()

    def waiting(self) -> tuple[int, ...]:
        return ()


class Rabbit:
    """The real RabbitMQ, and ``femtobarn worker``."""

    name, workers_counted = "rabbitmq", True

    def __init__(self, folder: Path, allowed: Sequence[str]) -> None:
        self._pool = Pool(folder)
        self._allowed = [word for prefix in allowed for word in ("--allow", prefix)]

    def __enter__(self) -> Self:
        from tests.servers.rabbitmq import RabbitMQ

        with _server_or_absent():
            self.broker = RabbitMQ().__enter__()
        os.environ["FEMTOBARN_BROKER"] = self.broker.url
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.resize(0, self._command)
        del os.environ["FEMTOBARN_BROKER"]
        self.broker.remove()

    def ready(self, workers: int) -> Settings:
        self._pool.resize(workers, self._command)
        self._pool.wait(lambda: self._consumers() == workers, f"{workers} workers of RabbitMQ")
        return settings(self.name, workers, queue=QUEUE)

    def servers(self) -> tuple[int, ...]:
        home = str(self.broker.folder)
        return tuple(child.pid for child in psutil.Process().children(recursive=True) if _home(child) == home)

    def waiting(self) -> tuple[int, ...]:
        return self._pool.pids

    def _command(self, number: int) -> list[str]:
        words = [sys.executable, "-m", "femtobarn", "worker", "--queue", QUEUE, "--name", f"worker-{number}"]
        return [*words, *self._allowed]

    def _consumers(self) -> int:
        import pika
        from pika.exceptions import ChannelClosedByBroker

        with pika.BlockingConnection(pika.URLParameters(self.broker.url)) as link:
            try:
                declared = link.channel().queue_declare(f"{QUEUE}.tasks", passive=True)
            except ChannelClosedByBroker:  # the first worker makes it
                return 0
            return int(declared.method.consumer_count)


class Dask:
    """A scheduler and workers of one thread each, as processes of their own."""

    name, workers_counted = "dask", True

    def __init__(self, folder: Path, allowed: Sequence[str]) -> None:
        del allowed  # workers of a run open what its job allows
        self._pool, self._file = Pool(folder), folder / "scheduler.json"

    def __enter__(self) -> Self:
        command = [
            sys.executable,
            "-m",
            "distributed.cli.dask_scheduler",
            "--host",
            "127.0.0.1",
            "--port",
            "0",
        ]
        self._file.unlink(missing_ok=True)
        self._scheduler = self._pool.start([*command, "--no-dashboard", "--scheduler-file", str(self._file)])
        try:
            self._pool.wait(self._file.exists, "the scheduler of Dask")
        except AbsentError:
            end([self._scheduler])
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.resize(0, self._command)
        end([self._scheduler])

    def ready(self, workers: int) -> Settings:
        from distributed import Client

        self._pool.resize(workers, self._command)
        with Client(scheduler_file=str(self._file)) as client:
            self._pool.wait(
                lambda: len(client.scheduler_info(n_workers=-1)["workers"]) == workers, "workers of Dask"
            )
        return settings(self.name, workers, scheduler_file=str(self._file))

    def servers(self) -> tuple[int, ...]:
        return (self._scheduler.pid,)

    def waiting(self) -> tuple[int, ...]:
        return self._pool.pids

    def _command(self, number: int) -> list[str]:
        words = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(self._file)]
        words += ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1"]
        return [*words, "--name", f"worker-{number}"]


class Batch:
    """A real Slurm of one node: the array is scheduled in the measurement."""

    name, workers_counted = "batch", False

    def __init__(self, folder: Path, allowed: Sequence[str]) -> None:
        del folder, allowed

    def __enter__(self) -> Self:
        from tests.servers.slurm import Slurm

        with _server_or_absent():
            self._slurm = Slurm().__enter__()
        os.environ.update(self._slurm.env)
        return self

    def __exit__(self, *_: object) -> None:
        for name in self._slurm.env:
            del os.environ[name]
        self._slurm.stop()

    def ready(self, workers: int) -> Settings:
        self._slurm.wait_idle()
        return settings(self.name, workers, jobs=str(workers), **SLICE)

    def servers(self) -> tuple[int, ...]:
        names = {"slurmctld", "slurmd", "munged"}
        return tuple(child.pid for child in psutil.Process().children() if child.name() in names)

    def waiting(self) -> tuple[int, ...]:
        return ()


ENGINES: dict[str, Callable[[Path, Sequence[str]], Engine]] = {
    "local": Local,
    "rabbitmq": Rabbit,
    "dask": Dask,
    "batch": Batch,
}


@contextmanager
def engines(
    names: Sequence[str], folder: Path, allowed: Sequence[str]
) -> Iterator[tuple[list[Engine], list[tuple[str, str]]]]:
    """Start the servers of executors; give those that are there, and the others with the reason.

    Parameters
    ----------
    folder
        takes what their processes say
    allowed
        folders and beginnings of URLs that workers may open
    """
    there: list[Engine] = []
    absent: list[tuple[str, str]] = []
    try:
        for name in names:
            try:
                there.append(ENGINES[name](folder / name, allowed).__enter__())
            except AbsentError as error:
                print(f"SKIPPED: {name}: {error}", file=sys.stderr)
                absent.append((name, str(error)))
        yield there, absent
    finally:
        for engine in reversed(there):
            engine.__exit__()


def settings(name: str, workers: int, **options: str) -> Settings:
    """Return the settings of a run on an executor with so many workers."""
    changes = {"executor": name, "workers": workers, "executor_options": tuple(options.items())}
    return default_settings().model_copy(update={**changes, "figures": False})


def parties_of(engine: Engine, there: Sequence[Engine], far: Sequence[int] = ()) -> Parties:
    """Return who takes part in a measurement of ``engine``, and who of those that are there does not."""
    others = [other for other in there if other is not engine]
    aside = (pid for other in others for pid in (*other.servers(), *other.waiting()))
    return Parties(servers=engine.servers(), far=tuple(far), aside=tuple(aside))


@contextmanager
def _server_or_absent() -> Iterator[None]:
    """Servers of the tests are skipped where they are not installed: so is what needs them here."""
    import pytest

    try:
        yield
    except (pytest.skip.Exception, pytest.fail.Exception) as error:
        raise AbsentError(str(error)) from error


def _home(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return process.environ().get("HOME", "")
    return ""
