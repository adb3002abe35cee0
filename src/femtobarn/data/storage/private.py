"""A folder that is the user's own: what is read from it later must not have been put there by others."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from femtobarn.base.errors import UnwritableError

_ADVICE = "Set FEMTOBARN_CACHE to a folder of your own."


def private_folder(folder: Path) -> None:
    """Make ``folder`` with mode 0700 if it is not there.

    One that is there may be readable by others, so that it can be shared, but not writable.

    Raises
    ------
    UnwritableError
        if it cannot be made or written, is no folder, belongs to somebody else, or others may write in it
    """
    try:
        if not folder.is_dir():
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.stat()
    except OSError as error:
        msg = f"Expected to make the cache {folder}, but: {error.strerror or error}. {_ADVICE}"
        raise UnwritableError(msg) from error
    fault = _fault(folder, status)
    if fault:
        msg = f"Expected a folder of your own for the cache, but {folder} {fault}. {_ADVICE}"
        raise UnwritableError(msg)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn what the operating system says while files are written below ``folder`` into `UnwritableError`."""
    try:
        yield
    except OSError as error:
        msg = f"Expected to write below {folder}, but: {error.strerror or error}. Free some space, or choose another folder."
        raise UnwritableError(msg) from error


def is_private(folder: Path) -> bool:
    """Whether ``folder`` is there, and nobody else can have put into it what is found there."""
    try:
        status = folder.stat()
    except OSError:
        return False
    return folder.is_dir() and not _foreign(status)


def _fault(folder: Path, status: os.stat_result) -> str:
    if not stat.S_ISDIR(status.st_mode):
        return "is a file"
    if not os.access(folder, os.W_OK | os.X_OK):
        return _foreign(status) or "may not be written"
    return _foreign(status)


def _foreign(status: os.stat_result) -> str:
    if status.st_uid != os.geteuid():
        return f"belongs to another user (uid {status.st_uid})"
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"is writable by others (mode {stat.S_IMODE(status.st_mode):04o})"
    return ""
