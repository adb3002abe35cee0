"""Factors to 1 fb^-1 and the luminosity of data."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from femtobarn.base.records import AnalysisSpec, FileFacts, InputFile, UnseenFile
from femtobarn.running.results.normalise import FileUse, luminosity, normalisations

from .toys import toy_spec

SPEC = toy_spec()
OLD = SPEC.model_copy(
    update={
        "release": "2020e-13tev",
        "inputs": SPEC.inputs.model_copy(update={"release": "2020e-13tev", "skim": "4lep"}),
    }
)


def use(
    *,
    dataset: int | None = None,
    period: str | None = None,
    processed: int = 100,
    entries: int | None = 100,
    cross_section: float | None = 1000.0,
    weights: float | None = 5000.0,
    size: int = 1000,
    simulated: bool = False,
    name: str = "file.root",
) -> FileUse:
    file = InputFile(
        name=name,
        url=name,
        size=size,
        identity="adler32:00000001",
        kind="data" if dataset is None else "mc",
        dataset=dataset,
        period=period,
        process="Data" if dataset is None else "other",
    )
    facts = None
    if entries is not None:
        facts = FileFacts(
            entries=entries, cross_section=cross_section, sum_of_weights=weights, simulated=simulated
        )
    return FileUse(file, facts, processed)


def test_factor_is_cross_section_over_sum_of_weights() -> None:
    (one,) = normalisations(SPEC, [use(dataset=700600)], [])
    assert one.factor == 1000.0 / 5000.0
    assert (one.source, one.note, one.fraction) == ("file", "", 1.0)


@given(processed=st.integers(1, 1000))
def test_a_part_of_the_events_has_that_part_of_the_weights(processed: int) -> None:
    (one,) = normalisations(SPEC, [use(dataset=700600, processed=processed, entries=1000)], [])
    assert one.factor == pytest.approx(0.2 * 1000 / processed)


@pytest.mark.parametrize("weights", [1.0, 0.0, -5.0, None])
def test_placeholders_are_replaced_and_reported(weights: float | None) -> None:
    (one,) = normalisations(OLD, [use(dataset=410000, weights=weights, cross_section=1000.0)], [])
    assert one.sum_of_weights == 49386600
    assert one.factor == 1000.0 / 49386600
    assert "49386600 of the catalogue is used" in one.note
    if weights == 1.0:
        assert one.note == (
            "dataset 410000: the file says the sum of weights is 1 (a placeholder); "
            "49386600 of the catalogue is used"
        )


@pytest.mark.parametrize("cross_section", [0.0, None])
def test_absent_cross_section_is_taken_from_the_catalogue(cross_section: float | None) -> None:
    (one,) = normalisations(OLD, [use(dataset=410000, cross_section=cross_section)], [])
    assert one.cross_section == pytest.approx(452.693559e3, rel=1e-6)
    assert "cross-section" in one.note
    assert one.source == "catalogue (σ), file (Σw)"


def test_unknown_dataset_has_no_factor() -> None:
    (one,) = normalisations(SPEC, [use(dataset=999999, weights=1.0)], [])
    assert one.factor is None
    assert "cannot be scaled" in one.note


def test_files_that_agree_state_the_sum_of_the_dataset() -> None:
    uses = [use(dataset=700600, name="a"), use(dataset=700600, name="b", processed=50)]
    (one,) = normalisations(SPEC, uses, [])
    assert one.fraction == 0.75
    assert one.sum_of_weights == 3750


def test_files_that_differ_state_their_own_sums() -> None:
    uses = [
        use(dataset=700600, name="a", weights=4000.0),
        use(dataset=700600, name="b", weights=1000.0, processed=50),
    ]
    (one,) = normalisations(SPEC, uses, [])
    assert one.sum_of_weights == pytest.approx(4500)


def test_files_that_were_not_opened_count_by_size() -> None:
    uses = [use(dataset=700600, name="a"), use(dataset=700600, name="b", entries=None, processed=0)]
    (one,) = normalisations(SPEC, uses, [UnseenFile(name="c", size=2000, dataset=700600, period=None)])
    assert one.fraction == pytest.approx(0.25)
    assert "estimated from their sizes" in one.note


def data(spec: AnalysisSpec = SPEC, **periods: int) -> list[FileUse]:
    return [use(period=p, processed=n, name=f"{p}.root") for p, n in periods.items()]


def test_all_wanted_data_have_the_nominal_luminosity() -> None:
    found = luminosity(SPEC, data(data15_periodD=100, data15_periodE=100), [])
    assert (found.value, found.source, found.note) == (0.4, "data", "")


def test_single_period_and_a_part_of_it() -> None:
    assert luminosity(SPEC, data(data15_periodD=100), []).value == pytest.approx(0.105)
    half = luminosity(SPEC, data(data15_periodD=50), [])
    assert half.value == pytest.approx(0.0525)
    assert "fraction of events processed" in half.note


def test_a_failed_file_does_not_count() -> None:
    uses = [*data(data15_periodD=100), use(period="data15_periodE", entries=None, processed=0)]
    assert luminosity(SPEC, uses, []).value == pytest.approx(0.105)


def test_a_failed_file_of_a_period_with_others_lowers_its_luminosity() -> None:
    uses = [
        use(period="data15_periodD", name="a.root"),
        use(period="data15_periodD", name="b.root", entries=None, processed=0, size=3000),
    ]
    found = luminosity(SPEC, uses, [])
    assert found.value == pytest.approx(0.105 / 4)
    assert "estimated from file sizes" in found.note


def test_periods_without_published_luminosity_give_none() -> None:
    found = luminosity(SPEC, data(data15_periodE=100), [])
    assert (found.value, found.nominal, found.source) == (None, 0.4, "unknown")
    unknown = luminosity(SPEC, [use(period=None)], [])
    assert unknown.value is None


def test_demo_data_have_the_nominal_luminosity_or_none() -> None:
    one = [use(period="data15_periodD", simulated=True)]
    assert luminosity(SPEC, one, []).value is None
    both = [*one, use(period="data15_periodE", simulated=True, processed=50)]
    assert luminosity(SPEC, both, []).value == pytest.approx(0.4 * 0.75)


def test_given_luminosity_wins_and_simulation_alone_has_the_nominal_one() -> None:
    assert luminosity(SPEC, data(data15_periodE=100), [], given=3.0).source == "given"
    alone = luminosity(SPEC, [use(dataset=700600)], [])
    assert (alone.value, alone.source) == (0.4, "analysis")


def test_older_release_adds_periods() -> None:
    found = luminosity(OLD, data(data_A=100, data_C=100), [])
    assert found.value == pytest.approx(0.5 + 2.9)
