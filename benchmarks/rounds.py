"""Rounds: every program in turn on every input, so that a slow minute of the machine hits all alike."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from answers import Answer, require_equal
from measure import Measured, run
from programs import Program

QUIET = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True, slots=True)
class Entry:
    """A program on an input; entries of one ``question`` must give equal answers."""

    program: Program
    files: tuple[Path, ...]
    events: int
    question: str


@dataclass(frozen=True, slots=True)
class Row:
    """What the rounds of an entry gave."""

    name: str
    events: int
    question: str
    command: str
    wall: tuple[float, ...]
    cpu: tuple[float, ...]
    peak: int
    count: int


def play(entries: list[Entry], rounds: int, work: Path) -> list[Row]:
    """Run all entries: once to warm up and to see the memory, then ``rounds`` times for the time.

    Raises
    ------
    UnequalError
        if the answers to a question differ
    CommandError
        if a program fails
    """
    found: list[list[Measured]] = [[] for _ in entries]
    counts: dict[int, int] = {}
    for number in range(rounds + 1):
        truth: dict[str, tuple[str, Answer]] = {}
        for i, entry in enumerate(entries):
            measured, answer = _once(entry, work, memory=number == 0)
            found[i].append(measured)
            counts[i] = answer.counts["nominal"]
            name, first = truth.setdefault(entry.question, (entry.program.name, answer))
            require_equal(first, name, answer, entry.program.name)
            print(
                f"round {number}/{rounds}  {entry.program.name}, {entry.events:,} events: "
                f"{measured.wall:.2f} s wall, {measured.cpu:.2f} s CPU",
                file=sys.stderr,
                flush=True,
            )
    return [
        Row(
            entry.program.name,
            entry.events,
            entry.question,
            _shown(entry.program),
            tuple(m.wall for m in runs[1:]),
            tuple(m.cpu for m in runs[1:]),
            runs[0].peak,
            counts[i],
        )
        for i, (entry, runs) in enumerate(zip(entries, found, strict=True))
    ]


def _shown(program: Program) -> str:
    """Return the command as one types it, with the variables that it needs."""
    variables = [
        f"{name}={value}" for name, value in program.environment().items() if value not in {"0", "off"}
    ]
    return " ".join([*variables, *program.command([Path("FILES...")], Path("OUT"))])


def _once(entry: Entry, work: Path, *, memory: bool) -> tuple[Measured, Answer]:
    out = work / "out"
    if out.is_dir():
        shutil.rmtree(out)
    out.unlink(missing_ok=True)
    program = entry.program
    program.prepare()
    measured = run(
        program.command(list(entry.files), out),
        environment=os.environ | QUIET | program.environment(),
        log=work / "log.txt",
        memory=memory,
    )
    return measured, program.read(out)
