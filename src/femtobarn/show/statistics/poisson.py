"""Central intervals of a Poisson mean."""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

from femtobarn.base.errors import SettingsError

ONE_SIGMA = math.erf(1 / math.sqrt(2))  # 0.6827
_LARGE = 10_000  # from here the cube-root approximation is good to 1e-6


def garwood(count: int, level: float = ONE_SIGMA) -> tuple[float, float]:
    """Return the central confidence interval of a Poisson mean after ``count`` events.

    The limits solve P(n >= count | low) = P(n <= count | high) = (1 - level) / 2; for no event the
    lower limit is 0 and the upper 1.84 at one sigma.

    Parameters
    ----------
    count
        observed events, 0 or more
    level
        coverage, between 0 and 1

    Raises
    ------
    SettingsError
        if ``count`` or ``level`` is outside its range

    Notes
    -----
    F. Garwood, Biometrika 28 (1936) 437; for counts of 10,000 and more the chi-square quantiles are
    those of E. Wilson and M. Hilferty, PNAS 17 (1931) 684.
    """
    if count < 0:
        msg = f"A Poisson interval needs a count of 0 or more; {count} came. Pass the raw number of events."
        raise SettingsError(msg)
    if not 0 < level < 1:
        msg = f"A confidence level lies between 0 and 1; {level} came. One sigma is 0.6827."
        raise SettingsError(msg)
    return _garwood(int(count), float(level))


@lru_cache(maxsize=65536)
def _garwood(count: int, level: float) -> tuple[float, float]:
    tail = (1 - level) / 2
    low = 0.0 if count == 0 else _gamma_quantile(count, tail)
    return low, _gamma_quantile(count + 1, 1 - tail)


def _gamma_quantile(shape: int, probability: float) -> float:
    """Return x with P(shape, x) = ``probability`` for the regularised incomplete gamma function P."""
    z = NormalDist().inv_cdf(probability)
    guess = shape * (1 - 1 / (9 * shape) + z / (3 * math.sqrt(shape))) ** 3
    if shape >= _LARGE:
        return guess
    low, high = 0.0, max(2 * guess, 1.0)
    while _gamma_cdf(shape, high) < probability:
        high *= 2
    while high - low > 1e-13 * high:
        middle = (low + high) / 2
        if middle in {low, high}:
            break
        if _gamma_cdf(shape, middle) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _gamma_cdf(shape: int, x: float) -> float:
    """P(shape, x) for a whole ``shape``: one minus the Poisson probability of fewer than ``shape`` events."""
    if x <= 0:
        return 0.0
    # sum outwards from the largest term, where it neither under- nor overflows
    top = min(shape - 1, int(x))
    first = math.exp(top * math.log(x) - x - math.lgamma(top + 1))
    total, term = first, first
    for n in range(top + 1, shape):
        term *= x / n
        total += term
        if term < 1e-17 * total:
            break
    term = first
    for n in range(top, 0, -1):
        term *= n / x
        total += term
        if term < 1e-17 * total:
            break
    return 1.0 - total
