"""Waiting for another process that fetches the same file: as long as it gets on."""

from __future__ import annotations

from femtobarn.base.errors import TransientDataError
from femtobarn.data.storage.entries import Tree
from femtobarn.data.storage.request import Progress

STALLED_SECONDS = 900.0
"""Who has moved nothing for so long is not waited for."""


class Patience:
    """Told now and then how long the lock of a file is waited for; an error when that leads nowhere.

    Parameters
    ----------
    tree, key
        the cache, and the key of the file
    name
        what messages call it
    progress
        told how far the other process is
    """

    def __init__(self, tree: Tree, key: str, name: str, progress: Progress | None) -> None:
        self._tree, self._key, self._name, self._progress = tree, key, name, progress
        self._done, self._moved = -1, 0.0

    def __call__(self, seconds: float) -> None:
        """Raise `TransientDataError` if nothing has moved for `STALLED_SECONDS`."""
        part = self._tree.one_unfinished(self._key)
        done = 0 if part is None else part.done
        if done != self._done:
            self._done, self._moved = done, seconds
            if self._progress is not None and part is not None:
                self._progress(part.done, part.size)
        if seconds - self._moved > STALLED_SECONDS:
            msg = (
                f"{self._name}: expected another process to fetch or release it, but nothing has moved for "
                f"{seconds - self._moved:.0f} s. Look for a stopped process that uses the cache, and try again."
            )
            raise TransientDataError(msg)
