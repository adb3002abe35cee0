"""Step 1: what an executor costs for each task, from many tasks that have next to nothing to do."""

from __future__ import annotations

import dataclasses
import statistics
import sys
import time
from collections.abc import Sequence

from benchmarks.scale import samples
from benchmarks.scale.bench import Bench
from benchmarks.scale.engines import Engine, engines, parties_of
from benchmarks.scale.plays import Played, play
from benchmarks.scale.pools import settings
from benchmarks.scale.results import Cpu, Overhead, OverheadRow

from femtobarn.base.records import Job, LedgerRow, Outcome, RunInfo, Task
from femtobarn.running.engine.executor import executor
from femtobarn.running.engine.inputs import Inputs
from femtobarn.running.engine.observer import Silent
from femtobarn.running.engine.run import run
from femtobarn.running.engine.task import run_task

WORKERS = {"local": (1, 2), "rabbitmq": (2,), "dask": (2,), "batch": (2,)}
_WARM = 10  # tasks for each worker that are not counted: they load what all need
_ALONE = 50  # tasks from which the time of one alone is taken, before and after those of an executor


@dataclasses.dataclass(frozen=True, slots=True)
class _Round:
    start: float
    wall: float
    alone: float
    cpu: Cpu
    tasks: int
    cpu_tasks: int


def measure(bench: Bench) -> Overhead:
    """Measure every executor, in rounds."""
    inputs = samples.named(samples.small_files(bench.work), bench.size.small_tasks, "small")
    folder = str(bench.work.resolve())
    tasks = samples.tasks_of(inputs)
    job = samples.job_of(inputs.spec, [folder])
    found: dict[tuple[str, int], list[_Round]] = {}
    counted: dict[str, bool] = {}
    with engines(bench.size.executors, bench.work / "logs", [folder]) as (there, absent):
        for number in range(bench.size.rounds):
            for engine in there:
                counted[engine.name] = engine.workers_counted
                for workers in WORKERS[engine.name]:
                    result = _once(engine, workers, there, job, tasks, bench)
                    found.setdefault((engine.name, workers), []).append(result)
                    print(
                        f"overhead {number + 1}/{bench.size.rounds}  {engine.name}, {workers}: "
                        f"{result.wall / result.tasks * 1e3:.1f} ms a task",
                        file=sys.stderr,
                    )
    merge, partial_bytes = _merging(inputs, bench)
    return Overhead(
        setting=bench.setting,
        events=float(samples.SMALL_EVENTS),
        partial_bytes=partial_bytes,
        merge_seconds=merge,
        merged=len(tasks),
        rows=tuple(
            OverheadRow(
                executor=name,
                workers=workers,
                tasks=rounds[0].tasks,
                start=tuple(r.start for r in rounds),
                wall=tuple(r.wall for r in rounds),
                alone=tuple(r.alone for r in rounds),
                cpu=tuple(r.cpu for r in rounds),
                cpu_tasks=rounds[0].cpu_tasks,
                workers_counted=counted[name],
            )
            for (name, workers), rounds in found.items()
        ),
        skipped=tuple(absent),
    )


def alone(job: Job, tasks: Sequence[Task]) -> float:
    """Return the seconds of one task when nothing else runs: the median."""
    seconds = []
    for task in tasks:
        begin = time.perf_counter()
        run_task(job, task)
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds)


def counted(played: Played, warm: int) -> tuple[int, float]:
    """Return how many tasks ended after the first ``warm``, and within how many seconds."""
    ends = played.ends()
    return len(ends) - warm, ends[-1] - ends[warm - 1]


def _once(
    engine: Engine, workers: int, there: Sequence[Engine], job: Job, tasks: Sequence[Task], bench: Bench
) -> _Round:
    wanted = engine.ready(workers)
    warm = min(_WARM * workers, len(tasks) // 2)
    before = alone(job, tasks[:_ALONE])
    # where outcomes come in lots, CPU time can only be taken of all
    uncounted = warm if engine.workers_counted else 0
    folder = bench.fresh() / "tasks"
    played = play(executor(wanted), job, tasks, folder, parties_of(engine, there), warm=uncounted)
    after = alone(job, tasks[:_ALONE])
    number, wall = counted(played, warm)
    start = played.began - played.called
    return _Round(start, wall, (before + after) / 2, played.cpu, number, len(tasks) - uncounted)


class _LastTask(Silent):
    """Remembers when the last task ended and when everything had."""

    def __init__(self) -> None:
        self.task = self.end = 0.0

    def task_done(self, row: LedgerRow, outcome: Outcome) -> None:
        del row, outcome
        self.task = time.perf_counter()

    def finished(self, info: RunInfo) -> None:
        del info
        self.end = time.perf_counter()


def _merging(inputs: Inputs, bench: Bench) -> tuple[float, float]:
    """Return the seconds of merging a run of all tasks, and the bytes of one result."""
    watch, out = _LastTask(), bench.fresh()
    run(inputs.spec, inputs, settings("local", 2), out, watch)
    sizes = [path.stat().st_size for path in out.glob("tasks/??/*")]
    return watch.end - watch.task, statistics.mean(sizes)
