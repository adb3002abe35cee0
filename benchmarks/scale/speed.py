"""Step 3: ``hzz`` over demo data with one and two workers on every executor; all must give equal bits."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.scale import samples
from benchmarks.scale.bench import Bench
from benchmarks.scale.costs import difference
from benchmarks.scale.engines import Engine, engines, parties_of
from benchmarks.scale.plays import PlayError
from benchmarks.scale.results import Cpu, Speed, SpeedRow

from femtobarn.running.engine.inputs import Inputs
from femtobarn.running.engine.run import exit_code, run

_Round = tuple[float, float, Cpu]


class UnequalError(RuntimeError):
    """Two executors gave different histograms."""


def measure(bench: Bench) -> Speed:
    """Measure every executor, in rounds.

    Raises
    ------
    UnequalError
        if histograms differ in a single bit
    """
    demo = samples.demo_files(bench.work, bench.size.events)
    inputs = samples.named(demo, bench.size.copies * len(demo.files), "speed")
    found: dict[tuple[str, int], list[_Round]] = {}
    counted: dict[str, bool] = {}
    digests: dict[str, str] = {}
    metrics: dict[str, int] = {}
    with engines(bench.size.executors, bench.work / "logs", [str(bench.work.resolve())]) as (there, absent):
        for number in range(bench.size.rounds + 1):  # the first one warms caches, and does not count
            for engine in there:
                counted[engine.name] = engine.workers_counted
                for workers in (1, 2):
                    out = bench.fresh()
                    row = once(engine, workers, there, inputs, out)
                    digests[f"{engine.name}, {workers}, round {number}"] = digest_of(out)
                    metrics = json.loads((out / "metrics.json").read_text())
                    if number:
                        found.setdefault((engine.name, workers), []).append(row)
                    print(
                        f"speed {number}/{bench.size.rounds}  {engine.name}, {workers}: {row[0]:.2f} s",
                        file=sys.stderr,
                    )
    require_equal(digests)
    return Speed(
        setting=bench.setting,
        files=len(inputs.files),
        events=metrics["events"],
        bytes_read=metrics["bytes_read"],
        digest=next(iter(digests.values())),
        rows=tuple(
            SpeedRow(
                executor=name,
                workers=workers,
                wall=tuple(r[0] for r in rounds),
                busy=tuple(r[1] for r in rounds),
                cpu=tuple(r[2] for r in rounds),
                workers_counted=counted[name],
            )
            for (name, workers), rounds in found.items()
        ),
        skipped=tuple(absent),
    )


def once(engine: Engine, workers: int, there: Sequence[Engine], inputs: Inputs, out: Path) -> _Round:
    """Run ``inputs`` into ``out``; return wall seconds, seconds from the first task to the last, and CPU."""
    settings, parties = engine.ready(workers), parties_of(engine, there)
    earlier, begin = parties.cpu(), time.perf_counter()
    results = run(inputs.spec, inputs, settings, out)
    wall, later = time.perf_counter() - begin, parties.cpu()
    if exit_code(results.info) != 0:
        raise PlayError(f"{engine.name}, {workers} workers: exit code {exit_code(results.info)}, not 0")
    busy = json.loads((out / "metrics.json").read_text())["busy_seconds"]
    return wall, busy, difference(later, earlier)


def digest_of(out: Path) -> str:
    """Return the digest of the histograms of a run."""
    return hashlib.sha256((out / "histograms.npz").read_bytes()).hexdigest()


def require_equal(digests: dict[str, str]) -> None:
    """Raise `UnequalError` unless all digests are the same."""
    first = next(iter(digests), None)
    for name, digest in digests.items():
        if first is not None and digest != digests[first]:
            raise UnequalError(
                f"histograms of {name} differ from those of {first}: {digest}, {digests[first]}"
            )
