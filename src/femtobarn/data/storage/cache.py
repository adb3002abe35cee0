"""The cache: remote files kept on this machine, verified, fetched once however many processes want them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from femtobarn.base import settings
from femtobarn.base.errors import DataError, TransientDataError, UnwritableError
from femtobarn.data.storage import visits
from femtobarn.data.storage.entries import (
    INFO,
    Entry,
    Tree,
    Unfinished,
    key_of,
    sound,
)
from femtobarn.data.storage.keep import keep
from femtobarn.data.storage.locks import locked
from femtobarn.data.storage.patience import Patience
from femtobarn.data.storage.private import is_private, private_folder, writing
from femtobarn.data.storage.request import Progress, RemoteFile, Route
from femtobarn.data.storage.room import is_free, remove
from femtobarn.data.storage.source import Transfer
from femtobarn.data.storage.verify import checksum

_TRIES = 5  # a file that others evict between its fetch and its use is fetched again so often


@dataclass(frozen=True, slots=True)
class Cleared:
    """What was removed from a cache: files (finished or not), their bytes, and files left since in use."""

    files: int = 0
    bytes: int = 0
    in_use: int = 0


class Cache:
    """Verified copies of remote files.

    Parameters
    ----------
    folder
        where they are; made at the first fetch, private to the user
    limit_bytes
        bytes it may hold; what was not used for longest goes first
    shared
        caches of others, searched first and never written
    """

    def __init__(self, folder: str | Path, *, limit_bytes: int, shared: Sequence[str | Path] = ()) -> None:
        self.folder = Path(folder).absolute()
        self.limit_bytes = limit_bytes
        self.shared = tuple(Path(path) for path in shared)
        self._tree = Tree(self.folder)

    @classmethod
    def from_environment(cls) -> Cache:
        """Return the cache that the environment names: see `femtobarn.base.settings`."""
        return cls(
            settings.cache_folder(), limit_bytes=settings.cache_limit(), shared=settings.shared_caches()
        )

    # --- finding and using ---------------------------------------------------------------------------

    def find(self, identity: str | None, size: int, url: str) -> Path | None:
        """Return where a sound copy of the file is, in a shared tree or here; None if nowhere."""
        wanted = RemoteFile(url, "", size, identity or "")
        return self._shared(wanted) or (sound(self._tree, self._key(wanted)) if self._trusted else None)

    def has(self, wanted: RemoteFile) -> bool:
        """Whether there is a copy of the file, sound or not: its content is not looked at."""
        key = self._key(wanted)
        trees = [Tree(top) for top in self.shared] + ([self._tree] if self._trusted else [])
        return any(tree.entry(key) is not None for tree in trees)

    @contextmanager
    def use(
        self,
        wanted: RemoteFile,
        route: Route,
        *,
        progress: Progress | None = None,
        transfer: Transfer | None = None,
    ) -> Iterator[Path]:
        """Give the path of the file, fetched if needed, and keep it from eviction meanwhile.

        Raises
        ------
        DataError
            if it cannot be fetched, as `download` says
        UnwritableError
            if the cache cannot be written, or has no room
        """
        there = self._shared(wanted)
        if there is not None:
            yield there
            return
        self._prepare()
        for _ in range(_TRIES):
            with self._locked(wanted, shared=True, progress=progress) as key:
                path = sound(self._tree, key)
                if path is not None:
                    with suppress(OSError):
                        os.utime(path.parent / INFO)
                    yield path
                    return
            self.fetch(wanted, route, progress=progress, transfer=transfer)
        msg = (
            f"{wanted.name}: expected to find it in the cache after fetching it, but others needed its place "
            f"{_TRIES} times. Raise FEMTOBARN_CACHE_BYTES, or use fewer files at once."
        )
        raise TransientDataError(msg)

    def fetch(
        self,
        wanted: RemoteFile,
        route: Route,
        *,
        progress: Progress | None = None,
        transfer: Transfer | None = None,
    ) -> Path:
        """Return the path of the file, fetched if it is not here. Only `use` keeps it from eviction.

        Parameters
        ----------
        wanted
            the file; size and identity must be known (see `access.identify_remote`)
        route
            how to reach it
        progress
            told how far it is, also while another process fetches it
        transfer
            counts what comes over the network

        Raises
        ------
        DataError
            if it cannot be fetched, as `download` says
        UnwritableError
            if the cache cannot be written, or has no room
        """
        there = self._shared(wanted)
        if there is not None:
            return there
        self._prepare()
        with self._locked(wanted, shared=True, progress=progress) as key:
            there = sound(self._tree, key)
        if there is not None:
            return there
        with self._locked(wanted, shared=False, progress=progress) as key:
            there = sound(self._tree, key)
            if there is not None:
                return there
            with writing(self.folder):
                return keep(
                    self._tree,
                    key,
                    wanted,
                    route,
                    limit=self.limit_bytes,
                    progress=progress,
                    transfer=transfer,
                )

    def remember(self, wanted: RemoteFile) -> None:
        """Note that the file is read without being kept."""
        with suppress(UnwritableError):
            self._prepare()
            visits.remember(self._tree, self._key(wanted))

    def seen(self, wanted: RemoteFile) -> bool:
        """Whether an earlier run has read the file without keeping it."""
        return visits.seen(self._tree, self._key(wanted))

    # --- what is there ------------------------------------------------------------------------------

    def entries(self) -> tuple[Entry, ...]:
        """Return the files that are kept here, the last used first."""
        return tuple(sorted(self._tree.entries(), key=lambda e: e.used, reverse=True))

    def unfinished(self) -> tuple[Unfinished, ...]:
        """Return the files that are being fetched, or whose fetch was interrupted."""
        return tuple(self._tree.unfinished())

    def active(self, unfinished: Unfinished) -> bool:
        """Whether the file is being fetched now."""
        try:
            return not is_free(self._tree, unfinished.key)
        except UnwritableError:
            return False  # a folder that is only looked at

    def clear(self, older_than: float | None = None, *, unfinished_only: bool = False) -> Cleared:
        """Remove what is not in use.

        Parameters
        ----------
        older_than
            only what was not used for so many seconds
        unfinished_only
            only interrupted fetches
        """
        if not self._tree.locks.is_dir():
            return Cleared()
        self._prepare()
        limit = None if older_than is None else time.time() - older_than
        found = [(p.key, p.done, p.changed) for p in self._tree.unfinished()]
        if not unfinished_only:
            found += [(e.key, e.info.size, e.used) for e in self._tree.entries()]
        files = size = in_use = 0
        for key, count, used in found:
            if limit is not None and used.timestamp() > limit:
                continue
            if remove(self._tree, key):
                files, size = files + 1, size + count
            else:
                in_use += 1
        if limit is None and not unfinished_only:
            for path in self._tree.visits.iterdir():
                path.unlink(missing_ok=True)
        return Cleared(files, size, in_use)

    def forget(self, entry: Entry) -> bool:
        """Remove a file; return False if it is in use."""
        return remove(self._tree, entry.key)

    def verify(self, entry: Entry) -> bool:
        """Whether all bytes of a kept file are still those that were fetched."""
        try:
            return checksum(entry.path) == (entry.info.size, entry.info.adler32)
        except DataError:
            return False

    # --- inside -------------------------------------------------------------------------------------

    def _key(self, wanted: RemoteFile) -> str:
        assert wanted.size is not None
        return key_of(wanted.url, wanted.size, wanted.identity)

    @property
    def _trusted(self) -> bool:
        return is_private(self.folder)

    def _prepare(self) -> None:
        private_folder(self.folder)
        with writing(self.folder):
            for folder in (self._tree.files, self._tree.partial, self._tree.visits, self._tree.locks):
                folder.mkdir(exist_ok=True)

    def _shared(self, wanted: RemoteFile) -> Path | None:
        paths = (sound(Tree(top), self._key(wanted)) for top in self.shared)
        return next((path for path in paths if path is not None), None)

    @contextmanager
    def _locked(self, wanted: RemoteFile, *, shared: bool, progress: Progress | None = None) -> Iterator[str]:
        key = self._key(wanted)
        with locked(
            self._tree.lock(key), shared=shared, waiting=Patience(self._tree, key, wanted.name, progress)
        ):
            yield key
