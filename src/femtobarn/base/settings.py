"""Settings of this machine: defaults, and the environment variables that change them.

======================================  ===========================================================
``FEMTOBARN_WORKERS``                   worker processes (default: the cores this process may use)
``FEMTOBARN_PART_BYTES``                size of the part of a file that makes a task (256 MiB)
``FEMTOBARN_CHUNK_ENTRIES``             events in memory at once (100,000)
``FEMTOBARN_HISTOGRAM_LIMIT``           bytes that the histograms of a run may take (4 GiB)
======================================  ===========================================================
"""

from __future__ import annotations

import os

from femtobarn.base.errors import SettingsError
from femtobarn.base.records import Settings

PART_BYTES = 256 * 1024 * 1024
CHUNK_ENTRIES = 100_000
HISTOGRAM_LIMIT = 4 * 1024**3


def default_settings() -> Settings:
    """Return the settings of a run on this machine.

    Raises
    ------
    SettingsError
        if an environment variable is not a whole number above 0
    """
    return Settings(
        workers=_whole("FEMTOBARN_WORKERS", cores()),
        part_bytes=_whole("FEMTOBARN_PART_BYTES", PART_BYTES),
        chunk_entries=_whole("FEMTOBARN_CHUNK_ENTRIES", CHUNK_ENTRIES),
    )


def histogram_limit() -> int:
    """Return how many bytes the histograms of a run may take."""
    return _whole("FEMTOBARN_HISTOGRAM_LIMIT", HISTOGRAM_LIMIT)


def cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _whole(name: str, default: int) -> int:
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    if not text.isdecimal() or int(text) < 1:
        msg = f"The environment variable {name} must be a whole number above 0, but is {text!r}."
        raise SettingsError(msg)
    return int(text)
