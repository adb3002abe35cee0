"""Pairs of one flavour, ZZ*, quadruplets, overlaps and positions: the language against flat arrays."""

from __future__ import annotations

import itertools
import math
from typing import Any

import awkward as ak
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from femtobarn.base.errors import SettingsError, TypesError, UnknownFieldError, UnknownNameError
from femtobarn.physics import kinematics
from femtobarn.physics.language import (
    Analysis,
    GeV,
    OverlapStep,
    Things,
    combinations,
    ev,
    mass,
    pairs,
    quadruplets,
    remove_overlaps,
    sfos_pairs,
    system,
    transverse_mass,
    zz_pairing,
)
from femtobarn.physics.language.text import text

from .tools import chunk_of, evaluated

lep, jet, met = ev.lep, ev.jet, ev.met
few = settings(deadline=None, max_examples=25)
Event = list[tuple[float, float, float, int, int]]


def columns_of(found: list[Event]) -> dict[str, list[Any]]:
    names = ("pt", "eta", "phi", "charge", "type")
    values: dict[str, list[Any]] = {
        f"lep.{name}": [[x[i] for x in event] for event in found] for i, name in enumerate(names)
    }
    values["lep.e"] = [[x[0] * math.cosh(x[1]) * 1.001 for x in event] for event in found]
    return values


def drawn(seed: int, events: int) -> list[Event]:
    rng = np.random.default_rng(seed)
    found: list[Event] = []
    for n in rng.integers(0, 7, events).tolist():
        pt, eta, phi = rng.uniform(7, 200, n), rng.uniform(-2.5, 2.5, n), rng.uniform(-3.1, 3.1, n)
        charge, kind = rng.choice([-1, 1], n), rng.choice([11, 13], n)
        found.append(list(zip(*(x.tolist() for x in (pt, eta, phi, charge, kind)), strict=True)))
    return found


def test_zz_equals_the_flat_arrays() -> None:
    found = drawn(5, 400)
    values = columns_of(found)
    flat = {k: np.array([x for e in v for x in e]) for k, v in values.items()}
    offsets = np.concatenate([[0], np.cumsum([len(e) for e in found])]).astype(np.int64)
    (first, second), starts = kinematics.choose(offsets, 2)
    good = kinematics.same_flavour_opposite_sign(flat["lep.type"], flat["lep.charge"], first, second)
    kept = np.concatenate([[0], np.cumsum(good)])[starts]
    first, second = first[good], second[good]
    vectors = [kinematics.cartesian(*(flat[f"lep.{f}"] for f in ("pt", "eta", "phi")))]
    px, py, pz = (v[first] + v[second] for v in vectors[0])
    e = flat["lep.e"]
    pair_mass = kinematics.invariant_mass(e[first] + e[second], px, py, pz)
    z1, z2 = kinematics.two_pairs(pair_mass, first, second, kept)

    assert 50 < np.count_nonzero(z1 >= 0) < 350
    zz = zz_pairing(lep)
    chunk = chunk_of(values, len(found))
    for chosen, pair in ((z1, zz.z1), (z2, zz.z2)):
        expected = [-1.0 if z < 0 else float(pair_mass[z]) for z in chosen]
        got = chunk.value(pair.mass.default(-1.0).node).data
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-6)
        assert set(chunk.value(pair.charge.default(0).node).data.tolist()) == {0}
    assert chunk.value(zz.is_defined().node).data.tolist() == (z1 >= 0).tolist()
    assert chunk.value(sfos_pairs(lep).count().node).data.tolist() == np.diff(kept).tolist()
    four = mass(zz.z1.first, zz.z1.second, zz.z2.first, zz.z2.second)
    assert four.node is zz.mass.node
    rest = chunk.value(lep.without(zz.z1).without(zz.z2).count().node).data.tolist()
    assert rest == [len(x) - (4 if z >= 0 else 0) for x, z in zip(found, z1, strict=True)]


def test_zz_of_four_leptons_by_hand() -> None:
    # back to back in the transverse plane: the mass of a pair is twice sqrt(pt1 pt2)
    event: Event = [
        (50.0, 0.0, 0.0, 1, 11), (45.0, 0.0, 3.1415, -1, 11), (15.0, 0.0, 1.5, 1, 13), (14.0, 0.0, -1.6416, -1, 13),
        (40.0, 0.0, 0.5, 1, 11),
    ]  # fmt: skip
    values = columns_of([event, event[:3], []])
    zz = zz_pairing(lep)
    assert evaluated(zz.z1.first.pt, values) == [50.0, None, None]
    assert evaluated(zz.z2.first.pt, values) == [15.0, None, None]
    assert evaluated(zz_pairing(lep, mass=28 * GeV).z1.first.pt, values) == [15.0, None, None]
    assert evaluated(lep.without(zz.z1).pt, values) == [[15.0, 14.0, 40.0], [50.0, 45.0, 15.0], []]
    assert evaluated(sfos_pairs(lep[lep.is_muon]).count(), values) == [1, 0, 0]
    with pytest.raises(TypesError, match=r"write zz\.z1"):
        _a, _b = zz


