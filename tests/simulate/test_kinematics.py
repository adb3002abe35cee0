"""Generated four-vectors obey relativity."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from femtobarn.simulate import kinematics as kin
from femtobarn.simulate.processes import DATASETS
from femtobarn.simulate.topologies import GENERATORS


@given(
    seed=st.integers(0, 2**32),
    mass=st.floats(10.0, 500.0),
    first=st.floats(0.0, 0.49),
    second=st.floats(0.0, 0.49),
)
def test_decay_conserves_momentum_and_masses(seed, mass, first, second):
    rng = np.random.default_rng(seed)
    parent = kin.recoiling(rng, np.full(20, mass), 30.0, 1.0)
    one, two = kin.decay(rng, parent, np.full(20, first * mass), np.full(20, second * mass))
    np.testing.assert_allclose(one + two, parent, rtol=1e-9, atol=1e-7)
    np.testing.assert_allclose(kin.invariant_mass(one), first * mass, atol=1e-3 * mass)
    np.testing.assert_allclose(kin.invariant_mass(parent), mass, rtol=1e-6)


def test_boost_keeps_invariant_products():
    rng = np.random.default_rng(1)
    rest = np.stack([np.full(50, 50.0), *rng.normal(0, 10, (3, 50))], axis=-1)
    parent = kin.recoiling(rng, np.full(50, 90.0), 20.0, 1.0)
    np.testing.assert_allclose(
        kin.invariant_mass(kin.boost(rest, parent)), kin.invariant_mass(rest), rtol=1e-9
    )


def test_breakup_vanishes_at_and_below_threshold():
    masses = np.array([50.0, 100.0, 200.0])
    momentum = kin.breakup(masses, np.full(3, 50.0), np.full(3, 50.0))
    np.testing.assert_allclose(momentum, [0.0, 0.0, np.sqrt(200.0**2 / 4 - 50.0**2)])


def test_breit_wigner_has_the_width_of_the_z():
    masses = kin.breit_wigner(np.random.default_rng(2), 100_000, 60.0, 120.0)
    low, high = np.quantile(masses, [0.25, 0.75])
    assert np.median(masses) == pytest.approx(kin.Z_MASS, abs=0.05)
    assert high - low == pytest.approx(kin.Z_WIDTH, rel=0.1)  # quartiles of a Lorentzian: one full width


@pytest.mark.parametrize("component", {c.topology: c for d in DATASETS for c in d.components}.values())
def test_every_topology_gives_four_leptons_with_their_masses(component):
    truth = GENERATORS[component.topology](np.random.default_rng(3), 4000, component)
    assert len(truth) > 30
    assert truth.p4.shape == (len(truth), 4, 4)
    assert set(np.unique(truth.kind)) == {11, 13}
    assert set(np.unique(truth.charge)) == {-1, 1}
    assert np.all(kin.invariant_mass(truth.p4) < 1.0)


def test_higgs_leptons_sum_to_the_higgs_mass():
    (component,) = (d.components[0] for d in DATASETS if d.dsid == 345060)
    truth = GENERATORS["higgs"](np.random.default_rng(4), 20_000, component)
    np.testing.assert_allclose(kin.invariant_mass(truth.p4.sum(axis=1)), kin.HIGGS_MASS, rtol=1e-6)
    m12 = kin.invariant_mass(truth.p4[:, :2].sum(axis=1))
    m34 = kin.invariant_mass(truth.p4[:, 2:].sum(axis=1))
    assert np.mean(np.abs(m12 - kin.Z_MASS) < 10) > 0.6
    assert np.max(m34) <= 62.5 + 1e-3
    assert np.all(truth.charge.sum(axis=1) == 0)


def test_continuum_rises_at_twice_the_z_mass():
    (component,) = (d.components[0] for d in DATASETS if d.dsid == 700600)
    truth = GENERATORS["zz"](np.random.default_rng(5), 200_000, component)
    masses = kin.invariant_mass(truth.p4.sum(axis=1))
    below, above = np.sum((masses > 160) & (masses < 175)), np.sum((masses > 190) & (masses < 205))
    assert above > 2.5 * below > 0
