"""All spectra of a scan side by side: those of one final state and combination are one entry."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from femtobarn.physics.spectra.combinations import Combination, combinations
from femtobarn.running.results.spectra.processed import Processed
from femtobarn.running.results.spectra.reader import Spectra, Spectrum

FULL = "full"
VARIANTS = (FULL, "veto", "only", "main", "outliers")
"""What a spectrum can be: as it was filled, and what was made of it."""

Made = Processed | Mapping[str, Sequence[Spectrum]]
"""What was made of the spectra of each group."""


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A final state and a combination, and its spectra: by group, then by variant.

    Parameters
    ----------
    state
        code of the final state
    combination
        its number among those of the scan
    spectra
        at least one
    """

    state: int
    combination: int
    spectra: tuple[Spectrum, ...]


def entries(spectra: Spectra, processed: Made) -> Iterator[Entry]:
    """Give all entries by final state, then by combination; one is in memory at a time.

    Parameters
    ----------
    spectra
        the full spectra of all groups
    processed
        by group what was made of them; groups that it does not have are shown as they are
    """
    numbers = {one: i for i, one in enumerate(combinations(spectra.record))}
    ranks = {group: rank for rank, group in enumerate(spectra.groups)}

    def key(one: Spectrum) -> tuple[int, int, int, int]:
        return (
            one.state,
            numbers[one.combination],
            ranks[one.group],
            VARIANTS.index(one.variant),
        )

    found: list[Iterable[Spectrum]] = [spectra.spectra(group) for group in ranks]
    for group in ranks:
        if group in processed:
            made = processed.spectra(group) if isinstance(processed, Processed) else processed[group]
            found.append(_in_order(made, numbers))
    for (state, combination, _, _), here in groupby(
        heapq.merge(*found, key=key), key=lambda one: (*key(one)[:2], 0, 0)
    ):
        yield Entry(state, combination, tuple(here))


def _in_order(made: Iterable[Spectrum], numbers: Mapping[Combination, int]) -> Iterator[Spectrum]:
    """Give variants of one state and combination in the order of `VARIANTS`, whatever theirs was."""
    if isinstance(made, Sequence):
        made = sorted(made, key=lambda one: (one.state, numbers[one.combination]))
    for _, here in groupby(made, key=lambda one: (one.state, one.combination)):
        yield from sorted(here, key=lambda one: VARIANTS.index(one.variant))