def test_positions_are_those_in_the_file() -> None:
    values = {"lep.pt": [[10.0, 30.0, 20.0], []]}
    ordered = lep.sort(lep.pt)
    assert evaluated(lep.index, values) == [[0, 1, 2], []]
    assert evaluated(ordered.index, values) == [[1, 2, 0], []]
    assert evaluated(ordered[0].index, values) == [1, None]
    assert evaluated(lep[lep.pt > 15].index, values) == [[1, 2], []]
    assert evaluated(pairs(lep).second.index, values) == [[1, 2, 2], []]
    assert text(lep.index.node) == "lep.index"


@few
@given(st.lists(st.lists(st.floats(5, 50), max_size=5), min_size=1, max_size=4), st.floats(5, 50))
def test_without_takes_out_what_is_named(found: list[list[float]], threshold: float) -> None:
    values = {"lep.pt": found}
    hard = lep[lep.pt > threshold]
    soft = [[x for x in e if not x > threshold] for e in found]
    assert evaluated(lep.without(hard).pt, values) == soft
    assert evaluated(lep.without(lep).count(), values) == [0] * len(found)
    assert evaluated(lep.without(lep[0]).pt, values) == [e[1:] for e in found]
    assert evaluated(lep.without(pairs(hard)).pt, values) == [
        s if sum(x > threshold for x in e) > 1 else e for e, s in zip(found, soft, strict=True)
    ]


def test_nothing_is_taken_out_where_the_others_are_too_few() -> None:
    values = {"lep.pt": [[30.0], [30.0, 20.0, 10.0]], "lep.eta": [[0.0], [0.0, 1.0, 2.0]]}
    values |= {"lep.phi": [[0.0], [0.0, 0.0, 0.0]]}
    values |= {"jet.pt": [[50.0], [50.0]], "jet.eta": [[0.0], [0.0]], "jet.phi": [[0.0], [0.0]]}
    assert evaluated(lep.without(lep[:2]).pt, values) == [[30.0], [10.0]]
    assert evaluated(jet.away_from(lep[:2], 0.4).pt, values) == [[50.0], []]


@pytest.mark.parametrize(
    "step", [("jet", "jet", 0.4, 0.0), ("jet", "muon", 0.0, 0.0), ("jet", "muon", float("nan"), 0.0)]
)
def test_overlap_steps_that_make_no_sense(step: tuple[str, str, float, float]) -> None:
    with pytest.raises(SettingsError, match="overlap step"):
        OverlapStep(*step)


def test_without_needs_the_same_collection() -> None:
    with pytest.raises(TypesError, match="away_from"):
        lep.without(jet)
    with pytest.raises(TypesError, match="needs a collection"):
        lep[0].without(lep)
    with pytest.raises(TypesError, match="four-vector"):
        lep.without(lep.pt)  # type: ignore[arg-type]


def boxes(seed: int, n: int = 60) -> dict[str, list[Any]]:
    rng = np.random.default_rng(seed)
    values: dict[str, list[Any]] = {}
    for name in ("lep", "electron", "muon", "jet"):
        counts = rng.integers(0, 4, n)
        for field, low, high in (("pt", 5, 100), ("eta", -1, 1), ("phi", -1, 1), ("e", 100, 200)):
            values[f"{name}.{field}"] = [rng.uniform(low, high, k).tolist() for k in counts]
    values["met.pt"], values["met.phi"] = rng.uniform(0, 100, n).tolist(), rng.uniform(-3, 3, n).tolist()
    return values


