"""Step 2: time against events, combinations and final states."""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass

from benchmarks.spectra import kernel, opening
from benchmarks.spectra.bench import Bench
from benchmarks.spectra.inputs import Input
from benchmarks.spectra.results import Growth, GrowthRow
from benchmarks.spectra.runs import Counted, command, counted, forget, later
from benchmarks.spectra.scan import Scan

from benchmarks import measure


@dataclass(frozen=True, slots=True)
class Point:
    """A configuration and a number of files."""

    scan: Scan
    files: int


def points(bench: Bench) -> list[Point]:
    """Return what is run: all sizes with all sets of combinations, and one size with limits on final states."""
    size = bench.size
    grid = [Point(Scan(subleading=k), files) for k in size.subleading for files in size.growth_files]
    middle = size.growth_files[min(1, len(size.growth_files) - 1)]
    return grid + [Point(Scan(most_count=most), middle) for most in size.most_counts]


def measure_step(bench: Bench) -> Growth:
    """Run all points in rounds with one worker, files read for the first time."""
    given = bench.input()
    there = points(bench)
    seconds: list[list[measure.Measured]] = [[] for _ in there]
    after: list[list[float]] = [[] for _ in there]
    facts: list[Counted | None] = [None for _ in there]
    _run(bench, there[0], given)  # compiles, if nothing has yet
    for number in range(1, bench.size.growth_rounds + 1):
        for i, point in enumerate(there):
            seconds[i].append(_run(bench, point, given))
            after[i].append(later(bench.work / "out"))
            if facts[i] is None:
                facts[i] = counted(bench.work / "out")
            print(
                f"growth {number}/{bench.size.growth_rounds}  {point.files} files, {facts[i]}: "
                f"{seconds[i][-1].cpu:.2f} s CPU",
                file=sys.stderr,
                flush=True,
            )
    merging = kernel.merging(bench.work / "out")  # the last point is the production configuration
    rows = []
    for point, runs, rest, fact in zip(there, seconds, after, facts, strict=True):
        assert fact is not None
        kept = {name: value for name, value in dataclasses.asdict(fact).items() if name != "branches"}
        rows.append(
            GrowthRow(
                subleading=point.scan.subleading,
                most_count=point.scan.most_count,
                cpu=tuple(run.cpu for run in runs),
                wall=tuple(run.wall for run in runs),
                later=tuple(rest),
                **kept,
            )
        )
    return Growth(
        setting=bench.setting,
        opening=opening.measure(bench),
        kernel=kernel.measure(bench),
        merging=merging,
        rows=tuple(rows),
    )


def _run(bench: Bench, point: Point, given: Input) -> measure.Measured:
    config = bench.work / "growth.yaml"
    config.write_text(point.scan.text(given.first(point.files).files))
    forget(bench.work / "cache")
    return measure.run(
        command(bench, config, bench.out(), 1), environment=bench.environment(), log=bench.work / "log.txt"
    )
