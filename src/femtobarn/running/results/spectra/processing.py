"""What is made of full spectra, beside them: ``processed.npz``.

Simulated values are looked at by their number, and filled with their weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from femtobarn.base.errors import RunDirectoryError
from femtobarn.base.spectra import WindowRecord
from femtobarn.physics.spectra import states
from femtobarn.physics.spectra.combinations import combinations
from femtobarn.physics.spectra.sums import COMBINATION_SHIFT, STATE_SHIFT, SpectraSums, Sums
from femtobarn.running.results.spectra import compatible, windows
from femtobarn.running.results.spectra.dense import Binning, Spectrum
from femtobarn.running.results.spectra.processed import (
    Made,
    Processed,
    ProcessingSummary,
    WindowUse,
    read_processed,
    write_processed,
)
from femtobarn.running.results.spectra.reader import Spectra
from femtobarn.running.results.spectra.sparse import Sparse
from femtobarn.running.results.spectra.values import check, state_values

__all__ = ["Made", "Processed", "ProcessingSummary", "WindowUse", "process", "read_processed"]


def process(spectra: Spectra, folder: Path) -> ProcessingSummary:
    """Make what the scan says of its spectra and write it to ``processed.npz``; equal spectra give equal bytes.

    With ``veto`` each spectrum has a processed one, also if no window is of its objects: then they are equal.
    With ``only``, and in compatible mode, those of which nothing is left have none.

    Parameters
    ----------
    spectra
        of the scan
    folder
        of the scan in its run directory; in compatible mode it holds the single values

    Raises
    ------
    SettingsError
        in compatible mode, if single values were not kept
    RunDirectoryError
        if they are not those of the spectra
    """
    record = spectra.record.processing
    if record.mode == "compatible":
        check(folder)
    places = {one: i for i, one in enumerate(combinations(spectra.record))}
    applied = record.windows if record.mode == "windows" else ()
    used = {(group, window): [0, 0] for group in spectra.groups for window in applied}
    tables: dict[tuple[str, str], Sparse] = {}
    for group in spectra.groups:
        kept, sums = spectra.kept(group), spectra.sums[group]
        for variant in _variants(spectra):
            tables[group, variant] = Sparse(sums.states[kept], sums.events[kept])
        for made, full in _made(spectra, group, folder):
            for one in made:
                tables[group, one.variant].add(one, places[one.combination])
            if full is not None:
                for window in windows.matching(record.windows, full):
                    used[group, window][0] += 1
                    used[group, window][1] += windows.entries_in(full, window)
    width = spectra.record.width
    summary = ProcessingSummary(
        mode=record.mode,
        made=tuple(
            Made(group=group, variant=variant, spectra=table.spectra, entries=table.entries)
            for (group, variant), table in tables.items()
        ),
        windows=tuple(_use(group, window, width, *numbers) for (group, window), numbers in used.items()),
    )
    write_processed(folder, spectra, summary, {key: table.sums() for key, table in tables.items()})
    return summary


def _use(group: str, window: WindowRecord, width: float, spectra: int, entries: int) -> WindowUse:
    first, last = windows.bins_of(window, width)
    return WindowUse(
        group=group,
        name=window.name,
        centre=window.centre,
        half_width=window.half_width,
        lower=first * width,
        upper=last * width,
        spectra=spectra,
        entries=entries,
    )


def _variants(spectra: Spectra) -> tuple[str, ...]:
    record = spectra.record.processing
    if record.mode == "windows":
        return ("veto", "only") if record.keep == "both" else (record.keep,)
    return ("main", "outliers") if record.mode == "compatible" else ()


def _made(spectra: Spectra, group: str, folder: Path) -> Iterator[tuple[Sequence[Spectrum], Spectrum | None]]:
    """Give what is made of each spectrum, by state, and the full one if it was read."""
    record = spectra.record.processing
    if record.mode == "windows":
        for full in spectra.spectra(group):
            made: list[Spectrum] = []
            if record.keep != "only":
                made.append(windows.vetoed(full, record.windows))
            if record.keep != "veto" and windows.matching(record.windows, full):
                made.append(windows.alone(full, record.windows))
            yield made, full
    elif record.mode == "compatible":
        places = {one.name: i for i, one in enumerate(combinations(spectra.record))}
        for place in np.flatnonzero(spectra.kept(group)):
            for made in _compatible(spectra, group, int(place), folder, places):
                yield made, None


def _compatible(
    spectra: Spectra, group: str, place: int, folder: Path, places: Mapping[str, int]
) -> Iterator[list[Spectrum]]:
    """Give what is made of the values of a final state, one combination after the other."""
    record, found = spectra.record, combinations(spectra.record)
    one, state = record.processing, int(spectra.sums[group].states[place])
    expected = _entries(spectra.sums[group], place)
    for name, values, weights in state_values(folder, spectra.group(group), state):
        combination = places.get(name, -1)
        _same(len(values), expected.pop(combination, 0), f"{name} in {states.name(state)}", group, folder)
        lowest = one.pair_cutoff if found[combination].paired else None
        chosen = compatible.split(values, one.width or record.width, one.cutoff, lowest)
        yield [
            replace(filled(spectra, group, state, combination, values[part], weights[part]), variant=variant)
            for variant, part in zip(("main", "outliers"), chosen, strict=True)
            if part.any()
        ]
    for combination, number in expected.items():
        _same(0, number, f"{found[combination].name} in {states.name(state)}", group, folder)


def _entries(sums: SpectraSums, place: int) -> dict[int, int]:
    """Return how many values a final state has by combination."""
    first, last = np.searchsorted(sums.cells, [np.uint64(p << STATE_SHIFT) for p in (place, place + 1)])
    of = (sums.cells[first:last] >> np.uint64(COMBINATION_SHIFT)) & np.uint64(0xFFFF)
    found, which = np.unique(of, return_inverse=True)
    counts = np.bincount(which, sums.sums[first:last, 0], len(found))
    return {int(one): round(float(number)) for one, number in zip(found, counts, strict=True)}


def _same(seen: int, expected: int, what: str, group: str, folder: Path) -> None:
    if seen != expected:
        msg = f"Expected {expected:,} single values of {what} of {group} in {folder}, but there are {seen:,}: they are of another run. Run the scan again: finished tasks are not repeated."
        raise RunDirectoryError(msg)


def filled(
    spectra: Spectra, group: str, state: int, combination: int, values: Sums, weights: Sums
) -> Spectrum:
    """Return the spectrum of single values (n,) in GeV, in the bins of the scan."""
    kind = spectra.group(group).kind
    binning = Binning.of(spectra.record)
    numbers = np.clip(np.floor(values / binning.width), -1, binning.bins).astype(np.intp)
    ones = np.ones(len(values))
    powers = np.stack((ones, weights, weights**2) if kind == "mc" else (ones,), 1)
    inside = (numbers >= 0) & (numbers < binning.bins)
    first = int(numbers[inside].min(initial=binning.bins))
    bins = [np.bincount(numbers[inside] - first, by) for by in powers[inside].T]
    return windows.trimmed(
        Spectrum(
            group,
            kind,
            state,
            combinations(spectra.record)[combination],
            binning.width,
            first,
            np.stack(bins, 1).astype(np.float64),
            powers[numbers < 0].sum(axis=0),
            above=powers[numbers == binning.bins].sum(axis=0),
        )
    )
