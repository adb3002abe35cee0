"""The folder of a worker for results that it has not sent, and the folders of workers that were killed."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = "femtobarn-worker-"
_NAME = re.compile(rf"{_PREFIX}(\d{{1,10}})-\w+")


class OwnFolder:
    """A new folder, named after this process and locked while it lives."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
        self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        with suppress(OSError):  # a file system without locks
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def remove(self) -> None:
        """Remove it with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def sweep() -> None:
    """Remove what killed workers of this user have left on this machine."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        named = _NAME.fullmatch(path.name)
        if named is not None and not _lives(int(named[1])):
            with suppress(OSError), _unused(path):
                shutil.rmtree(path, ignore_errors=True)


def _lives(process: int) -> bool:
    return Path("/proc", str(process)).exists()


@contextmanager
def _unused(path: Path) -> Iterator[None]:
    """Hold the lock of a folder; raise `OSError` if it is not ours, or in use where processes have other numbers."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.fstat(folder).st_uid != os.getuid():
            raise PermissionError(path)
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(folder)
