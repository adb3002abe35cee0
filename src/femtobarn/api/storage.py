"""Files of the portal on this machine: get them, and see what the cache holds."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from femtobarn.base.errors import FemtobarnError, NothingToDoError, UnwritableError
from femtobarn.data.storage import identify, local_path
from femtobarn.data.storage.access import identify_remote
from femtobarn.data.storage.cache import Cache
from femtobarn.data.storage.entries import Entry, Unfinished
from femtobarn.data.storage.folder import fetch_to
from femtobarn.data.storage.network import Network
from femtobarn.data.storage.request import RemoteFile, Route
from femtobarn.data.storage.urls import is_remote

if TYPE_CHECKING:
    from femtobarn.data.columncache import Holding

THREADS = 3
"""Files that are fetched at once."""

_JOIN_SECONDS = 1.0

Progress = Callable[[str, int, int], None]
"""Told the name of a file, its bytes that are there, and all of its bytes; by several threads."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to get.

    Parameters
    ----------
    name, url
        what it is called, and where it is
    size, adler32
        bytes and checksum (8 hexadecimal digits), as far as they are known
    """

    name: str
    url: str
    size: int | None = None
    adler32: str | None = None


@dataclass(frozen=True, slots=True)
class Survey:
    """What there is to get: files and bytes in all, those that are here, and files of unknown size."""

    files: int
    bytes: int
    here: int
    here_bytes: int
    unknown: int

    def require_room(self) -> None:
        """Raise `UnwritableError` if the cache cannot hold all of it: some would go for the others."""
        limit = Cache.from_environment().limit_bytes
        if self.bytes > limit:
            msg = (
                f"Expected files that fit into the cache together ({limit} bytes), but these have {self.bytes}. Get "
                "them into a folder (--to DIR), or raise FEMTOBARN_CACHE_BYTES."
            )
            raise UnwritableError(msg)


@dataclass(frozen=True, slots=True)
class Got:
    """What became of a file: its path, or why there is none."""

    wanted: Wanted
    path: Path | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """What a cache holds: its folder, limit and bytes, its files, and unfinished ones (whether active)."""

    folder: Path
    limit: int
    bytes: int
    entries: tuple[Entry, ...]
    unfinished: tuple[tuple[Unfinished, bool], ...]
    shared: tuple[Path, ...]


def survey(wanted: Sequence[Wanted]) -> Survey:
    """Return how much there is to get, and how much of it is in the cache. Nothing is asked of a server."""
    kept = Cache.from_environment()
    here = [
        w
        for w in wanted
        if not is_remote(w.url) or (w.size is not None and kept.find(_identity(w), w.size, w.url) is not None)
    ]
    return Survey(
        files=len(wanted),
        bytes=sum(w.size or 0 for w in wanted),
        here=len(here),
        here_bytes=sum(w.size or 0 for w in here),
        unknown=sum(w.size is None and is_remote(w.url) for w in wanted),
    )


def get(
    wanted: Sequence[Wanted],
    *,
    to: str | Path | None = None,
    progress: Progress | None = None,
    threads: int = THREADS,
) -> Iterator[Got]:
    """Fetch files into the cache, or into a folder, and give each as it ends, in any order; one failure ends no other.

    Parameters
    ----------
    wanted
        the files; size and identifier of one without are asked of its server
    to
        a folder, made if needed; by default the cache
    progress
        told how far each is
    threads
        how many are fetched at once

    Raises
    ------
    NothingToDoError
        if there is nothing to get
    """
    if not wanted:
        msg = "Expected files to get, but there are none. Name an address, a list, a record or an analysis."
        raise NothingToDoError(msg)
    yield from _Fetches(wanted, to, progress).run(threads)


def cached() -> Listing:
    """Return what the cache holds."""
    kept = Cache.from_environment()
    entries, unfinished = kept.entries(), kept.unfinished()
    return Listing(
        folder=kept.folder,
        limit=kept.limit_bytes,
        bytes=sum(e.info.size for e in entries) + sum(u.done for u in unfinished),
        entries=entries,
        unfinished=tuple((u, kept.active(u)) for u in unfinished),
        shared=kept.shared,
    )


@dataclass(frozen=True, slots=True)
class ClearedColumns:
    """What was removed from the column cache: pieces, and bytes of all that went."""

    pieces: int
    bytes: int


def kept_columns() -> Holding | None:
    """Return what the column cache holds; None if there is none."""
    from femtobarn.data.columncache import ColumnCache

    kept = ColumnCache.from_environment()
    return kept.holding() if kept.is_usable() else None


def clear_columns(older_than: float | None = None) -> ClearedColumns | None:
    """Remove columns that were not used for so many seconds (None: all); None if there is no column cache.

    Analyses that are reading them go on.
    """
    from femtobarn.data.columncache import ColumnCache

    kept = ColumnCache.from_environment()
    return ClearedColumns(*kept.clear(older_than)) if kept.is_usable() else None


class _StoppedError(Exception):
    """The caller no longer wants the files."""


class _Fetches:
    """Files that some threads get; an error that is not of a file is raised where the caller waits."""

    def __init__(self, wanted: Sequence[Wanted], to: str | Path | None, progress: Progress | None) -> None:
        self._waiting, self._count = deque(wanted), len(wanted)
        self._to, self._progress = to, progress
        self._stop = threading.Event()
        self._ended: queue.SimpleQueue[Got | BaseException] = queue.SimpleQueue()

    def run(self, threads: int) -> Iterator[Got]:
        # daemons: Ctrl-C need not wait for a slow server, since a fetch may die at any moment
        pool = [threading.Thread(target=self._work, name=f"get-{n}", daemon=True) for n in range(threads)]
        for thread in pool:
            thread.start()
        try:
            for _ in range(self._count):
                got = self._ended.get()
                if isinstance(got, BaseException):
                    raise got
                yield got
        finally:
            self._stop.set()
            for thread in pool:
                thread.join(_JOIN_SECONDS)

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                file = self._waiting.popleft()
            except IndexError:
                return
            try:
                self._ended.put(self._one(file))
            except BaseException as error:  # noqa: BLE001 - raised by `run`
                self._ended.put(error)

    def _one(self, file: Wanted) -> Got:
        def told(done: int, total: int) -> None:
            if self._stop.is_set():
                raise _StoppedError
            if self._progress is not None:
                self._progress(file.name, done, total)

        try:
            path = _get(file, self._to, told)
            with suppress(FileNotFoundError):  # a small cache may have lost it to another already
                size = path.stat().st_size
                told(size, size)
        except FemtobarnError as error:
            return Got(file, None, str(error))
        return Got(file, path)


def _get(file: Wanted, to: str | Path | None, told: Callable[[int, int], None]) -> Path:
    if not is_remote(file.url):
        path = local_path(file.url)
        identify(path)
        return path
    route = Route((file.url,), Network.from_environment())
    remote = RemoteFile(file.url, file.name, file.size, _identity(file) or "")
    if file.size is None or file.adler32 is None:
        found = identify_remote(file.url, route.prefixes, route.network)
        remote = replace(remote, size=found.size, identity=_identity(file) or found.identity)
    kept = Cache.from_environment()
    if to is None:
        return kept.fetch(remote, route, progress=told)
    return fetch_to(to, remote, route, cache=kept, progress=told)


def _identity(file: Wanted) -> str | None:
    return None if file.adler32 is None else f"adler32:{file.adler32.lower()}"
