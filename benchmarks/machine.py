"""What a measurement was made on, and with which versions."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

PACKAGES = ("uproot", "awkward", "coffea", "numpy", "numba")


def describe(femtobarn: str) -> list[tuple[str, str]]:
    """Return pairs of a name and a value: processor, memory, system, versions."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    version = subprocess.run([femtobarn, "--version"], check=True, capture_output=True, text=True).stdout
    found = [
        ("processor", f"{_processor()}, {len(os.sched_getaffinity(0))} cores"),
        ("memory", f"{memory:.0f} GiB"),
        ("system", f"{platform.system()} {platform.release()}, Python {platform.python_version()}"),
        ("femtobarn", version.strip().removeprefix("femtobarn").strip()),
    ]
    return found + [(name, metadata.version(name)) for name in PACKAGES]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
