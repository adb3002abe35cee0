"""Time against the number of variations done: one run for each, two such runs at a time, and all in one pass."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from answers import Answer, require_equal
from measure import run
from programs import ANALYSES, VERIFIED, Program, Tools, compiled, femtobarn
from rounds import QUIET

SERIAL, WORKERS, ONE_PASS, VARY = (
    "serial: one run per variation",
    "local workers: one run per variation, two at a time",
    "one pass",
    "compiled RDataFrame Vary, one pass",
)


@dataclass(frozen=True, slots=True)
class Curve:
    """Seconds until so many variations were done."""

    name: str
    numbers: tuple[int, ...]
    seconds: tuple[float, ...]


def measure_curves(tools: Tools, file: Path, one_by_one: int, passes: tuple[int, ...]) -> list[Curve]:
    """Return the curves; each variation's counts and histograms must be the same in all.

    Parameters
    ----------
    tools
        where programs are
    file
        the input
    one_by_one
        how many variations are run one by one; more are not estimated
    passes
        how many variations to take in one pass
    """
    folder = tools.work / "cumulative"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)

    def single(k: int) -> Program:
        return _femtobarn(tools, f"variation {k}", 1, k)

    _together(single, file, folder, one_by_one)  # compiles what the runs need, which is not their time
    serial, answers = _serial(single, file, folder, one_by_one)
    together, others = _together(single, file, folder, one_by_one)
    for k, (one, other) in enumerate(zip(answers, others, strict=True)):
        require_equal(one, f"variation {k} alone", other, f"variation {k}, two runs at a time")
    curves = [serial, together]
    for name, make in (
        (ONE_PASS, lambda n: [_femtobarn(tools, ONE_PASS, n, 0)]),
        (VARY, lambda n: compiled(tools, VARY, "hzz", 1, n)),
    ):
        seconds = []
        for number in passes:
            for program in make(number):
                _once(program, file, folder / "pass")
                took, answer = _once(program, file, folder / "pass")
                seconds.append(took)
                for k in range(min(number, one_by_one)):
                    require_equal(answers[k], f"variation {k} alone", _only(answer, k), name)
                print(f"{name}, {number} variations: {took:.2f} s", file=sys.stderr, flush=True)
        if seconds:
            curves.append(Curve(name, passes, tuple(seconds)))
    return curves


def _femtobarn(tools: Tools, name: str, number: int, first: int) -> Program:
    analysis = str(ANALYSES / "hzz_variations.py")
    return femtobarn(tools, name, VERIFIED, 1, analysis=analysis, variations=number, first=first)


def _serial(
    single: Callable[[int], Program], file: Path, folder: Path, number: int
) -> tuple[Curve, list[Answer]]:
    seconds, answers, total = [], [], 0.0
    for k in range(number):
        took, answer = _once(single(k), file, folder / f"serial{k}")
        total += took
        seconds.append(total)
        answers.append(answer)
    print(f"{SERIAL}, {number} variations: {total:.2f} s", file=sys.stderr, flush=True)
    return Curve(SERIAL, tuple(range(1, number + 1)), tuple(seconds)), answers


def _together(
    single: Callable[[int], Program], file: Path, folder: Path, number: int
) -> tuple[Curve, list[Answer]]:
    start = time.perf_counter()
    ends: list[float] = []

    def one(k: int) -> Answer:
        _, answer = _once(single(k), file, folder / f"together{k}")
        ends.append(time.perf_counter() - start)
        return answer

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(one, range(number)))
    print(f"{WORKERS}, {number} variations: {max(ends):.2f} s", file=sys.stderr, flush=True)
    return Curve(WORKERS, tuple(range(1, number + 1)), tuple(sorted(ends))), answers


def _once(program: Program, file: Path, out: Path) -> tuple[float, Answer]:
    if out.is_dir():
        shutil.rmtree(out)
    out.unlink(missing_ok=True)
    measured = run(
        program.command([file], out),
        environment=os.environ | QUIET | program.environment(),
        log=out.with_suffix(".log"),
        orphans=False,
    )
    return measured.wall, program.read(out)


def _only(answer: Answer, k: int) -> Answer:
    """Return the nominal values and variation k."""
    names = ("nominal", f"scale{k:03d}")
    return Answer(
        {name: answer.counts[name] for name in names},
        {key: bins for key, bins in answer.histograms.items() if key[1] in names},
    )
