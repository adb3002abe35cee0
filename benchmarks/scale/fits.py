"""Straight lines through what was measured, and how straight it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np


@dataclass(frozen=True, slots=True)
class Fit:
    """``start + slope * x``; ``residual`` is the largest distance from it, as a part of the largest value."""

    start: float
    slope: float
    residual: float


def fitted(x: Sequence[float], y: Sequence[float]) -> Fit:
    """Return the line of least squares.

    Raises
    ------
    ValueError
        if there are less than two different ``x``, or not as many ``y``
    """
    if len(x) != len(y) or len(set(x)) < 2:
        msg = f"a line needs two different places and a value for each, but got {len(x)} and {len(y)}"
        raise ValueError(msg)
    places, values = np.asarray(x, float), np.asarray(y, float)
    slope, start = np.polyfit(places, values, 1)
    distance = np.abs(start + slope * places - values).max()
    return Fit(float(start), float(slope), float(distance / np.abs(values).max()) if values.any() else 0.0)


def steps(x: Sequence[float], y: Sequence[float]) -> list[float]:
    """Return the slope between each value and the one before it."""
    pairs = list(zip(x, y, strict=True))
    return [(b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(pairs)]


def efficiency(alone: float, together: float) -> float:
    """Return how much of a worker is left when there are many, each with as much to do as the one had.

    Parameters
    ----------
    alone, together
        seconds of one worker, and of all at the same time
    """
    if alone <= 0 or together <= 0:
        msg = f"an efficiency needs times above 0, but got {alone} and {together}"
        raise ValueError(msg)
    return alone / together
