"""Small files in the cache that no other user can have written: found whole, or not found at all.

Each kind has a folder in the cache. It belongs to the user alone; in any doubt about it, nothing is
found there and nothing kept. A file carries the digest of its content, so that a damaged one is ignored.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from femtobarn.base.settings import cache_folder

_MAGIC = b"femtobarn private file 1\n"
_HEAD = len(_MAGIC) + hashlib.sha256().digest_size
_STALE_SECONDS = 900.0  # what a writer has not touched for so long belongs to one that was killed
_LOOKS = 20  # a process looks at a folder at first, and each time it added a twentieth of what is kept
_LEFT_OF_TEN = 9  # who has to make room leaves nine tenths, so that not each file has to

_until_look: dict[Path, int] = {}


def load(kind: str, name: str) -> bytes | None:
    """Return the content that was kept, or None if there is none to be trusted.

    Parameters
    ----------
    kind
        name of the folder
    name
        name of the file
    """
    folder = _folder(kind)
    if folder is None:
        return None
    try:
        handle = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(handle)
            if status.st_uid != os.geteuid() or not stat.S_ISREG(status.st_mode):
                return None
            os.utime(handle)  # what is used stays
            data = file.read()
    except OSError:
        return None
    content = data[_HEAD:]
    return content if data[:_HEAD] == _MAGIC + hashlib.sha256(content).digest() else None


def keep(kind: str, name: str, content: bytes, *, most: int) -> None:
    """Keep ``content`` if that is possible; once there are more than ``most``, those unused for longest go.

    Parameters
    ----------
    kind, name
        as for `load`
    content
        what is kept
    most
        how many files of this kind are kept, about: not each call counts them
    """
    folder = _folder(kind)
    if folder is None:
        return
    with suppress(OSError):  # what cannot be kept is made again
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=".")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_MAGIC + hashlib.sha256(content).digest() + content)
            Path(temporary).replace(folder / name)  # without fsync: a crash leaves what the digest tells
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        left = _until_look.get(folder, 1) - 1
        if left <= 0:
            _trim(folder, most)
            left = most // _LOOKS
        _until_look[folder] = left


def _trim(folder: Path, most: int) -> None:
    """Remove the files that were unused for longest, if there are too many, and what dead writers left."""
    with os.scandir(folder) as found:
        names = [entry.name for entry in found]
    dead = time.time() - _STALE_SECONDS
    for name in names:
        if name.startswith(".") and _used(folder / name) < dead:
            (folder / name).unlink(missing_ok=True)
    files = [folder / name for name in names if not name.startswith(".")]
    if len(files) > most:
        for old in sorted(files, key=_used)[: len(files) - most * _LEFT_OF_TEN // 10]:
            old.unlink(missing_ok=True)


def _used(path: Path) -> float:
    try:
        return path.stat(follow_symlinks=False).st_mtime
    except FileNotFoundError:  # another process removed it
        return 0.0


def _folder(kind: str) -> Path | None:
    """Return a folder of the cache if it is the user's own and closed to all others."""
    folder = cache_folder() / kind
    try:
        # for the user alone, whatever the umask: other parts of the cache rely on it
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        found = folder.lstat()
    except OSError:
        return None
    private = stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o077 and found.st_uid == os.geteuid()
    return folder if private else None
