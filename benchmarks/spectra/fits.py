"""What an event, a value and a histogram cost: planes through the times of many runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from benchmarks.scale.fits import Fit, fitted
from benchmarks.spectra.results import Growth, GrowthRow
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Costs:
    """CPU seconds.

    Parameters
    ----------
    start
        of a run
    event, value
        of each event that is read, each mass that is computed: until all sums are in the run directory
    selecting, filling
        the parts of these between having read the events and having their sums
    histogram
        of each histogram that is written, what is made of it included
    residual
        the largest distance of a run from what follows from these, as a part of the largest time
    """

    start: float
    event: float
    value: float
    selecting: float
    filling: float
    histogram: float
    residual: float

    def seconds(self, row: GrowthRow) -> float:
        """Return what a run should take."""
        each = self.event * row.events + self.value * row.values + self.histogram * row.written
        return self.start + each


def costs(step: Growth) -> Costs:
    """Return the costs that fit all runs best (least squares of relative distances).

    What is done after filling is told apart by the runs themselves: in it values and histograms grow together.

    Raises
    ------
    ValueError
        if the runs cannot tell them apart, or noise hides them
    """
    rows, kernel = step.rows, step.kernel
    ones = [1.0] * len(rows)
    filled = _plane([ones, [r.events for r in rows], [r.values for r in rows]], [r.filled for r in rows])
    later = _plane([ones, [r.written for r in rows]], [min(r.later) for r in rows])
    inner = _plane([[k.events for k in kernel], [k.values for k in kernel]], [k.seconds for k in kernel])
    found = Costs(filled[0] + later[0], filled[1], filled[2], inner[0], inner[1], later[1], 0.0)
    if min(found.event, found.value, found.selecting, found.filling, found.histogram) < 0:
        raise ValueError(f"costs of at least 0 were expected, but noise hides them: {found}")
    distance = max(abs(found.seconds(r) - r.seconds) for r in rows) / max(r.seconds for r in rows)
    return replace(found, residual=distance)


def _plane(known: Sequence[Sequence[float]], seconds: Sequence[float]) -> list[float]:
    """Return what one of each of ``known`` costs, so that relative distances from ``seconds`` are least."""
    columns = np.array(known, float).T
    scale = columns.max(axis=0, initial=1.0)
    weighted: Floats = columns / scale / np.array(seconds, float)[:, None]
    if np.linalg.matrix_rank(weighted) < len(known):
        msg = f"costs need runs with different events, values and histograms, but got {len(seconds)} that do not tell them apart"
        raise ValueError(msg)
    solved = np.linalg.lstsq(weighted, np.ones(len(seconds)), rcond=None)[0] / scale
    return [float(one) for one in solved]


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
