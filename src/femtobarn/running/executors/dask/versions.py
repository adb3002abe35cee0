"""Versions on both sides, compared before anything is sent."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from femtobarn.base.installed import results_version, version
from femtobarn.running.executors.dask.messages import Versions

MUST_AGREE = ("python", "femtobarn", "results version", "distributed")
"""With another one of these a worker cannot understand a task, or would give other numbers."""

_DECISIVE = ("msgpack", "numpy", "awkward", "uproot", "boost-histogram", "numba")


def own_versions() -> Versions:
    """Return the versions of this process."""
    return (
        ("python", ".".join(map(str, sys.version_info[:2]))),
        ("femtobarn", version("femtobarn")),
        ("results version", str(results_version())),
        ("distributed", version("distributed")),
        *((name, version(name)) for name in _DECISIVE),
    )


def refusal(who: str, theirs: Mapping[str, str], ours: Mapping[str, str]) -> str:
    """Return why ``who`` cannot take part, in words; empty if it can."""
    wrong = [name for name in MUST_AGREE if name in theirs and theirs[name] != ours[name]]
    if not wrong:
        return ""
    told = ", ".join(f"{name} {theirs[name]} (here: {ours[name]})" for name in wrong)
    return f"{who} has {told}"


def difference(who: str, theirs: Mapping[str, str], ours: Mapping[str, str]) -> str:
    """Return which versions differ that may change the last bits of a result; empty if none."""
    other = [name for name in _DECISIVE if name in theirs and theirs[name] != ours[name]]
    told = ", ".join(f"{name} {theirs[name]} (here: {ours[name]})" for name in other)
    return f"{who} has {told}" if other else ""
