"""The columns of a chunk, checked for what compiled code takes on trust: how many numbers there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from femtobarn.base.errors import DamagedError

if TYPE_CHECKING:
    from femtobarn.data.formats.convert import RawColumn

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Given:
    """Fields of some events.

    Parameters
    ----------
    columns
        the fields, with their paths
    entries
        how many events there are
    """

    def __init__(self, columns: Mapping[str, RawColumn], entries: int) -> None:
        self._columns = columns
        self.entries = entries

    def offsets(self, collection: str) -> Ints:
        """Return (entries + 1,) where the objects of each event begin.

        Raises
        ------
        DamagedError
            if lists overlap, or there is not one for each event
        """
        found = np.ascontiguousarray(self._columns[f"{collection}.pt"].offsets, np.int64)
        if found.shape != (self.entries + 1,) or found[0] != 0 or np.any(np.diff(found) < 0):
            msg = f"Expected lists of {collection} one after the other in {self.entries} events, but they are not so. The file is damaged or was written wrongly."
            raise DamagedError(msg)
        return found

    def per_object(self, path: str, count: int) -> NDArray[Any]:
        """Return a field of ``count`` objects, in base units.

        Raises
        ------
        DamagedError
            if there are not so many numbers
        """
        return self._content(path, count)

    def per_event(self, path: str) -> Floats:
        """Return a field of the events as float64, in base units.

        Raises
        ------
        DamagedError
            if there are not so many numbers as events
        """
        return np.ascontiguousarray(self._content(path, self.entries), np.float64)

    def _content(self, path: str, count: int) -> NDArray[Any]:
        content = self._columns[path].base().content
        if len(content) != count:
            msg = f"Expected {count} numbers of {path}, but got {len(content)}. The file is damaged or was written wrongly, or {path} is of others than it is used for."
            raise DamagedError(msg)
        return np.ascontiguousarray(content)
