"""What an event, a value and a histogram cost: a plane through the times of many runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from benchmarks.scale.fits import Fit, fitted
from benchmarks.spectra.results import GrowthRow
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Costs:
    """CPU seconds.

    Parameters
    ----------
    start
        of a run
    event, value, histogram
        of each event that is read, each mass that is computed and filled, each histogram that is written
    selecting, filling
        parts of event and value: between reading events and having their sums, when results are not written yet
    residual
        the largest distance of a run from what follows from these, as a part of the largest time
    """

    start: float
    event: float
    value: float
    histogram: float
    selecting: float
    filling: float
    residual: float


def costs(rows: Sequence[GrowthRow]) -> Costs:
    """Return the costs that fit all runs best (least squares of relative distances).

    Raises
    ------
    ValueError
        if the runs cannot tell them apart, or noise hides them
    """
    known = np.array([[1.0, row.events, row.values, row.written] for row in rows]).reshape(-1, 4)
    seconds = np.array([row.seconds for row in rows])
    found = _plane(known, seconds)
    inner = _plane(known[:, :3], np.array([min(row.evaluate) for row in rows]))
    distance = np.abs(known @ found - seconds).max() / seconds.max()
    start, event, value, histogram = (float(one) for one in found)
    return Costs(start, event, value, histogram, float(inner[1]), float(inner[2]), residual=float(distance))


def _plane(known: Floats, seconds: Floats) -> Floats:
    """Return what each column of ``known`` costs, so that relative distances from ``seconds`` are least."""
    scale = known.max(axis=0, initial=1.0)
    weighted = known / scale / seconds[:, None]
    if np.linalg.matrix_rank(weighted) < known.shape[1]:
        msg = f"costs need runs with different events, values and histograms, but got {len(known)} that do not tell them apart"
        raise ValueError(msg)
    found: Floats = np.linalg.lstsq(weighted, np.ones(len(known)), rcond=None)[0] / scale
    if found[1:].min() < 0:
        msg = f"costs of at least 0 were expected, but noise hides them: got {found.tolist()}"
        raise ValueError(msg)
    return found


def by_events(rows: Sequence[GrowthRow]) -> dict[int, tuple[GrowthRow, ...]]:
    """Return the runs without limits on final states, by number of combinations, ascending in events."""
    free = sorted((row for row in rows if row.most_count is None), key=lambda row: row.events)
    return {
        number: tuple(row for row in free if row.combinations == number)
        for number in sorted({row.combinations for row in free})
    }


def by_states(rows: Sequence[GrowthRow]) -> tuple[GrowthRow, ...]:
    """Return the runs with limits on final states, ascending in these."""
    return tuple(sorted((row for row in rows if row.most_count is not None), key=lambda row: row.states))


def straight(rows: Sequence[GrowthRow]) -> Fit:
    """Return the line through CPU seconds against events."""
    return fitted([row.events for row in rows], [row.seconds for row in rows])


def power(rows: Sequence[GrowthRow], sizes: Sequence[int]) -> float:
    """Return the exponent with which a size grows with events."""
    logs = [float(np.log(size)) for size in sizes]
    return fitted([float(np.log(row.events)) for row in rows], logs).slope
