"""CPU time and memory of trees of processes, those that ended included."""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Iterable
from dataclasses import dataclass

import psutil
from benchmarks.measure import memory_of
from benchmarks.scale.results import Cpu


def tree(roots: Iterable[int]) -> set[int]:
    """Return the processes with these ids that live, and all that descend from them."""
    found: set[int] = set()
    for root in roots:
        with contextlib.suppress(psutil.NoSuchProcess):
            found |= {root, *(child.pid for child in psutil.Process(root).children(recursive=True))}
    return found


def cpu_of(pids: Iterable[int]) -> float:
    """Return the CPU seconds of processes, and of those that they started and that ended."""
    total = 0.0
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = psutil.Process(pid).cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def driver_cpu() -> float:
    """Return the CPU seconds of this process alone."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


@dataclass(frozen=True, slots=True)
class Parties:
    """Who there is besides this process and the workers that are measured, by the ids of first processes.

    Parameters
    ----------
    servers
        broker or scheduler
    far
        the far server
    aside
        what belongs to other executors, and waits
    """

    servers: tuple[int, ...] = ()
    far: tuple[int, ...] = ()
    aside: tuple[int, ...] = ()

    def cpu(self) -> Cpu:
        """Return what everybody has used so far; all that descends from this process and is none of these is a worker."""
        driver = driver_cpu()
        return Cpu(
            driver=driver,
            workers=cpu_of({*self._workers(), os.getpid()}) - driver,
            servers=cpu_of(tree(self.servers)),
            far=cpu_of(tree(self.far)),
        )

    def memory(self) -> int:
        """Return the bytes of all workers, what they share counted once."""
        return memory_of(sorted(self._workers()))

    def _workers(self) -> set[int]:
        return tree([os.getpid()]) - tree((*self.servers, *self.far, *self.aside)) - {os.getpid()}


def difference(later: Cpu, earlier: Cpu) -> Cpu:
    """Return what was used in between."""
    return Cpu(**{name: max(0.0, getattr(later, name) - getattr(earlier, name)) for name in Cpu.model_fields})
