"""What is made of spectra: windows emptied or kept alone, and the parts that today's program makes."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from femtobarn.base.errors import RunDirectoryError, SettingsError
from femtobarn.base.records import Kind
from femtobarn.base.spectra import OutputRecord, ProcessingRecord, SpectraRecord, WindowRecord
from femtobarn.physics.spectra.combinations import combinations
from femtobarn.physics.spectra.sums import SpectraSums
from femtobarn.running.results.spectra import compatible, windows
from femtobarn.running.results.spectra.processing import process, read_processed
from femtobarn.running.results.spectra.reader import Spectra, Spectrum

from .made import STATES, damages, givens, keep_values, sums_of
from .toys import scan, sums

Z = WindowRecord(name="Z", centre=91.2, half_width=10.0, particles=("ee", "mm"))
LOW = WindowRecord(name="low", centre=25.0, half_width=5.0)
RECORD = scan()


def with_windows(keep: Literal["veto", "only", "both"] = "veto", *given_: WindowRecord) -> SpectraRecord:
    return scan(processing=ProcessingRecord(mode="windows", keep=keep, windows=given_ or (Z, LOW)))


def of(record: SpectraRecord, **parts: SpectraSums) -> Spectra:
    kinds: dict[str, Kind] = {p: "data" if s.events.shape[1] == 1 else "mc" for p, s in parts.items()}
    return Spectra.of_sums(record, parts, kinds)


def same(one: Spectrum, other: Spectrum) -> bool:
    labels = [(s.group, s.kind, s.state, s.combination, s.width, s.first, s.variant) for s in (one, other)]
    arrays = [(s.sums, s.below, s.above) for s in (one, other)]
    return labels[0] == labels[1] and all(map(np.array_equal, *arrays))


def dense(spectrum: Spectrum, bins: int = 1500) -> np.ndarray:
    """All bins from 0 on, with what is below and above."""
    total = np.zeros((bins + 2, spectrum.sums.shape[1]))
    total[0], total[-1] = spectrum.below, spectrum.above
    total[1 + spectrum.first : 1 + spectrum.first + len(spectrum.sums)] = spectrum.sums
    return total


# --- windows


@pytest.mark.parametrize(
    ("centre", "half_width", "width", "bins"),
    [
        (91.2, 10.0, 10.0, (8, 11)),  # 81.2 to 101.2
        (95.0, 5.0, 10.0, (9, 10)),  # on edges: no bin more
        (100.0, 0.1, 10.0, (9, 11)),
        (0.35, 0.05, 0.1, (3, 4)),  # 0.3 and 0.4 are edges but for rounding
        (3.1, 0.2, 0.1, (29, 33)),
        (4.0, 9.0, 10.0, (0, 2)),
    ],
)
def test_windows_grow_to_edges_of_bins(
    centre: float, half_width: float, width: float, bins: tuple[int, int]
) -> None:
    window = WindowRecord(name="w", centre=centre, half_width=half_width)
    assert windows.bins_of(window, width) == bins


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("e0e1", ["Z", "low"]),
        ("m1m2OS", ["Z", "low"]),
        ("m0m1SS", ["Z", "low"]),
        ("e0m0", ["low"]),
        ("e0e1MET", ["low"]),
    ],
)
def test_windows_belong_to_their_objects(name: str, expected: list[str]) -> None:
    record = scan(
        quantities=("mass", "os", "ss", "met"),
        combinations=RECORD.combinations.model_copy(update={"subleading": 2}),
    )
    found = {c.name: i for i, c in enumerate(combinations(record))}
    one = sums_of(record, "data", {(STATES[2], found[name]): [(90.0, 1.0)]}, {})
    (spectrum,) = of(record, a=one).spectra("data")
    assert [w.name for w in windows.matching((Z, LOW), spectrum)] == expected


@given(
    values=givens(RECORD),
    kind=st.sampled_from(["data", "mc"]),
    given_=st.lists(
        st.builds(
            WindowRecord,
            name=st.just("w"),
            centre=st.floats(1, 400),
            half_width=st.floats(0.5, 100),
            particles=st.sampled_from([(), ("ee",), ("ee", "mm"), ("jj",)]),
        ),
        max_size=3,
    ),
)
@settings(max_examples=60, deadline=None)
def test_veto_and_only_are_the_full_spectrum_in_two_parts(
    values: dict[tuple[int, int], list[tuple[float, float]]], kind: Kind, given_: list[WindowRecord]
) -> None:
    for full in of(RECORD, a=sums_of(RECORD, kind, values, {})).spectra(kind):
        veto, only = windows.vetoed(full, given_), windows.alone(full, given_)
        np.testing.assert_array_equal(dense(veto) + dense(only), dense(full))
        assert veto.entries + only.entries == full.entries
        inside = np.zeros(1502, bool)
        for window in given_:
            if not window.particles or full.combination.particles in window.particles:
                lower, upper = window.centre - window.half_width, window.centre + window.half_width
                for k in range(1500):
                    inside[k + 1] |= k * 10 < upper - 1e-6 and (k + 1) * 10 > lower + 1e-6
        assert not dense(veto)[inside].any()
        assert not dense(only)[~inside].any()


def test_process_writes_what_the_functions_make(tmp_path: Path) -> None:
    spectra = of(with_windows("both"), data=sums(RECORD, events=80), mc=sums(RECORD, "mc", events=80))
    summary = process(spectra, tmp_path)
    processed = read_processed(tmp_path)
    assert list(processed) == ["data", "mc"]
    for group in spectra.groups:
        expected: list[Spectrum] = []
        for full in spectra.spectra(group):
            expected.append(windows.vetoed(full, (Z, LOW)))
            expected.append(windows.alone(full, (Z, LOW)))
        assert len(processed[group]) == len(expected)
        assert all(map(same, processed[group], expected))
        made = {one.variant: one for one in summary.made if one.group == group}
        assert made["veto"].spectra == made["only"].spectra == len(expected) // 2
        assert made["only"].entries == sum(s.entries for s in expected if s.variant == "only")
    assert processed.summary == summary
    assert processed.record == spectra.record


def test_the_summary_says_which_windows_were_applied(tmp_path: Path) -> None:
    found = {c.name: i for i, c in enumerate(combinations(RECORD))}
    values = {
        (STATES[1], found["e0e1"]): [(91.0, 1.0), (84.0, 1.0), (200.0, 1.0)],
        (STATES[2], found["m0m1"]): [(100.0, 1.0)],
        (STATES[2], found["e0m0"]): [(91.0, 1.0)],
    }
    summary = process(of(with_windows("veto", Z), a=sums_of(RECORD, "data", values, {})), tmp_path)
    (use,) = summary.windows
    assert (use.group, use.name, use.lower, use.upper) == ("data", "Z", 80.0, 110.0)
    assert (use.spectra, use.entries) == (2, 3)
    by_name = {s.combination.name: s for s in read_processed(tmp_path)["data"]}
    assert {name: s.entries for name, s in by_name.items()} == {"e0e1": 1, "m0m1": 0, "e0m0": 1}
    assert by_name["e0m0"].variant == "veto"  # as it is, so that every full spectrum has its pair


def test_only_has_the_spectra_of_its_windows_alone(tmp_path: Path) -> None:
    process(of(with_windows("only", Z), data=sums(RECORD, events=80)), tmp_path)
    assert {s.combination.particles for s in read_processed(tmp_path)["data"]} == {"ee", "mm"}
    assert {s.variant for s in read_processed(tmp_path)["data"]} == {"only"}


def test_equal_spectra_give_equal_bytes(tmp_path: Path) -> None:
    written = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        process(of(with_windows("both"), data=sums(RECORD, events=50)), tmp_path / name)
        written.append((tmp_path / name / "processed.npz").read_bytes())
    assert written[0] == written[1]


def test_nothing_is_made_if_the_scan_says_so(tmp_path: Path) -> None:
    record = scan(processing=ProcessingRecord(mode="none"))
    summary = process(of(record, data=sums(RECORD, events=20)), tmp_path)
    assert summary.made == ()
    assert dict(read_processed(tmp_path)) == {}


def test_dropped_final_states_are_not_processed(tmp_path: Path) -> None:
    record = with_windows().model_copy(update={"least_events": 3})
    spectra = of(record, data=sums(RECORD, events=200))
    process(spectra, tmp_path)
    kept = {row.state for row in spectra.states("data") if row.kept}
    found = {s.state for s in read_processed(tmp_path)["data"]}
    assert found == {s.state for s in spectra.spectra("data")} <= kept
    assert len(kept) < len(spectra.states("data"))


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(RunDirectoryError, match="Run the stage process first"):
        read_processed(tmp_path)
    process(of(with_windows(), data=sums(RECORD, events=20)), tmp_path)
    path = tmp_path / "processed.npz"
    good = path.read_bytes()
    path.write_bytes(good[:-100])
    with pytest.raises(RunDirectoryError, match=r"\(BadZipFile\)\. Run the stage process again"):
        read_processed(tmp_path)
    path.write_bytes(good)
    for damaged in damages(good):
        path.write_bytes(damaged)
        with pytest.raises(
            RunDirectoryError, match=r"\((NotImplementedError|error)\)\. Run the stage process"
        ):
            read_processed(tmp_path)


# --- compatible


def slowly(
    values: Sequence[float], width: float, cutoff: float | None = None
) -> tuple[list[float], list[float]]:
    """Section 6 of the specification, step by step."""
    left = [v for v in values if cutoff is None or v <= cutoff]
    if not left:
        return [], []

    def binned(numbers: list[float]) -> tuple[np.ndarray, np.ndarray] | None:
        bins = math.ceil((max(numbers) - min(numbers)) / width)
        if not bins:
            return None
        edges = np.linspace(min(numbers), max(numbers), bins + 1)
        return np.histogram(numbers, edges)[0], edges

    found = binned(left)
    if found is not None:
        counts, edges = found
        fullest = max(range(len(counts)), key=lambda i: (counts[i], i))
        left = [v for v in left if v >= edges[fullest]]
    found = binned(left)
    if found is not None:
        counts, edges = found
        empty = [i for i, n in enumerate(counts) if n == 0]
        if empty and empty[0] >= 2:
            edge = edges[empty[0]]
            return [v for v in left if v < edge], [v for v in left if v >= edge]
    return left, []


@given(
    values=st.lists(
        st.one_of(
            st.floats(-50, 400),
            st.integers(0, 30).map(lambda k: k * 10.0),
            st.floats(0, 60).map(lambda x: round(x, 1)),
        ),
        min_size=1,
        max_size=60,
    ),
    width=st.sampled_from([10.0, 0.7, 25.0, 3.0]),
    cutoff=st.sampled_from([None, 100.0, 20.0]),
)
@example(values=[5.0, 5.0, 5.0], width=10.0, cutoff=None)
@example(values=[1.0, 2.0, 2.0, 12.0, 100.0], width=10.0, cutoff=None)
@settings(max_examples=300, deadline=None)
def test_the_split_is_that_of_the_specification(
    values: list[float], width: float, cutoff: float | None
) -> None:
    array = np.array(values)
    main, outliers = compatible.split(array, width, cutoff)
    assert (array[main].tolist(), array[outliers].tolist()) == slowly(values, width, cutoff)


def test_the_turn_on_goes_and_the_peak_stays() -> None:
    values = np.array([5.0] * 2 + [15.0] * 5 + [25.0] * 9 + [35.0] * 9 + [45.0] * 4 + [55.0] + [95.0])
    main, outliers = compatible.split(values, 10.0)
    assert np.unique(values[main]).tolist() == [35.0, 45.0, 55.0]  # of two equal bins the right one
    assert values[outliers].tolist() == [95.0]


def test_a_value_far_away_takes_no_memory() -> None:
    values = np.array([10.0, 20.0, 30.0, 30.5, 40.0, 1e30])
    main, outliers = compatible.split(values, 1e-3)
    assert main.sum() + outliers.sum() >= 1


def test_weights_do_not_move_the_peak(tmp_path: Path) -> None:
    _, spectra = _kept(tmp_path, [(12.0, 1.0), (15.0, 1.0), (25.0, 100.0), (25.5, -2.0), (35.0, 1.0)])
    process(spectra, tmp_path)
    (main,) = read_processed(tmp_path)["mc"]
    assert (main.variant, main.entries, main.first) == ("main", 3, 2)
    np.testing.assert_allclose(main.sums, [[2, 98, 10_004], [1, 1, 1]])


def _kept(folder: Path, pairs: list[tuple[float, float]], **changes: Any) -> tuple[SpectraRecord, Spectra]:
    """Keep the values of one spectrum of simulation, and return its spectra."""
    record = scan(values=True, processing=ProcessingRecord(mode="compatible", **changes))
    one = sums_of(record, "mc", {(STATES[0], 1): pairs}, {STATES[0]: len(pairs)})
    keep_values(folder, record, {"a": one})
    return record, of(record, a=one)


@pytest.mark.parametrize("cutoff", [None, 300.0])
def test_compatible_is_the_specification_for_every_spectrum(tmp_path: Path, cutoff: float | None) -> None:
    record = scan(
        values=True,
        least_events=4,
        processing=ProcessingRecord(mode="compatible", width=25.0, cutoff=cutoff),
        output=OutputRecord(maximum=500.0),
    )
    parts = {
        "data": sums(record, events=300),
        "b": sums(record, "mc", seed=3, events=300),
        "a": sums(record, "mc", seed=4),
    }
    keep_values(tmp_path, record, parts)
    spectra = of(record, **parts)
    process(spectra, tmp_path)
    processed = read_processed(tmp_path)
    places = {c.name: i for i, c in enumerate(combinations(record))}
    for group, members in (("data", ["data"]), ("mc", ["b", "a"])):
        kept = {row.state for row in spectra.states(group) if row.kept}
        expected: dict[tuple[int, str, str], np.ndarray] = {}
        for state in kept:
            for name, place in places.items():
                pairs = [pair for p in members for pair in _values(parts[p], state, place)]
                if not pairs:
                    continue
                for variant, chosen in zip(
                    ("main", "outliers"), slowly([v for v, _ in pairs], 25.0, cutoff), strict=True
                ):
                    total = np.zeros((52, 1 if group == "data" else 3))
                    for value, weight in pairs:
                        if value in chosen:
                            k = min(max(-1, math.floor(value / 10)), 50)
                            total[k + 1] += np.array([1.0, weight, weight**2])[: total.shape[1]]
                    if chosen:
                        expected[state, name, variant] = total
        assert {variant for *_, variant in expected} == {"main", "outliers"}
        found = {(s.state, s.combination.name, s.variant): dense(s, 50) for s in processed[group]}
        assert found.keys() == expected.keys()
        for key, total in found.items():
            np.testing.assert_allclose(total, expected[key], rtol=1e-12, atol=1e-12)
        order = [(s.state, places[s.combination.name], s.variant) for s in processed[group]]
        assert order == sorted(order)


def _values(one: SpectraSums, state: int, combination: int) -> list[tuple[float, float]]:
    assert one.values is not None
    if state not in one.states:
        return []
    key = np.uint64((int(np.searchsorted(one.states, np.uint64(state))) << 40) | (combination << 24))
    at = int(np.searchsorted(one.values.keys, key))
    if at == len(one.values.keys) or one.values.keys[at] != key:
        return []
    start, stop = one.values.offsets[at : at + 2]
    weights = one.values.weights[start:stop] if len(one.values.weights) else np.ones(stop - start)
    return list(zip(one.values.values[start:stop].tolist(), weights.tolist(), strict=True))


def test_values_of_lepton_pairs_below_a_cutoff_are_dropped(tmp_path: Path) -> None:
    record = scan(values=True, processing=ProcessingRecord(mode="compatible", pair_cutoff=110.0))
    places = {c.name: i for i, c in enumerate(combinations(record))}
    # 12 in the bin of the Z, 3 above; the cutoff itself stays
    pairs = [(91.0, 1.0)] * 12 + [(v, 1.0) for v in (110.0, 115.0, 123.0)]
    names = ("e0e1", "m0m1j0", "e0m0", "j0j1")
    one = sums_of(record, "data", {(STATES[2], places[name]): pairs for name in names}, {})
    keep_values(tmp_path, record, {"a": one})
    process(of(record, a=one), tmp_path)
    found = {s.combination.name: s for s in read_processed(tmp_path)["data"] if s.variant == "main"}
    assert {name: (s.first, s.entries) for name, s in found.items()} == {
        "e0e1": (11, 3), "m0m1j0": (11, 3), "e0m0": (9, 15), "j0j1": (9, 15),
    }  # fmt: skip


def test_memory_is_that_of_filled_bins(tmp_path: Path) -> None:
    # 14,000 bins for each of 40 spectra would be 13 MB
    record = scan(width=1.0, values=True, processing=ProcessingRecord(mode="compatible"))
    given_ = {(STATES[2], i): [(12_000.5, 1.0), (12_001.5, 2.0)] for i in range(40)}
    one = sums_of(record, "mc", given_, {})
    keep_values(tmp_path, record, {"a": one})
    spectra = of(record, a=one)
    process(spectra, tmp_path)  # what is imported and cached is not counted
    tracemalloc.start()
    process(spectra, tmp_path)
    assert tracemalloc.get_traced_memory()[1] < 3_000_000
    tracemalloc.stop()
    filled_ = read_processed(tmp_path)["mc"]
    assert [(s.first, len(s.sums)) for s in filled_] == [(12_000, 2)] * 40
    full = next(spectra.spectra("mc"))
    wide = windows.trimmed(replace(full, first=0, sums=np.concatenate([np.zeros((9000, 3)), full.sums])))
    assert (wide.first, wide.sums.base) == (9000, None)


def test_values_must_be_those_of_each_combination(tmp_path: Path) -> None:
    record, spectra = _kept(tmp_path, [(50.0, 1.0), (60.0, 1.0)])
    name = combinations(record)[0].name
    both = sums_of(record, "mc", {(STATES[0], 0): [(50.0, 1.0)], (STATES[0], 1): [(50.0, 1.0)] * 2}, {})
    with pytest.raises(RunDirectoryError, match=rf"Expected 1 single values of {name} in .* there are 0"):
        process(of(record, a=both), tmp_path)
    process(spectra, tmp_path)


def test_compatible_needs_values_and_those_of_this_run(tmp_path: Path) -> None:
    record = scan(processing=ProcessingRecord(mode="compatible"))
    with pytest.raises(SettingsError, match="Set values: true and run the scan again"):
        process(of(record, data=sums(RECORD, events=20)), tmp_path)
    record, spectra = _kept(tmp_path, [(50.0, 1.0), (60.0, 1.0)])
    more = sums_of(record, "mc", {(STATES[0], 1): [(50.0, 1.0)] * 3}, {})
    with pytest.raises(RunDirectoryError, match=r"Expected 3 single values .* but there are 2"):
        process(of(record, a=more), tmp_path)
    process(spectra, tmp_path)
    assert [s.variant for s in read_processed(tmp_path)["mc"]] == ["main"]


def test_an_empty_spectrum_survives_the_archive(tmp_path: Path) -> None:
    found = {c.name: i for i, c in enumerate(combinations(RECORD))}
    spectra = of(
        with_windows("veto", Z), a=sums_of(RECORD, "mc", {(STATES[1], found["e0e1"]): [(91.0, 2.0)]}, {})
    )
    process(spectra, tmp_path)
    (one,) = read_processed(tmp_path)["mc"]
    (full,) = spectra.spectra("mc")
    assert same(one, replace(full, variant="veto", first=0, sums=np.zeros((0, 3))))
