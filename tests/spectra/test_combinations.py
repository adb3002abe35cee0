"""Final states and combinations: their numbers, names, and which belong together."""

from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from femtobarn.base.errors import SettingsError
from femtobarn.base.spectra import LETTERS, CombinationsRecord, Letter, SpectraRecord
from femtobarn.data.formats import format_of
from femtobarn.physics.spectra import states
from femtobarn.physics.spectra.combinations import Combination, Window, combinations
from femtobarn.physics.spectra.fields import scanned_fields
from femtobarn.physics.spectra.spec import spec_of

from .toys import scan

COUNTS = st.tuples(*[st.integers(0, 255)] * 6)


@given(COUNTS)
def test_a_final_state_is_a_number(counts: tuple[int, ...]) -> None:
    by_letter = dict(zip(LETTERS, counts, strict=True))
    code = states.code(by_letter)
    assert 0 <= code < 1 << 48
    assert states.counts(code) == by_letter
    assert states.name(code) == "{}e_{}m_{}j_{}g_{}t_{}b".format(*counts)
    assert states.category(code) == "{}ex_{}mx_{}jx_{}gx_{}tx_{}bx".format(*counts)


@given(COUNTS, COUNTS)
def test_final_states_are_ordered_as_their_counts(one: tuple[int, ...], other: tuple[int, ...]) -> None:
    codes = [states.code(dict(zip(LETTERS, counts, strict=True))) for counts in (one, other)]
    assert (codes[0] < codes[1]) == (one < other)


@pytest.mark.parametrize(("subleading", "number"), [(0, 65), (1, 186), (2, 607)])
def test_the_production_configuration_has_known_numbers(subleading: int, number: int) -> None:
    limits = CombinationsRecord(subleading=subleading)
    found = combinations(scan(combinations=limits))
    assert len(found) == number
    assert len({c.name for c in found}) == number


def names(**changes: object) -> list[str]:
    return [c.name for c in combinations(scan(**changes))]


def test_names_have_letters_in_the_order_of_bumpnet() -> None:
    letters = CombinationsRecord(letters=("e", "j", "g", "b"), most_count=1)
    assert names(combinations=letters)[-1] == "e0j0b0g0"
    few = CombinationsRecord(letters=("e", "m"), most_total=3, most_count=2)
    assert names(combinations=few) == ["e0e1", "m0m1", "e0m0", "e0m0m1", "e0e1m0"]
    lower = CombinationsRecord(letters=("e", "m"), most_total=2, most_count=1, subleading=1)
    assert names(combinations=lower) == ["e0m0", "e0m1", "e1m0", "e1m1"]
    wide = CombinationsRecord(letters=("j",), most_total=2, most_count=2, subleading=2)
    assert names(combinations=wide) == ["j0j1", "j1j2"]


def test_new_quantities_have_a_suffix_and_come_last() -> None:
    few = CombinationsRecord(letters=("e", "m", "j"), most_total=2, most_count=2)
    found = names(combinations=few, quantities=("met", "mass", "ss", "os"))
    plain = names(combinations=few)
    assert found[: len(plain)] == plain == ["e0e1", "m0m1", "j0j1", "e0m0", "e0j0", "m0j0"]
    signed = [f"{n}{sign}" for sign in ("OS", "SS") for n in ("e0e1", "m0m1", "e0m0")]
    assert found[len(plain) : len(plain) + 6] == signed
    assert sorted(found[len(plain) + 6 :]) == sorted(f"{n}MET" for n in ("e0", "m0", "j0", *plain))


def test_a_combination_applies_if_there_are_enough_objects() -> None:
    one = Combination((Window("e", 2), Window("j", 1, 1)))
    for e, j in itertools.product(range(4), range(4)):
        state = states.code({"e": e, "j": j, "m": 1})
        assert one.applies(state, exact_leading=False) == (e >= 2 and j >= 2)
        assert one.applies(state, exact_leading=True) == (e == 2 and j >= 2)
    assert (one.name, one.particles, one.total) == ("e0e1j1", "eej", 3)


