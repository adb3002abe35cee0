"""Which remote files were read without being kept: a file that is read again is worth keeping."""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress

from femtobarn.data.storage.entries import Tree

SAME_RUN_SECONDS = 600.0
"""Visits by one group of processes that follow each other within this time are of one run."""


def remember(tree: Tree, key: str) -> None:
    """Note that the file was read now; silent where nothing can be written."""
    path = tree.visits / key
    with suppress(OSError):
        if path.exists():
            os.utime(path)
        else:
            path.write_text(_who())


def seen(tree: Tree, key: str) -> bool:
    """Whether an earlier run has read the file. The tasks of one run are processes of one group."""
    path = tree.visits / key
    try:
        return path.read_text() != _who() or time.time() - path.stat().st_mtime > SAME_RUN_SECONDS
    except (OSError, UnicodeDecodeError):
        return False


def _who() -> str:
    return f"{socket.gethostname()}:{os.getpgid(0)}"
