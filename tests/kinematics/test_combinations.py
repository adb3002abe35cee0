"""Combinations, nearest objects, pairing and overlaps against loops over events in plain Python."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace

import awkward as ak
import numpy as np
import pytest
import vector
from hypothesis import given, settings
from hypothesis import strategies as st

from femtobarn.physics import kinematics
from femtobarn.physics.kinematics import Directions, OverlapStep

few = settings(deadline=None, max_examples=50)
angle = st.floats(-math.pi, math.pi)
eta = st.floats(-3, 3)
events = st.lists(st.integers(0, 6), max_size=6)
directions = st.lists(st.lists(st.tuples(st.floats(5, 500), eta, angle), max_size=5), max_size=5)


def bounds(counts: list[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


@few
@given(events, st.integers(1, 5))
def test_all_combinations_are_chosen_in_order(counts: list[int], n: int) -> None:
    offsets = bounds(counts)
    members, starts = kinematics.choose(offsets, n)
    found = list(zip(*(m.tolist() for m in members), strict=True))
    expected = [
        list(itertools.combinations(range(int(a), int(b)), n)) for a, b in itertools.pairwise(offsets)
    ]
    assert found == [c for event in expected for c in event]
    assert np.diff(starts).tolist() == [math.comb(c, n) for c in counts]


@few
@given(events, st.integers(2, 4))
def test_combinations_equal_those_of_awkward(counts: list[int], n: int) -> None:
    values = ak.unflatten(np.arange(sum(counts)), np.array(counts, np.int64))
    members, starts = kinematics.choose(bounds(counts), n)
    for k, chosen in enumerate(ak.unzip(ak.combinations(values, n, axis=1))):
        assert ak.flatten(chosen).to_list() == members[k].tolist()
        assert ak.num(chosen).to_list() == np.diff(starts).tolist()


@few
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=5))
def test_products_are_every_object_with_every_other(counts: list[tuple[int, int]]) -> None:
    a, b = bounds([c for c, _ in counts]), bounds([c for _, c in counts])
    one, two, starts = kinematics.products(a, b)
    expected = [
        (i, j)
        for e in range(len(counts))
        for i in range(int(a[e]), int(a[e + 1]))
        for j in range(int(b[e]), int(b[e + 1]))
    ]
    assert list(zip(one.tolist(), two.tolist(), strict=True)) == expected
    assert np.diff(starts).tolist() == [x * y for x, y in counts]


@few
@given(st.lists(st.lists(st.sampled_from([0.0, 1.0, 2.0, math.nan, math.inf]), max_size=4), max_size=5))
def test_the_best_is_the_first_of_the_lowest(keys: list[list[float]]) -> None:
    offsets = bounds([len(k) for k in keys])
    flat = [x for k in keys for x in k]
    for event, at in enumerate(kinematics.best_of(flat, offsets).tolist()):
        numbers = [x for x in keys[event] if not math.isnan(x)]
        expected = int(offsets[event]) + keys[event].index(min(numbers)) if numbers else -1
        assert at == expected


def flat_of(found: list[list[tuple[float, float, float]]]) -> Directions:
    rows = np.array([o for e in found for o in e], np.float64).reshape(-1, 3)
    return Directions(rows[:, 0], rows[:, 1], rows[:, 2], bounds([len(e) for e in found]))


@few
@given(directions, directions)
def test_the_nearest_is_found_as_by_the_vector_package(
    one: list[list[tuple[float, float, float]]], two: list[list[tuple[float, float, float]]]
) -> None:
    size = min(len(one), len(two))
    one, two = one[:size], two[:size]
    a, b = flat_of(one), flat_of(two)
    distance, partner = kinematics.nearest(a.eta, a.phi, a.offsets, b.eta, b.phi, b.offsets)
    k = 0
    for mine, others in zip(one, two, strict=True):
        for pt, eta_, phi in mine:
            me = vector.obj(pt=pt, eta=eta_, phi=phi)
            away = [me.deltaR(vector.obj(pt=p, eta=e, phi=f)) for p, e, f in others]
            assert distance[k] == pytest.approx(min(away, default=math.inf), rel=1e-9, abs=1e-9)
            if away:
                there = int(partner[k] - b.offsets[one.index(mine)]) if one.count(mine) == 1 else None
                assert there is None or away[there] == pytest.approx(min(away), rel=1e-9, abs=1e-9)
            else:
                assert partner[k] == -1
            k += 1


# --- pairing ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Lepton:
    flavour: int
    charge: int
    pt: float
    eta: float
    phi: float


leptons = st.builds(
    Lepton,
    st.sampled_from([11, 13]),
    st.sampled_from([-1, 1]),
    st.floats(7, 200),
    st.floats(-2.5, 2.5),
    angle,
)
lepton_events = st.lists(st.lists(leptons, max_size=6), min_size=1, max_size=4)


def pair_mass(one: Lepton, two: Lepton) -> float:
    both = [vector.obj(pt=x.pt, eta=x.eta, phi=x.phi, mass=0.0) for x in (one, two)]
    return float(abs((both[0] + both[1]).mass))


def paired(found: list[list[Lepton]]) -> tuple[list[Lepton], np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return all leptons, the positions and masses of their SFOS pairs, and the offsets of these."""
    flat = [x for e in found for x in e]
    (first, second), starts = kinematics.choose(bounds([len(e) for e in found]), 2)
    flavour, charge = [x.flavour for x in flat], [x.charge for x in flat]
    good = kinematics.same_flavour_opposite_sign(flavour, charge, first, second)
    kept = np.concatenate([[0], np.cumsum(good)])[starts]
    first, second = first[good], second[good]
    mass = np.array([pair_mass(flat[i], flat[j]) for i, j in zip(first, second, strict=True)])
    return flat, first, second, mass, kept


