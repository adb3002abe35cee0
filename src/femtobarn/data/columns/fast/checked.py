"""Which baskets of a file were once read with their checksums, remembered by the file's identity.

A file is the same if its UUID, size, time of change, device and inode are. Then its baskets need not be
checked again, and only what is needed of them is inflated.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time

from femtobarn.base import private

FOLDER = "checked"
"""Name of the folder within the cache."""

KEPT = 100_000
"""How many files are remembered; those unused for longest go."""

SETTLED_SECONDS = 2.0
"""What was written later than this before it was opened may be written again without another time of change."""


class Checked:
    """What was checked of one tree. Safe to use from several threads.

    Parameters
    ----------
    status
        of the open file
    uuid
        of the file
    tree
        name of the tree
    """

    def __init__(self, status: os.stat_result, uuid: str, tree: str) -> None:
        identity = (uuid, status.st_size, status.st_mtime_ns, status.st_dev, status.st_ino, tree)
        self._name = hashlib.sha256(repr(identity).encode()).hexdigest()
        self._lock = threading.Lock()
        self._known: dict[str, int] | None = None
        self._new: dict[str, int] = {}
        # looked at now: what changes after this gets another time
        self._settled = time.time() - status.st_mtime >= SETTLED_SECONDS

    def has(self, branch: str, first: int, last: int) -> bool:
        """Return whether baskets ``first`` to ``last`` (excluded) of ``branch`` were checked."""
        wanted = _bits(first, last)
        with self._lock:
            if self._known is None:
                self._known = _load(self._name)
            return not wanted & ~(self._known.get(branch, 0) | self._new.get(branch, 0))

    def add(self, branch: str, first: int, last: int) -> None:
        """Note that baskets ``first`` to ``last`` (excluded) of ``branch`` were checked."""
        with self._lock:
            self._new[branch] = self._new.get(branch, 0) | _bits(first, last)

    def keep(self) -> None:
        """Remember what was noted, together with what others remembered meanwhile.

        Nothing is remembered of a file that was written just before it was opened: clocks of file systems
        tick slowly, so that its identity could outlive its content.
        """
        with self._lock:
            if not self._new or not self._settled:
                return
            known = _load(self._name)
            for branch, bits in self._new.items():
                known[branch] = known.get(branch, 0) | bits
            content = json.dumps({branch: f"{bits:x}" for branch, bits in sorted(known.items())})
            private.keep(FOLDER, self._name, content.encode(), most=KEPT)
            self._known, self._new = known, {}


def _bits(first: int, last: int) -> int:
    return ((1 << (last - first)) - 1) << first


def _load(name: str) -> dict[str, int]:
    content = private.load(FOLDER, name)
    return {} if content is None else {branch: int(bits, 16) for branch, bits in json.loads(content).items()}
