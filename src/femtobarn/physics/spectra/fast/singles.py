"""Single values of spectra, kept in the order of events."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from femtobarn.physics.spectra.fast.codes import KEPT
from femtobarn.physics.spectra.sums import Numbers, Sums, Values, renumbered

Ints = NDArray[np.int64]
_ROOM = 1 << 16


class Singles:
    """Values as a kernel writes them, and those that it wrote before.

    Parameters
    ----------
    kept
        whether there are to be any
    weighed
        whether their weights are kept too

    Attributes
    ----------
    keys, values, weights
        (room,) what the kernel writes to: number of a spectrum, value, weight
    """

    def __init__(self, *, kept: bool, weighed: bool) -> None:
        self._weighed = weighed
        self._before: list[tuple[Numbers, Sums, Sums]] = []
        self.keys, self.values, self.weights = _made(_ROOM if kept else 0)

    def hold(self, values: int) -> None:
        """Make room for so many at once, if any are kept."""
        if 0 < len(self.keys) < values:
            self.keys, self.values, self.weights = _made(values)

    def take(self, state: Ints) -> None:
        """Put aside what the kernel has written, so that it can begin anew."""
        end = int(state[KEPT])
        if end:
            weights = self.weights[: end if self._weighed else 0]
            self._before.append((self.keys[:end].copy(), self.values[:end].copy(), weights.copy()))
        state[KEPT] = 0

    def content(self, places: NDArray[np.intp]) -> Values:
        """Return all values by the number of their spectrum, after final states got other ``places``."""
        none = _made(0)
        keys, values, weights = (np.concatenate(c) for c in zip(none, *self._before, strict=True))
        keys = renumbered(keys, places)
        order = np.argsort(keys, kind="stable")
        once, counts = np.unique(keys, return_counts=True)
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return Values(once, offsets, values[order], weights[order] if self._weighed else weights)


def _made(room: int) -> tuple[Numbers, Sums, Sums]:
    return np.empty(room, np.uint64), np.empty(room), np.empty(room)
