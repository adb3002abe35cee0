"""Step 2: many tasks planned and handed to RabbitMQ by a driver that leaves; its memory is watched meanwhile."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from typing import IO

import psutil
from benchmarks.scale.bench import ROOT, Bench
from benchmarks.scale.costs import cpu_of, tree
from benchmarks.scale.engines import QUEUE, Rabbit
from benchmarks.scale.plays import PlayError
from benchmarks.scale.pools import AbsentError
from benchmarks.scale.results import Queueing

_SAMPLE = 0.1  # seconds between two looks at the driver's memory
_DRAIN = 60.0  # seconds that tasks are taken away again


def measure(bench: Bench) -> Queueing | None:
    """Measure; None, and a word about it, where there is no RabbitMQ."""
    try:
        with Rabbit(bench.work / "logs" / "queueing", []) as rabbit:
            return _measured(bench, rabbit)
    except AbsentError as error:
        print(f"SKIPPED: queueing: {error}", file=sys.stderr)
        return None


def _measured(bench: Bench, rabbit: Rabbit) -> Queueing:
    wanted = bench.size.queued
    command = [sys.executable, "-m", "benchmarks.scale.queueing_driver", str(wanted), str(bench.fresh())]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as driver:
        assert driver.stdout is not None
        watch = _Watch(driver.pid)
        watch.start()
        marks = _marks(driver.stdout, "planned")
        before = cpu_of(tree(rabbit.servers()))
        marks |= _marks(driver.stdout, "submitted")
        broker_cpu = cpu_of(tree(rabbit.servers())) - before
        watch.stopped.set()
        watch.join()
        driver.communicate("\n")
    queued = messages(rabbit)
    if queued != wanted:
        raise PlayError(f"{wanted} tasks were handed over, but the broker has {queued}")
    drained = drain()
    left = messages(rabbit)
    start = marks["started"]
    return Queueing(
        setting=bench.setting,
        tasks=wanted,
        queued=queued,
        plan_seconds=marks["planned"] - marks["inputs"],
        submit_seconds=marks["submitted"] - marks["planned"],
        drain_seconds=drained,
        drained=queued - left,
        planned=marks["planned"] - start,
        submitted=marks["submitted"] - start,
        seconds=tuple(moment - start for moment, _ in watch.samples),
        rss=tuple(rss for _, rss in watch.samples),
        broker_cpu=broker_cpu,
    )


def messages(rabbit: Rabbit) -> int:
    """Return how many tasks the broker has."""
    import pika

    with pika.BlockingConnection(pika.URLParameters(rabbit.broker.url)) as link:
        return int(link.channel().queue_declare(f"{QUEUE}.tasks", passive=True).method.message_count)


def drain() -> float:
    """Remove tasks as a user does, for a minute at most; return the seconds that it took."""
    begin = time.perf_counter()
    command = [sys.executable, "-m", "femtobarn", "queue", "drain", "--queue", QUEUE, "--yes"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            code = process.wait(_DRAIN)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            code = 0
    if code != 0:
        raise PlayError(f"femtobarn queue drain ended with {code}")
    return time.perf_counter() - begin


def _marks(source: IO[str], last: str) -> dict[str, float]:
    """Return what the driver says it has done, until ``last``."""
    marks: dict[str, float] = {}
    while last not in marks:
        line = source.readline()
        if not line:
            raise PlayError(f"the driver ended before it had {last}")
        name, moment = line.split()
        marks[name] = float(moment)
    return marks


class _Watch(threading.Thread):
    """Samples the memory of a process until it is stopped."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._process = psutil.Process(pid)
        self.samples: list[tuple[float, int]] = []
        self.stopped = threading.Event()

    def run(self) -> None:
        while not self.stopped.wait(_SAMPLE):
            try:
                self.samples.append((time.time(), self._process.memory_info().rss))
            except psutil.NoSuchProcess:
                return
