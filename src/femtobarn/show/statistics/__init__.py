"""Significances and intervals, from results."""

from femtobarn.show.statistics.poisson import garwood
from femtobarn.show.statistics.significance import (
    Estimate,
    SignificanceResult,
    asimov,
    asimov_with_uncertainty,
    s_over_sqrt_b,
    s_over_sqrt_b_with_uncertainty,
    significance,
    significances,
)

__all__ = [
    "Estimate",
    "SignificanceResult",
    "asimov",
    "asimov_with_uncertainty",
    "garwood",
    "s_over_sqrt_b",
    "s_over_sqrt_b_with_uncertainty",
    "significance",
    "significances",
]
