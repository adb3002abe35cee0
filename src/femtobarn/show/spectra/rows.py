"""Which groups figures tell apart: each of a few, and of many only data and simulation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from femtobarn.base.records import Kind
from femtobarn.running.results.spectra.reader import Spectra, Spectrum

MOST = 6
"""Groups that a figure has room and colours for."""

_KINDS: dict[Kind, str] = {"data": "data", "mc": "simulation"}


@dataclass(frozen=True, slots=True)
class Row:
    """What is drawn in one colour: a group, or the sum of all of a kind.

    Parameters
    ----------
    name, kind
        as in legends
    groups
        what it is the sum of
    """

    name: str
    kind: Kind
    groups: tuple[str, ...]


def rows(spectra: Spectra) -> tuple[Row, ...]:
    """Return what figures tell apart; of more than `MOST` groups those of a kind are one."""
    kinds = {group: spectra.group(group).kind for group in spectra.groups}
    if len(kinds) <= MOST:
        return tuple(Row(group, kind, (group,)) for group, kind in kinds.items())
    found = []
    for kind in dict.fromkeys(kinds.values()):
        groups = tuple(group for group in kinds if kinds[group] == kind)
        name = groups[0] if len(groups) == 1 else f"{_KINDS[kind]}, {len(groups)} groups"
        found.append(Row(name, kind, groups))
    return tuple(found)


def summed(spectra: Sequence[Spectrum], name: str) -> Spectrum:
    """Return the sum of at least one spectrum of a kind, state, combination and variant."""
    if len(spectra) == 1:
        return replace(spectra[0], group=name)
    filled = [one for one in spectra if len(one.sums)] or spectra[:1]
    first = min(one.first for one in filled)
    sums = np.zeros((max(one.first + len(one.sums) for one in filled) - first, spectra[0].sums.shape[1]))
    for one in filled:
        sums[one.first - first :][: len(one.sums)] += one.sums
    below, above = (np.sum([getattr(one, side) for one in spectra], axis=0) for side in ("below", "above"))
    return replace(spectra[0], group=name, first=first, sums=sums, below=below, above=above)
