"""A run on a work queue, its workers as processes, and a file whose reading the test can hold."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from tests.faults.samples import TRUTH, remote
from tests.processes import group_is_empty
from tests.running.toys import toy_spec
from tests.servers.daemons import until
from tests.storage.servers import Fault, FaultServer, Hold

from femtobarn.base.records import AnalysisSpec, LedgerRow, Outcome, RunInfo, Settings
from femtobarn.data.catalogue.resolvers import Remote
from femtobarn.running.engine.inputs import Inputs, gather
from femtobarn.running.engine.plan import Plan, make_plan
from femtobarn.running.engine.run import run
from femtobarn.running.executors.local import LocalExecutor
from femtobarn.running.executors.rabbitmq.address import find_broker
from femtobarn.running.executors.rabbitmq.link import Dialler, hung_up
from femtobarn.running.executors.rabbitmq.management import QueueKeeper, QueueStatus
from femtobarn.running.executors.rabbitmq.topology import Names, count
from femtobarn.running.results.reader import RunResults

SOURCE = Path(__file__).resolve().parents[2] / "src"
PATIENCE = 90.0
"""Seconds for whatever must happen."""

PART_BYTES = 8_000


class Told:
    """Hears of a run; the test waits for what it needs."""

    def __init__(self) -> None:
        self.reused = -1
        self.words: list[str] = []
        self.done: queue.SimpleQueue[LedgerRow] = queue.SimpleQueue()
        self.began = threading.Event()

    def started(self, plan: Plan, reused: int) -> None:
        self.reused = reused
        self.began.set()

    def task_done(self, row: LedgerRow, outcome: Outcome) -> None:
        self.done.put(row)

    def notice(self, words: str) -> None:
        self.words.append(words)

    def finished(self, info: RunInfo) -> None:
        pass

    def wait_for(self, tasks: int) -> None:
        for _ in range(tasks):
            self.done.get(timeout=PATIENCE)

    def wait_for_words(self, part: str) -> None:
        until(
            lambda: any(part in words for words in self.words),
            PATIENCE,
            f"nobody said {part!r}: {self.words}",
        )


class Worker:
    """One `femtobarn worker` in a session of its own."""

    def __init__(self, words: list[str], log: Path, environment: dict[str, str]) -> None:
        self.log = log
        with log.open("ab") as target:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "femtobarn", "worker", *words],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=target,
                stderr=target,
                start_new_session=True,
            )

    @property
    def text(self) -> str:
        return self.log.read_text()

    def kill(self) -> None:
        """End it as the crash of its machine would: with all of its processes."""
        self.signal_all(signal.SIGKILL)
        self.process.wait(PATIENCE)

    def signal_all(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def children(self) -> list[int]:
        """The processes that run its tasks: copies of the one that loads everything."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                if int(fields[3]) == self.process.pid and int(fields[1]) != self.process.pid:
                    found.append(int(folder.name))
        return [pid for pid in found if pid != self.process.pid]

    def end(self) -> int:
        """Ask it to end; return its exit code."""
        self.process.terminate()
        return self.process.wait(PATIENCE)


