"""Room in a cache: what has to go, so that a file fits below the limit and on the disk."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from femtobarn.base.atomic import write_text
from femtobarn.base.errors import TransientDataError, UnwritableError
from femtobarn.data.storage.download import discard
from femtobarn.data.storage.entries import Entry, Started, Tree, Unfinished
from femtobarn.data.storage.locks import locked, try_lock

STALE_SECONDS = 7 * 86_400.0
"""Unfinished files that nobody has touched for so long are removed."""

FORGOTTEN_SECONDS = 90 * 86_400.0
"""After so long it no longer counts that a file was read."""

SPARE_BYTES = 64 * 1024 * 1024
"""What a cache leaves free on its disk."""

_PATIENCE = 120.0
_WHOLE_CACHE = ".room"  # no key of a file: it has a dot


def make_room(tree: Tree, key: str, started: Started, limit: int) -> None:
    """Remove what was not used for longest until the file ``key`` fits, and reserve its room.

    The caller holds the lock of ``key``; files that others use or fetch stay. Nothing is removed if
    it would not be enough.

    Raises
    ------
    UnwritableError
        if the file is larger than the limit, or cannot fit now
    """
    size = started.size
    if size > limit:
        msg = (
            f"Expected a file within the limit of the cache ({limit} bytes), but this one has {size}. Read it "
            "without the cache (stream), or raise FEMTOBARN_CACHE_BYTES."
        )
        raise UnwritableError(msg)
    with locked(tree.lock(_WHOLE_CACHE), waiting=_at_most):
        remove_stale(tree)
        candidates: list[Entry | Unfinished] = []
        held, to_come = 0, size
        for found, idle in _all(tree):
            if found.key == key:
                to_come = size - min(found.done, size) if isinstance(found, Unfinished) else size
            elif isinstance(found, Entry):
                held += found.info.size
                candidates.append(found)
            elif idle:
                held += found.done
                candidates.append(found)
            else:
                held += max(found.size, found.done)
                to_come += max(found.size - found.done, 0)
        free = shutil.disk_usage(tree.top).free
        excess = max(held + size - limit, to_come + SPARE_BYTES - free)
        if excess > 0:
            _evict(
                tree,
                candidates,
                excess,
                f"{size} bytes below the limit of {limit}, with {free} free on the disk",
            )
        if not tree.started_path(key).exists():
            write_text(tree.started_path(key), started.model_dump_json())


def _all(tree: Tree) -> Iterator[tuple[Entry | Unfinished, bool]]:
    """Give each file once, and whether nobody is at it.

    Files may be finished meanwhile; none is begun, since that takes the lock that the caller holds.
    """
    parts = [part.key for part in tree.unfinished()]
    entries = {entry.key: entry for entry in tree.entries()}
    for key in parts:
        if key not in entries:
            idle = is_free(tree, key)  # asked first: what is idle stays as it is
            part = tree.one_unfinished(key)
            found = tree.entry(key) or part
            if found is not None:
                yield found, idle
    for entry in entries.values():
        yield entry, True


def require_free(folder: Path, size: int) -> None:
    """Raise `UnwritableError` if the disk of ``folder`` has no room for ``size`` bytes more."""
    free = shutil.disk_usage(folder).free
    if free < size + SPARE_BYTES:
        msg = (
            f"Expected room for {size} bytes in {folder}, but its disk has {free} free, of which "
            f"{SPARE_BYTES} are kept free. Free some space, or choose a folder on another disk."
        )
        raise UnwritableError(msg)


def remove_stale(tree: Tree) -> None:
    """Remove what interrupted fetches left long ago, what is not whole, and old memories of visits."""
    now = time.time()

    def stale(key: str) -> bool:
        part = tree.one_unfinished(key)
        return part is not None and now - part.changed.timestamp() > STALE_SECONDS

    def broken(key: str) -> bool:
        return tree.entry(key) is None and tree.one_unfinished(key) is None

    for key in [part.key for part in tree.unfinished()]:
        if stale(key):
            remove(tree, key, stale)
    for key in tree.kept():
        if broken(key):
            remove(tree, key, broken)
    for folder, age in ((tree.partial, STALE_SECONDS), (tree.visits, FORGOTTEN_SECONDS)):
        for path in _files(folder):
            with suppress(FileNotFoundError):
                if now - path.stat().st_mtime > age and is_free(tree, path.stem):
                    path.unlink()


def remove(tree: Tree, key: str, still: Callable[[str], bool] | None = None) -> bool:
    """Remove all that is kept or unfinished under ``key``; return False if it is in use.

    ``still`` is asked once nobody else can change it, and may say that it is to stay.
    """
    handle = try_lock(tree.lock(key))
    if handle is None:
        return False
    try:
        if still is None or still(key):
            remove_held(tree, key)
        tree.lock(key).unlink(missing_ok=True)
    finally:
        os.close(handle)
    return True


def remove_held(tree: Tree, key: str) -> None:
    """Remove all that is under ``key``, whose lock the caller holds alone."""
    discard(tree.unfinished_path(key), tree.started_path(key))
    shutil.rmtree(tree.files / key, ignore_errors=True)


def is_free(tree: Tree, key: str) -> bool:
    """Whether nobody fetches or uses what is under ``key``."""
    handle = try_lock(tree.lock(key))
    if handle is None:
        return False
    tree.lock(key).unlink(missing_ok=True)
    os.close(handle)
    return True


def _evict(tree: Tree, candidates: list[Entry | Unfinished], excess: int, wanted: str) -> None:
    """Remove the oldest candidates of ``excess`` bytes together, or none of them."""
    chosen: list[tuple[str, int]] = []
    try:
        for found in sorted(candidates, key=_last_use):
            if excess <= 0:
                break
            handle = try_lock(tree.lock(found.key))
            if handle is None:
                continue
            if isinstance(found, Unfinished) and tree.entry(found.key) is not None:
                os.close(handle)  # finished meanwhile
                continue
            chosen.append((found.key, handle))
            excess -= found.info.size if isinstance(found, Entry) else found.done
        if excess > 0:
            msg = (
                f"Expected room for {wanted}, but {excess} bytes more would have to go, and all else is in use or "
                "not of the cache. Free some space, raise FEMTOBARN_CACHE_BYTES, or run `femtobarn cache clear`."
            )
            raise UnwritableError(msg)
        for key, _ in chosen:
            remove_held(tree, key)
            tree.lock(key).unlink(missing_ok=True)
    finally:
        for _, handle in chosen:
            os.close(handle)


def _at_most(seconds: float) -> None:
    if seconds > _PATIENCE:
        msg = f"Expected to make room in the cache, but another process has been at it for {seconds:.0f} s. Try again."
        raise TransientDataError(msg)


def _last_use(found: Entry | Unfinished) -> float:
    return (found.used if isinstance(found, Entry) else found.changed).timestamp()


def _files(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_file()]
    except OSError:
        return []
