"""What it costs to open a file, which grows with its branches: those of the release have many."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.spectra.bench import Bench
from benchmarks.spectra.inputs import generated
from benchmarks.spectra.results import Opening

RELEASE_BRANCHES = 1493
"""Of a file of the 2024 release, those below others counted too."""

EVENTS = 100
TIMES = 7


def measure(bench: Bench) -> Opening:
    """Return the CPU seconds of opening a file of the input, and one with as many branches as the release has."""
    few = bench.input()
    more = RELEASE_BRANCHES - few.branches
    many = generated(bench.peers, bench.work / "input-wide", 1, EVENTS, more)
    return Opening(
        branches=(few.branches, many.branches), seconds=(opened(few.files[0]), opened(many.files[0]))
    )


def opened(path: Path) -> float:
    """Return the smallest CPU time of opening a file several times."""
    from femtobarn.data.formats import format_of
    from femtobarn.data.formats.opening import open_events

    release, seconds = format_of("2024r-pp"), []
    for _ in range(TIMES):
        start = time.process_time()
        with open_events(path, release, verified=False) as tree:
            tree.branches()
        seconds.append(time.process_time() - start)
    return min(seconds)
