"""What a stage of a scan costs the process that does it: time, processors, memory."""

from __future__ import annotations

import re
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_PEAK = re.compile(rb"VmHWM:\s+(\d+) kB")


@dataclass(slots=True)
class Cost:
    """Wall time, time of processors (of this process and those it has waited for), largest memory in bytes."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_rss: int = 0


@contextmanager
def metered() -> Iterator[Cost]:
    """Give what is filled in at the end: what was spent meanwhile.

    The largest memory is that of this while where the system can tell (Linux), else that since the process began.
    """
    cost = Cost()
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_bytes(b"5")
    wall, cpu = time.perf_counter(), _cpu()
    try:
        yield cost
    finally:
        cost.seconds, cost.cpu_seconds, cost.peak_rss = time.perf_counter() - wall, _cpu() - cpu, _peak()


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _peak() -> int:
    with suppress(OSError):
        found = _PEAK.search(Path("/proc/self/status").read_bytes())
        if found is not None:
            return int(found[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