class Stage:
    """Files on a server, a broker, and what runs there."""

    def __init__(self, tmp: Path, data: Path, url: str, patch: pytest.MonkeyPatch) -> None:
        self.tmp, self.data, self.url, self.patch = tmp, data, url, patch
        self.spec = toy_spec()
        self.server = FaultServer({f"/{p.name}": p.read_bytes() for p in sorted(data.iterdir())})
        self.workers: list[Worker] = []
        self._threads = ThreadPoolExecutor(8)
        self._runs: list[Future[RunResults]] = []
        patch.setenv("FEMTOBARN_BROKER", url)

    @property
    def names(self) -> Names:
        return Names("femtobarn")

    def close(self) -> None:
        for worker in self.workers:
            worker.signal_all(signal.SIGCONT)
            worker.kill()
        if any(not run.done() for run in self._runs):  # of a test that failed
            for left in self.status().runs:
                self.keeper().drain(left.token)
        self.server.stop()
        self._threads.shutdown(wait=True)
        for worker in self.workers:
            until(lambda w=worker: group_is_empty(w.process.pid), PATIENCE, "a worker left processes")

    def files(self) -> list[Remote]:
        return [
            remote(path[1:], self.server.url(path), content) for path, content in self.server.files.items()
        ]

    def inputs(self, spec: AnalysisSpec | None = None) -> Inputs:
        return gather(spec or self.spec, self.files())

    def tasks(self) -> int:
        return len(make_plan(self.spec, self.inputs(), self.settings()).tasks)

    def settings(self, **options: object) -> Settings:
        given = tuple((name, str(value)) for name, value in options.items())
        return Settings(
            executor="rabbitmq",
            executor_options=given,
            workers=1,
            part_bytes=PART_BYTES,
            chunk_entries=300,
            access="stream",
        )

    def truth(self, spec: AnalysisSpec | None = None) -> Path:
        """The run directory of the same on this machine."""
        spec = spec or self.spec
        out = self.tmp / f"truth-{spec.identity[:8]}"
        if not out.exists():
            settings = self.settings().model_copy(update={"executor": "local"})
            run(spec, gather(spec, self.data), settings, out, runner=LocalExecutor(0))
        return out

    def same(self, results: RunResults, spec: AnalysisSpec | None = None) -> None:
        """Assert that a run is whole, and equal to one on this machine."""
        failed = [(row.file, row.part, row.reason) for row in results.ledger() if row.status != "processed"]
        assert failed == []
        assert results.info.complete
        truth = self.truth(spec)
        for name in TRUTH:
            assert (results.path / name).read_bytes() == (truth / name).read_bytes(), name

    def worker(self, *words: str, allow: bool = True, wait: bool = False, **environment: str) -> Worker:
        """Start a worker; ``wait`` until it takes tasks."""
        own = ["--allow", self.server.base] if allow else []
        env = {**os.environ, "PYTHONPATH": str(SOURCE), "FEMTOBARN_BROKER": self.url, **environment}
        before = self.consumers() if wait else 0
        name = f"w{len(self.workers)}"
        made = Worker([*own, "--name", name, *words], self.tmp / f"{name}.log", env)
        self.workers.append(made)
        if wait:
            until(lambda: self.consumers() > before, PATIENCE, "no worker came")
        return made

    def consumers(self) -> int:
        found = self.count(self.names.tasks)
        return 0 if found is None else found.consumers

    def count(self, name: str) -> Any:
        with hung_up(Dialler(find_broker(), 60, "test").patiently(PATIENCE)) as connection:
            return count(connection, name)

    def keeper(self) -> QueueKeeper:
        return QueueKeeper("femtobarn")

    def status(self) -> QueueStatus:
        return self.keeper().status()

    def start(
        self, out: str, told: Told | None = None, spec: AnalysisSpec | None = None, **options: object
    ) -> Future[RunResults]:
        """Begin a run in another thread."""
        inputs, settings = self.inputs(spec), self.settings(**options)
        made = self._threads.submit(run, inputs.spec, inputs, settings, self.tmp / out, told or Told())
        self._runs.append(made)
        return made

    def driver(self, name: str, **options: object) -> subprocess.Popen[str]:
        """Start a run in a process of its own; its directory is ``name/out``."""
        here = self.tmp / name
        here.mkdir(exist_ok=True)
        (here / "spec.json").write_text(self.spec.model_dump_json())
        (here / "settings.json").write_text(self.settings(**options).model_dump_json())
        (here / "files.json").write_text(json.dumps([asdict(one) for one in self.files()]))
        with (here / "log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("driver.py")), str(here)],
                env={**os.environ, "PYTHONPATH": str(SOURCE)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    @contextmanager
    def held(self, dsid: str = "700600", *, most: int = 1_000_000) -> Iterator[Hold]:
        """Hold the first ``most`` answers with the content of one file until they are released."""
        path = next(path for path in self.server.files if dsid in path)
        hold = Hold()
        self.server.script(path, lambda request: Fault("hold", hold=hold) if request.number <= most else None)
        try:
            yield hold
        finally:
            hold.release.set()
            self.server.script(path, None)


def result(future: Future[RunResults]) -> RunResults:
    return future.result(timeout=PATIENCE)


def reached(hold: Hold) -> None:
    assert hold.reached.wait(PATIENCE), "nobody reads the held file"


Make = Callable[..., Settings]
