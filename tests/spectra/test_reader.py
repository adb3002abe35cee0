"""Dense spectra of sparse sums: nothing is lost, order and limits are those of the scan."""

from __future__ import annotations

import tracemalloc
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import GeneratorType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from femtobarn.base.errors import (
    LuminosityUnknownError,
    ResultsError,
    RunDirectoryError,
    SettingsError,
    UnknownNameError,
)
from femtobarn.base.records import Kind
from femtobarn.base.spectra import LETTERS, OutputRecord
from femtobarn.physics.spectra import states
from femtobarn.physics.spectra.combinations import combinations
from femtobarn.physics.spectra.sums import LAST_BIN, SpectraSums, merged, nothing
from femtobarn.running.results.spectra.folder import SUMS
from femtobarn.running.results.spectra.reader import Spectra, Spectrum

from .made import STATES, damages, givens, info_of, sums_of, write_run
from .toys import scan, sums

RECORD = scan()


def loaded(kind: Kind, *parts: SpectraSums, **changes: object) -> Spectra:
    by_process = {f"p{i}": part for i, part in enumerate(parts)}
    return Spectra.of_sums(scan(**changes), by_process, dict.fromkeys(by_process, kind))


def bins_of(spectrum: Spectrum) -> dict[int, tuple[float, ...]]:
    """What is in each bin, by its number; -1 below, -2 above."""
    found = {spectrum.first + i: tuple(row) for i, row in enumerate(spectrum.sums)}
    found |= {-1: tuple(spectrum.below), -2: tuple(spectrum.above)}
    return {k: row for k, row in found.items() if any(row)}


def same(found: Mapping[int, Sequence[float]], expected: Mapping[int, Sequence[float]]) -> None:
    assert found.keys() == expected.keys()
    rows = [np.array([bins[k] for k in found]) for bins in (found, expected)]
    assert np.allclose(*rows, rtol=1e-12, atol=1e-12)


