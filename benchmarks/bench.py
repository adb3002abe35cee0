"""``bench.py --femtobarn COMMAND --input FOLDER --work FOLDER --results FOLDER [--small]``: measure and write the page.

Run by ``make bench`` in the environment that has the peers. Nothing is written unless all programs agree.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import json
import shutil
import sys
from pathlib import Path

import programs
from compile_rdf import compile_rdf
from cumulative import measure_curves
from figure import draw_curves
from machine import describe
from measure import adopt_orphans
from page import Setting, write_page
from rounds import Entry, play
from targets import targets


@dataclasses.dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    rounds: int
    variations: tuple[int, ...]
    pair_variations: tuple[int, ...]
    one_by_one: int
    passes: tuple[int, ...]


LARGE = Size(5, (1, 100, 300), (1, 100), 30, (1, 3, 10, 30, 100, 300))
SMALL = Size(2, (1, 10), (1, 10), 3, (1, 3, 10))


def entries(tools: programs.Tools, files: list[Path], per_file: int, size: Size) -> list[Entry]:
    """Return everything that is run in a round, in its order."""
    few, many = (tuple(files[:1]), per_file), (tuple(files), per_file * len(files))
    found = []

    def add(program: programs.Program, question: str, *inputs: tuple[tuple[Path, ...], int]) -> None:
        found.extend(Entry(program, paths, n, f"{question}, {n} events") for paths, n in inputs)

    for program in programs.peers(tools):
        add(program, "hzz", few, many)
    for program in programs.states(tools):
        once = program.name in {programs.FIRST_EVER, programs.EDITED, programs.FINAL_ALONE}
        add(program, "hzz", *([many] if once else [few, many]))
    for program in programs.column_states(tools):
        add(program, "hzz", *([many] if program.name == programs.FILLS2 else [few, many]))
    for name in programs.USERS:
        for program in programs.user_pair(tools, name):
            add(program, name, many)
    add(programs.varied(tools, "hzz", 0)[0], "hzz", few, many)
    add(programs.varied(tools, "hzz", size.variations[-1])[0], f"hzz {size.variations[-1]}", many)
    for mode, numbers in (("hzz", size.variations), ("pair", size.pair_variations)):
        for number in numbers:
            for program in programs.varied(tools, mode, number):
                add(program, f"{mode} {number}", few)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--input", "--work", "--results"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--femtobarn", required=True)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--rounds", type=int)
    given = parser.parse_args()
    size = SMALL if given.small else LARGE
    if given.rounds is not None:
        size = dataclasses.replace(size, rounds=max(1, given.rounds))
    facts = json.loads((given.input / "input.json").read_text())
    files = sorted(given.input.resolve().glob("*.root"))
    if len(files) != facts["files"] or len(files) < 2:
        parser.error(f"{given.input} should hold {facts['files']} files, 2 or more, but holds {len(files)}")
    work = given.work.resolve()
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    binary = compile_rdf(given.input.resolve().parent)
    skipped = [] if binary else ["compiled RDataFrame: there is no g++ on this machine"]
    for reason in skipped:
        print(f"SKIPPED: {reason}", file=sys.stderr)
    command = shutil.which(given.femtobarn)
    if command is None:
        parser.error(f"--femtobarn takes a command, but {given.femtobarn!r} is none")
    tools = programs.Tools(str(Path(command).absolute()), sys.executable, binary, work)
    adopt_orphans()
    rows = play(entries(tools, files, facts["events"], size), size.rounds, work)
    curves = measure_curves(tools, files[0], size.one_by_one, size.passes)
    judged = targets(rows, size.variations[-1], size.pair_variations[-1])
    setting = Setting(
        dt.datetime.now(dt.UTC).date().isoformat(),
        describe(tools.femtobarn),
        facts,
        size.rounds,
        skipped,
    )
    given.results.mkdir(parents=True, exist_ok=True)
    draw_curves(curves, given.results / "variations.png", f"hzz, {facts['events']:,} events")
    write_page(given.results, setting, rows, curves, judged, tools)


if __name__ == "__main__":
    main()
