"""Compile the RDataFrame program ahead of time, with the compiler of this machine and ROOT's wheel."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).parent / "peers" / "rdf.cxx"
LIBRARIES = ("ROOTDataFrame", "ROOTVecOps", "Tree", "Hist", "RIO", "Imt", "MathCore", "Core")


def compile_rdf(folder: Path) -> Path | None:
    """Return the program, made unless it is there; None if there is no g++.

    Its name has a digest of all that it is made of: source, compiler, ROOT and how it is compiled.

    Raises
    ------
    subprocess.CalledProcessError
        if it does not compile
    """
    compiler = shutil.which("g++")
    if compiler is None:
        return None
    spec = importlib.util.find_spec("ROOT")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("ROOT's wheel is needed to compile the RDataFrame program")
    root = Path(next(iter(spec.submodule_search_locations)))
    config = str(root / "bin" / "root-config")
    command = [
        compiler,
        "-O3",
        str(SOURCE),
        *_said(config, "--cflags").split(),
        f"-I{root / 'include'}",
        f"-L{root / 'lib'}",
        *(f"-l{name}" for name in LIBRARIES),
        # the wheel brings its own libraries, which the linker need not see
        "-Wl,--allow-shlib-undefined",
        f"-Wl,-rpath,{root / 'lib'}",
    ]
    parts = (SOURCE.read_text(), _said(config, "--version"), _said(compiler, "--version"), *command)
    binary = folder / f"rdf-{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:16]}"
    if binary.exists():
        return binary
    unfinished = binary.with_name(f".{binary.name}.{os.getpid()}")
    try:
        subprocess.run([*command, "-o", str(unfinished)], check=True)
        unfinished.replace(binary)  # it has its name only once it is whole
    finally:
        unfinished.unlink(missing_ok=True)
    return binary


def _said(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
