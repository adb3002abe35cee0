"""Columns of events made of objects, as readers give them, and scans over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from femtobarn.base.records import Kind
from femtobarn.base.spectra import SpectraRecord
from femtobarn.data.formats.convert import RawColumn
from femtobarn.physics.spectra import states
from femtobarn.physics.spectra.evaluation import SpectraEvaluation
from femtobarn.physics.spectra.sums import SpectraSums

from .plain import Event, Thing

FIELDS = {
    "pt": "pt",
    "eta": "eta",
    "phi": "phi",
    "e": "e",
    "charge": "charge",
    "ptcone": "track",
    "etcone": "calorimeter",
    "rel_iso": "relative",
    "tight_id": "passes",
    "btag_pnet": "tag",
}


def thing(
    pt: float = 20.0, eta: float = 0.0, phi: float = 0.0, e: float | None = None, **more: float
) -> Thing:
    """Return an object; without an energy it has no mass."""
    given = {
        "charge": 1.0,
        "track": 0.0,
        "calorimeter": 0.0,
        "relative": 0.0,
        "passes": 1,
        "tag": 0.0,
        **more,
    }
    energy = float(pt * np.cosh(eta)) if e is None else e
    return Thing(pt=pt, eta=eta, phi=phi, e=energy, **given)  # type: ignore[arg-type]


def columns_of(
    record: SpectraRecord,
    events: Sequence[Event],
    weights: Sequence[float] = (),
    met: Sequence[tuple[float, float]] = (),
) -> dict[str, RawColumn]:
    """Return the columns of events; those that a scan does not ask for are there too."""
    found: dict[str, RawColumn] = {}
    for one in record.objects:
        lists = [event.get(one.letter, []) for event in events]
        offsets = np.concatenate([[0], np.cumsum([len(x) for x in lists])]).astype(np.int64)
        flat = [x for group in lists for x in group]
        for field, attribute in FIELDS.items():
            numbers = np.array([getattr(x, attribute) for x in flat], np.float64)
            found[f"{one.collection}.{field}"] = RawColumn(numbers, offsets)
    if weights:
        found["mc.generator"] = RawColumn(np.array(weights, np.float64), None)
    if met or not events:
        for i, name in enumerate(("met.pt", "met.phi")):
            found[name] = RawColumn(np.array([pair[i] for pair in met], np.float64), None)
    return found


def part_of(columns: Mapping[str, RawColumn], first: int, last: int) -> dict[str, RawColumn]:
    """Return the columns of events ``first`` to ``last`` (excluded)."""
    found = {}
    for path, column in columns.items():
        if column.offsets is None:
            found[path] = RawColumn(column.content[first:last], None)
        else:
            begin, end = column.offsets[first], column.offsets[last]
            offsets = column.offsets[first : last + 1] - begin
            found[path] = RawColumn(column.content[begin:end], offsets)
    return found


def evaluated(
    record: SpectraRecord,
    events: Sequence[Event],
    weights: Sequence[float] = (),
    met: Sequence[tuple[float, float]] = (),
    *,
    cuts: Sequence[int] = (),
) -> SpectraEvaluation:
    """Return a scan over events, in chunks that begin at ``cuts``; events with weights are simulated."""
    kind: Kind = "mc" if weights else "data"
    found, columns = SpectraEvaluation(record, kind), columns_of(record, events, weights, met)
    edges = [0, *cuts, len(events)]
    for first, last in pairwise(edges):
        found.add(part_of(columns, first, last), last - first)
    return found


def sums_of(record: SpectraRecord, events: Sequence[Event], weights: Sequence[float] = ()) -> SpectraSums:
    """Return the sums of a scan over events."""
    return evaluated(record, events, weights).spectra()


def counted(record: SpectraRecord, events: Sequence[Event]) -> dict[str, int]:
    """Return the final states of events by name, with their numbers."""
    sums = sums_of(record, events)
    return {states.name(int(code)): int(n) for code, n in zip(sums.states, sums.events[:, 0], strict=True)}
