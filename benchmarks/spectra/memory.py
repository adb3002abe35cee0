"""Step 3: memory against the number of files, which are copies of one file."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from pathlib import Path

import psutil
from benchmarks.measure import SAMPLE_SECONDS, CommandError, memory_of
from benchmarks.scale.costs import tree
from benchmarks.spectra.bench import Bench
from benchmarks.spectra.inputs import copies
from benchmarks.spectra.results import Memory, MemoryRow
from benchmarks.spectra.runs import command
from benchmarks.spectra.scan import Scan

WORKERS = 2


class Peaks(threading.Thread):
    """Samples the memory of a process and of those that descend from it, until it is stopped."""

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self.root, self.stopped = root, threading.Event()
        self.driver = self.worker = self.together = 0

    def run(self) -> None:
        """Look again and again."""
        while not self.stopped.wait(SAMPLE_SECONDS):
            there = tree([self.root])
            self.driver = max(self.driver, resident(self.root))
            self.worker = max(self.worker, 0, *(resident(pid) for pid in there - {self.root}))
            self.together = max(self.together, memory_of(sorted(there)))


def resident(pid: int) -> int:
    """Return the resident set of a process in bytes; 0 if it has ended."""
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def measure_step(bench: Bench) -> Memory:
    """Run the chain over 1, 10, 100 copies of a file, each with an identifier of its own."""
    source = bench.input().files[0]
    rows = []
    for number in bench.size.copies:
        folder = bench.work / "copies"
        shutil.rmtree(folder, ignore_errors=True)
        config = bench.work / "memory.yaml"
        config.write_text(Scan().text(copies(source, folder, number)))
        out = bench.out()
        peaks = watched(command(bench, config, out, WORKERS), bench.environment(), bench.work / "log.txt")
        row = MemoryRow(
            files=number,
            events=number * bench.size.events,
            driver=peaks.driver,
            worker=peaks.worker,
            together=peaks.together,
        )
        print(f"memory  {row}", file=sys.stderr, flush=True)
        rows.append(row)
        shutil.rmtree(folder)
    return Memory(setting=bench.setting, rows=tuple(rows))


def watched(words: list[str], environment: dict[str, str], log: Path) -> Peaks:
    """Run a command to its end and return how much memory its processes had.

    Raises
    ------
    CommandError
        if it fails
    """
    with log.open("wb") as said:
        process = subprocess.Popen(words, env=environment, stdout=said, stderr=said)
        peaks = Peaks(process.pid)
        peaks.start()
        status = process.wait()
        peaks.stopped.set()
        peaks.join()
    if status:
        raise CommandError(f"{' '.join(words)} ended with {status}; see {log}")
    return peaks
