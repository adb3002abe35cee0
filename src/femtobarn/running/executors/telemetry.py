"""What a worker that serves several runs tells of itself, for Prometheus."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from threading import Lock
from typing import Literal, TypeAlias

from femtobarn.base.records import Outcome, Task
from femtobarn.running.engine.endpoint import (
    LOOPBACK,
    Durations,
    Endpoint,
    Family,
    counter,
    gauge,
    info,
    resident_memory,
)
from femtobarn.running.results.partial import PartialHeader
from femtobarn.running.results.version import package_version

State: TypeAlias = Literal["connecting", "waiting", "working", "ending"]
_STATES: tuple[State, ...] = ("connecting", "waiting", "working", "ending")


class Telemetry:
    """Counts what one worker does; anybody can ask for it once it is served.

    Counting needs no other package. Labels hold the worker's name and states of this module only: no
    name of a file and no text of an error.

    Parameters
    ----------
    name
        of the worker, as in results
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = Lock()
        self._state: State = "connecting"
        self._tasks = Counter({"processed": 0, "failed": 0})
        self._events = self._bytes = self._network = 0
        self._cpu = 0.0
        self._peak = 0
        self._seconds = Durations()
        self._last_error = 0.0
        self._endpoint: Endpoint | None = None

    def began(self, task: Task) -> None:  # noqa: ARG002 - what it is must not get into labels
        """Tell that the worker has a task."""
        self.state("working")

    def ended(self, outcome: Outcome, header: PartialHeader | None = None) -> None:
        """Tell how the task ended; ``header`` is that of its result, where it is at hand."""
        with self._lock:
            self._state = "waiting"
            self._tasks["processed" if outcome.processed else "failed"] += 1
            self._events += outcome.events
            self._bytes += outcome.bytes_read
            self._seconds.add(outcome.seconds)
            if not outcome.processed:
                self._last_error = outcome.finished or time.time()
            if header is not None:
                self._network += header.metrics.network_bytes
                self._cpu += header.metrics.cpu_seconds
                self._peak = max(self._peak, header.metrics.peak_rss)

    def state(self, state: State) -> None:
        """Tell what the worker does besides tasks."""
        with self._lock:
            self._state = state

    def serve(self, host: str = LOOPBACK, port: int = 0) -> int:
        """Listen for scrapes; return the port, which is ``port`` unless that is 0.

        Raises
        ------
        MissingExtraError
            if prometheus_client is not installed
        SettingsError
            if it cannot listen there
        """
        self._endpoint = Endpoint(self.families, host, port)
        return self._endpoint.port

    @property
    def address(self) -> str:
        """Where to scrape; empty if it is not served."""
        return "" if self._endpoint is None else self._endpoint.address

    def close(self) -> None:
        """Listen no more."""
        if self._endpoint is not None:
            self._endpoint.close()
            self._endpoint = None

    def families(self) -> Iterator[Family]:
        """Return all numbers as they are now."""
        with self._lock:
            yield info("femtobarn", "Version and worker.", version=package_version(), worker=self._name)
            yield gauge("femtobarn_worker_busy", "1 while it has a task.", [({}, self._state == "working")])
            states = [({"state": s}, float(s == self._state)) for s in _STATES]
            yield gauge("femtobarn_worker_state", "1 for the state it is in.", states)
            ended = [({"status": status}, count) for status, count in self._tasks.items()]
            yield counter("femtobarn_tasks", "Tasks that ended.", ended)
            yield counter("femtobarn_events", "Events of processed tasks.", [({}, self._events)])
            read = "Compressed bytes of the baskets that were read."
            yield counter("femtobarn_bytes_read", read, [({}, self._bytes)])
            network = "Bytes that came over the network."
            yield counter("femtobarn_network_bytes", network, [({}, self._network)])
            yield counter("femtobarn_cpu_seconds", "Processor time of tasks.", [({}, self._cpu)])
            yield self._seconds.family("femtobarn_task_seconds", "Wall time of tasks.")
            held = "Memory that the process of the worker holds."
            yield gauge("femtobarn_resident_memory_bytes", held, [({}, resident_memory())])
            peak = "The largest memory that a process with a task needed."
            yield gauge("femtobarn_task_peak_memory_bytes", peak, [({}, self._peak)])
            last = "When a task failed last, in seconds since the epoch; 0 if none did."
            yield gauge("femtobarn_last_error_timestamp_seconds", last, [({}, self._last_error)])
