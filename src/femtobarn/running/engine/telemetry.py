"""What a run tells of itself, for Prometheus."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock

from femtobarn.base.records import LedgerRow, Outcome, RunInfo
from femtobarn.running.engine.endpoint import (
    LOOPBACK,
    Durations,
    Endpoint,
    Family,
    counter,
    gauge,
    info,
    label,
    resident_memory,
)
from femtobarn.running.engine.observer import Silent
from femtobarn.running.engine.plan import Plan
from femtobarn.running.results.version import package_version

MOST_WORKERS = 200
"""Workers that have labels of their own; the rest is told as one."""

_OTHERS = "others"


@dataclass(slots=True)
class _Worker:
    """What came from one worker."""

    processed: int = 0
    failed: int = 0
    events: int = 0
    bytes_read: int = 0
    seconds: float = 0.0
    seen: float = 0.0


class RunTelemetry(Silent):
    """An observer that counts; anybody can ask for it once it is served."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._analysis = self._release = ""
        self._planned = self._reused = self._processed = 0
        self._lost: set[str] = set()
        self._seconds = Durations()
        self._workers: dict[str, _Worker] = {}
        self._last_error = 0.0
        self._finished = False

    def serve(self, host: str = LOOPBACK, port: int = 0) -> Endpoint:
        """Listen for scrapes until the endpoint is closed.

        Raises
        ------
        MissingExtraError
            if prometheus_client is not installed
        SettingsError
            if it cannot listen there
        """
        return Endpoint(self.families, host, port)

    def started(self, plan: Plan, reused: int) -> None:
        """Take what is to be done."""
        with self._lock:
            self._analysis, self._release = plan.analysis, plan.release
            self._planned, self._reused = len(plan.tasks), reused

    def task_done(self, row: LedgerRow, outcome: Outcome) -> None:
        """Count a task."""
        with self._lock:
            worker = self._worker(label(outcome.worker) or "not known")
            worker.seen = outcome.finished or time.time()
            worker.seconds += outcome.seconds
            self._seconds.add(outcome.seconds)
            if outcome.processed:
                self._processed += 1
                self._lost.discard(row.task)
                worker.processed += 1
                worker.events += outcome.events
                worker.bytes_read += outcome.bytes_read
            else:
                self._lost.add(row.task)
                worker.failed += 1
                self._last_error = worker.seen

    def finished(self, info: RunInfo) -> None:
        """Take that the run directory is written."""
        del info
        with self._lock:
            self._finished = True

    def families(self) -> Iterator[Family]:
        """Return all numbers as they are now."""
        with self._lock:
            yield from self._of_run()
            yield from self._of_workers()

    def _worker(self, name: str) -> _Worker:
        known = name in self._workers or len(self._workers) < MOST_WORKERS
        return self._workers.setdefault(name if known else _OTHERS, _Worker())

    def _of_run(self) -> Iterator[Family]:
        own = {"version": package_version(), "analysis": self._analysis, "release": self._release}
        yield info("femtobarn_run", "Version and analysis.", **own)
        yield gauge("femtobarn_run_tasks_planned", "Tasks of the plan.", [({}, self._planned)])
        waiting = self._planned - self._reused - self._processed - len(self._lost)
        states = {
            "reused": self._reused, "processed": self._processed, "failed": len(self._lost), "waiting": waiting,
        }  # fmt: skip
        words = "Tasks by what became of them; reused ones had a result before."
        yield gauge("femtobarn_run_tasks", words, [({"status": s}, n) for s, n in states.items()])
        yield self._seconds.family("femtobarn_run_task_seconds", "Wall time of tasks.")
        held = "Memory that the process of the driver holds."
        yield gauge("femtobarn_run_resident_memory_bytes", held, [({}, resident_memory())])
        last = "When a task failed last, in seconds since the epoch; 0 if none did."
        yield gauge("femtobarn_run_last_error_timestamp_seconds", last, [({}, self._last_error)])
        yield gauge("femtobarn_run_finished", "1 when the run directory is written.", [({}, self._finished)])

    def _of_workers(self) -> Iterator[Family]:
        rows = [({"worker": name}, w) for name, w in self._workers.items()]
        tasks = [({**own, "status": "processed"}, w.processed) for own, w in rows]
        tasks += [({**own, "status": "failed"}, w.failed) for own, w in rows]
        yield counter("femtobarn_run_worker_tasks", "Tasks that ended.", tasks)
        yield counter(
            "femtobarn_run_worker_events", "Events of processed tasks.", [(own, w.events) for own, w in rows]
        )
        read = "Compressed bytes of the baskets that were read."
        yield counter("femtobarn_run_worker_bytes_read", read, [(own, w.bytes_read) for own, w in rows])
        busy = "Wall time of its tasks."
        yield counter("femtobarn_run_worker_busy_seconds", busy, [(own, w.seconds) for own, w in rows])
        seen = "When its last task ended, in seconds since the epoch."
        yield gauge(
            "femtobarn_run_worker_last_seen_timestamp_seconds", seen, [(own, w.seen) for own, w in rows]
        )
