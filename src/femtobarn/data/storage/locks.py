"""Locks between processes and threads: a file that one holds alone, or many share.

They are ``flock`` locks: the system releases them when their holder dies, however it dies.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from femtobarn.base.errors import UnwritableError

_FIRST_WAIT = 0.01
_LONGEST_WAIT = 0.5


def try_lock(path: Path, *, shared: bool = False) -> int | None:
    """Return a descriptor that holds the lock ``path`` until it is closed; None if others hold it.

    Raises
    ------
    UnwritableError
        if the file cannot be made, or its disk knows no locks
    """
    how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    while True:
        handle = -1
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
            fcntl.flock(handle, how | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        except OSError as error:
            if handle >= 0:
                os.close(handle)
            msg = f"Expected to lock {path}, but: {error.strerror or error}. Choose a folder that you may write, on a disk with locks."
            raise UnwritableError(msg) from error
        if _is_at(handle, path):
            return handle
        os.close(handle)  # its last holder removed the file: what we hold has no name any more


@contextmanager
def locked(
    path: Path, *, shared: bool = False, waiting: Callable[[float], None] | None = None
) -> Iterator[None]:
    """Hold the lock ``path``.

    Parameters
    ----------
    path
        a file, made if needed
    shared
        together with others that share it
    waiting
        called now and then while others hold it, with the seconds waited; what it raises ends the wait
    """
    start, pause = time.monotonic(), _FIRST_WAIT
    while (handle := try_lock(path, shared=shared)) is None:
        if waiting is not None:
            waiting(time.monotonic() - start)
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_WAIT)
    try:
        yield
    finally:
        os.close(handle)


def _is_at(handle: int, path: Path) -> bool:
    own = os.fstat(handle)
    try:
        named = path.stat()
    except FileNotFoundError:
        return False
    return (own.st_dev, own.st_ino) == (named.st_dev, named.st_ino)
