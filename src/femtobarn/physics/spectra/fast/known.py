"""The final states that a task has met, and the combinations that each of them has."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from femtobarn.base.errors import DataError
from femtobarn.physics.spectra.fast.codes import SLOTS
from femtobarn.physics.spectra.fast.steering import Steering
from femtobarn.physics.spectra.states import BITS, MOST
from femtobarn.physics.spectra.sums import STATE_SHIFT, Numbers

Ints = NDArray[np.int64]

MOST_STATES = 1 << (64 - STATE_SHIFT)
"""How many final states can be numbered."""


class KnownStates:
    """Final states by the place that they got when they were met first.

    Parameters
    ----------
    steering
        the scan
    columns
        how many sums there are of each

    Attributes
    ----------
    codes
        (places,) their codes
    lists
        (places,) which list of combinations they have
    edges, members
        (lists + 1,), (n,) where each list begins, and numbers of combinations, ascending
    events
        (places, columns) sums over their events
    """

    def __init__(self, steering: Steering, columns: int) -> None:
        self._needs, self._exact = steering.needs, steering.exact
        self._enough = steering.needs.max(axis=0) + 1
        self._found: dict[bytes, int] = {}
        self._ascending = np.empty(0, np.uint64)
        self._places = np.empty(0, np.int64)
        self.codes = np.empty(0, np.uint64)
        self.lists = np.empty(0, np.int64)
        self.edges = np.zeros(1, np.int64)
        self.members = np.empty(0, np.int32)
        self.events = np.empty((0, columns))

    @property
    def longest(self) -> int:
        """The most combinations that one of them has."""
        return int(np.diff(self.edges).max(initial=0))

    def places(self, codes: Numbers) -> Ints:
        """Return the place of each code, after giving one to those that are new.

        Raises
        ------
        DataError
            if there are more than can be numbered
        """
        once, inverse = np.unique(codes, return_inverse=True)
        at = np.searchsorted(self._ascending, once)
        there = at < len(self._ascending)
        there[there] = self._ascending[at[there]] == once[there]
        if not there.all():
            self._learn(once[~there])
            at = np.searchsorted(self._ascending, once)
        return self._places[at][inverse.reshape(-1)]

    def _learn(self, new: Numbers) -> None:
        if len(self.codes) + len(new) > MOST_STATES:
            msg = f"The events have more than {MOST_STATES:,} final states, which cannot be numbered. Limit the numbers of objects (states.most_count, or most of each kind), or raise their pt."
            raise DataError(msg)
        self.codes = np.concatenate([self.codes, new])
        self._places = np.argsort(self.codes)
        self._ascending = self.codes[self._places]
        self.events = np.concatenate([self.events, np.zeros((len(new), self.events.shape[1]))])
        self.lists = np.concatenate([self.lists, self._lists(_counts(new))])

    def _lists(self, counts: Ints) -> Ints:
        """Return which list each final state has; more objects than any combination needs make no difference."""
        clipped = np.minimum(counts, self._enough)
        keys = [row.tobytes() for row in clipped]
        listed: list[NDArray[np.int32]] = []
        for key, row in zip(keys, clipped, strict=True):
            if key not in self._found:
                self._found[key] = len(self._found)
                has = ((row >= self._needs) & (~self._exact | (row == self._needs))).all(axis=1)
                listed.append(np.flatnonzero(has).astype(np.int32))
        ends = self.edges[-1] + np.cumsum([len(one) for one in listed], dtype=np.int64)
        self.edges = np.concatenate([self.edges, ends])
        self.members = np.concatenate([self.members, *listed])
        return np.array([self._found[key] for key in keys], np.int64)


def _counts(codes: Numbers) -> Ints:
    shifts = np.array([BITS * (SLOTS - 1 - slot) for slot in range(SLOTS)], np.uint64)
    return ((codes[:, np.newaxis] >> shifts) & np.uint64(MOST)).astype(np.int64)
