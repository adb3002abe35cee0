"""What computing costs, without reading and writing: events that are in memory already, summed again and again."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.spectra.bench import Bench
from benchmarks.spectra.results import KernelRow
from benchmarks.spectra.scan import Scan

TIMES = 7


def measure(bench: Bench) -> tuple[KernelRow, ...]:
    """Return the CPU seconds of one file's events in each set of combinations, and with few final states."""
    scans = [Scan(subleading=k) for k in bench.size.subleading]
    scans += [Scan(most_count=most) for most in bench.size.most_counts]
    path = bench.input().files[0]
    return tuple(summed(path, scan, bench.work / "kernel.yaml") for scan in scans)


def merging(out: Path) -> float:
    """Return the CPU seconds of reading the result of a task and adding it to others, in the production configuration.

    Parameters
    ----------
    out
        a finished run; its results are added several times, as if there were more
    """
    from femtobarn.physics.spectra.sums import Total
    from femtobarn.running.results.partial import read_partial

    results = [path for path in sorted((out / "tasks").rglob("*")) if path.is_file()]
    start, total = time.process_time(), Total(1)
    for path in results * TIMES:
        found = read_partial(path).spectra
        if found is not None:
            total.add(found)
    total.sums()
    return (time.process_time() - start) / (TIMES * len(results))


def summed(path: Path, scan: Scan, config: Path) -> KernelRow:
    """Return the smallest CPU time of several, between having read the events and having their sums."""
    from femtobarn.data.formats import format_of
    from femtobarn.data.formats.opening import open_events
    from femtobarn.data.formats.reader import EventReader
    from femtobarn.physics.spectra.evaluation import SpectraEvaluation
    from femtobarn.physics.spectra.fields import scanned_fields
    from femtobarn.physics.spectra.scan import load_scan

    config.write_text(scan.text([path]))
    record, release, seconds = load_scan(config).record, format_of("2024r-pp"), []
    with open_events(path, release, verified=False) as tree:
        entries = tree.entries
        columns = EventReader(tree, release).raw(scanned_fields(record, "data"), 0, entries)
    for _ in range(TIMES):
        start = time.process_time()
        evaluation = SpectraEvaluation(record, "data")
        evaluation.add(columns, entries)
        sums = evaluation.spectra()
        seconds.append(time.process_time() - start)
    return KernelRow(
        events=entries, states=len(sums.states), values=int(sums.sums[:, 0].sum()), seconds=min(seconds)
    )
