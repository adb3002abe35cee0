"""Scans and sums made up for tests."""

from __future__ import annotations

import numpy as np

from femtobarn.base.records import Kind
from femtobarn.base.spectra import CombinationsRecord, ObjectRecord, SpectraRecord
from femtobarn.physics.spectra import states
from femtobarn.physics.spectra.combinations import combinations
from femtobarn.physics.spectra.sums import COMBINATION_SHIFT, STATE_SHIFT, SpectraSums, Values, columns

OBJECTS = tuple(
    ObjectRecord(letter=letter, collection=name)
    for letter, name in (("e", "electron"), ("m", "muon"), ("j", "jet"), ("g", "photon"))
)


def scan(**changes: object) -> SpectraRecord:
    """Return a scan of electrons, muons, jets and photons in 65 combinations."""
    return SpectraRecord(objects=OBJECTS, combinations=CombinationsRecord()).model_copy(update=changes)


def sums(record: SpectraRecord, kind: Kind = "data", *, seed: int = 1, events: int = 400) -> SpectraSums:
    """Return sums of made-up events: counts of 0 to 3 of each kind, falling masses with a peak at 91 GeV."""
    rng = np.random.default_rng(seed)
    found = combinations(record)
    codes = np.array(
        [
            states.code(
                {letter: int(n) for letter, n in zip(record.letters, rng.integers(0, 4, 4), strict=False)}
            )
            for _ in range(events)
        ],
        np.uint64,
    )
    known, place = np.unique(codes, return_inverse=True)
    keys, masses, owners = [], [], []
    for event, at in enumerate(place):
        for i, one in enumerate(found):
            if one.applies(int(known[at]), exact_leading=record.combinations.exact_leading):
                keys.append((int(at) << STATE_SHIFT) | (i << COMBINATION_SHIFT))
                peak = rng.random() < 0.2 and one.total == 2
                masses.append(rng.normal(91.2, 2.5) if peak else 20 + rng.exponential(120))
                owners.append(event)
    key, mass = np.array(keys, np.uint64), np.array(masses)
    weight = rng.normal(1, 0.2, events)
    cells = key + (np.floor(mass / record.width) + 1).astype(np.uint64)
    number = columns(kind)

    def summed(numbers: np.ndarray, event: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        names, at = np.unique(numbers, return_inverse=True)
        total = np.zeros((len(names), number))
        one = np.stack([np.ones(len(event)), weight[event], weight[event] ** 2], axis=1)[:, :number]
        np.add.at(total, at, one)
        return names, total

    bins, total = summed(cells, np.array(owners))
    _, per_state = summed(place, np.arange(events))
    order = np.argsort(key, kind="stable")
    names, counts = np.unique(key, return_counts=True)
    values = Values(
        names,
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        mass[order],
        weight[np.array(owners)][order] if kind == "mc" else np.empty(0),
    )
    return SpectraSums(known, per_state, bins, total, values if record.values else None)
