"""Sums of a scan as arrays of an archive; numbers are stored as steps from one to the next, which pack well."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from femtobarn.physics.spectra.sums import COMBINATION_SHIFT, STATE_SHIFT, Numbers, SpectraSums, Values
from femtobarn.running.results import files

NAMES = ("states", "events", "cells", "sums")
WITH_VALUES = (*NAMES, "values/keys", "values/offsets", "values/values", "values/weights")


def names(sums: SpectraSums) -> tuple[str, ...]:
    """Return the names of the arrays that `add` writes, without the prefix."""
    return NAMES if sums.values is None else WITH_VALUES


def add(target: zipfile.ZipFile, sums: SpectraSums, prefix: str = "spectra") -> None:
    """Write sums as arrays ``<prefix>/<name>``."""
    arrays: dict[str, NDArray[Any]] = {
        "states": sums.states,
        "events": sums.events,
        "cells": _steps(sums.cells),
        "sums": _narrow(sums.sums),
    }
    if sums.values is not None:
        arrays |= {
            "values/keys": sums.values.keys,
            "values/offsets": sums.values.offsets,
            "values/values": sums.values.values,
            "values/weights": sums.values.weights,
        }
    for name, array in arrays.items():
        files.add_array(target, f"{prefix}/{name}", array)


def get(source: zipfile.ZipFile, there: Sequence[str], prefix: str = "spectra") -> SpectraSums:
    """Return sums that `add` wrote.

    Raises
    ------
    ValueError
        if the arrays do not fit together
    """
    if tuple(there) not in {NAMES, WITH_VALUES}:
        msg = f"arrays {', '.join(there)}"
        raise ValueError(msg)
    arrays = {name: files.get_array(source, f"{prefix}/{name}") for name in there}
    values = None
    if len(there) == len(WITH_VALUES):
        values = Values(*(arrays[name] for name in WITH_VALUES[len(NAMES) :]))
    sums = SpectraSums(
        arrays["states"],
        arrays["events"],
        np.cumsum(arrays["cells"], dtype=np.uint64),
        arrays["sums"].astype(np.float64),
        values,
    )
    _check(sums)
    return sums


def _steps(cells: Numbers) -> Numbers:
    return np.diff(cells, prepend=np.uint64(0))


def _narrow(sums: NDArray[np.float64]) -> NDArray[Any]:
    """Return counts as the smallest integers that they fit in."""
    largest = sums.max(initial=0)
    kinds = (np.uint8, np.uint16, np.uint32) if sums.shape[1] == 1 else ()
    fits = (kind for kind in kinds if largest <= np.iinfo(kind).max)
    return sums.astype(next(fits, np.float64))


def _check(sums: SpectraSums) -> None:
    """Raise ValueError for what this package does not write."""
    columns = sums.events.shape[1] if sums.events.ndim == 2 else 0
    fits = (
        sums.states.dtype == np.uint64
        and sums.states.ndim == 1
        and bool(np.all(sums.states[1:] > sums.states[:-1]))
        and columns in {1, 3}
        and sums.events.shape == (len(sums.states), columns)
        and sums.sums.shape == (len(sums.cells), columns)
        and bool(np.all(sums.cells[1:] > sums.cells[:-1]))
        and _known(sums.cells, sums)
    )
    if fits and sums.values is not None:
        v = sums.values
        n = int(v.offsets[-1]) if v.offsets.shape == (len(v.keys) + 1,) else -1
        fits = (
            bool(np.all(np.diff(v.offsets) >= 0))
            and v.offsets[0] == 0
            and v.values.shape == (n,)
            and v.weights.shape == (n if columns == 3 else 0,)
            and v.keys.dtype == np.uint64
            and not np.any(v.keys & np.uint64((1 << COMBINATION_SHIFT) - 1))
            and bool(np.all(v.keys[1:] > v.keys[:-1]))
            and _known(v.keys, sums)
        )
    if not fits:
        msg = "the arrays of its spectra do not fit together"
        raise ValueError(msg)


def _known(numbers: Numbers, sums: SpectraSums) -> bool:
    """Tell whether all numbers are of final states that are there."""
    return not len(numbers) or int(numbers[-1] >> np.uint64(STATE_SHIFT)) < len(sums.states)
