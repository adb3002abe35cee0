"""Four-vectors against the vector package, and the symmetries they must have."""

from __future__ import annotations

import math

import numpy as np
import pytest
import vector
from hypothesis import given, settings
from hypothesis import strategies as st

from femtobarn.physics import kinematics

Four = tuple[float, float, float, float]
angle = st.floats(-math.pi, math.pi)
particles = st.tuples(st.floats(1, 500), st.floats(-3, 3), angle, st.floats(0, 100))
events = st.lists(particles, min_size=2, max_size=5)
few = settings(deadline=None, max_examples=80)


def four(particle: Four) -> Four:
    pt, eta, phi, m = particle
    px, py, pz = kinematics.cartesian(np.float64(pt), np.float64(eta), np.float64(phi))
    return math.sqrt(px * px + py * py + pz * pz + m * m), float(px), float(py), float(pz)


def total(found: list[Four]) -> np.ndarray:
    return np.sum([four(p) for p in found], axis=0)


@few
@given(events)
def test_sums_equal_the_vector_package(found: list[Four]) -> None:
    e, px, py, pz = total(found)
    reference = vector.obj(px=0.0, py=0.0, pz=0.0, E=0.0)
    for pt, eta, phi, m in found:
        reference += vector.obj(pt=pt, eta=eta, phi=phi, mass=m).to_pxpypzenergy()
    scale = reference.E
    assert kinematics.invariant_mass(e, px, py, pz) == pytest.approx(
        reference.mass, rel=1e-9, abs=1e-6 * scale
    )
    assert [px, py, pz, e] == pytest.approx(
        [reference.px, reference.py, reference.pz, reference.E], rel=1e-12, abs=1e-12 * scale
    )
    assert np.hypot(px, py) == pytest.approx(reference.pt, rel=1e-9, abs=1e-9 * scale)
    if reference.pt > 1e-3:
        assert kinematics.pseudorapidity(px, py, pz) == pytest.approx(reference.eta, rel=1e-9, abs=1e-9)
    assert kinematics.rapidity(e, pz) == pytest.approx(reference.rapidity, rel=1e-9, abs=1e-9)


@few
@given(events, st.randoms(use_true_random=False))
def test_the_mass_does_not_depend_on_the_order(found: list[Four], random: object) -> None:
    e, px, py, pz = total(found)
    mixed = list(found)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    one, two = kinematics.invariant_mass(e, px, py, pz), kinematics.invariant_mass(*total(mixed))
    assert one == pytest.approx(two, rel=1e-9, abs=1e-6 * e)


@few
@given(events, st.floats(-0.9, 0.9), angle)
def test_the_mass_does_not_depend_on_the_frame(found: list[Four], beta: float, turn: float) -> None:
    e, px, py, pz = total(found)
    gamma = 1 / math.sqrt(1 - beta * beta)
    boosted = (gamma * (e - beta * pz), px, py, gamma * (pz - beta * e))
    turned = (e, px * math.cos(turn) - py * math.sin(turn), px * math.sin(turn) + py * math.cos(turn), pz)
    rest = kinematics.invariant_mass(e, px, py, pz)
    for other in (boosted, turned):
        assert kinematics.invariant_mass(*other) == pytest.approx(rest, rel=1e-9, abs=1e-6 * e)
    if abs(beta) < 0.9:
        shift = kinematics.rapidity(e, pz) - math.atanh(beta)
        assert kinematics.rapidity(boosted[0], boosted[3]) == pytest.approx(shift, abs=1e-7)


@few
@given(particles)
def test_the_mass_of_one_particle_is_its_own(particle: Four) -> None:
    e, px, py, pz = four(particle)
    assert kinematics.invariant_mass(e, px, py, pz) == pytest.approx(particle[3], rel=1e-9, abs=1e-6 * e)
    assert kinematics.pseudorapidity(px, py, pz) == pytest.approx(particle[1], rel=1e-9, abs=1e-12)


def test_a_space_like_sum_has_a_negative_mass() -> None:
    assert kinematics.invariant_mass(3.0, 5.0, 0.0, 0.0) == -4.0
    assert kinematics.invariant_mass(5.0, 3.0, 0.0, 0.0) == 4.0


@few
@given(st.floats(-20, 20), st.floats(-20, 20))
def test_delta_phi_is_a_short_angle(one: float, two: float) -> None:
    got = kinematics.delta_phi(one, two)
    assert -math.pi <= got <= math.pi
    assert math.cos(got) == pytest.approx(math.cos(one - two), abs=1e-12)
    assert math.sin(got) == pytest.approx(math.sin(one - two), abs=1e-12)


@few
@given(particles, particles)
def test_distances_equal_the_vector_package(one: Four, two: Four) -> None:
    a, b = (vector.obj(pt=p[0], eta=p[1], phi=p[2], mass=p[3]) for p in (one, two))
    got = kinematics.delta_r(one[1], one[2], two[1], two[2])
    assert got == pytest.approx(a.deltaR(b), rel=1e-9, abs=1e-9)
    assert got == pytest.approx(kinematics.delta_r(two[1], two[2], one[1], one[2]), rel=1e-9, abs=1e-12)


@few
@given(st.floats(0, 500), angle, st.floats(0, 500), angle)
def test_the_transverse_mass_is_that_of_two_massless_transverse_vectors(
    pt: float, phi: float, met: float, toward: float
) -> None:
    both = vector.obj(pt=pt, phi=phi, eta=0.0, mass=0.0) + vector.obj(pt=met, phi=toward, eta=0.0, mass=0.0)
    got = kinematics.transverse_mass(pt, phi, met, toward)
    assert got == pytest.approx(abs(both.mass), rel=1e-6, abs=1e-4)
    assert got <= 2 * math.sqrt(pt * met) * (1 + 1e-12) + 1e-100  # below, numbers have no 16 digits


def test_arrays_go_in_and_out() -> None:
    rng = np.random.default_rng(1)
    pt, eta, phi = rng.exponential(30, 100), rng.normal(size=100), rng.uniform(-3, 3, 100)
    x, y, z = kinematics.cartesian(pt, eta, phi)
    np.testing.assert_allclose(np.hypot(x, y), pt, rtol=1e-12)
    np.testing.assert_allclose(np.arctan2(y, x), phi, rtol=1e-12)
    np.testing.assert_allclose(kinematics.pseudorapidity(x, y, z), eta, rtol=1e-9, atol=1e-12)