def loop_zz(event: list[Lepton], base: int) -> tuple[set[int], set[int]] | None:
    """Return the members of z1 and z2 by looking at every choice of two disjoint pairs."""
    ways = []
    for one in itertools.combinations(range(len(event)), 2):
        for two in itertools.combinations(range(len(event)), 2):
            if set(one) & set(two):
                continue
            z1, z2 = ([event[i] for i in w] for w in (one, two))
            if any(a.flavour != b.flavour or a.charge == b.charge for a, b in (z1, z2)):
                continue
            near, far = (abs(pair_mass(*z) - kinematics.Z_MASS) for z in (z1, z2))
            if near <= far:
                ways.append((near, far, one, two))
    if not ways:
        return None
    _, _, one, two = min(ways)
    return {base + i for i in one}, {base + i for i in two}


@few
@given(lepton_events)
def test_two_pairs_are_those_of_a_loop_over_all_choices(found: list[list[Lepton]]) -> None:
    _, first, second, mass, starts = paired(found)
    z1, z2 = kinematics.two_pairs(mass, first, second, starts)
    for e, event in enumerate(found):
        base = sum(len(x) for x in found[:e])
        expected = loop_zz(event, base)
        if expected is None:
            assert z1[e] == z2[e] == -1
        else:
            got = tuple({int(first[z]), int(second[z])} for z in (z1[e], z2[e]))
            assert got == expected or len({x.pt for x in event}) < len(event)  # equal leptons are exchanged


@few
@given(lepton_events, st.randoms(use_true_random=False))
def test_pairing_does_not_depend_on_the_order_of_leptons(found: list[list[Lepton]], random: object) -> None:
    mixed = [list(e) for e in found]
    for event in mixed:
        random.shuffle(event)  # type: ignore[attr-defined]
    masses = []
    for order in (found, mixed):
        _, first, second, mass, starts = paired(order)
        z1, z2 = kinematics.two_pairs(mass, first, second, starts)
        best = kinematics.pair_nearest(mass, starts)
        masses.append([[mass[z] if z >= 0 else -1.0 for z in picks] for picks in (z1, z2, best)])
    # pairs at equal distance below and above the Z mass are the only ones that may be exchanged
    pulls = [np.abs(np.array(m) - kinematics.Z_MASS) for m in masses]
    np.testing.assert_allclose(pulls[0], pulls[1], rtol=1e-9, atol=1e-6)


@few
@given(lepton_events, st.floats(-2, 2), angle)
def test_pairing_does_not_depend_on_the_frame(found: list[list[Lepton]], boost: float, turn: float) -> None:
    # along the beam a boost of massless leptons shifts their pseudorapidity
    moved = [[replace(x, eta=x.eta + boost, phi=x.phi + turn) for x in e] for e in found]
    pulls = []
    for frame in (found, moved):
        _, first, second, mass, starts = paired(frame)
        z1, z2 = kinematics.two_pairs(mass, first, second, starts)
        chosen = [[abs(mass[z] - kinematics.Z_MASS) if z >= 0 else -1.0 for z in picks] for picks in (z1, z2)]
        pulls.append(chosen)
    np.testing.assert_allclose(pulls[0], pulls[1], rtol=1e-9, atol=1e-4)


