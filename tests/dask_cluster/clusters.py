"""Dask schedulers and workers of this machine, as somebody else would start them, and what the tests ask of a run."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.servers.certificates import Certificates
from tests.servers.daemons import Daemon, until

from femtobarn.base.records import LedgerRow, Outcome, Settings
from femtobarn.running.engine.observer import Silent

TRUTH = ("histograms.npz", "histograms.json", "cutflow.csv", "yields.csv")
PRELOAD = Path(__file__).with_name("preload.py")
SOURCE = Path(__file__).resolve().parents[2] / "src"

Options = dict[str, object]


def dask(settings: Callable[..., Settings], /, *, workers: int = 2, **options: object) -> Settings:
    """Settings of a run on Dask."""
    given = tuple((name, str(value)) for name, value in options.items())
    return settings(executor="dask", executor_options=given, workers=workers, part_bytes=8_000)


def trouble(**files: str) -> dict[str, str]:
    """The environment of workers to which some files are trouble."""
    return {"DASK_DISTRIBUTED__WORKER__PRELOAD": json.dumps([str(PRELOAD)]), "TROUBLE": json.dumps(files)}


def same(one: Path, other: Path) -> bool:
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in TRUTH)


def archives(out: Path) -> set[str]:
    return {path.name for path in (out / "tasks").glob("??/*")}


class Told(Silent):
    """Keeps what it is told; ``on_done`` is called after each task."""

    def __init__(self, on_done: Callable[[LedgerRow], None] = lambda _: None) -> None:
        self.words: list[str] = []
        self.rows: list[LedgerRow] = []
        self._on_done = on_done

    def notice(self, words: str) -> None:
        self.words.append(words)

    def task_done(self, row: LedgerRow, outcome: Outcome) -> None:
        self.rows.append(row)
        self._on_done(row)


class Scheduler:
    """A scheduler of this machine with its workers, each a process of its own session."""

    def __init__(self, folder: Path, *, tls: Certificates | None = None) -> None:
        self.folder = folder
        self._tls = tls
        self._file = folder / "scheduler.json"
        self._daemons: list[Daemon] = []
        extra = ["--scheduler-file", str(self._file), "--no-dashboard", "--port", "0"]
        self._scheduler = self._daemon("scheduler", extra, {})
        self._scheduler.wait_until(self._told, 90, "no Dask scheduler")
        self.address: str = json.loads(self._file.read_text())["address"]

    @property
    def options(self) -> Options:
        """What tells the executor of this scheduler."""
        if self._tls is None:
            return {"address": self.address}
        return {
            "address": self.address,
            "tls_ca": self._tls.ca,
            "tls_cert": self._tls.cert,
            "tls_key": self._tls.key,
        }

    def work(self, *words: str, environment: dict[str, str] | None = None) -> Daemon:
        """Start a worker."""
        about = ["--no-dashboard", "--local-directory", str(self.folder), *(words or ("--nthreads", "1"))]
        return self._daemon("worker", [self.address, *about], environment or {})

    def kill(self) -> None:
        """End the scheduler as a crash would."""
        self._scheduler.kill()

    def close(self) -> None:
        for daemon in reversed(self._daemons):
            daemon.kill()

    def _told(self) -> bool:
        """Whether its file is there, and whole."""
        return self._file.exists() and self._file.read_text().rstrip().endswith("}")

    def _daemon(self, kind: str, words: Sequence[str], environment: dict[str, str]) -> Daemon:
        tls = [f"--tls-ca-file={self._tls.ca}", f"--tls-cert={self._tls.cert}"] if self._tls else []
        tls += [f"--tls-key={self._tls.key}"] if self._tls else []
        scheme = ["--protocol", "tls"] if self._tls else []
        daemon = Daemon(
            [
                *(sys.executable, "-m", f"distributed.cli.dask_{kind}", "--host", "127.0.0.1"),
                *(*tls, *scheme, *words),
            ],
            log=self.folder / f"{kind}{len(self._daemons)}.log",
            environment={**os.environ, "PYTHONPATH": str(SOURCE), **environment},
        )
        self._daemons.append(daemon)
        daemon.start()
        return daemon


@contextmanager
def scheduler(folder: Path, *, tls: Certificates | None = None) -> Iterator[Scheduler]:
    running = None
    try:
        running = Scheduler(folder, tls=tls)
        yield running
    finally:
        if running is not None:
            running.close()


def appears(path: Path, seconds: float = 60.0) -> None:
    until(path.exists, seconds, f"no {path.name}")
