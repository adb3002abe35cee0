"""Tasks in processes of this machine.

Workers are copies of a process of their own (`femtobarn.running.executors.nursery`) and are told their tasks as
JSON through pipes: nothing of the caller's main module is imported or pickled, so that scripts without a
main guard and notebooks work. A worker that dies is replaced, and its task tried again.
"""

from __future__ import annotations

import os
import selectors
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, suppress
from typing import IO

from femtobarn.base.errors import SettingsError
from femtobarn.base.record import Record
from femtobarn.base.records import Job, Notice, Outcome, Settings, Task
from femtobarn.running.engine.executor import ATTEMPTS, attempt, parse_options
from femtobarn.running.executors.messages import Decoder, Setup, Work, encode
from femtobarn.running.executors.nursery import Nursery
from femtobarn.running.results.store import FolderStore

_PATIENCE = 5.0  # seconds until a worker that was told to end is killed
_READ_BYTES = 1 << 16
_TICK = 1.0  # seconds after which whoever waits may look up


class LocalExecutor:
    """Runs tasks in ``workers`` processes; with 0 workers in this process, for debugging.

    Parameters
    ----------
    workers
        number of processes
    attempts
        how often a task is tried in all when its worker dies
    on_dispatch
        told a task and the process id of the worker that gets it
    nursery
        starts the processes, and is closed after the first run; None: one is made when it is needed
    place
        put before the names of workers, where one machine is not all
    """

    def __init__(
        self,
        workers: int,
        *,
        attempts: int = ATTEMPTS,
        on_dispatch: Callable[[Task, int], None] | None = None,
        nursery: Nursery | None = None,
        place: str = "",
    ) -> None:
        if workers < 0:
            msg = f"The number of workers must be 0 (in this process) or more, but is {workers}."
            raise SettingsError(msg)
        self._workers = workers
        self._attempts = attempts
        self._on_dispatch = on_dispatch
        self._nursery = nursery
        self._place = place

    @classmethod
    def from_settings(cls, settings: Settings, nursery: Nursery | None = None) -> LocalExecutor:
        """Return an executor with as many workers as ``settings`` say, which come from ``nursery`` if given.

        Raises
        ------
        UnknownNameError, SettingsError
            for options, of which it has none, and for a store elsewhere, which it does not need
        """
        parse_options(Record, settings)
        if settings.store:
            msg = "The local executor keeps results in the run directory. Leave out --store, or choose another executor."
            raise SettingsError(msg)
        return cls(settings.workers, nursery=nursery)

    def run(self, job: Job, tasks: Sequence[Task], store: FolderStore) -> Generator[Outcome | Notice | None]:
        """Run ``tasks`` and give one outcome for each as they end.

        Closing the generator ends all workers; they also end when this process dies, however it dies.
        """
        if self._workers == 0:
            for task in tasks:
                yield attempt(job, task, store, worker="here")
            return
        nursery, self._nursery = self._nursery or Nursery(), None
        setup = Setup(job=job, store=str(store.folder.absolute()), place=self._place)
        pool = _Pool(setup, tasks, self._attempts, self._on_dispatch, nursery)
        with closing(nursery), closing(pool):
            pool.start(min(self._workers, len(tasks)))
            while pool.busy:
                yield from pool.wait() or (None,)


class _Worker:
    """One process and what it works on."""

    def __init__(self, number: int, nursery: Nursery) -> None:
        self.number = number
        self.task: Task | None = None
        self.decoder = Decoder(Outcome)
        self.process = nursery.start(number)

    @property
    def output(self) -> IO[bytes]:
        return self.process.stdout

    def send(self, message: Setup | Work) -> None:
        """Send ``message``; a dead worker is noticed where its output ends."""
        with suppress(BrokenPipeError):
            self.process.stdin.write(encode(message))
            self.process.stdin.flush()

    def end(self) -> None:
        """Close the pipe, on which an idle worker ends; kill it if it does not."""
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        if not self._output_ended():
            self.process.kill()
        self.process.close()

    def _output_ended(self) -> bool:
        """Wait for the end of the output, which is the end of the process; return whether it came in time."""
        deadline = time.monotonic() + _PATIENCE
        with selectors.DefaultSelector() as selector:
            selector.register(self.output, selectors.EVENT_READ)
            while selector.select(max(0.0, deadline - time.monotonic())):
                if not os.read(self.output.fileno(), _READ_BYTES):
                    return True
        return False


class _Pool:
    """Workers, and the tasks that wait, run or ended."""

    def __init__(
        self,
        setup: Setup,
        tasks: Sequence[Task],
        attempts: int,
        on_dispatch: Callable[[Task, int], None] | None,
        nursery: Nursery,
    ) -> None:
        self._nursery = nursery
        self._setup = setup
        self._waiting = deque(tasks)
        self._deaths: dict[str, int] = {}
        self._most_deaths = attempts
        self._on_dispatch = on_dispatch
        self._workers: list[_Worker] = []
        self._started = 0
        self._selector = selectors.DefaultSelector()

    @property
    def busy(self) -> bool:
        """Whether a task waits or runs."""
        return bool(self._waiting) or any(w.task is not None for w in self._workers)

    def start(self, count: int) -> None:
        """Start ``count`` workers, each with a task if there is one."""
        for _ in range(count):
            worker = _Worker(self._started, self._nursery)
            self._started += 1
            self._workers.append(worker)
            self._selector.register(worker.output, selectors.EVENT_READ, worker)
            worker.send(self._setup)
            self._give(worker)

    def wait(self) -> list[Outcome]:
        """Wait until something happens, but not for long; return the outcomes that came."""
        outcomes: list[Outcome] = []
        for key, _ in self._selector.select(_TICK):
            worker: _Worker = key.data
            data = os.read(worker.output.fileno(), _READ_BYTES)
            if not data:
                outcomes += self._bury(worker)
                continue
            for outcome in worker.decoder.feed(data):
                task = worker.task
                worker.task = None
                if task is not None and outcome.task == task.id:
                    lost = self._deaths.get(task.id, 0)
                    outcomes.append(outcome.model_copy(update={"attempts": outcome.attempts + lost}))
                self._give(worker)
        return outcomes

    def close(self) -> None:
        """End all workers; those with a task at once."""
        for worker in self._workers:
            if worker.task is not None:
                worker.process.kill()
        for worker in self._workers:
            worker.end()
        self._selector.close()

    def _give(self, worker: _Worker) -> None:
        if not self._waiting:
            return
        worker.task = self._waiting.popleft()
        worker.send(Work(task=worker.task))
        if self._on_dispatch is not None:
            self._on_dispatch(worker.task, worker.process.pid)

    def _bury(self, worker: _Worker) -> list[Outcome]:
        """Replace a dead worker; its task is tried again, or has failed."""
        self._selector.unregister(worker.output)
        self._workers.remove(worker)
        reason = worker.process.epitaph()
        worker.end()
        outcomes: list[Outcome] = []
        task = worker.task
        if task is not None:
            deaths = self._deaths.get(task.id, 0) + 1
            self._deaths[task.id] = deaths
            if deaths < self._most_deaths:
                self._waiting.appendleft(task)
            else:
                outcomes.append(
                    Outcome(
                        task=task.id,
                        processed=False,
                        reason=f"{reason}, {deaths} times",
                        attempts=deaths,
                        worker=f"{self._setup.place}local-{worker.number}",
                        finished=time.time(),
                    )
                )
        if self._waiting:
            self.start(1)
        return outcomes
