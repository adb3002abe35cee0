"""Step 1: the production configuration, whole processes, against the same done otherwise."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Measured
from benchmarks.spectra import answers
from benchmarks.spectra.bench import Bench
from benchmarks.spectra.inputs import Input
from benchmarks.spectra.results import Chain, Row
from benchmarks.spectra.runs import command, counted, forget, stages
from benchmarks.spectra.scan import COMBINATIONS, Scan

from benchmarks import measure

PEERS = Path(__file__).parent / "peers"

FIRST2, FIRST1 = "femtobarn, first reading, 2 workers", "femtobarn, first reading, 1 worker"
PICTURES = "femtobarn with plots and gallery, 2 workers"
AGAIN2 = "femtobarn, files read before, 2 workers"
EXACT = "femtobarn, windows as in today's program, 2 workers"
EVER = "femtobarn, first run ever (compiles), 2 workers"
NUMPY = "plain NumPy, 1 process"
AWKWARD = "awkward-array for each final state and combination, 1 process"


@dataclass(frozen=True, slots=True)
class Program:
    """One way to do the work.

    Parameters
    ----------
    command
        from the place of the answer to the arguments
    read
        from that place to the answer; None: it is the answer to another question, and not compared
    prepare
        done before each run, not timed
    once
        whether it is run a single time, of which both time and memory are taken
    """

    name: str
    command: Callable[[Path], list[str]]
    read: Callable[[Path], answers.Answer] | None
    prepare: Callable[[], None] = lambda: None
    once: bool = False


def programs(bench: Bench, given: Input) -> list[Program]:
    """Return all programs; the first tells what is right."""
    cache = bench.work / "cache"

    def femtobarn(
        name: str,
        scan: Scan,
        workers: int,
        prepare: Callable[[], None],
        *,
        compared: bool = True,
        once: bool = False,
    ) -> Program:
        config = (
            bench.work / f"{'exact' if scan.exact else 'right'}-{'all' if scan.pictures else 'bare'}.yaml"
        )
        config.write_text(scan.text(given.files))
        return Program(
            name,
            lambda out: command(bench, config, out, workers),
            (lambda out: answers.read_root(out / "spectra" / "data.root")) if compared else None,
            prepare,
            once,
        )

    def peer(name: str, file: str, *, once: bool = False) -> Program:
        def arguments(out: Path) -> list[str]:
            return [bench.peers, "-W", "ignore", str(PEERS / file), str(out), *map(str, given.files)]

        return Program(name, arguments, lambda out: answers.read_npz(_npz(out)), once=once)

    return [
        peer(NUMPY, "numpy_spectra.py"),
        femtobarn(EVER, Scan(), 2, lambda: shutil.rmtree(cache, ignore_errors=True), once=True),
        femtobarn(FIRST2, Scan(), 2, lambda: forget(cache)),
        femtobarn(FIRST1, Scan(), 1, lambda: forget(cache)),
        femtobarn(PICTURES, Scan(pictures=True), 2, lambda: forget(cache)),
        femtobarn(EXACT, Scan(exact=True), 2, lambda: forget(cache), compared=False),
        femtobarn(AGAIN2, Scan(), 2, lambda: None),
        peer(AWKWARD, "awkward_spectra.py", once=True),
    ]


def _npz(out: Path) -> Path:
    return out.with_name(f"{out.name}.npz")


def measure_step(bench: Bench) -> Chain:
    """Run all programs in turn: once to warm up and to see the memory, then for the time.

    Raises
    ------
    UnequalError
        if they do not find the same
    CommandError
        if one fails
    """
    given = bench.input().first(bench.size.files)
    there = programs(bench, given)
    found: dict[str, list[Measured]] = {program.name: [] for program in there}
    right: answers.Answer | None = None
    facts, costs = None, ()
    for number in range(bench.size.rounds + 1):
        for program in there:
            if program.once and number:
                continue
            measured, answer = _once(bench, program, memory=number == 0)
            found[program.name].append(measured)
            if answer is not None:
                right = answer if right is None else right
                answers.require_equal(right, there[0].name, answer, program.name)
            if program.name == FIRST2 and facts is None:
                facts = counted(bench.work / "out")
            if program.name == PICTURES:
                costs = stages(bench.work / "out")
            print(
                f"chain {number}/{bench.size.rounds}  {program.name}: {measured.wall:.2f} s wall, "
                f"{measured.cpu:.2f} s CPU",
                file=sys.stderr,
                flush=True,
            )
    assert right is not None
    assert facts is not None
    return Chain(
        setting=bench.setting,
        root=given.root,
        events=given.events * len(given.files),
        files=len(given.files),
        size=given.size,
        branches=given.branches,
        branches_read=facts.branches,
        bytes_read=facts.bytes_read,
        combinations=COMBINATIONS[1],
        states=len({name.split("_cat_")[1] for name in right}),
        histograms=len(right),
        values=sum(int(counts.sum()) for counts in right.values()),
        rows=tuple(_row(bench, program, found[program.name]) for program in there),
        stages=costs,
    )


def _once(bench: Bench, program: Program, *, memory: bool) -> tuple[Measured, answers.Answer | None]:
    out = bench.out()
    _npz(out).unlink(missing_ok=True)
    program.prepare()
    measured = measure.run(
        program.command(out), environment=bench.environment(), log=bench.work / "log.txt", memory=memory
    )
    return measured, None if program.read is None else program.read(out)


def _row(bench: Bench, program: Program, runs: Sequence[Measured]) -> Row:
    timed = runs if program.once else runs[1:]
    return Row(
        name=program.name,
        command=shown(bench, program.command(Path("OUT"))),
        wall=tuple(m.wall for m in timed),
        cpu=tuple(m.cpu for m in timed),
        peak=runs[0].peak,
    )


def shown(bench: Bench, words: Sequence[str]) -> str:
    """Return a command without the places of this machine."""
    places = {bench.femtobarn: "femtobarn", bench.peers: "python", f"{bench.work}/": "", f"{PEERS}/": ""}
    kept = [word for word in words if not word.endswith(".root")]
    text = " ".join([*kept, *(["FILES..."] if len(kept) < len(words) else [])])
    for place, name in places.items():
        text = text.replace(place, name)
    return text
