"""``python -m benchmarks.scale.queueing_driver TASKS OUT``: plan and hand over tasks as a run does, in a process of its own.

Each line that it prints is what was done, and the seconds since the epoch. After ``submitted`` it waits for a line.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path


def main() -> None:
    number, out = int(sys.argv[1]), Path(sys.argv[2])
    say("started")
    from benchmarks.scale import samples
    from benchmarks.scale.engines import QUEUE
    from benchmarks.scale.pools import settings

    from femtobarn.running.engine.executor import Detached, executor
    from femtobarn.running.results.store import FolderStore

    spec = samples.hzz()
    wanted = settings("rabbitmq", 0, queue=QUEUE)
    inputs = samples.catalogue(spec, number)
    say("inputs")
    tasks = samples.tasks_of(inputs, wanted)
    say("planned")
    runner = executor(wanted)
    assert isinstance(runner, Detached)
    runner.submit(samples.job_of(spec, ["root://eospublic.cern.ch/"]), tasks, FolderStore(out / "tasks"))
    say("submitted")
    sys.stdin.readline()


def say(what: str) -> None:
    """Tell the process that watches."""
    print(what, time.time(), flush=True)


if __name__ == "__main__":
    main()
