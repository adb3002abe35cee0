"""What the steps find out: records that go to ``results.json`` and come back from it."""

from __future__ import annotations

from pathlib import Path

from femtobarn.base.record import Record


class Setting(Record):
    """When, on what and with what a step was measured."""

    date: str
    machine: tuple[tuple[str, str], ...]
    cores: int
    small: bool


class Cpu(Record):
    """CPU seconds of those who take part: the run itself, its workers, broker or scheduler, and the far server."""

    driver: float
    workers: float
    servers: float
    far: float = 0.0

    @property
    def total(self) -> float:
        """All of them."""
        return self.driver + self.workers + self.servers + self.far


class OverheadRow(Record):
    """Many small tasks on one executor; a value for each round.

    Parameters
    ----------
    tasks
        those that were counted: from when the first few had ended until all had
    start
        seconds from the call until the first task began
    wall
        seconds that the counted tasks took
    alone
        seconds of one task in a process that does nothing else, in the same round
    cpu, cpu_tasks
        CPU time, and of how many tasks it is
    workers_counted
        whether the CPU time of the workers is known
    """

    executor: str
    workers: int
    tasks: int
    start: tuple[float, ...]
    wall: tuple[float, ...]
    alone: tuple[float, ...]
    cpu: tuple[Cpu, ...]
    cpu_tasks: int
    workers_counted: bool = True

    @property
    def overhead(self) -> tuple[float, ...]:
        """Seconds of a worker that one task costs beyond itself, in each round."""
        each = zip(self.wall, self.alone, strict=True)
        return tuple(wall * self.workers / self.tasks - alone for wall, alone in each)


class Overhead(Record):
    """Step 1.

    Parameters
    ----------
    events, partial_bytes
        of one task
    merge_seconds, merged
        seconds after the last of so many tasks until the run directory was complete
    skipped
        executors that could not be measured, and why
    """

    setting: Setting
    events: float
    partial_bytes: float
    merge_seconds: float
    merged: int
    rows: tuple[OverheadRow, ...]
    skipped: tuple[tuple[str, str], ...] = ()


class Queueing(Record):
    """Step 2: tasks planned and published to RabbitMQ.

    Parameters
    ----------
    tasks
        planned; ``queued`` are those that the broker had, ``drained`` those that were taken away again
    plan_seconds, submit_seconds, drain_seconds
        of each part
    seconds, rss
        memory of the driver in bytes over time, from its start
    planned, submitted
        when these parts ended, on the same clock
    broker_cpu
        CPU seconds of the broker while it took them
    """

    setting: Setting
    tasks: int
    queued: int
    plan_seconds: float
    submit_seconds: float
    drain_seconds: float
    drained: int
    planned: float
    submitted: float
    seconds: tuple[float, ...]
    rss: tuple[int, ...]
    broker_cpu: float


class SpeedRow(Record):
    """``hzz`` on one executor; a value for each round. ``busy`` is from the first task to the last."""

    executor: str
    workers: int
    wall: tuple[float, ...]
    busy: tuple[float, ...]
    cpu: tuple[Cpu, ...]
    workers_counted: bool = True


class Speed(Record):
    """Step 3: the same run everywhere; all histograms had equal bits."""

    setting: Setting
    files: int
    events: int
    bytes_read: int
    digest: str
    rows: tuple[SpeedRow, ...]
    skipped: tuple[tuple[str, str], ...] = ()


class FarRow(Record):
    """Tasks that wait for a far server.

    Parameters
    ----------
    tasks
        for each worker, after one that is not counted
    connections
        how many requests to one host are allowed at once
    wall
        seconds from the first counted task's begin until the driver had the last one's result
    task_seconds, task_cpu
        of one task, on average
    cpu
        of everybody within ``wall``
    memory
        bytes of all workers together, what they share counted once
    """

    executor: str
    workers: int
    tasks: int
    connections: int
    wall: float
    task_seconds: float
    task_cpu: float
    cpu: Cpu
    memory: int


class Far(Record):
    """Step 4. ``round_trip`` in seconds; ``requests`` and ``network_bytes`` of one task."""

    setting: Setting
    round_trip: float
    events: float
    requests: float
    network_bytes: float
    rows: tuple[FarRow, ...]
    skipped: tuple[tuple[str, str], ...] = ()


class SizeRow(Record):
    """Time against size of input: for each size the busy seconds of each round."""

    executor: str
    workers: int
    events: tuple[int, ...]
    seconds: tuple[tuple[float, ...], ...]


class Sizes(Record):
    """Step 5."""

    setting: Setting
    factors: tuple[int, ...]
    files: int
    bytes_per_event: float
    rows: tuple[SizeRow, ...]
    skipped: tuple[tuple[str, str], ...] = ()


class Results(Record):
    """results.json: the steps that were measured."""

    overhead: Overhead | None = None
    queueing: Queueing | None = None
    speed: Speed | None = None
    far: Far | None = None
    sizes: Sizes | None = None


def read_results(path: Path) -> Results:
    """Return what was measured before; nothing if there is no such file."""
    return Results.model_validate_json(path.read_bytes()) if path.exists() else Results()


def write_results(path: Path, results: Results) -> None:
    """Write the numbers of all steps."""
    path.write_text(results.model_dump_json(indent=1, exclude_none=True) + "\n", encoding="utf-8")
