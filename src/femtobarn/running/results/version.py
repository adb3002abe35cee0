"""The version of results, of this package and of what decides the bits of a result."""

from __future__ import annotations

import platform
import sys
from functools import cache

from femtobarn.base.installed import results_version, version
from femtobarn.base.records import Environment

__all__ = ["environment", "package_version", "results_version"]

_DECISIVE = ("numpy", "awkward", "boost-histogram", "numba", "uproot")


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
