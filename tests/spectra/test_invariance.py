"""How events are grouped, in which order they come and what lies between them changes no answer."""

from __future__ import annotations

import math
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from femtobarn.base.spectra import CombinationsRecord, ObjectRecord, SpectraRecord, StatesRecord
from femtobarn.data.formats.convert import RawColumn
from femtobarn.physics.spectra import sums as summing
from femtobarn.physics.spectra.evaluation import SpectraEvaluation
from femtobarn.physics.spectra.fast import filling
from femtobarn.physics.spectra.sums import SpectraSums, Total, columns, merged, nothing

from .columns import columns_of, evaluated, part_of, sums_of, thing
from .plain import Event, Thing

RECORD = SpectraRecord(
    objects=(
        ObjectRecord(letter="e", collection="electron", pt_min=5.0),
        ObjectRecord(letter="m", collection="muon"),
        ObjectRecord(letter="j", collection="jet", most=12),
    ),
    states=StatesRecord(least_kinds=1),
    combinations=CombinationsRecord(letters=("e", "m", "j"), subleading=1, most_total=3),
    quantities=("mass", "os", "met"),
    met="objects",
    width=5.0,
    values=True,
)


def made(seed: int, events: int) -> tuple[list[Event], list[float]]:
    """Return events, one in ten with 12 jets, and weights of either sign."""
    rng = np.random.default_rng(seed)

    def some(count: int) -> list[Thing]:
        return [
            thing(
                pt=float(5 + rng.exponential(40)),
                eta=float(rng.normal()),
                phi=float(rng.uniform(-3.1, 3.1)),
                charge=float(rng.choice([-1, 1])),
            )
            for _ in range(count)
        ]

    found: list[Event] = [
        {
            "e": some(int(rng.integers(0, 3))),
            "m": some(int(rng.integers(0, 3))),
            "j": some(12 if i % 10 == 0 else 2),
        }
        for i in range(events)
    ]
    return found, rng.normal(0.5, 1.0, events).tolist()


EVENTS, WEIGHTS = made(3, 60)
INVALID: list[Event] = [
    {},
    {"j": [thing(phi=float(i)) for i in range(13)]},
    {"j": [thing(pt=math.nan)] * 3},
    {"e": [thing(pt=4.0), thing(e=math.inf)], "j": [thing(eta=math.nan)]},
    {"m": [thing(phi=math.nan)], "j": [thing(pt=-1.0)]},
]


def same(one: SpectraSums, other: SpectraSums) -> bool:
    """Tell whether two sums are equal to the bit."""
    pairs = [(one.states, other.states), (one.events, other.events), (one.cells, other.cells)]
    pairs += [(one.sums, other.sums)]
    if one.values is not None and other.values is not None:
        pairs += [
            (getattr(one.values, name), getattr(other.values, name))
            for name in ("keys", "offsets", "values", "weights")
        ]
    return all(a.tobytes() == b.tobytes() and a.shape == b.shape for a, b in pairs)


def near(one: SpectraSums, other: SpectraSums) -> bool:
    """Tell whether counts are equal, and sums of weights to 1e-12 of those of their sizes."""
    alike = all(map(np.array_equal, (one.states, one.cells), (other.states, other.cells)))
    alike = alike and np.array_equal(one.events[:, 0], other.events[:, 0])
    alike = alike and np.array_equal(one.sums[:, 0], other.sums[:, 0])
    size = 1e-12 * sum(map(abs, WEIGHTS))
    return alike and all(
        np.abs(a - b).max() <= size for a, b in ((one.events, other.events), (one.sums, other.sums))
    )


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, len(EVENTS)), max_size=6).map(sorted), st.booleans(), st.integers(1, 70))
def test_chunks_leave_no_trace(cuts: list[int], weighed: bool, block: int) -> None:
    weights = WEIGHTS if weighed else []
    with pytest.MonkeyPatch.context() as patch:
        whole = evaluated(RECORD, EVENTS, weights)
        patch.setattr(filling, "BLOCK", block)
        split = evaluated(RECORD, EVENTS, weights, cuts=cuts)
    assert same(whole.spectra(), split.spectra())
    for name, flow in whole.cutflow().items():
        assert flow.tobytes() == split.cutflow()[name].tobytes()


