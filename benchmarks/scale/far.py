"""Step 4: tasks of ``hzz`` that read from a server one round trip away, with ever more workers."""

from __future__ import annotations

import dataclasses
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.scale import samples
from benchmarks.scale.bench import ROOT, Bench
from benchmarks.scale.costs import Parties
from benchmarks.scale.engines import Engine, engines, parties_of
from benchmarks.scale.plays import Played, PlayError, play
from benchmarks.scale.results import Far, FarRow

from femtobarn.base.records import InputFile, Task
from femtobarn.base.settings import CONNECTIONS
from femtobarn.running.engine.executor import Executor, executor
from femtobarn.running.engine.inputs import Inputs

ROUND_TRIP = 0.2
"""Seconds."""

WARM = 1
"""Tasks of each worker that do not count, before one at whose gate all wait to begin together."""

MOST_WORKERS = {"local": 64, "rabbitmq": 64, "dask": 16}
"""A worker of Dask is a whole Python of its own: more of them do not fit this machine."""

ONE_AT_A_TIME = {"dask": (("window", "1"),)}
"""Options with which a worker is given nothing while it works: what waits at a gate holds up no other task."""

TRIES = 3
"""How often it is tried to get all workers to the gate."""

ENOUGH = 512
"""Requests at once to one host: more than all workers make."""

DEFAULT_AT = 16
"""With so many local workers it is also measured what the default limit of requests costs."""


def measure(bench: Bench) -> Far:
    """Measure each executor with each number of workers."""
    demo = samples.small_files(bench.work)
    folder = Path(demo.files[0].url).parent
    names = [name for name in MOST_WORKERS if name in bench.size.executors]
    rows: list[FarRow] = []
    absent: list[tuple[str, str]] = []
    with far_server(folder, ROUND_TRIP) as (server, base), requests_at_once(ENOUGH):
        trial = _Trial(bench, demo, base, server.pid)
        for name in names:  # one after another: idle workers of others would take memory
            with engines([name], bench.work / "logs", [base]) as (there, missing):
                absent += missing
                for engine in there:
                    rows += _all(trial, engine, bench.size.far_workers)
    return Far(
        setting=bench.setting,
        round_trip=ROUND_TRIP,
        events=statistics.mean(trial.events),
        requests=statistics.mean(trial.requests),
        network_bytes=statistics.mean(trial.network_bytes),
        rows=tuple(rows),
        skipped=tuple(absent),
    )


def _all(trial: _Trial, engine: Engine, numbers: Sequence[int]) -> list[FarRow]:
    """Return the rows of one executor."""
    allowed = [workers for workers in numbers if workers <= MOST_WORKERS[engine.name]]
    rows = [trial.once(engine, workers) for workers in allowed]
    if engine.name == "local" and DEFAULT_AT in allowed:
        with requests_at_once(CONNECTIONS):
            rows.append(trial.once(engine, DEFAULT_AT))
    return rows


@contextmanager
def far_server(folder: Path, seconds: float) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start the far server; give its process and the beginning of its addresses."""
    command = [sys.executable, "-m", "benchmarks.scale.far_server", str(folder), "--seconds", str(seconds)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        try:
            yield process, f"http://127.0.0.1:{port}/"
        finally:
            process.communicate()  # it ends when its input does


@contextmanager
def requests_at_once(number: int) -> Iterator[None]:
    """Let processes that start now make so many requests at once to one host."""
    before = os.environ.get("FEMTOBARN_CONNECTIONS")
    os.environ["FEMTOBARN_CONNECTIONS"] = str(number)
    try:
        yield
    finally:
        del os.environ["FEMTOBARN_CONNECTIONS"]
        if before is not None:
            os.environ["FEMTOBARN_CONNECTIONS"] = before


class _Trial:
    """Plays with the same files; no file is asked for twice."""

    def __init__(self, bench: Bench, demo: Inputs, base: str, server: int) -> None:
        self._bench, self._demo, self._base, self._server = bench, demo, base, server
        self._job = samples.job_of(demo.spec, [base], "stream")
        self._number = 0
        self.events: list[float] = []
        self.requests: list[float] = []
        self.network_bytes: list[float] = []

    def once(self, engine: Engine, workers: int) -> FarRow:
        """Run tasks that warm every worker and let all begin together, then those that count.

        Raises
        ------
        PlayError
            if a worker was not ready, each time
        """
        settings = engine.ready(workers)
        options = (*settings.executor_options, *ONE_AT_A_TIME.get(engine.name, ()))
        settings = settings.model_copy(update={"executor_options": options})
        parties = parties_of(engine, [engine], [self._server])
        for _ in range(TRIES):
            played, ready = self._play(executor(settings), workers, parties)
            if ready == workers:
                return self._row(engine.name, workers, played)
            print(f"far  {engine.name}: {ready} of {workers} workers were ready; again", file=sys.stderr)
        raise PlayError(f"{engine.name}: of {workers} workers some were never ready, {TRIES} times")

    def _play(self, runner: Executor, workers: int, parties: Parties) -> tuple[Played, int]:
        """Return what a play took, and how many workers came to the last gate."""
        self._number += 1
        gates = [self._tasks(f"gate-{workers}/{self._number}-{i}", 1, workers) for i in range(WARM + 1)]
        warm = [task for gate in gates for task in gate]
        counted = self._tasks(f"far/{self._number}", self._bench.size.far_tasks, workers)
        folder = self._bench.fresh() / "tasks"
        played = play(runner, self._job, [*warm, *counted], folder, parties, warm=len(warm))
        last = played.headers[len(warm) - workers : len(warm)]
        return played, len({header.metrics.worker for header in last})

    def _row(self, name: str, workers: int, played: Played) -> FarRow:
        headers = played.headers[(WARM + 1) * workers :]
        costs = [header.metrics for header in headers]
        self.events += [float(header.stop - header.start) for header in headers]
        self.requests += [float(cost.network_requests) for cost in costs]
        self.network_bytes += [float(cost.network_bytes) for cost in costs]
        wall = played.last - min(cost.started for cost in costs)
        print(f"far  {name}, {workers}: {wall:.2f} s", file=sys.stderr)
        return FarRow(
            executor=name,
            workers=workers,
            tasks=self._bench.size.far_tasks,
            connections=int(os.environ["FEMTOBARN_CONNECTIONS"]),
            wall=wall,
            task_seconds=statistics.mean(cost.seconds for cost in costs),
            task_cpu=statistics.mean(cost.cpu_seconds for cost in costs),
            cpu=played.cpu,
            memory=played.memory,
        )

    def _tasks(self, place: str, number: int, workers: int) -> tuple[Task, ...]:
        """Return ``number`` tasks for each worker: however many workers there are, each has the same files to read."""
        files = self._demo.files
        chosen = [files[i * len(files) // number] for i in range(number) for _ in range(workers)]

        def url(i: int, file: InputFile) -> str:
            return f"{self._base}{place}/{i:05d}/{Path(file.url).name}"

        inputs = dataclasses.replace(self._demo, files=tuple(chosen))
        return samples.tasks_of(samples.named(inputs, len(chosen), place.replace("/", "-"), url))


def efficiencies(rows: Sequence[FarRow]) -> dict[tuple[str, int, int], float]:
    """Return efficiencies by executor, number of workers and requests at once."""
    from benchmarks.scale.fits import efficiency

    alone = {row.executor: row.wall for row in rows if row.workers == 1}
    return {
        (row.executor, row.workers, row.connections): efficiency(alone[row.executor], row.wall)
        for row in rows
        if row.executor in alone
    }
