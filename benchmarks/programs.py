"""The programs that are compared: a table of commands, made to be changed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from answers import Answer, read_json, read_run

HERE = Path(__file__).parent
PEERS, ANALYSES = HERE / "peers", HERE / "analyses"


@dataclass(frozen=True, slots=True)
class Tools:
    """Where things are.

    Parameters
    ----------
    femtobarn
        the command
    python
        the Python that has ROOT, coffea, uproot and awkward
    compiled
        the RDataFrame program that was compiled ahead; None without a compiler
    work
        folder for caches, run directories and answers
    """

    femtobarn: str
    python: str
    compiled: Path | None
    work: Path


@dataclass(frozen=True, slots=True)
class Program:
    """One way to do the work.

    Parameters
    ----------
    name
        in tables
    command
        from input files and the place of the answer to the arguments
    read
        from the place of the answer to the answer
    prepare
        done before each run, not timed
    environment
        variables to add
    """

    name: str
    command: Callable[[list[Path], Path], list[str]]
    read: Callable[[Path], Answer]
    prepare: Callable[[], None] = lambda: None
    environment: Callable[[], dict[str, str]] = dict


@dataclass(frozen=True, slots=True)
class State:
    """What femtobarn finds in its cache when it starts.

    Parameters
    ----------
    name
        also of the cache's folder: each state has one of its own
    kept
        what is kept of the cache from run to run; None: all
    column_cache
        whether the run may use and fill the column cache
    """

    name: str
    kept: tuple[str, ...] | None = None
    column_cache: bool = False


VERIFIED = State("verified")
UNVERIFIED = State("unverified", kept=("code",))
FIRST = State("first", kept=())
FILLING = State("filling", kept=("code",), column_cache=True)
COLUMNS = State("columns", column_cache=True)


def femtobarn(
    tools: Tools,
    name: str,
    state: State,
    workers: int,
    *,
    analysis: str = "hzz",
    variations: int = 0,
    first: int = 0,
    edited: bool = False,
) -> Program:
    """Return ``femtobarn run`` in a state of its cache; ``edited`` makes the analysis new in each run."""
    cache = tools.work / "caches" / state.name

    def prepare() -> None:
        if state.kept is None or not cache.exists():
            return
        for entry in cache.iterdir():
            if entry.name not in state.kept:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    def command(files: list[Path], out: Path) -> list[str]:
        places = [word for path in files for word in ("--data", str(path))]
        return [
            tools.femtobarn,
            "run",
            analysis,
            *places,
            "--out",
            str(out),
            "--no-figures",
            "--workers",
            str(workers),
        ]

    def environment() -> dict[str, str]:
        return {
            "FEMTOBARN_CACHE": str(cache),
            "FEMTOBARN_COLUMN_CACHE": "on" if state.column_cache else "off",
            "BENCH_VARIATIONS": str(variations),
            "BENCH_FIRST": str(first),
            "BENCH_EDIT": str(time.time_ns() % 10**9 if edited else 0),
        }

    return Program(name, command, read_run, prepare, environment)


def script(tools: Tools, name: str, file: str, *arguments: str) -> Program:
    """Return a Python program of ``peers``: the answer's place, arguments, input files."""

    def command(files: list[Path], out: Path) -> list[str]:
        return [tools.python, "-W", "ignore", str(PEERS / file), str(out), *arguments, *map(str, files)]

    return Program(name, command, read_json)


def compiled(tools: Tools, name: str, mode: str, threads: int, variations: int = 0) -> list[Program]:
    """Return the compiled program in a list, which is empty without a compiler."""
    if tools.compiled is None:
        return []
    binary = str(tools.compiled)

    def command(files: list[Path], out: Path) -> list[str]:
        return [binary, mode, str(out), str(threads), str(variations), *map(str, files)]

    return [Program(name, command, read_json)]