def test_away_from_keeps_what_is_far() -> None:
    values = boxes(1)
    near = [
        [
            all(kinematics.delta_r(eta, phi, *o) >= 0.4 for o in zip(*others, strict=True))
            for eta, phi in zip(*mine, strict=True)
        ]
        for mine, others in zip(
            zip(values["jet.eta"], values["jet.phi"], strict=True),
            zip(values["lep.eta"], values["lep.phi"], strict=True),
            strict=True,
        )
    ]
    expected = [list(itertools.compress(e, n)) for e, n in zip(values["jet.pt"], near, strict=True)]
    assert evaluated(jet.away_from(lep, 0.4).pt, values) == expected
    assert 0 < sum(map(sum, near)) < sum(map(len, near))
    leading = [
        [
            kinematics.delta_r(eta, phi, le[0], lp[0]) >= 0.4 if le else True
            for eta, phi in zip(je, jp, strict=True)
        ]
        for je, jp, le, lp in zip(
            *(values[f"{c}.{f}"] for c in ("jet", "lep") for f in ("eta", "phi")), strict=True
        )
    ]
    expected = [list(itertools.compress(e, n)) for e, n in zip(values["jet.pt"], leading, strict=True)]
    assert evaluated(jet.away_from(lep[0], 0.4).pt, values) == expected


@pytest.mark.parametrize(
    "steps", [kinematics.RECOMMENDED, kinematics.BOOSTED], ids=["recommended", "boosted"]
)
def test_overlaps_equal_those_of_flat_arrays(steps: tuple[OverlapStep, ...]) -> None:
    values = boxes(2)
    flat = {
        name: kinematics.Directions(
            *(np.array([x for e in values[f"{name}.{f}"] for x in e]) for f in ("pt", "eta", "phi")),
            np.concatenate([[0], np.cumsum([len(e) for e in values[f"{name}.pt"]])]),
        )
        for name in ("electron", "muon", "jet")
    }
    left = kinematics.remove_overlaps(flat, steps)
    found = remove_overlaps(ev.electron, ev.muon, jet, steps=steps)
    for name, things in zip(flat, found, strict=True):
        lists = ak.unflatten(flat[name].pt, np.diff(flat[name].offsets))
        masks = ak.unflatten(left[name], np.diff(flat[name].offsets))
        assert evaluated(things.pt, values) == lists[masks].to_list()
        assert 0 < left[name].sum() < len(left[name])


def test_overlaps_refuse_what_no_step_knows() -> None:
    with pytest.raises(UnknownNameError, match=r"'lep' is not a known collection.*electron"):
        remove_overlaps(lep, jet)
    with pytest.raises(TypesError, match="different kinds"):
        remove_overlaps(jet, jet)
    (one, two) = remove_overlaps(lep, jet, steps=[OverlapStep("jet", "lep", 0.2)])
    assert isinstance(two, Things)
    assert one is lep or repr(one) == repr(lep)


def test_transverse_masses_of_several() -> None:
    values = boxes(3)
    two = transverse_mass(lep[0], lep[1], met)
    total = system(lep[0], lep[1])
    assert two.node is transverse_mass(total, met).node is transverse_mass(lep[0], lep[1], met=met).node
    parts = [evaluated(x, values) for x in (total.mass, total.pt, total.phi, met.pt, met.phi, two)]
    some = [p for p in zip(*parts, strict=True) if p[0] is not None]
    assert len(some) > 5
    for *given_, got in some:
        assert got == pytest.approx(kinematics.transverse_mass_of_system(*given_), rel=1e-12)
    assert transverse_mass(lep, met).node.op == "transverse_mass"
    assert transverse_mass(pairs(lep), met).node.type.axis is pairs(lep).first.pt.node
    for wrong in ((), (lep[0],), (lep[0], lep.pt)):
        with pytest.raises(TypesError, match="missing momentum"):
            transverse_mass(*wrong)


def test_quadruplets_have_four_members() -> None:
    four = quadruplets(lep)
    assert four.mass.node is combinations(lep, 4).mass.node
    assert text(four.fourth.pt.node) == "quadruplets(lep).fourth.pt"
    values = boxes(4)
    counts = [math.comb(len(x), 4) for x in values["lep.pt"]]
    assert evaluated(four.count(), values) == counts


def test_pairs_need_a_charge() -> None:
    with pytest.raises(TypesError, match="with a charge"):
        sfos_pairs(jet)
    with pytest.raises(UnknownFieldError, match="Did you mean 'index'"):
        _ = lep.indx
    assert sfos_pairs(ev.muon).first.pt.node.op == "filter"


def test_what_is_long_is_written_shortly() -> None:
    zz = zz_pairing(lep[lep.pt > 7])
    assert len(repr(zz.mass)) < 2500
    analysis = Analysis("zz")
    analysis.selection("all").cut("z1", zz.z1.mass > 50)
    names = [c.name for c in analysis.freeze().selections[0].cuts]
    assert names[-1] == "z1"
    assert len(names) == 2
    assert len(names[0]) < 90
