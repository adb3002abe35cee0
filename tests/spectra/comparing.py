"""Sums of a scan compared with those of the plain one."""

from __future__ import annotations

import math

import numpy as np

from femtobarn.base.spectra import (
    CombinationsRecord,
    IsolationRecord,
    Letter,
    ObjectRecord,
    OverlapRecord,
    SpectraRecord,
    StatesRecord,
    TagRecord,
)
from femtobarn.physics.spectra import states
from femtobarn.physics.spectra.combinations import combinations
from femtobarn.physics.spectra.sums import COMBINATION_SHIFT, LAST_BIN, STATE_SHIFT, SpectraSums

from .plain import Cuts, Rules, Scan

Signature = tuple[str, str]


NAMES: dict[Letter, str] = {"e": "electron", "m": "muon", "j": "jet", "g": "photon", "t": "tau"}


def record_of(
    rules: Rules, *, width: float = 10.0, tag: str = "", met: str = "file", **changes: object
) -> SpectraRecord:
    """Return the scan that follows ``rules``."""
    objects = []
    for letter, name in NAMES.items():
        if letter in rules.letters:
            cuts, limits = rules.cuts.get(letter, Cuts()), rules.limits.get(letter, (0, 999))
            inf = float("inf")
            objects.append(
                ObjectRecord(
                    letter=letter,
                    collection=name,
                    pt_min=cuts.pt,
                    eta_max=None if cuts.eta == inf else cuts.eta,
                    crack=None if cuts.crack == (9.0, 9.0) else cuts.crack,
                    isolation=IsolationRecord(
                        track=None if cuts.track == inf else cuts.track,
                        calorimeter=None if cuts.calorimeter == inf else cuts.calorimeter,
                        relative=None if cuts.relative == inf else cuts.relative,
                    ),
                    least=limits[0],
                    most=None if limits[1] == 999 else limits[1],
                )
            )
    made = SpectraRecord(
        objects=tuple(objects),
        tag=None if rules.tag is None else TagRecord(discriminant=tag, threshold=rules.tag),
        overlap=tuple(OverlapRecord(remove=a, near=b, delta_r=r, sliding=s) for a, b, r, s in rules.overlap),
        states=StatesRecord(
            least_kinds=rules.kinds[0],
            most_kinds=rules.kinds[1],
            least_count=rules.counts[0],
            most_count=rules.counts[1],
        ),
        combinations=CombinationsRecord(
            letters=tuple(rules.letters),
            most_kinds=len(rules.letters),
            least_count=rules.least,
            most_count=rules.most,
            most_total=rules.total,
            subleading=rules.subleading,
            exact_leading=rules.exact,
        ),
        quantities=rules.quantities,
        met="objects" if rules.balance else "file",
        width=width,
        values=True,
    )
    return made.model_copy(update=changes)


def values_of(sums: SpectraSums, record: SpectraRecord) -> dict[Signature, list[float]]:
    """Return the single values by the names of final state and combination, in the order of events."""
    assert sums.values is not None
    found = {}
    for i, key in enumerate(sums.values.keys.tolist()):
        first, last = sums.values.offsets[i : i + 2]
        found[_signature(key, sums, record)] = sums.values.values[first:last].tolist()
    return found


def weights_of(sums: SpectraSums, record: SpectraRecord) -> dict[Signature, list[float]]:
    """Return the weights of the single values."""
    assert sums.values is not None
    found = {}
    for i, key in enumerate(sums.values.keys.tolist()):
        first, last = sums.values.offsets[i : i + 2]
        found[_signature(key, sums, record)] = sums.values.weights[first:last].tolist()
    return found


def bins_of(sums: SpectraSums, record: SpectraRecord) -> dict[tuple[Signature, int], list[float]]:
    """Return the sums of each bin by signature and number."""
    return {
        (_signature(cell, sums, record), cell & LAST_BIN): row
        for cell, row in zip(sums.cells.tolist(), sums.sums.tolist(), strict=True)
    }


def _signature(key: int, sums: SpectraSums, record: SpectraRecord) -> Signature:
    state = states.name(int(sums.states[key >> STATE_SHIFT]))
    return state, combinations(record)[(key >> COMBINATION_SHIFT) & 0xFFFF].name


def require_equal(sums: SpectraSums, record: SpectraRecord, plain: Scan, *, weighed: bool) -> int:
    """Check that every value and every bin is that of the plain scan; return how many values there are."""
    columns = 3 if weighed else 1
    names = [states.name(int(code)) for code in sums.states]
    assert names == sorted(plain.events, key=lambda name: [int(n[:-1]) for n in name.split("_")])
    for name, row in zip(names, sums.events.tolist(), strict=True):
        np.testing.assert_allclose(row, _sums(plain.events[name])[:columns], rtol=1e-12)
    ours = values_of(sums, record)
    assert ours.keys() == plain.values.keys()
    bins: dict[tuple[Signature, int], list[float]] = {}
    for signature, theirs in plain.values.items():
        found = ours[signature]
        assert len(found) == len(theirs), signature
        for one, (value, weight, energy) in zip(found, theirs, strict=True):
            assert _same(one, value, energy), (signature, one, value, energy)
            number, expected = _number(one, record.width), _number(value, record.width)
            assert abs(number - expected) <= (0 if abs(one - value) <= 1e-9 * abs(value) else 1)
            bins.setdefault((signature, number), []).append(weight)
    if weighed:
        weights = weights_of(sums, record)
        for signature, theirs in plain.values.items():
            np.testing.assert_allclose(weights[signature], [w for _, w, _ in theirs], rtol=1e-14)
    found_bins = bins_of(sums, record)
    assert found_bins.keys() == bins.keys()
    for key, row in found_bins.items():
        np.testing.assert_allclose(row, _sums(bins[key])[:columns], rtol=1e-12, atol=1e-9)
    return sum(map(len, ours.values()))


def _same(one: float, value: float, energy: float) -> bool:
    """Tell whether two masses are one to 1e-9, or as near as doubles can be.

    A mass squared is a difference of squares of the energy, each of which is rounded at 1e-16 of itself.
    """
    return abs(one - value) <= 1e-9 * abs(value) or abs(one**2 - value**2) <= 1e-14 * energy**2


def _number(value: float, width: float) -> int:
    return 0 if value < 0 else math.floor(value / width) + 1


def _sums(weights: list[float]) -> list[float]:
    return [float(len(weights)), math.fsum(weights), math.fsum(w * w for w in weights)]
