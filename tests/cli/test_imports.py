"""What a command does not need it does not load: start-up is part of every run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src"

DRAWING = ("matplotlib", "mplhep", "fontTools", "PIL")
COMPILING = ("numba", "llvmlite")
NETWORK = ("urllib3", "requests", "XRootD")
OTHER = ("scipy", "pandas", "vector", "simulate")
ARRAYS = ("awkward", "uproot", "pyarrow", "hist", "boost_histogram", "fsspec")

# Python imports it at every start, here and in worker processes: it notes which of the watched packages are looked for
WATCH = """
import os, sys

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name in os.environ["WATCHED"].split():
            with open(os.environ["WATCH_LOG"], "a") as log:
                log.write(f"{name} {os.getpid()}\\n")

sys.meta_path.insert(0, Watch())
"""


class Loaded:
    """Runs Python and tells what was loaded, by it and by the processes it started."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "log"
        site = folder / "site"
        site.mkdir()
        (site / "sitecustomize.py").write_text(WATCH)
        self.env = {
            **os.environ, "PYTHONPATH": f"{site}{os.pathsep}{SOURCE}", "WATCH_LOG": str(self.log),
        }  # fmt: skip

    def by(self, *words: object, watched: tuple[str, ...], code: int = 0) -> set[str]:
        """Return which of the watched packages running ``python WORDS`` loads."""
        self.log.write_text("")
        done = subprocess.run(
            [sys.executable, *map(str, words)],
            env={**self.env, "WATCHED": " ".join(watched)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return {line.split()[0] for line in self.log.read_text().splitlines()}


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    return Loaded(tmp_path)


def test_the_watch_sees_processes_that_are_started(loaded: Loaded) -> None:
    inner = (
        "import subprocess, sys; subprocess.run([sys.executable, '-P', '-c', 'import awkward'], check=True)"
    )
    assert loaded.by("-c", inner, watched=ARRAYS) >= {"awkward"}


def test_importing_the_package_loads_nothing(loaded: Loaded) -> None:
    watched = (*DRAWING, *COMPILING, *NETWORK, *OTHER, *ARRAYS, "numpy", "pydantic", "typer", "rich")
    assert loaded.by("-c", "import femtobarn", watched=watched) == set()


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["--version"]])
def test_help_loads_only_what_reads_the_command_line(loaded: Loaded, words: list[str]) -> None:
    watched = (*DRAWING, *COMPILING, *NETWORK, *OTHER, *ARRAYS, "numpy", "rich.progress")
    assert loaded.by("-m", "femtobarn", *words, watched=watched) == set()


def test_a_place_that_is_not_there_is_told_before_anything_is_loaded(loaded: Loaded, tmp_path: Path) -> None:
    watched = (*DRAWING, *COMPILING, *NETWORK, *OTHER, *ARRAYS)
    words = ("-m", "femtobarn", "run", "hzz", "--data", tmp_path / "nope")
    assert loaded.by(*words, watched=watched, code=2) == set()


def test_a_plan_for_files_of_this_machine_needs_no_arrays(loaded: Loaded, demo_folder: Path) -> None:
    watched = (*DRAWING, *COMPILING, *NETWORK, *OTHER, *ARRAYS)
    words = ("-m", "femtobarn", "plan", "hzz", "--data", demo_folder, "--max-files", "1")
    assert loaded.by(*words, watched=watched) == set()


def test_a_run_loads_what_was_compiled_and_no_compiler(
    loaded: Loaded, demo_folder: Path, tmp_path: Path
) -> None:
    words = ("-m", "femtobarn", "run", "hzz", "--data", demo_folder, "--max-files", "1", "--no-figures")
    loaded.by(*words, "--out", tmp_path / "first", watched=())  # compiles, unless it was done before
    watched = (*DRAWING, "numba", *NETWORK, *OTHER)
    assert loaded.by(*words, "--workers", "2", "--out", tmp_path / "out", watched=watched) == set()
