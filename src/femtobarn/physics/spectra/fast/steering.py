"""What steers the kernels: a scan as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from femtobarn.base.spectra import LETTERS, Letter, Quantity, SpectraRecord
from femtobarn.physics.spectra.combinations import combinations
from femtobarn.physics.spectra.consistency import require_consistent
from femtobarn.physics.spectra.fast.codes import MASS, OPPOSITE, ROOM, SAME, SLOTS, TRANSVERSE
from femtobarn.physics.spectra.states import MOST
from femtobarn.physics.spectra.steps import limits

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

SLOT: dict[Letter, int] = {letter: slot for slot, letter in enumerate(LETTERS)}
"""The kernels' number of each kind."""

_QUANTITY: dict[Quantity, int] = {"mass": MASS, "os": OPPOSITE, "ss": SAME, "met": TRANSVERSE}
_ANY = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True, eq=False)
class Steering:
    """Arrays as `kernels.events` and `kernels.fill` take them.

    Parameters
    ----------
    overlaps, cones
        (steps, 2) slots of remove and near; delta_r and sliding
    limits
        (limited kinds, 3) slot, least, most
    bounds
        (4,) least and most kinds, least and most objects of each
    ranks
        (slots,) how many leading objects are needed
    windows
        (windows, 3) slot, first rank, number of objects; each once
    part_edges, parts, quantities
        (combinations + 1,), (n,), (combinations,) the windows of each combination, and its quantity
    needs, exact
        (combinations, slots) how many objects it needs, and whether there may be no more
    width
        (1,) GeV
    """

    overlaps: Ints
    cones: Floats
    limits: Ints
    bounds: Ints
    ranks: Ints
    windows: Ints
    part_edges: Ints
    parts: Ints
    quantities: Ints
    needs: Ints
    exact: NDArray[np.bool_]
    width: Floats


@cache
def steering(record: SpectraRecord) -> Steering:
    """Return the arrays of a scan.

    Raises
    ------
    SettingsError
        if it contradicts itself, or has no combination
    """
    require_consistent(record)
    found = combinations(record)
    windows = {w: i for i, w in enumerate(dict.fromkeys(w for c in found for w in c.windows))}
    needs, exact = np.zeros((len(found), SLOTS), np.int64), np.zeros((len(found), SLOTS), np.bool_)
    for i, one in enumerate(found):
        for w in one.windows:
            needs[i, SLOT[w.letter]] = w.start + w.count
            exact[i, SLOT[w.letter]] = record.combinations.exact_leading and w.start == 0
    balanced = "met" in record.quantities and record.met == "objects"
    states = record.states
    most = _ANY if states.most_count == MOST else states.most_count
    return Steering(
        overlaps=_ints([(SLOT[s.remove], SLOT[s.near]) for s in record.overlap], 2),
        cones=np.array([(s.delta_r, s.sliding) for s in record.overlap], np.float64).reshape(-1, 2),
        limits=_ints(
            [
                (SLOT[letter], least, _ANY if most is None else most)
                for letter, (least, most) in limits(record).items()
            ],
            3,
        ),
        bounds=np.array([states.least_kinds, states.most_kinds, states.least_count, most], np.int64),
        ranks=np.full(SLOTS, ROOM) if balanced else needs.max(axis=0),
        windows=_ints([(SLOT[w.letter], w.start, w.count) for w in windows], 3),
        part_edges=np.cumsum([0, *(len(c.windows) for c in found)], dtype=np.int64),
        parts=np.array([windows[w] for c in found for w in c.windows], np.int64),
        quantities=np.array([_QUANTITY[c.quantity] for c in found], np.int64),
        needs=needs,
        exact=exact,
        width=np.array([record.width]),
    )


def _ints(rows: list[tuple[int, ...]], length: int) -> Ints:
    return np.array(rows, np.int64).reshape(-1, length)
