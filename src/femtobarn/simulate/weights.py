"""Generator weights, scale factors and the sums of weights that belong to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from femtobarn.simulate.kinematics import Floats
from femtobarn.simulate.processes import Dataset


@dataclass(frozen=True, slots=True)
class Normalisation:
    """The bookkeeping of one dataset, as it was before the four-lepton skim.

    Parameters
    ----------
    num_events
        generated events
    sum_of_weights, sum_of_weights_squared
        over all generated events
    """

    num_events: float
    sum_of_weights: float
    sum_of_weights_squared: float


def normalisation(dataset: Dataset, events: int) -> Normalisation:
    """Return the totals for which ``events`` recorded events amount to the expectation of the dataset."""
    generated = float(max(round(events * dataset.produced / dataset.expected), events))
    dilution = 1.0 - 2.0 * dataset.negative
    return Normalisation(
        num_events=generated,
        sum_of_weights=generated * dataset.unit * dilution,
        sum_of_weights_squared=generated * dataset.unit**2 * 1.2,
    )


def generator_weights(
    rng: np.random.Generator, dataset: Dataset, counts: tuple[int, ...], totals: Normalisation
) -> Floats:
    """Return the generator weights of the recorded events, component after component.

    Parameters
    ----------
    rng
        source of random numbers, for the signs
    dataset
        the dataset
    counts
        recorded events of each of its components
    totals
        its bookkeeping

    Returns
    -------
    ndarray
        weights of both signs; their sum over a component, times produced events over the sum of
        weights, is the component's expectation within statistics
    """
    dilution = 1.0 - 2.0 * dataset.negative
    per_event = dataset.produced / totals.sum_of_weights
    sizes = [
        np.full(count, component.expected / (count * dilution * per_event) if count else 0.0)
        for component, count in zip(dataset.components, counts, strict=True)
    ]
    size = np.concatenate(sizes)
    return np.where(rng.random(len(size)) < dataset.negative, -size, size)


def pileup_weights(rng: np.random.Generator, n: int) -> Floats:
    """Return weights of mean 1 that turn the simulated pile-up profile into the one of data."""
    return rng.gamma(30.0, 1.0 / 30.0, n)


def scale_factors(rng: np.random.Generator, n_objects: Floats, spread: float) -> Floats:
    """Return efficiency ratios of data and simulation: mean 1, wider with more objects, 1 without any."""
    return np.maximum(1.0 + rng.normal(0.0, 1.0, len(n_objects)) * spread * np.sqrt(n_objects), 0.5)
