"""Step 5: time against the size of the input, for one and two workers."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

from benchmarks.scale import samples
from benchmarks.scale.bench import Bench
from benchmarks.scale.engines import engines
from benchmarks.scale.results import SizeRow, Sizes
from benchmarks.scale.speed import once

EXECUTORS = ("local", "rabbitmq")


def measure(bench: Bench) -> Sizes:
    """Measure all sizes, in rounds; the files of larger inputs are the same under more names."""
    demo = samples.demo_files(bench.work, bench.size.events)
    demo = replace(demo, files=demo.files[::2])
    names = [name for name in EXECUTORS if name in bench.size.executors]
    seconds: dict[tuple[str, int, int], list[float]] = {}
    events: dict[int, int] = {}
    bytes_read: dict[int, int] = {}
    with engines(names, bench.work / "logs", [str(bench.work.resolve())]) as (there, absent):
        for number in range(bench.size.rounds + 1):  # the first one warms caches, and does not count
            for engine in there:
                for workers in (1, 2):
                    for factor in bench.size.factors if number else bench.size.factors[:1]:
                        out = bench.fresh()
                        inputs = samples.named(demo, factor * len(demo.files), "growth")
                        _, busy, _ = once(engine, workers, there, inputs, out)
                        metrics = json.loads((out / "metrics.json").read_text())
                        events[factor], bytes_read[factor] = metrics["events"], metrics["bytes_read"]
                        if number:
                            seconds.setdefault((engine.name, workers, factor), []).append(busy)
                        print(
                            f"growth {number}/{bench.size.rounds}  {engine.name}, {workers}, x{factor}: "
                            f"{busy:.2f} s",
                            file=sys.stderr,
                        )
    factors = bench.size.factors
    return Sizes(
        setting=bench.setting,
        factors=factors,
        files=len(demo.files),
        bytes_per_event=bytes_read[factors[-1]] / events[factors[-1]],
        rows=tuple(
            SizeRow(
                executor=name,
                workers=workers,
                events=tuple(events[f] for f in factors),
                seconds=tuple(tuple(seconds[name, workers, f]) for f in factors),
            )
            for name, workers in dict.fromkeys((n, w) for n, w, _ in seconds)
        ),
        skipped=tuple(absent),
    )
