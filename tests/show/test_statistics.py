"""Significances and Poisson intervals."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from femtobarn.base.errors import ResultsError, SettingsError, UnknownNameError
from femtobarn.base.records import SignificanceRecord
from femtobarn.show.statistics import (
    asimov,
    asimov_with_uncertainty,
    garwood,
    s_over_sqrt_b,
    s_over_sqrt_b_with_uncertainty,
    significance,
)

EVENTS = st.floats(1e-6, 1e6)
ANY = st.floats(allow_nan=True, allow_infinity=True)


def test_the_published_notebook_is_reproduced_to_the_last_digit() -> None:
    n_sig, n_bg = 28.729140024845144, 10.300928352079978
    assert s_over_sqrt_b_with_uncertainty(n_sig, n_bg).value == pytest.approx(4.425965281174207, rel=1e-15)


def test_known_values() -> None:
    assert s_over_sqrt_b(10, 100).value == 1.0
    # sqrt(2 (110 ln 1.1 - 10)), by hand
    assert asimov(10, 100).value == pytest.approx(math.sqrt(2 * (110 * math.log(1.1) - 10)), rel=1e-12)
    # s = b = sigma^2 = 1: sqrt(2 (2 ln(4/3) - ln(3/2)))
    expected = math.sqrt(2 * (2 * math.log(4 / 3) - math.log(1.5)))
    assert asimov_with_uncertainty(1, 1, 1).value == pytest.approx(expected, rel=1e-12)


@settings(deadline=None)
@given(EVENTS, EVENTS)
def test_asimov_never_exceeds_the_leading_term(s: float, b: float) -> None:
    exact, leading = asimov(s, b).value, s_over_sqrt_b(s, b).value
    assert exact is not None
    assert leading is not None
    assert 0 <= exact <= leading * (1 + 1e-9)


@settings(deadline=None)
@given(st.floats(1e-3, 1e4), st.floats(1e-2, 1e4), st.floats(1e-3, 1e3))
def test_an_uncertain_background_never_helps(s: float, b: float, sigma: float) -> None:
    known, uncertain = asimov(s, b).value, asimov_with_uncertainty(s, b, sigma).value
    assert known is not None
    assert uncertain is not None
    assert uncertain <= known * (1 + 1e-6) + 1e-6
    assert asimov_with_uncertainty(s, b, 0).value == known


@settings(deadline=None)
@given(st.floats(1e-6, 1), st.floats(1, 1e6))
def test_a_small_signal_keeps_its_digits(s: float, b: float) -> None:
    value = asimov(s * 1e-5, b).value
    assert value == pytest.approx(s * 1e-5 / math.sqrt(b), rel=1e-4)


@settings(deadline=None)
@given(ANY, ANY, ANY)
def test_any_input_gives_a_number_or_a_reason(s: float, b: float, sigma: float) -> None:
    for estimate in (s_over_sqrt_b(s, b), asimov(s, b), asimov_with_uncertainty(s, b, sigma)):
        assert (estimate.value is None) == bool(estimate.reason)
        assert estimate.value is None or math.isfinite(estimate.value)


@pytest.mark.parametrize(
    ("s", "b", "word"),
    [(5, 0, "no background"), (5, -1, "negative"), (-5, 10, "negative"), (math.nan, 1, "finite")],
)
def test_undefined_cases_say_why(s: float, b: float, word: str) -> None:
    for estimate in (s_over_sqrt_b(s, b), asimov(s, b), asimov_with_uncertainty(s, b, 1)):
        assert estimate.value is None
        assert word in estimate.reason


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [(0, 0, 1.8410216), (1, 0.1727538, 3.2995266), (10, 6.8913056, 14.2669498), (100, 90.0, 111.0)],
)
def test_garwood_against_published_values(count: int, low: float, high: float) -> None:
    found = garwood(count)
    tolerance = 1e-6 if count < 100 else 0.03
    assert found == pytest.approx((low, high), rel=tolerance)


@settings(deadline=None)
@given(st.integers(1, 3000))
def test_garwood_solves_its_equations(count: int) -> None:
    low, high = garwood(count, 0.9)

    def at_most(n: int, mean: float) -> float:
        return math.fsum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(n + 1))

    assert 1 - at_most(count - 1, low) == pytest.approx(0.05, abs=1e-9)
    assert at_most(count, high) == pytest.approx(0.05, abs=1e-9)


def test_garwood_is_continuous_where_the_approximation_begins() -> None:
    below, above = garwood(9_999), garwood(10_000)
    assert above[0] - below[0] == pytest.approx(0.995, abs=0.02)
    assert above[1] - below[1] == pytest.approx(1.005, abs=0.02)


@pytest.mark.parametrize(("count", "level"), [(-1, 0.6827), (3, 0.0), (3, 1.0)])
def test_garwood_refuses_nonsense(count: int, level: float) -> None:
    with pytest.raises(SettingsError, match=r"came"):
        garwood(count, level)


def test_counting_in_results(make) -> None:
    results = make()
    record = results.spec.significances[0]
    found = significance(results, record)
    window = slice(17, 20)
    s = results.contents["higgs"][0][window].sum() * 36.6
    b = sum(results.contents[p][0][window].sum() for p in ("other", "zz")) * 36.6
    assert (found.low, found.high, found.unit) == (122.5, 130.0, "GeV")
    assert found.signal == pytest.approx(s)
    assert found.background == pytest.approx(b)
    assert found.observed == int(results.contents["data"][0][window].sum())
    assert found.notebook_signal == pytest.approx(s + b)
    assert found.notebook.value == pytest.approx((s + b) / math.sqrt(b + 0.3 * b * b))
    assert found.with_uncertainty.value == pytest.approx(s / math.sqrt(b + 0.3 * b * b))
    assert found.asimov.value == asimov(found.signal, found.background).value


def test_luminosity_changes_expectation_not_data(make) -> None:
    results = make()
    record = results.spec.significances[0]
    one, two = significance(results, record), significance(results.with_luminosity(73.2), record)
    assert two.signal == pytest.approx(2 * one.signal)
    assert two.signal_error == pytest.approx(2 * one.signal_error)
    assert two.observed == one.observed


def test_unknown_luminosity_or_normalisation_is_a_reason(make) -> None:
    unknown = make(luminosity=None)
    found = significance(unknown, unknown.spec.significances[0])
    assert found.asimov.value is None
    assert "luminosity" in found.asimov.reason
    unscaled = make(unknown=("zz",))
    found = significance(unscaled, unscaled.spec.significances[0])
    assert found.notebook.value is None
    assert "'zz'" in found.notebook.reason


def test_simulation_alone_counts_at_the_nominal_luminosity(make) -> None:
    results = make(data=False, luminosity=None)
    found = significance(results, results.spec.significances[0])
    assert found.luminosity == 36.6
    assert found.observed is None
    assert found.asimov.value is not None


def test_no_inputs_at_all(make) -> None:
    results = make(data=False, mc=False)
    found = significance(results, results.spec.significances[0])
    assert found.asimov.value is None
    assert found.asimov.reason == "no background is expected in this range"


def test_wrong_requests_name_what_there_is(make) -> None:
    results = make()

    def ask(histogram: str, first: int, last: int) -> None:
        significance(
            results,
            SignificanceRecord(name="x", histogram=histogram, selection="final", first=first, last=last),
        )

    with pytest.raises(UnknownNameError, match="m4l"):
        ask("m41", 0, 1)
    with pytest.raises(ResultsError, match="0 to 67"):
        ask("m4l", 5, 68)
    with pytest.raises(ResultsError, match="first <= last"):
        ask("m4l", 6, 5)
    with pytest.raises(ResultsError, match="2 axes"):
        ask("plane", 0, 1)
