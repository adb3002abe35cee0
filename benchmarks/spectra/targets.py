"""What the benchmark must show, each with its number and whether it was reached."""

from __future__ import annotations

from benchmarks.arithmetic import ratios
from benchmarks.scale.targets import Target
from benchmarks.spectra import chain
from benchmarks.spectra.fits import by_events, straight
from benchmarks.spectra.results import Chain, Growth, Memory, Results, Row, median


def targets(results: Results) -> list[Target]:
    """Return the targets that can be judged from what was measured."""
    found: list[Target] = []
    if results.chain is not None:
        found += _chain(results.chain)
    if results.growth is not None:
        found += _growth(results.growth)
    if results.memory is not None:
        found += _memory(results.memory)
    return found


def row(step: Chain, name: str) -> Row:
    """Return the row of a program."""
    return next(one for one in step.rows if one.name == name)


def cheaper(step: Chain) -> float:
    """Return how many times the CPU seconds of the whole chain the awkward program takes."""
    slow, fast = row(step, chain.AWKWARD), row(step, chain.FIRST2)
    return median(slow.cpu) / median(fast.cpu)


def against_numpy(step: Chain) -> float:
    """Return the CPU seconds of the whole chain in one process over those of plain NumPy, round by round."""
    return ratios(row(step, chain.FIRST1).cpu, row(step, chain.NUMPY).cpu).median


def _chain(step: Chain) -> list[Target]:
    fast = row(step, chain.FIRST2)
    return [
        Target("whole chain, 2 workers: CPU seconds", median(fast.cpu), 6.0, "s"),
        Target("whole chain, 2 workers: peak memory of all processes", fast.peak / 1e6, 400.0, "MB"),
        Target(
            "awkward-array for each final state and combination: CPU over that of the whole chain",
            cheaper(step),
            30.0,
            "",
            at_least=True,
        ),
    ]


def _growth(step: Growth) -> list[Target]:
    return [
        Target(
            f"CPU against events, distance from a line, {number} combinations",
            100 * straight(rows).residual,
            5.0,
            "% of the largest",
        )
        for number, rows in by_events(step.rows).items()
        if len(rows) > 2
    ]


def _memory(step: Memory) -> list[Target]:
    if len(step.rows) < 2:
        return []
    few, many = step.rows[-2], step.rows[-1]
    return [
        Target(f"memory of {who}, {many.files} copies of a file over {few.files}", after / before, 1.1, "")
        for who, before, after in (
            ("the driver", few.driver, many.driver),
            ("the largest worker", few.worker, many.worker),
            ("all processes", few.together, many.together),
        )
    ]
