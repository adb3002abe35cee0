"""At most so many requests at once to one host, counted over all processes of the user.

Each host has a few lock files; who sends a request holds one of them. The operating system frees a
lock when its process ends, however it ends.
"""

from __future__ import annotations

import fcntl
import os
import random
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from femtobarn.data.storage.failures import transient
from femtobarn.data.storage.urls import safe_name

_SHORTEST, _LONGEST = 0.002, 0.05  # seconds between looks at the locks

_here: dict[tuple[str, int], threading.BoundedSemaphore] = {}
_guard = threading.Lock()


@contextmanager
def slot(host: str, *, folder: Path | None, most: int, until: float) -> Iterator[None]:
    """Hold one of the ``most`` places for requests to ``host``.

    Parameters
    ----------
    host
        name of the host
    folder
        where the lock files are; without one, or if it cannot be used, only this process counts
    most
        number of places
    until
        time of ``time.monotonic`` after which waiting ends

    Raises
    ------
    TransportError
        if no place became free
    """
    place = None if folder is None else _folder(folder, host)
    if place is None:
        with _within_process(host, most, until):
            yield
        return
    handle = _acquire(place, host, most, until)
    if handle is None:
        with _within_process(host, most, until):
            yield
        return
    try:
        yield
    finally:
        os.close(handle)  # closing frees the lock


@contextmanager
def _within_process(host: str, most: int, until: float) -> Iterator[None]:
    with _guard:
        places = _here.setdefault((host, most), threading.BoundedSemaphore(most))
    if not places.acquire(timeout=max(0.0, until - time.monotonic())):
        raise _busy(host, most)
    try:
        yield
    finally:
        places.release()


def _acquire(place: Path, host: str, most: int, until: float) -> int | None:
    """Return the open lock file; None if this file system has no locks."""
    first, pause = random.randrange(most), _SHORTEST  # noqa: S311 - spreads the load only
    while True:
        for number in range(most):
            try:
                handle = os.open(
                    place / str((first + number) % most),
                    os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW,
                    0o600,
                )
            except OSError:
                return None
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(handle)
            except OSError:
                os.close(handle)
                return None
            else:
                return handle
        if time.monotonic() + pause > until:
            raise _busy(host, most)
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST)


def _folder(folder: Path, host: str) -> Path | None:
    """Return the private folder of the locks of ``host``, or None if there can be none."""
    place = folder / safe_name(host)
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)  # `parents` would give it the mode of the umask
        place.mkdir(mode=0o700, exist_ok=True)
        status = place.lstat()
    except OSError:
        return None
    ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o022
    return place if ours else None


def _busy(host: str, most: int) -> Exception:
    return transient(
        f"all {most} connections to {host} that are allowed at once (FEMTOBARN_CONNECTIONS) stayed in use"
    )
