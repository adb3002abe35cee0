"""Tasks in processes of this machine.

Workers are started as ``python -m femtobarn.running.executors.worker`` and are told their tasks as JSON
through pipes: nothing of the caller's main module is imported or pickled, so that scripts without a
main guard and notebooks work. A worker that dies is replaced, and its task tried again.
"""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

import femtobarn.base
from femtobarn.base.errors import SettingsError
from femtobarn.base.records import Job, Settings, Task
from femtobarn.running.engine.executor import ATTEMPTS, Outcome, attempt
from femtobarn.running.executors.messages import Decoder, Setup, Work, encode
from femtobarn.running.results.store import FolderStore

_ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
_PATIENCE = 5.0  # seconds until a worker that was told to end is killed
_READ_BYTES = 1 << 16


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
    """

    def __init__(
        self,
        workers: int,
        *,
        attempts: int = ATTEMPTS,
        on_dispatch: Callable[[Task, int], None] | None = None,
    ) -> None:
        if workers < 0:
            msg = f"The number of workers must be 0 (in this process) or more, but is {workers}."
            raise SettingsError(msg)
        self._workers = workers
        self._attempts = attempts
        self._on_dispatch = on_dispatch

    @classmethod
    def from_settings(cls, settings: Settings) -> LocalExecutor:
        """Return an executor with as many workers as ``settings`` say."""
        return cls(settings.workers)

    def run(self, job: Job, tasks: Sequence[Task], store: FolderStore) -> Generator[Outcome]:
        """Run ``tasks`` and give one outcome for each as they end.

        Closing the generator ends all workers; they also end when this process dies, however it dies.
        """
        if self._workers == 0:
            for task in tasks:
                yield attempt(job, task, store, worker="here")
            return
        pool = _Pool(job, tasks, store, self._attempts, self._on_dispatch)
        try:
            pool.start(min(self._workers, len(tasks)))
            while pool.busy:
                yield from pool.wait()
        finally:
            pool.close()


class _Worker:
    """One process and what it works on."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.task: Task | None = None
        self.decoder = Decoder(Outcome)
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the worker
        self.process = subprocess.Popen(  # noqa: S603 - this interpreter, and no argument of a user
            [sys.executable, "-P", "-m", "femtobarn.running.executors.worker", str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=_environment(),
        )

    @property
    def output(self) -> IO[bytes]:
        assert self.process.stdout is not None
        return self.process.stdout

    def send(self, message: Setup | Work) -> None:
        """Send ``message``; a dead worker is noticed where its output ends."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.write(encode(message))
            self.process.stdin.flush()

    def epitaph(self) -> str:
        """Return how the process ended, with the last line it wrote to standard error."""
        code = self.process.wait()
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return f"worker died ({how})" + (f": {lines[-1][:300]}" if lines else "")

    def end(self) -> None:
        """Close the pipe, on which an idle worker ends; kill it if it does not."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.output.close()
        self._errors.close()


class _Pool:
    """Workers, and the tasks that wait, run or ended."""

    def __init__(
        self,
        job: Job,
        tasks: Sequence[Task],
        store: FolderStore,
        attempts: int,
        on_dispatch: Callable[[Task, int], None] | None,
    ) -> None:
        self._setup = Setup(job=job, store=str(store.folder.absolute()))
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
            worker = _Worker(self._started)
            self._started += 1
            self._workers.append(worker)
            self._selector.register(worker.output, selectors.EVENT_READ, worker)
            worker.send(self._setup)
            self._give(worker)

    def wait(self) -> list[Outcome]:
        """Wait until something happens; return the outcomes that came."""
        outcomes: list[Outcome] = []
        for key, _ in self._selector.select():
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
        reason = worker.epitaph()
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
                        worker=f"local-{worker.number}",
                    )
                )
        if self._waiting:
            self.start(1)
        return outcomes


def _environment() -> dict[str, str]:
    """Return the environment of workers: this package importable, one thread each."""
    env = dict(os.environ)
    root = str(Path(next(iter(femtobarn.base.__path__))).parent.parent)
    env["PYTHONPATH"] = os.pathsep.join(p for p in (root, env.get("PYTHONPATH", "")) if p)
    env.update(dict.fromkeys(_ONE_THREAD, "1"))
    return env
