"""The demo data set: what each of its 40 files consists of."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from femtobarn.base.errors import SettingsError, UsageError
from femtobarn.simulate.branches import Conditions, measure
from femtobarn.simulate.detector import Recorded, join, record
from femtobarn.simulate.processes import (
    LUMINOSITY,
    PERIODS,
    Component,
    Dataset,
    Period,
    scaled_datasets,
)
from femtobarn.simulate.table import Table
from femtobarn.simulate.topologies import GENERATORS
from femtobarn.simulate.weights import generator_weights, normalisation

_PREFIX, _SKIM = "ODEO_FEB2025_v0_exactly4lep_", ".exactly4lep.root"
_MC_RUN = 284500
_LARGEST_BATCH = 60_000


def data_file_name(period: Period) -> str:
    """Return the name of the file of a data period, as in the 2025 release."""
    return f"{_PREFIX}{period.tag}{_SKIM}"


def mc_file_name(dataset: Dataset) -> str:
    """Return the name of the file of a simulated dataset, as in the 2025 release."""
    return f"{_PREFIX}mc_{dataset.dsid}.{dataset.name}{_SKIM}"


def data_table(seed: int, period: Period, datasets: Iterable[Dataset]) -> Table:
    """Return the events of one data period: Poisson numbers of events of every component of all datasets.

    Parameters
    ----------
    seed
        seed of the whole demo
    period
        the period
    datasets
        what nature consists of
    """
    rng = _stream(seed, PERIODS.index(period) + 1)
    fraction = period.luminosity / LUMINOSITY
    components = [component for dataset in datasets for component in dataset.components]
    counts = rng.poisson([component.expected * fraction for component in components])
    order, events, (jets, b_jets) = _generate(rng, components, counts.tolist())
    n = len(events)
    runs = np.sort(rng.integers(period.first_run, period.last_run + 1, n)).astype(np.uint32)
    return measure(
        rng,
        events.take(order),
        Conditions(
            label=f"data{period.year % 100}",
            run=runs,
            number=_event_numbers(rng, n),
            channel=runs,
            year_2015=np.full(n, period.year == 2015),
            jets=jets[order],
            b_jets=b_jets[order],
        ),
    )


def mc_table(seed: int, dataset: Dataset, events: int) -> Table:
    """Return ``events`` events of one simulated dataset.

    Parameters
    ----------
    seed
        seed of the whole demo
    dataset
        the dataset
    events
        number of events; each component gets its share
    """
    rng = _stream(seed, dataset.dsid)
    edges = np.rint(np.cumsum([0.0, *(c.share for c in dataset.components)]) * events).astype(int)
    counts = tuple(np.diff(edges).tolist())
    order, recorded, (jets, b_jets) = _generate(rng, dataset.components, counts)
    totals = normalisation(dataset, events)
    weights = generator_weights(rng, dataset, counts, totals)
    in_2015 = sum(period.luminosity for period in PERIODS if period.year == 2015) / LUMINOSITY
    return measure(
        rng,
        recorded.take(order),
        Conditions(
            label="mc",
            run=np.full(events, _MC_RUN, np.uint32),
            number=_event_numbers(rng, events),
            channel=np.full(events, dataset.dsid, np.uint32),
            year_2015=rng.random(events) < in_2015,
            jets=jets[order],
            b_jets=b_jets[order],
            dataset=dataset,
            totals=totals,
            weights=weights[order],
        ),
    )


def recorded_events(rng: np.random.Generator, component: Component, n: int) -> Recorded:
    """Return ``n`` events of a component with exactly four recorded leptons."""
    parts: list[Recorded] = []
    missing, batch = n, 16 * n + 64
    while missing > 0:
        batch = min(batch, _LARGEST_BATCH)
        part = record(rng, GENERATORS[component.topology](rng, batch, component))
        parts.append(part.take(slice(0, missing)))
        missing -= len(parts[-1])
        batch = int(1.2 * missing * batch / max(len(part), 1)) + 64
    return join(parts)


def _generate(
    rng: np.random.Generator, components: Iterable[Component], counts: Iterable[int]
) -> tuple[NDArray[np.intp], Recorded, NDArray[np.float64]]:
    parts, surroundings = [], []
    for component, count in zip(components, counts, strict=True):
        if count:
            parts.append(recorded_events(rng, component, count))
            surroundings.append(np.tile([[component.jets], [component.b_jets]], count))
    if not parts:
        raise SettingsError(
            "Expected at least one event in every file of the demo data, came to none. Ask for more."
        )
    events = join(parts)
    return rng.permutation(len(events)), events, np.concatenate(surroundings, axis=1)


def _event_numbers(rng: np.random.Generator, n: int) -> NDArray[np.uint64]:
    return np.cumsum(rng.integers(1, 40_000, n)).astype(np.uint64)


def _stream(seed: int, index: int) -> np.random.Generator:
    # Counter-based, keyed by file: the contents do not depend on which file is made first, or where.
    return np.random.Generator(np.random.Philox(key=np.array([seed, index], np.uint64)))


def write_demo_data(
    folder: Path,
    *,
    seed: int = 20251121,
    events_data: int = 5000,
    events_mc: int = 10000,
    progress: Callable[[str, int, int], None] | None = None,
) -> tuple[Path, ...]:
    """Write the 40 files of the four-lepton analysis, made by a toy Monte Carlo.

    16 data periods and 24 simulated datasets with the file names, branch names, types and units of
    the 2025 release, tree ``analysis``, titled "simulated demo data". Data follow Poisson statistics
    around the sum of the simulated datasets at 36.6 fb^-1, each period with its part of the
    luminosity.

    Parameters
    ----------
    folder
        where to write; made if it does not exist, other files in it are left alone
    seed
        equal seeds (and numbers of events) give equal contents
    events_data
        events per data period, on average over the periods
    events_mc
        events per simulated dataset
    progress
        called with (file name, files done, files in all) after each file

    Returns
    -------
    tuple of Path
        the files, data first

    Raises
    ------
    SettingsError
        for a seed or numbers of events outside what is possible
    UsageError
        if the folder cannot be made or written
    """
    if not 0 <= seed < 2**64:
        message = f"Expected a seed from 0 to 2**64 - 1, came {seed}. Choose one in that range."
        raise SettingsError(message)
    if events_mc < 10:
        message = f"Expected at least 10 events per simulated dataset, came {events_mc}. Ask for more."
        raise SettingsError(message)
    try:
        datasets = scaled_datasets(float(events_data) * len(PERIODS))
    except ValueError as error:
        message = f"Expected more events per data period than {events_data}: {error}. Ask for more."
        raise SettingsError(message) from error
    _prepare(folder)
    # Loaded here: uproot takes a second, and the names above are needed without it.
    from femtobarn.simulate.writer import write_root

    total = len(PERIODS) + len(datasets)
    paths: list[Path] = []

    def save(name: str, table: Table) -> None:
        write_root(folder / name, table)
        paths.append(folder / name)
        if progress is not None:
            progress(name, len(paths), total)

    for period in PERIODS:
        save(data_file_name(period), data_table(seed, period, datasets))
    for dataset in datasets:
        save(mc_file_name(dataset), mc_table(seed, dataset, events_mc))
    return tuple(paths)


def _prepare(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK | os.X_OK)
    except OSError as error:
        reason = error.strerror or error
        message = f"Expected a folder for demo data at {folder}, but: {reason}. Choose another one."
        raise UsageError(message) from error
    if not writable:
        message = f"Expected a folder with write permission, came {folder}. Choose another one."
        raise UsageError(message)
