"""Dask and Slurm, for the benchmark."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import psutil
from benchmarks.scale.pools import AbsentError, Pool, end, server_or_absent, settings

from femtobarn.base.records import Settings

SLICE = {"system": "slurm", "walltime": "01:00:00", "memory": "1GB"}


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

        with server_or_absent():
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