FB1, FB2 = "femtobarn, 1 worker", "femtobarn, 2 workers"
RDF1, RDF2 = "RDataFrame, compiled -O3, 1 thread", "RDataFrame, compiled -O3, 2 threads"
NOTEBOOK1, NOTEBOOK2 = "notebook: uproot + awkward, 1 process", "notebook, 2 processes"
COFFEA1, COFFEA2 = "coffea, iterative", "coffea, futures(2)"


def peers(tools: Tools) -> list[Program]:
    """Return the programs of the first table; the first is what others are compared with."""
    return [
        femtobarn(tools, FB2, VERIFIED, 2),
        femtobarn(tools, FB1, VERIFIED, 1),
        *compiled(tools, RDF2, "hzz", 2),
        *compiled(tools, RDF1, "hzz", 1),
        script(tools, "RDataFrame in Python, C++ declared, 2 threads", "rdf_python.py", "declared", "2"),
        script(tools, "RDataFrame in Python, strings, 2 threads", "rdf_python.py", "strings", "2"),
        script(tools, NOTEBOOK1, "notebook.py", "1"),
        script(tools, NOTEBOOK2, "notebook.py", "2"),
        script(tools, COFFEA1, "coffea_hzz.py", "1"),
        script(tools, COFFEA2, "coffea_hzz.py", "2"),
    ]


UNVERIFIED1, UNVERIFIED2 = "first reading, checksums, 1 worker", "first reading, checksums, 2 workers"
FIRST_EVER, EDITED = "first run ever (empty cache), 2 workers", "edited analysis, 2 workers"
FINAL_ALONE = "the final selection alone, 2 workers"


def states(tools: Tools) -> list[Program]:
    """Return femtobarn in the states of its cache that matter, reading ROOT files."""
    hzz = str(ANALYSES / "hzz_variations.py")
    return [
        femtobarn(tools, UNVERIFIED2, UNVERIFIED, 2),
        femtobarn(tools, UNVERIFIED1, UNVERIFIED, 1),
        femtobarn(tools, FINAL_ALONE, VERIFIED, 2, analysis=hzz),
        femtobarn(tools, FIRST_EVER, FIRST, 2),
        femtobarn(tools, EDITED, VERIFIED, 2, analysis=hzz, edited=True),
    ]


COLUMNS1, COLUMNS2 = "warm column cache, 1 worker", "warm column cache, 2 workers"
FILLS2 = "first pass, fills the column cache, 2 workers"


def column_states(tools: Tools) -> list[Program]:
    """Return femtobarn with its column cache."""
    return [
        femtobarn(tools, FILLS2, FILLING, 2),
        femtobarn(tools, COLUMNS2, COLUMNS, 2),
        femtobarn(tools, COLUMNS1, COLUMNS, 1),
    ]


USERS = ("dimuon_z", "jets_met", "three_jets")
"""Analyses by somebody who knows nothing of how they are run."""


def user_pair(tools: Tools, name: str) -> list[Program]:
    """Return one such analysis in the language and as a notebook writes it."""
    return [
        femtobarn(tools, f"{name}: femtobarn, 1 worker", VERIFIED, 1, analysis=str(ANALYSES / f"{name}.py")),
        femtobarn(tools, f"{name}: femtobarn, 2 workers", VERIFIED, 2, analysis=str(ANALYSES / f"{name}.py")),
        script(tools, f"{name}: notebook, 1 process", "awkward_users.py", name),
    ]


def varied(tools: Tools, mode: str, number: int) -> list[Program]:
    """Return ``number`` variations in one pass, and the same with ``Vary``."""
    analysis = {"hzz": "hzz_variations.py", "pair": "pair_variations.py"}[mode]
    return [
        femtobarn(
            tools,
            f"{mode}, {number} variations: femtobarn, 1 worker",
            VERIFIED,
            1,
            analysis=str(ANALYSES / analysis),
            variations=number,
        ),
        *compiled(tools, f"{mode}, {number} variations: compiled Vary, 1 thread", mode, 1, number),
    ]
