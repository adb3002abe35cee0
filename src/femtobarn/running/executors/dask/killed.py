"""Tasks whose workers died: who is to blame, and what is said of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from distributed import KilledWorker

_SETTLED = 1.0  # seconds in which the scheduler tells of all tasks that were on a dead worker


class Killed:
    """Counts tasks that were given up because workers died, by the last of these workers.

    Dask suspects every task that a dead worker held, also those that only waited there. If several are given
    up at once, one of them is to blame and nobody knows which: they are to be tried one by one.
    """

    def __init__(self) -> None:
        self._by_worker: Counter[str] = Counter()

    async def alone(self, error: KilledWorker) -> bool:
        """Return whether a task was the only one that was given up when its last worker died."""
        address = error.last_worker.address
        self._by_worker[address] += 1
        await asyncio.sleep(_SETTLED)
        return self._by_worker[address] == 1


def told(error: KilledWorker) -> tuple[str, int, str]:
    """Return why a task failed whose workers died, how often they did, and the name of the last of them."""
    worker = error.last_worker
    name = worker.name if isinstance(worker.name, str) else f"dask-{worker.name}"
    times = error.allowed_failures + 1
    limit = f"{worker.memory_limit / 1e9:.3g} GB" if worker.memory_limit else "none"
    reason = f"worker died {times} times while it ran this task (the last was {name}; memory limit {limit}): it may need more memory, then raise it or use fewer --chunk-entries; or more time than workers live, then raise their lifetime or walltime"
    return reason, times, name