@settings(deadline=None, max_examples=30)
@given(st.permutations(range(len(EVENTS))), st.booleans())
def test_the_order_of_events_does_not_matter(order: list[int], weighed: bool) -> None:
    record = RECORD.model_copy(update={"values": False})
    one = sums_of(record, EVENTS, WEIGHTS if weighed else [])
    other = sums_of(record, [EVENTS[i] for i in order], [WEIGHTS[i] for i in order] if weighed else [])
    assert near(one, other) if weighed else same(one, other)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, len(EVENTS)), max_size=6).map(sorted), st.booleans(), st.randoms())
def test_parts_add_up_to_the_whole(cuts: list[int], weighed: bool, random: Random) -> None:
    weights = WEIGHTS if weighed else []
    found = columns_of(RECORD, EVENTS, weights)
    edges = [0, *cuts, len(EVENTS)]
    parts = []
    for first, last in pairwise(edges):
        part = SpectraEvaluation(RECORD, "mc" if weighed else "data")
        part.add(part_of(found, first, last), last - first)
        parts.append(part.spectra())
    whole, together = sums_of(RECORD, EVENTS, weights), merged(parts)
    assert near(whole, together) if weighed else same(whole, together)
    assert whole.values is not None
    assert together.values is not None
    assert whole.values.values.tobytes() == together.values.values.tobytes()
    assert whole.values.weights.tobytes() == together.values.weights.tobytes()
    shuffled = list(parts)
    random.shuffle(shuffled)
    assert near(together, merged(shuffled))


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.tuples(st.integers(0, len(EVENTS)), st.sampled_from(INVALID)), min_size=1, max_size=8),
    st.booleans(),
)
def test_events_that_do_not_count_change_nothing(places: list[tuple[int, Event]], weighed: bool) -> None:
    events, weights = list(EVENTS), list(WEIGHTS)
    for at, event in sorted(places, key=lambda pair: pair[0], reverse=True):
        events.insert(at, event)
        weights.insert(at, 1e6)
    found = evaluated(RECORD, events, weights if weighed else [])
    assert same(found.spectra(), sums_of(RECORD, EVENTS, WEIGHTS if weighed else []))
    flow = found.cutflow()["final states"][0]
    assert (flow[0, 0], flow[-1, 0]) == (len(events), len(EVENTS))


def test_objects_that_do_not_count_change_nothing() -> None:
    broken = [thing(pt=math.nan), thing(eta=math.inf), thing(pt=4.9), thing(e=-math.inf)]
    events = [{**event, "e": [*broken[:2], *event["e"], *broken[2:]]} for event in EVENTS]
    assert same(sums_of(RECORD, events, WEIGHTS), sums_of(RECORD, EVENTS, WEIGHTS))


def test_a_scan_of_nothing() -> None:
    for kind in ("data", "mc"):
        found = SpectraEvaluation(RECORD, kind)
        found.add(columns_of(RECORD, []) | {"mc.generator": RawColumn(np.empty(0), None)}, 0)
        empty = found.spectra()
        assert empty.values is not None
        assert same(SpectraSums(empty.states, empty.events, empty.cells, empty.sums), nothing(columns(kind)))
        assert found.cutflow()["final states"].tolist() == [[[0.0] * 3] * 3]
        whole = sums_of(RECORD, EVENTS, WEIGHTS if kind == "mc" else [])
        assert same(merged([empty, whole, empty]), whole)


@pytest.mark.parametrize("pending", [0, 1, 500, 1 << 20])
@pytest.mark.parametrize("weighed", [False, True])
def test_a_total_is_the_merge_of_all_parts(
    pending: int, weighed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summing, "_PENDING", pending)
    record = RECORD.model_copy(update={"values": False})
    parts = []
    for seed in range(7):
        events, weights = made(seed, 15)
        parts.append(sums_of(record, events, weights if weighed else []))
    total = Total(3 if weighed else 1)
    assert same(total.sums(), nothing(3 if weighed else 1))
    for part in parts:
        total.add(part)
    assert same(total.sums(), merged(parts))
    assert same(total.sums(), total.sums())