@given(values=givens(RECORD), kind=st.sampled_from(["data", "mc"]))
@settings(max_examples=60, deadline=None)
def test_every_value_is_in_its_bin(
    values: dict[tuple[int, int], list[tuple[float, float]]], kind: Kind
) -> None:
    spectra = loaded(kind, sums_of(RECORD, kind, values, {}))
    found = list(spectra.spectra(kind))
    names = [c.name for c in combinations(RECORD)]
    assert [(s.state, names.index(s.combination.name)) for s in found] == sorted(values)
    for spectrum, key in zip(found, sorted(values), strict=True):
        expected: dict[int, np.ndarray] = {}
        for value, weight in values[key]:
            k = -1 if value < 0 else -2 if value >= RECORD.output.maximum else int(value // 10)
            one = np.array([1.0, weight, weight**2])[: 1 if kind == "data" else 3]
            expected[k] = expected.get(k, np.zeros(len(one))) + one
        same(bins_of(spectrum), {k: tuple(v) for k, v in expected.items()})
        assert spectrum.entries == len(values[key])
        assert not len(spectrum.sums) or (spectrum.sums[0, 0] and spectrum.sums[-1, 0])


@pytest.mark.parametrize("kind", ["data", "mc"])
def test_totals_of_dense_and_sparse_agree(kind: Kind) -> None:
    one = sums(RECORD, kind)
    total = sum(s.sums.sum(axis=0) + s.below + s.above for s in loaded(kind, one).spectra(kind))
    np.testing.assert_allclose(total, one.sums.sum(axis=0), rtol=1e-12)


@pytest.mark.parametrize("kind", ["data", "mc"])
def test_two_runs_can_be_added_bin_by_bin(kind: Kind) -> None:
    one, two = sums(RECORD, kind, seed=1), sums(RECORD, kind, seed=2)
    together: dict[str, dict[int, np.ndarray]] = {}
    for part in (one, two):
        for spectrum in loaded(kind, part).spectra(kind):
            bins = together.setdefault(spectrum.name, {})
            for k, row in bins_of(spectrum).items():
                bins[k] = bins.get(k, 0.0) + np.array(row)
    for both in (loaded(kind, one, two), loaded(kind, merged([one, two]))):
        found = {s.name: bins_of(s) for s in both.spectra(kind)}
        assert found.keys() == together.keys()
        for name, bins in found.items():
            same(bins, {k: tuple(v) for k, v in together[name].items()})


def test_a_spectrum_says_what_it_is() -> None:
    values = {(STATES[1], 0): [(91.2, 2.0), (104.0, 1.0), (-1.0, 1.0)]}
    (data,) = loaded("data", sums_of(RECORD, "data", values, {})).spectra("data")
    (mc,) = loaded("mc", sums_of(RECORD, "mc", values, {})).spectra("mc")
    assert data.name == "ROI_mass_e0e1_cat_2ex_0mx_1jx_0gx_0tx_0bx_width_10.0"
    assert data.final_state == "2e_0m_1j_0g_0t_0b"
    assert data.edges.tolist() == [90.0, 100.0, 110.0]
    assert data.centres.tolist() == [95.0, 105.0]
    assert data.values.tolist() == data.variances.tolist() == [1.0, 1.0]
    assert mc.values.tolist() == [2.0, 1.0]
    assert mc.variances.tolist() == [4.0, 1.0]
    assert data.entries == mc.entries == 3
    assert data.below.tolist() == [1.0]
    assert data.variant == "full"


def test_edges_are_multiples_of_a_width_that_is_no_binary_fraction() -> None:
    record = scan(width=0.1, output=OutputRecord(maximum=50.0))
    (one,) = Spectra.of_sums(
        record,
        {"a": sums_of(record, "data", {(STATES[0], 1): [(0.35, 1.0), (4.75, 1.0)]}, {})},
        {"a": "data"},
    ).spectra("data")
    assert one.edges.tolist() == [k * 0.1 for k in range(3, 49)]
    assert one.name.endswith("_width_0.1")


def test_spectra_come_one_at_a_time_and_a_value_far_away_costs_nothing() -> None:
    values = {(STATES[0], i): [(50.0, 1.0), (1e30, 1.0)] for i in range(60)}
    one = sums_of(RECORD, "data", values, {})
    assert int(one.cells[1]) & LAST_BIN == LAST_BIN
    spectra = loaded("data", one)
    found = spectra.spectra("data")
    assert isinstance(found, GeneratorType)
    tracemalloc.start()
    assert sum(s.entries for s in found) == 120
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


def test_events_are_counted_over_the_whole_input_and_dropped_states_say_why() -> None:
    rows = {(state, 0): [(50.0, 1.0)] for state in STATES}
    parts = [
        sums_of(RECORD, "mc", rows, dict(zip(STATES, n, strict=True))) for n in ((4, 5, 9), (4, 4, 1200))
    ]
    spectra = loaded("mc", *parts, least_events=9)
    states_ = spectra.states("mc")
    assert [row.state for row in states_] == sorted(STATES)
    by_code = {row.state: row for row in states_}
    assert [by_code[s].events for s in STATES] == [8, 9, 1209]
    assert [by_code[s].kept for s in STATES] == [False, True, True]
    assert by_code[STATES[0]].reason == "8 events, fewer than 9"
    assert by_code[STATES[1]].reason == ""
    assert {s.state for s in spectra.spectra("mc")} == set(STATES[1:])


def test_groups_are_data_and_simulation_or_processes() -> None:
    parts = {"data": sums(RECORD), "b": sums(RECORD, "mc", seed=2), "a": sums(RECORD, "mc", seed=3)}
    kinds: dict[str, Kind] = {"data": "data", "b": "mc", "a": "mc"}
    by_kind = Spectra.of_sums(RECORD, parts, kinds)
    assert by_kind.groups == ("data", "mc")
    assert by_kind.group("mc").processes == ("b", "a")
    by_process = Spectra.of_sums(scan(output=OutputRecord(files="process"), least_events=5), parts, kinds)
    assert by_process.groups == ("data", "b", "a")
    counts = {g: {r.state for r in by_process.states(g) if r.kept} for g in ("a", "b")}
    # what is kept does not depend on the files that spectra are written to
    few = Spectra.of_sums(scan(least_events=5), parts, kinds)
    kept = {r.state for r in few.states("mc") if r.kept}
    alone = {r.state for r in by_process.states("a") if r.events >= 5}
    assert counts["a"] | counts["b"] == kept != alone
    assert counts["a"] == kept & set(parts["a"].states.tolist())
    dropped = next(r for r in by_process.states("a") if not r.kept)
    assert dropped.reason.endswith(" events of all its kind, fewer than 5")
    data = {r.state for r in by_process.states("data") if r.kept}
    assert data == {r.state for r in by_process.states("data") if r.events >= 5}
    with pytest.raises(
        UnknownNameError, match=r"'dat' is not a known group of spectra\. Did you mean 'data'"
    ):
        next(by_kind.spectra("dat"))
    with pytest.raises(SettingsError, match="sums of b to be counts"):
        Spectra.of_sums(RECORD, parts, {**kinds, "b": "data"})


def test_simulation_is_scaled_process_by_process() -> None:
    record = scan(output=OutputRecord(scale="luminosity"))
    parts = {"a": sums(record, "mc", seed=2), "b": sums(record, "mc", seed=3)}
    kinds: dict[str, Kind] = {"a": "mc", "b": "mc"}
    plain = {p: {s.name: s for s in loaded("mc", one).spectra("mc")} for p, one in parts.items()}
    scaled = Spectra.of_sums(record, parts, kinds, {"a": 3.0, "b": 0.5})
    for spectrum in scaled.spectra("mc"):
        for k, row in bins_of(spectrum).items():
            expected = np.zeros(3)
            for process, factor in (("a", 3.0), ("b", 0.5)):
                if spectrum.name in plain[process]:
                    found = bins_of(plain[process][spectrum.name]).get(k, (0.0, 0.0, 0.0))
                    expected += np.array(found) * [1, factor, factor**2]
            assert np.allclose(row, expected, rtol=1e-12)


def test_loading_a_run_directory(tmp_path: Path) -> None:
    parts = {"data": sums(RECORD), "a": sums(RECORD, "mc", seed=2), "b": sums(RECORD, "mc", seed=3)}
    kinds: dict[str, Kind] = {"data": "data", "a": "mc", "b": "mc"}
    factors: dict[str, float | None] = {"a": 0.5, "b": None}
    directory = write_run(tmp_path / "run", RECORD, parts, info_of(RECORD, kinds, factors=factors))
    spectra = Spectra.load(directory.path)
    assert spectra.groups == ("data", "mc")
    total = sum(s.entries for s in spectra.spectra("mc"))
    assert total == sum(round(p.sums[:, 0].sum()) for name, p in parts.items() if name != "data")

    few = Spectra.load(directory.path, scan(least_events=5))
    assert not all(row.kept for row in few.states("data"))
    with pytest.raises(SettingsError, match="Only limits on events, processing and output can change"):
        Spectra.load(directory.path, scan(width=5.0))
    scaled = scan(output=OutputRecord(scale="luminosity"))
    with pytest.raises(
        ResultsError, match="b cannot be scaled to the luminosity: dataset 3: its cross-section"
    ):
        Spectra.load(directory.path, scaled)
    directory.info.write_text(info_of(RECORD, kinds, factors={"a": 0.5, "b": 2.0}).model_dump_json())
    assert Spectra.load(directory.path, scaled).group("mc").factors == (1.0, 4.0)
    unknown = info_of(RECORD, kinds, factors={"a": 0.5, "b": 2.0}, luminosity=None)
    directory.info.write_text(unknown.model_dump_json())
    with pytest.raises(LuminosityUnknownError, match="Give it with --luminosity, or set scale: none"):
        Spectra.load(directory.path, scaled)


def test_a_process_of_datasets_that_scale_differently_is_not_scaled(tmp_path: Path) -> None:
    info = info_of(RECORD, {"a": "mc", "b": "mc"}, factors={"a": 0.5, "b": 0.25})
    rows = tuple(row.model_copy(update={"process": "a"}) for row in info.inputs)
    info = info.model_copy(update={"inputs": rows})
    directory = write_run(tmp_path / "run", RECORD, {"a": sums(RECORD, "mc")}, info)
    with pytest.raises(ResultsError, match="a is the sum of 2 datasets that scale differently"):
        Spectra.load(directory.path, scan(output=OutputRecord(scale="luminosity")))


def test_a_process_without_events_needs_no_factor(tmp_path: Path) -> None:
    info = info_of(RECORD, {"a": "mc", "b": "mc"}, factors={"a": 0.5})
    rows = (info.inputs[0], info.inputs[1].model_copy(update={"events_processed": 0}))
    parts = {"a": sums(RECORD, "mc", events=10), "b": nothing(3)}
    directory = write_run(tmp_path / "run", RECORD, parts, info.model_copy(update={"inputs": rows}))
    spectra = Spectra.load(directory.path, scan(output=OutputRecord(scale="luminosity")))
    assert spectra.group("mc").factors == (1.0, 1.0)
    assert Spectra.of_sums(RECORD, {"b": nothing(3)}, {"b": "mc"}).states("mc") == ()


def test_what_is_no_scan_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(RunDirectoryError, match="Expected the results of a run"):
        Spectra.load(tmp_path)
    directory = write_run(tmp_path / "run", RECORD, {"data": sums(RECORD)}, info_of(None, {"data": "data"}))
    with pytest.raises(RunDirectoryError, match="the run there is of the analysis scan"):
        Spectra.load(directory.path)
    directory.info.write_text(info_of(RECORD, {"data": "data"}).model_dump_json())
    path = directory.spectra / SUMS
    good = path.read_bytes()
    path.write_bytes(good[:-400])
    with pytest.raises(RunDirectoryError, match=r"cannot be read \(BadZipFile"):
        Spectra.load(directory.path)
    for damaged in damages(good):
        path.write_bytes(damaged)
        with pytest.raises(RunDirectoryError, match="cannot be read"):
            Spectra.load(directory.path)
    path.unlink()
    with pytest.raises(RunDirectoryError, match="Run the scan first"):
        Spectra.load(directory.path)


def test_names_count_every_kind_in_the_order_of_final_states() -> None:
    assert LETTERS == ("e", "m", "j", "g", "t", "b")
    assert states.category(STATES[2]) == "2ex_2mx_12jx_0gx_0tx_0bx"
