"""Compile the RDataFrame program ahead of time, with the compiler of this machine and ROOT's wheel."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).parent / "peers" / "rdf.cxx"
LIBRARIES = ("ROOTDataFrame", "ROOTVecOps", "Tree", "Hist", "RIO", "Imt", "MathCore", "Core")


def compile_rdf(folder: Path) -> Path | None:
    """Return the program, made anew if its source is newer; None if there is no g++.

    Raises
    ------
    subprocess.CalledProcessError
        if it does not compile
    """
    compiler = shutil.which("g++")
    if compiler is None:
        return None
    binary = folder / "rdf"
    if binary.exists() and binary.stat().st_mtime > SOURCE.stat().st_mtime:
        return binary
    spec = importlib.util.find_spec("ROOT")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("ROOT's wheel is needed to compile the RDataFrame program")
    root = Path(next(iter(spec.submodule_search_locations)))
    flags = subprocess.run(
        [str(root / "bin" / "root-config"), "--cflags"], check=True, capture_output=True, text=True
    ).stdout.split()
    subprocess.run(
        [
            compiler,
            "-O3",
            str(SOURCE),
            "-o",
            str(binary),
            *flags,
            f"-I{root / 'include'}",
            f"-L{root / 'lib'}",
            *(f"-l{name}" for name in LIBRARIES),
            # the wheel brings its own libraries, which the linker need not see
            "-Wl,--allow-shlib-undefined",
            f"-Wl,-rpath,{root / 'lib'}",
        ],
        check=True,
    )
    return binary