def test_of_two_pairs_the_first_must_leave_a_second() -> None:
    # e+ e- m+ m- e-: the pair (0, 4) is nearest, and (1, .) cannot be paired without it
    first, second = np.array([0, 0, 2]), np.array([1, 4, 3])
    z1, z2 = kinematics.two_pairs([80.0, 91.0, 40.0], first, second, [0, 3])
    assert (first[z1[0]], second[z1[0]], z2[0]) == (0, 4, 2)
    alone = kinematics.two_pairs([91.0, 80.0], [0, 0], [1, 2], [0, 2])
    assert [z.tolist() for z in alone] == [[-1], [-1]]


# --- overlaps ------------------------------------------------------------------------------------------


@few
@given(directions, directions, st.floats(0.05, 2.0), st.sampled_from([0.0, 10.0]))
def test_one_step_removes_what_a_loop_removes(
    one: list[list[tuple[float, float, float]]],
    two: list[list[tuple[float, float, float]]],
    radius: float,
    sliding: float,
) -> None:
    size = min(len(one), len(two))
    a, b = flat_of(one[:size]), flat_of(two[:size])
    step = OverlapStep("muon", "jet", radius, sliding)
    left = kinematics.remove_overlaps({"muon": a, "jet": b}, [step])
    expected = []
    for mine, others in zip(one[:size], two[:size], strict=True):
        for pt, eta_, phi in mine:
            limit = min(radius, 0.04 + sliding / pt) if sliding else radius
            expected.append(all(kinematics.delta_r(eta_, phi, e, f) >= limit for _, e, f in others))
    assert left["muon"].tolist() == expected
    assert left["jet"].all()


def test_the_order_of_steps_decides_who_stays() -> None:
    def at(*angles: float) -> Directions:
        n = len(angles)
        return Directions(np.full(n, 50.0), np.array(angles), np.zeros(n), np.array([0, n]))

    # a jet on top of the electron is the electron; a jet at 0.3 makes the electron its own
    given_ = {"electron": at(0.0, 2.0), "jet": at(0.1, 2.3)}
    left = kinematics.remove_overlaps(given_)
    assert left["jet"].tolist() == [False, True]
    assert left["electron"].tolist() == [True, False]
    turned = kinematics.remove_overlaps(
        given_, [OverlapStep("electron", "jet", 0.4), OverlapStep("jet", "electron", 0.2)]
    )
    assert turned["electron"].tolist() == [False, False]
    assert turned["jet"].tolist() == [True, True]
    boosted = kinematics.remove_overlaps(given_, kinematics.BOOSTED)
    assert boosted["electron"].tolist() == [True, True], "0.04 + 10 / 50 is less than 0.3"


# --- transverse mass of a system ---------------------------------------------------------------------


@few
@given(
    st.lists(st.tuples(st.floats(1, 300), eta, angle, st.floats(0, 50)), min_size=1, max_size=4),
    st.floats(0, 300),
    angle,
)
def test_the_transverse_mass_of_a_system_is_that_of_transverse_vectors(
    objects: list[tuple[float, float, float, float]], met: float, toward: float
) -> None:
    total = vector.obj(px=0.0, py=0.0, pz=0.0, E=0.0)
    for pt, eta_, phi, m in objects:
        total += vector.obj(pt=pt, eta=eta_, phi=phi, mass=m).to_pxpypzenergy()
    mass = abs(total.mass)
    visible = vector.obj(px=total.px, py=total.py, pz=0.0, mass=mass)
    both = visible + vector.obj(pt=met, phi=toward, eta=0.0, mass=0.0)
    got = kinematics.transverse_mass_of_system(mass, total.pt, total.phi, met, toward)
    scale = visible.E + met
    assert got == pytest.approx(abs(both.mass), rel=1e-6, abs=1e-5 * scale)
    assert got >= mass * (1 - 1e-9)


@few
@given(st.floats(0, 500), angle, st.floats(0, 500), angle)
def test_a_massless_system_has_the_transverse_mass_of_one_object(
    pt: float, phi: float, met: float, toward: float
) -> None:
    one = kinematics.transverse_mass(pt, phi, met, toward)
    assert kinematics.transverse_mass_of_system(0.0, pt, phi, met, toward) == pytest.approx(one, abs=1e-4)
