"""Room in the column cache: what it holds, and what has to go so that more fits.

::

    TREE/tree.json             facts of a tree (`Facts`)
    TREE/stored-DIGEST.json    bytes that some of its branches occupy together (`StoredBytes`)
    TREE/FROM-TO-DIGEST.arrow  some branches in a range of entries
    TREE/FROM-TO-DIGEST.json   where in it their numbers are (`Piece`); its time is that of the last use
    .bytes                     bytes of all, so that not each writer has to count
    .room                      held by who changes ``.bytes``

What is one thing goes as one: an Arrow file and the record beside it. Nobody needs to be asked: who has
mapped a file keeps its pages until the last array of it goes, also when its name is gone.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from femtobarn.base.atomic import TEMPORARY
from femtobarn.base.errors import TransientDataError
from femtobarn.data.storage.locks import locked

SPARE_BYTES = 64 * 1024 * 1024
"""What is left free on the disk."""

STALE_SECONDS = 900.0
"""What a writer has not touched for so long belongs to one that was killed."""

_BLOCK = 4096  # files occupy whole blocks
_PATIENCE = 20.0
_LEFT_OF_TEN = 9  # who has to make room leaves nine tenths, so that not each write has to
_TOTAL, _LOCK = ".bytes", ".room"
_TREE = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Kept:
    """Files in the cache that belong together: their common path without ending, bytes, last use."""

    stem: Path
    paths: tuple[Path, ...]
    bytes: int
    used: float

    @property
    def is_piece(self) -> bool:
        """Whether these are columns, not facts of a tree or what a writer left."""
        return any(path.suffix == ".arrow" for path in self.paths)

    @property
    def is_unfinished(self) -> bool:
        """Whether this is being written, or a writer was killed at it."""
        return self.stem.name.endswith(TEMPORARY)


def occupied(size: int) -> int:
    """Return how many bytes a file of ``size`` bytes takes on the disk."""
    return -(-size // _BLOCK) * _BLOCK


def place(folder: Path, moves: Sequence[tuple[Path, Path]], limit: int) -> bool:
    """Give files that were written their names, in order, once there is room; return False if there is none.

    Parameters
    ----------
    folder
        the cache
    moves
        where files are, and where they belong
    limit
        bytes that the cache may hold; what is being written comes on top

    Raises
    ------
    OSError, UnwritableError, TransientDataError
        if the cache cannot be changed now
    """
    count = sum(occupied(path.stat().st_size) for path, _ in moves)
    if count > limit:
        return False
    with locked(folder / _LOCK, waiting=_at_most):
        total = _told(folder)
        short = SPARE_BYTES - shutil.disk_usage(folder).free
        if total is None or total + count > limit or short > 0:
            total = _evict(folder, max(limit * _LEFT_OF_TEN // 10, count) - count, short)
            short = SPARE_BYTES - shutil.disk_usage(folder).free
        fits = total + count <= limit and short <= 0
        # counted first: who is killed in between has counted too much, which the next look puts right
        (folder / _TOTAL).write_text(str(total + count if fits else total))
        if fits:
            for path, name in moves:
                path.replace(name)
    return fits


def remove_unused(folder: Path, older_than: float | None) -> tuple[int, int]:
    """Remove what was not used for so many seconds (None: all); return how many pieces, and bytes of all."""
    before = None if older_than is None else time.time() - older_than
    pieces = size = 0
    with locked(folder / _LOCK, waiting=_at_most):
        for kept in everything(folder):
            if before is None or kept.used <= before:
                remove(kept)
                pieces, size = pieces + kept.is_piece, size + kept.bytes
        (folder / _TOTAL).unlink(missing_ok=True)
    return pieces, size


def everything(folder: Path) -> Iterator[Kept]:
    """Give all that the cache holds, in no order; also what writers have not finished."""
    for tree in _entries(folder):
        if not (_TREE.fullmatch(tree.name) and tree.is_dir(follow_symlinks=False)):
            continue
        yield from of_tree(Path(tree.path))


def of_tree(folder: Path) -> Iterator[Kept]:
    """Give all that is kept of one tree."""
    together: dict[str, list[tuple[Path, os.stat_result]]] = {}
    for entry in _entries(folder):
        with suppress(FileNotFoundError):
            stem = entry.name if entry.name.endswith(TEMPORARY) else entry.name.partition(".")[0]
            status = entry.stat(follow_symlinks=False)
            together.setdefault(stem, []).append((Path(entry.path), status))
    for stem, files in together.items():
        yield Kept(
            folder / stem,
            tuple(path for path, _ in files),
            sum(occupied(status.st_size) for _, status in files),
            max(status.st_mtime for _, status in files),  # a record is touched at each use
        )


def remove(kept: Kept) -> None:
    """Remove files that belong together; whoever reads them goes on."""
    # the record first: an Arrow file without it is nothing
    for path in sorted(kept.paths, key=lambda path: path.suffix != ".json"):
        with suppress(OSError):
            path.unlink()
    with suppress(OSError):
        kept.stem.parent.rmdir()  # if that was the last


def _evict(folder: Path, limit: int, short: int) -> int:
    """Remove what was not used for longest, and what dead writers left; return the bytes that are left."""
    dead = time.time() - STALE_SECONDS
    found: list[Kept] = []
    for kept in everything(folder):
        if not kept.is_unfinished:
            found.append(kept)
        elif kept.used < dead:
            remove(kept)
    total = sum(kept.bytes for kept in found)
    # all of it would not be enough: then it stays
    goal = min(limit, total - short) if short <= total else limit
    for kept in sorted(found, key=lambda kept: kept.used):
        if total <= goal:
            break
        remove(kept)
        total -= kept.bytes
    return total


def _told(folder: Path) -> int | None:
    try:
        text = (folder / _TOTAL).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return None
    return int(text) if text.isdecimal() and len(text) < 20 else None


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError:
        return []


def _at_most(seconds: float) -> None:
    if seconds > _PATIENCE:
        msg = f"Expected to make room in the column cache, but another process has been at it for {seconds:.0f} s. Try again."
        raise TransientDataError(msg)
