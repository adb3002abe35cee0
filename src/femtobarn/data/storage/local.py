"""Files of this machine: finding them, and knowing one again by its content."""

from __future__ import annotations

import errno
import os
import stat
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from femtobarn.base.errors import DataError, TransientDataError, UnreadableError, UsageError
from femtobarn.base.records import RUN_PLAN
from femtobarn.data.storage.header import read_header

WHOLE_LIMIT = 64 * 1024 * 1024
"""Up to this many bytes a file is identified by all of its content."""

_BLOCK = 1024 * 1024
_PASSING = frozenset({errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EMFILE, errno.ENFILE, errno.EAGAIN})
_REASONS = {
    errno.ENOENT: "there is no such file",
    errno.ENOTDIR: "there is no such file",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EISDIR: "it is a folder, not a file",
    errno.ELOOP: "it is a symbolic link that leads to itself",
}


@dataclass(frozen=True, slots=True)
class FileIdentity:
    """What tells a file from another, or from its own later version.

    Parameters
    ----------
    size
        bytes
    identity
        ``adler32:`` and 8 hexadecimal digits for the whole content; for a file above `WHOLE_LIMIT`
        ``uuid:`` and ROOT's identifier, followed by the checksums of its first and last MiB
    """

    size: int
    identity: str

    def __str__(self) -> str:
        """Return size and identity as one word."""
        return f"{self.size}:{self.identity}"


def local_path(url: str | Path) -> Path:
    """Return the path that ``url`` means: a path, or a ``file://`` URL.

    Raises
    ------
    UnreadableError
        if it is a URL of another kind
    """
    text = os.fspath(url)
    if "://" not in text:
        return Path(text)
    parts = urlsplit(text)
    if parts.scheme == "file" and parts.netloc in {"", "localhost"}:
        return Path(unquote(parts.path))
    msg = f"{text}: expected a path or a file:// URL, got a {parts.scheme}:// URL. Fetch the file first."
    raise UnreadableError(msg)


def unusable(name: str, error: OSError) -> DataError:
    """Return the error that says why the operating system does not give the file ``name``."""
    reason = _REASONS.get(error.errno or 0, error.strerror or str(error))
    if error.errno in _PASSING:
        return TransientDataError(f"{name}: cannot be read now: {reason}. It may work when tried again.")
    return UnreadableError(
        f"{name}: expected a readable file, but {reason}. Check the path and its permissions."
    )


def identify(path: str | Path) -> FileIdentity:
    """Return the identity of the file, from its content alone.

    Raises
    ------
    UnreadableError
        if it is absent, not permitted, or a folder
    TransientDataError
        if the storage failed in a way that may pass
    """
    place = local_path(path)
    try:
        require_regular(place)
        with place.open("rb") as file:
            return _identify(file, os.fstat(file.fileno()).st_size)
    except OSError as error:
        raise unusable(str(place), error) from error


def require_regular(place: Path) -> None:
    """Raise `UnreadableError` for a pipe, socket or device: opening one could wait for ever."""
    mode = place.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        msg = f"{place}: expected a regular file, found a pipe, socket or device. Give files only."
        raise UnreadableError(msg)


def _identify(file: BinaryIO, size: int) -> FileIdentity:
    if size <= WHOLE_LIMIT:
        total, count = 1, 0
        while block := file.read(_BLOCK):
            total, count = zlib.adler32(block, total), count + len(block)
        return FileIdentity(count, f"adler32:{total:08x}")
    first = zlib.adler32(file.read(_BLOCK))
    file.seek(size - _BLOCK)
    last = zlib.adler32(file.read(_BLOCK))
    try:
        label = read_header(file, "file").uuid
    except DataError:
        label = "none"  # not a whole ROOT file; its reader will say so
    return FileIdentity(size, f"uuid:{label}:{first:08x}:{last:08x}")


def find_root_files(folder: str | Path) -> list[Path]:
    """Return the ``*.root`` files below ``folder``, sorted by their path relative to it.

    Hidden files and folders are left out, and so are run directories below it. A folder that is reached twice through symbolic links is
    read once. A folder that may not be read is listed itself, so that its absence is not silent.

    Raises
    ------
    UsageError
        if ``folder`` does not exist or is not a folder
    """
    top = Path(folder)
    if not top.is_dir():
        what = "is a file" if top.exists() else "does not exist"
        msg = f"Expected a folder with ROOT files, but {str(top)!r} {what}. Give the folder that holds them."
        raise UsageError(msg)
    found: list[Path] = []
    seen: set[tuple[int, int]] = set()
    _collect(top, top, found, seen)
    return sorted(found, key=lambda path: path.relative_to(top).as_posix())


def _collect(folder: Path, top: Path, found: list[Path], seen: set[tuple[int, int]]) -> None:
    try:
        status = folder.stat()
        if folder != top and (folder / RUN_PLAN).is_file():
            return  # a run directory: its histograms.root is no input
        if (status.st_dev, status.st_ino) in seen:
            return
        seen.add((status.st_dev, status.st_ino))
        names = sorted(entry.name for entry in os.scandir(folder))
    except OSError:
        found.append(folder)
        return
    # own folders before links, so that the real place of a folder wins over a link to it
    paths = [folder / name for name in names if not name.startswith(".")]
    for path in sorted(paths, key=os.path.islink):
        if os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises on a link loop in some versions
            _collect(path, top, found, seen)
        elif path.suffix.lower() == ".root":
            found.append(path)