def test_limits_that_leave_none_or_too_many() -> None:
    none = CombinationsRecord(letters=("e",), most_count=1)
    with pytest.raises(SettingsError, match="leave none"):
        combinations(scan(combinations=none))
    many = CombinationsRecord(letters=LETTERS, most_kinds=6, most_count=10, most_total=20, subleading=9)
    with pytest.raises(SettingsError, match="more of them than the 65,536 that can be numbered"):
        combinations(scan(combinations=many))


@pytest.mark.parametrize("sign", ["os", "ss"])
def test_impossible_signs_are_told_at_once(sign: str) -> None:
    # three of each: there are billions of windows, and none has two leptons
    none = CombinationsRecord(
        letters=LETTERS, most_kinds=6, least_count=3, most_count=20, most_total=20, subleading=9
    )
    start = time.process_time()
    with pytest.raises(SettingsError, match="leave none"):
        combinations(scan(combinations=none, quantities=(sign,)))
    assert time.process_time() - start < 2


@given(
    least=st.integers(1, 3),
    most=st.integers(1, 4),
    total=st.integers(2, 6),
    subleading=st.integers(0, 2),
    letters=st.sets(st.sampled_from(LETTERS), min_size=1, max_size=4),
)
@settings(max_examples=60, deadline=None)
def test_combinations_are_those_of_the_limits(
    least: int, most: int, total: int, subleading: int, letters: set[Letter]
) -> None:
    limits = CombinationsRecord(
        letters=tuple(sorted(letters)),
        least_count=least,
        most_count=most,
        most_total=total,
        subleading=subleading,
    )
    kinds = [letter for letter in LETTERS if letter in letters]
    expected: list[Combination] = []
    for quantity in ("mass", "os", "ss", "met"):
        for number in range(1, 5):
            for chosen in itertools.combinations(kinds, number):
                for counts in itertools.product(range(least, most + 1), repeat=number):
                    leptons = sum(n for one, n in zip(chosen, counts, strict=True) if one in "em")
                    if not (1 if quantity == "met" else 2) <= sum(counts) <= total:
                        continue
                    if quantity in {"os", "ss"} and leptons != 2:
                        continue
                    starts = [[0, *range(1, subleading + 2 - n)] for n in counts]
                    expected += [
                        Combination(tuple(Window(*w) for w in zip(chosen, counts, at, strict=True)), quantity)
                        for at in itertools.product(*starts)
                    ]
    record = scan(combinations=limits, quantities=("mass", "os", "ss", "met"))
    if expected:
        assert list(combinations(record)) == expected
    else:
        with pytest.raises(SettingsError, match="leave none"):
            combinations(record)


def test_a_release_must_have_what_a_scan_reads() -> None:
    with pytest.raises(SettingsError, match=r"Release 2016e-8tev has no photon\.pt, photon\.eta"):
        spec_of(scan(), "2016e-8tev", name="x", title="X")
    spec = spec_of(scan(), "2024r-pp", name="x", title="X")
    assert [c.name for c in spec.selections[0].cuts] == ["1 to 6 kinds of objects"]


@pytest.mark.parametrize("release", ["2024r-pp", "cms-nanoaod"])
def test_a_choice_of_taus(release: str) -> None:
    other = {"2024r-pp": "tau_muon_removed", "cms-nanoaod": "boosted_tau"}[release]
    taus = scan().objects[0].model_copy(update={"letter": "t", "collection": other})
    record = SpectraRecord(objects=(*scan().objects, taus))
    spec_of(record, release, name="x", title="X")
    assert {f"{other}.{q}" for q in ("pt", "eta", "phi", "e")} <= {*scanned_fields(record, "data")}
    assert (
        format_of(release).branches(f"{other}.pt")
        == {
            "2024r-pp": (
                "AnalysisTauJets_MuonRMAuxDyn.pt|AnalysisTauJets_MuonRMAuxDyn:pt|TauJets_MuonRMAuxDyn.pt|TauJets_MuonRMAuxDyn:pt",
            ),
            "cms-nanoaod": ("boostedTau_pt",),
        }[release]
    )
