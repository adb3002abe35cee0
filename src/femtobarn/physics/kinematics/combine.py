"""Which objects make pairs, triplets and quadruplets: positions in flat arrays, event by event."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from femtobarn.physics.kinematics.vectors import delta_r

Index = NDArray[np.int64]


def choose(offsets: Any, n: int) -> tuple[tuple[Index, ...], Index]:
    """Return all combinations of ``n`` different objects of each event, in order of position.

    Parameters
    ----------
    offsets
        (events + 1,) where the objects of each event begin in flat arrays, and where the last ends
    n
        how many objects a combination has, 1 or more

    Returns
    -------
    tuple
        ``n`` arrays of positions in the flat arrays, one entry per combination, and the offsets
        (events + 1,) of the combinations of each event
    """
    bounds = np.asarray(offsets, np.int64)
    objects = np.diff(bounds)
    events = np.repeat(np.arange(len(objects), dtype=np.int64), objects)
    members: list[Index] = [np.arange(bounds[0], bounds[-1], dtype=np.int64)]
    for _ in range(n - 1):
        # each combination is followed by every later object of its event
        last = members[-1]
        further = bounds[events + 1] - last - 1
        begin = np.cumsum(further) - further
        chosen = np.repeat(np.arange(len(last), dtype=np.int64), further)
        step = np.arange(len(chosen), dtype=np.int64) - begin[chosen]
        members = [*(m[chosen] for m in members), last[chosen] + 1 + step]
        events = events[chosen]
    return tuple(members), _offsets(np.bincount(events, minlength=len(objects)))


def products(offsets_a: Any, offsets_b: Any) -> tuple[Index, Index, Index]:
    """Return every object of one collection with every object of another, event by event.

    Returns
    -------
    tuple
        positions in the flat arrays of either, and the offsets (events + 1,) of the pairs; the second
        position runs fastest
    """
    first, second = (np.asarray(o, np.int64) for o in (offsets_a, offsets_b))
    objects = np.diff(first)
    events = np.repeat(np.arange(len(objects), dtype=np.int64), objects)
    partners = np.diff(second)[events]
    begin = np.cumsum(partners) - partners
    one = np.repeat(np.arange(len(events), dtype=np.int64), partners)
    two = second[events[one]] + np.arange(len(one), dtype=np.int64) - begin[one]
    return one + first[0], two, _offsets(objects * np.diff(second))


def best_of(key: Any, offsets: Any) -> Index:
    """Return the position of the candidate with the lowest ``key`` in each event; -1 where there is none.

    The first of equals is taken. A key that is not a number is never the lowest.
    """
    values, bounds = np.asarray(key, np.float64), np.asarray(offsets, np.int64)
    counts = np.diff(bounds)
    events = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
    keys = values[bounds[0] : bounds[-1]]
    order = np.lexsort((keys, events))  # stable, and not-a-number comes last
    at = bounds[:-1] - bounds[0]
    found = np.full(len(counts), -1, np.int64)
    some = counts > 0
    candidate = order[at[some]]
    found[some] = np.where(np.isnan(keys[candidate]), -1, candidate + bounds[0])
    return found


def nearest(
    eta1: Any, phi1: Any, offsets1: Any, eta2: Any, phi2: Any, offsets2: Any
) -> tuple[NDArray[np.float64], Index]:
    """Return for each object of one collection the distance to the nearest of another, and its position.

    Without any other the distance is infinite and the position -1. Angles are flat arrays in rad.
    """
    one, two, _ = products(offsets1, offsets2)
    base, size = int(np.asarray(offsets1)[0]), len(np.asarray(eta1))
    distance = np.asarray(
        delta_r(np.asarray(eta1)[one], np.asarray(phi1)[one], np.asarray(eta2)[two], np.asarray(phi2)[two]),
        np.float64,
    )
    at = best_of(distance, _offsets(np.bincount(one - base, minlength=size - base)))
    found = at >= 0
    least = np.full(len(at), np.inf)
    least[found] = distance[at[found]]
    partner = np.full(len(at), -1, np.int64)
    partner[found] = two[at[found]]
    return least, partner


def _offsets(counts: Any) -> Index:
    result = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=result[1:])
    return result
