"""Which results and failures a folder holds, asked again and again: only what changed is looked at anew."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from femtobarn.running.results.store import FAILED, FolderStore

_SETTLED = 2.0  # seconds after which a folder's time tells whether something came since


class StoreScan:
    """When each result and each failure of a store was written, by the name it has there.

    Parameters
    ----------
    store
        others may write it at the same time
    """

    def __init__(self, store: FolderStore) -> None:
        self._root = store.folder
        self._folders: dict[str, tuple[int, dict[str, float]]] = {}

    def refresh(self) -> None:
        """Look at the folders in which something changed."""
        names = set()
        with suppress(OSError):
            names = {e.name for e in os.scandir(self._root) if len(e.name) == 2 or e.name == FAILED}
        for name in names:
            self._look(self._root / name)
        for name in self._folders.keys() - names:
            del self._folders[name]

    def results(self) -> Iterator[tuple[str, float]]:
        """Return the name of each result, of a task or a folded file, and when it was written."""
        for folder, (_, found) in self._folders.items():
            if folder != FAILED:
                yield from found.items()

    def failures(self) -> Mapping[str, float]:
        """Return the tasks that failed, and when that was written."""
        _, found = self._folders.get(FAILED, (0, {}))
        return {name.removesuffix(".json"): when for name, when in found.items()}

    def _look(self, folder: Path) -> None:
        try:
            changed = folder.stat().st_mtime_ns
            seen, known = self._folders.get(folder.name, (0, {}))
            if seen == changed:
                return
            found = {}
            for entry in os.scandir(folder):
                if not entry.name.startswith("."):
                    # a failure may be written again; results never change
                    old = known.get(entry.name) if folder.name != FAILED else None
                    found[entry.name] = entry.stat().st_mtime if old is None else old
        except OSError:  # gone, or not to be read: as if it were empty
            self._folders.pop(folder.name, None)
            return
        settled = changed < (time.time() - _SETTLED) * 1e9
        self._folders[folder.name] = (changed if settled else 0, found)
