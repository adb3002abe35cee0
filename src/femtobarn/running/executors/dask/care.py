"""Jobs that ended before they became workers: Dask itself neither notices nor replaces them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_EACH = 3  # times that a job is replaced, on average


class Care:
    """Finds jobs that are no workers and not in the queue either, and lets them be submitted again, but not for ever.

    Parameters
    ----------
    cluster
        of dask-jobqueue
    jobs
        how many there are to be
    queued
        returns the numbers of all jobs in the queue; None if the batch system did not answer
    """

    def __init__(self, cluster: Any, jobs: int, queued: Callable[[], set[str] | None]) -> None:
        self._cluster = cluster
        self._left = _EACH * jobs
        self._queued = queued
        self._suspects: set[str] = set()

    def look(self) -> str:
        """Give up jobs that were missing at the last look too; return what whoever waits should know of it."""
        missing = {name: job.job_id for name, job in dict(self._cluster.workers).items() if job.job_id}
        here = {str(worker.name) for worker in list(self._cluster.scheduler.workers.values())}
        missing = {
            name: number
            for name, number in missing.items()
            if name not in here and not any(worker.startswith(f"{name}-") for worker in here)
        }
        queued = self._queued() if missing else None
        if queued is None:
            self._suspects.clear()
            return ""
        gone = {number: name for name, number in missing.items() if number not in queued}
        # who was just submitted, or has just ended as a worker, may be between two lists
        lost = sorted(self._suspects & set(gone))
        self._suspects = set(gone)
        lost = lost[: self._left]
        if not lost:
            return ""
        self._left -= len(lost)
        for number in lost:
            self._suspects.discard(number)
            self._cluster.loop.add_callback(self._cluster.workers.pop, gone[number], None)
        what = "they are replaced" if self._left else "they are replaced for the last time"
        return f"{len(lost)} jobs ended before they became workers ({', '.join(lost[:4])}); {what}."
