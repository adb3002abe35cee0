"""The executors of the benchmark: their servers are started once, and their workers before a measurement."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol, Self

import psutil
from benchmarks.scale.clusters import Batch, Dask
from benchmarks.scale.costs import Parties
from benchmarks.scale.pools import AbsentError, Pool, server_or_absent, settings

from femtobarn.base.records import Settings

QUEUE = "scale"


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

        with server_or_absent():
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


def parties_of(engine: Engine, there: Sequence[Engine], far: Sequence[int] = ()) -> Parties:
    """Return who takes part in a measurement of ``engine``, and who of those that are there does not."""
    others = [other for other in there if other is not engine]
    aside = (pid for other in others for pid in (*other.servers(), *other.waiting()))
    return Parties(servers=engine.servers(), far=tuple(far), aside=tuple(aside))


def _home(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return process.environ().get("HOME", "")
    return ""
