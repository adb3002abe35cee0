"""What a measurement was made on, and with which versions."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

PACKAGES = ("uproot", "awkward", "coffea", "numpy", "numba")
"""Whose versions are told: those of the peers, and those that femtobarn runs with."""

ASK = """
import json, platform, sys
from importlib import metadata
there = {one.metadata["Name"].lower(): one.version for one in metadata.distributions() if one.metadata["Name"]}
print(json.dumps({"Python": platform.python_version()} | {n: there[n] for n in sys.argv[1:] if n in there}))
"""


def describe(femtobarn: str) -> list[tuple[str, str]]:
    """Return pairs of a name and a value: processor, memory, system, versions.

    femtobarn and its peers are installed apart: each is told with its own packages.

    Parameters
    ----------
    femtobarn
        the command, in the ``bin`` of its environment
    """
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    version = subprocess.run([femtobarn, "--version"], check=True, capture_output=True, text=True).stdout
    return [
        ("processor", f"{_processor()}, {len(os.sched_getaffinity(0))} cores"),
        ("memory", f"{memory:.0f} GiB"),
        ("system", f"{platform.system()} {platform.release()}"),
        ("femtobarn", version.strip().removeprefix("femtobarn").strip()),
        ("femtobarn runs with", _listed(_installed(Path(femtobarn).with_name("python")))),
        ("the peers run with", _listed(_installed(Path(sys.executable)))),
    ]


def _installed(python: Path) -> dict[str, str]:
    """Return the versions of a Python and of the packages in its environment."""
    command = [str(python), "-c", ASK, *PACKAGES]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def _listed(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
