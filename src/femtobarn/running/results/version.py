"""The version of results, of this package and of what decides the bits of a result."""

from __future__ import annotations

import platform
import sys
from functools import cache
from importlib import resources

from femtobarn.base.installed import version
from femtobarn.base.records import Environment

_DECISIVE = ("numpy", "awkward", "boost-histogram", "numba", "uproot")


@cache
def results_version() -> int:
    """Return RESULTS_VERSION: raised whenever the same task would give other numbers than before."""
    text = (
        resources.files("femtobarn.running.results").joinpath("RESULTS_VERSION").read_text(encoding="ascii")
    )
    return int(text)


@cache
def package_version(name: str = "femtobarn") -> str:
    """Return the installed version of a package, or ``"not installed"``."""
    return version(name)


@cache
def environment() -> Environment:
    """Return instruction set and package versions of this process: equal ones give equal bits."""
    import numpy as np

    config = np.show_config(mode="dicts")
    simd = (config or {}).get("SIMD Extensions", {}).get("found", [])
    versions = [("python", ".".join(str(part) for part in sys.version_info[:3]))]
    versions += [(name, package_version(name)) for name in ("femtobarn", *_DECISIVE)]
    return Environment(instruction_set=" ".join([platform.machine(), *simd]), versions=tuple(versions))
