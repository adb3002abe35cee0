"""ROOT files of spectra, read back by uproot: names, axes, and nothing lost."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot
from hypothesis import given, settings
from hypothesis import strategies as st

from femtobarn.base.errors import RunDirectoryError, SettingsError, UnwritableError
from femtobarn.base.records import Kind
from femtobarn.base.spectra import OutputRecord, ProcessingRecord, SpectraRecord, WindowRecord
from femtobarn.physics.spectra.combinations import combinations
from femtobarn.physics.spectra.sums import SpectraSums
from femtobarn.running.results.spectra import histogram, rootfile
from femtobarn.running.results.spectra.processing import process, read_processed
from femtobarn.running.results.spectra.reader import Spectra, Spectrum
from femtobarn.running.results.spectra.root import inexact, write_root_files

from .made import STATES, givens, keep_values, sums_of
from .toys import scan, sums

NONE = ProcessingRecord(mode="none")
Z = WindowRecord(name="Z", centre=91.2, half_width=10.0, particles=("ee", "mm"))


def wanted(processing: ProcessingRecord = NONE, **output: Any) -> SpectraRecord:
    return scan(processing=processing, output=OutputRecord(**{"axis": "common", **output}))


def of(record: SpectraRecord, **parts: SpectraSums) -> Spectra:
    kinds: dict[str, Kind] = {p: "data" if s.events.shape[1] == 1 else "mc" for p, s in parts.items()}
    return Spectra.of_sums(record, parts, kinds)


def read(path: Path) -> dict[str, Any]:
    with uproot.open(path) as file:
        classes = file.classnames(recursive=True, cycle=False)
        return {name: file[name] for name, kind in classes.items() if kind.startswith("TH1")}


def content(one: Any) -> tuple[np.ndarray, np.ndarray]:
    """Contents and variances with flow."""
    return one.values(flow=True), one.variances(flow=True)


def expected(spectrum: Spectrum, bins: int = 1400) -> tuple[np.ndarray, np.ndarray]:
    total = np.zeros((bins + 2, len(spectrum.below)))
    total[0], total[-1] = spectrum.below, spectrum.above
    total[1 + spectrum.first : 1 + spectrum.first + len(spectrum.sums)] = spectrum.sums
    return (total[:, 1], total[:, 2]) if spectrum.kind == "mc" else (total[:, 0], total[:, 0])


@given(
    values=givens(scan(), most=10),
    kind=st.sampled_from(["data", "mc"]),
    storage=st.sampled_from(["TH1F", "TH1D"]),
    layout=st.sampled_from(["flat", "directories"]),
)
@settings(max_examples=30, deadline=None)
def test_uproot_reads_what_was_written(
    tmp_path_factory: pytest.TempPathFactory,
    values: dict[tuple[int, int], list[tuple[float, float]]],
    kind: Kind,
    storage: str,
    layout: str,
) -> None:
    folder = tmp_path_factory.mktemp("root")
    record = wanted(storage=storage, layout=layout)
    spectra = of(record, a=sums_of(record, kind, values, {}))
    (path,) = write_root_files(spectra, folder)
    assert path.name == f"{kind}.root"
    found = read(path)
    full = {s.name: s for s in spectra.spectra(kind)}
    if layout == "directories":
        assert {name.split("/")[0] for name in found} == {s.final_state for s in full.values()}
    assert {name.split("/")[-1] for name in found} == full.keys()
    assert sum(one.member("fEntries") for one in found.values()) == sum(map(len, values.values()))
    for name, one in found.items():
        spectrum = full[name.split("/")[-1]]
        assert one.classname == storage
        for got, wish in zip(content(one), expected(spectrum), strict=True):
            np.testing.assert_allclose(got, wish, rtol=1e-6 if storage == "TH1F" else 1e-15, atol=0)
        np.testing.assert_array_equal(one.axis().edges(), np.arange(1401) * 10.0)
        centres = np.arange(1400) * 10.0 + 5
        inside = [array[1:-1] for array in expected(spectrum)]
        statistics = (inside[0].sum(), inside[1].sum(), inside[0] @ centres, inside[0] @ centres**2)
        names = ("fTsumw", "fTsumw2", "fTsumwx", "fTsumwx2")
        assert [one.member(m) for m in names] == pytest.approx(statistics, rel=1e-12, abs=1e-9)


def test_names_titles_and_axes_are_those_that_people_have(tmp_path: Path) -> None:
    record = wanted().model_copy(update={"quantities": ("mass", "met")})
    places = {c.name: i for i, c in enumerate(combinations(record))}
    given_ = {(STATES[1], places[name]): [(95.0, 1.0)] for name in ("e0e1j0", "e0e1MET")}
    (path,) = write_root_files(of(record, a=sums_of(record, "data", given_, {})), tmp_path)
    found = read(path)
    plain = found["ROI_mass_e0e1j0_cat_2ex_0mx_1jx_0gx_0tx_0bx_width_10.0"]
    assert plain.title == "e0e1j0 in 2e_0m_1j_0g_0t_0b"
    assert plain.member("fXaxis").member("fTitle") == "mass [GeV]"
    assert plain.member("fYaxis").member("fTitle") == "values / 10 GeV"
    assert plain.name == "ROI_mass_e0e1j0_cat_2ex_0mx_1jx_0gx_0tx_0bx_width_10.0"
    other = found["ROI_mass_e0e1MET_cat_2ex_0mx_1jx_0gx_0tx_0bx_width_10.0"]
    assert other.member("fXaxis").member("fTitle") == "transverse mass [GeV]"


def test_bytes_are_those_that_uproot_would_write() -> None:
    template = histogram.Template("TH1F", weighted=True, x="mass [GeV]", y="weight")
    rng = np.random.default_rng(1)
    values, variances = rng.normal(size=12), rng.random(12)
    numbers = (17.0, 1.0, 2.0, 3.0, 4.0)
    from uproot.writing import identify

    axes = [
        identify.to_TAxis(fName="xaxis", fTitle="mass [GeV]", fNbins=10, fXmin=30.0, fXmax=130.0),
        identify.to_TAxis(fName="yaxis", fTitle="weight", fNbins=1, fXmin=0.0, fXmax=1.0),
    ]
    for name in ("short", "n" * 300):
        made = identify.to_TH1x(None, "title", values.astype(">f4"), *numbers, variances.astype(">f8"), *axes)
        one = histogram.Contents(
            name=name,
            title="title",
            lower=30.0,
            upper=130.0,
            values=values,
            variances=variances,
            entries=numbers[0],
            statistics=numbers[1:],
        )
        assert template.make(one) == made.serialize(name=name)


def test_filled_axes_begin_where_something_is(tmp_path: Path) -> None:
    # BumpNet's loader passes over histograms whose first bin is empty
    record = wanted(axis="filled")
    spectra = of(record, data=sums(record, events=60))
    (path,) = write_root_files(spectra, tmp_path)
    full = {s.name: s for s in spectra.spectra("data")}
    for name, one in read(path).items():
        assert one.values()[0] > 0
        assert one.values()[-1] > 0
        np.testing.assert_array_equal(one.axis().edges(), full[name].edges)
        assert not (one.axis().edges() % 10).any()


@pytest.mark.parametrize("layout", ["flat", "directories"])
def test_equal_spectra_give_equal_bytes(tmp_path: Path, layout: str) -> None:
    record = wanted(layout=layout)
    written = []
    for name in ("a", "b"):
        spectra = of(record, data=sums(record, events=40), mc=sums(record, "mc", events=40))
        paths = write_root_files(spectra, tmp_path / name)
        written.append({p.name: p.read_bytes() for p in paths})
    assert written[0] == written[1]
    assert written[0].keys() == {"data.root", "mc.root"}


@pytest.mark.parametrize("layout", ["flat", "directories"])
def test_places_beyond_two_gigabytes_take_64_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str
) -> None:
    record = wanted(layout=layout)
    spectra = of(record, data=sums(record, events=15))
    (path,) = write_root_files(spectra, tmp_path / "small")
    small = {name: content(one)[0].tolist() for name, one in read(path).items()}
    monkeypatch.setattr(rootfile, "_BIG", 20_000)
    (path,) = write_root_files(spectra, tmp_path / "big")
    assert int.from_bytes(path.read_bytes()[4:8], "big") > 1_000_000
    assert {name: content(one)[0].tolist() for name, one in read(path).items()} == small


def test_objects_longer_than_a_block_are_packed_in_several() -> None:
    rng = np.random.default_rng(1)
    data = rng.integers(0, 4, 2**24 + 1000, dtype=np.uint8).tobytes()
    packed = rootfile._packed(data)
    chunk = uproot.source.chunk.Chunk.wrap(None, np.frombuffer(packed, np.uint8))
    cursor = uproot.source.cursor.Cursor(0)
    plain = uproot.compression.decompress(chunk, cursor, {}, len(packed), len(data))
    assert plain.raw_data.tobytes() == data
    noise = rng.bytes(1000)
    assert rootfile._packed(noise) == noise


def test_pairs_have_the_same_names(tmp_path: Path) -> None:
    record = wanted(ProcessingRecord(mode="windows", windows=(Z,)))
    spectra = of(record, data=sums(record, events=60), mc=sums(record, "mc", events=60))
    process(spectra, tmp_path)
    paths = write_root_files(spectra, tmp_path)
    assert [p.name for p in paths] == ["data.root", "data_processed.root", "mc.root", "mc_processed.root"]
    for group in ("data", "mc"):
        full, processed = read(tmp_path / f"{group}.root"), read(tmp_path / f"{group}_processed.root")
        assert full.keys() == processed.keys()
        by_name = {s.name: s for s in read_processed(tmp_path)[group]}
        changed = 0
        for name, one in processed.items():
            np.testing.assert_allclose(content(one)[0], expected(by_name[name])[0], rtol=1e-6)
            changed += not np.array_equal(content(one)[0], content(full[name])[0])
        assert changed == sum(w.entries > 0 for w in _in_windows(spectra, group))


def _in_windows(spectra: Spectra, group: str) -> list[Spectrum]:
    from femtobarn.running.results.spectra.windows import alone

    return [alone(s, (Z,)) for s in spectra.spectra(group)]


@pytest.mark.parametrize(("keep", "suffixes"), [("veto", {""}), ("only", {""}), ("both", {"", "_only"})])
def test_a_second_variant_has_a_suffix(tmp_path: Path, keep: Any, suffixes: set[str]) -> None:
    record = wanted(ProcessingRecord(mode="windows", windows=(Z,), keep=keep))
    spectra = of(record, data=sums(record, events=60))
    process(spectra, tmp_path)
    write_root_files(spectra, tmp_path)
    names = read(tmp_path / "data_processed.root")
    assert {name.partition("_width_10.0")[2] for name in names} == suffixes


@pytest.mark.parametrize("outliers", [False, True])
def test_outliers_are_written_if_asked_for(tmp_path: Path, outliers: bool) -> None:
    record = wanted(ProcessingRecord(mode="compatible"), outliers=outliers).model_copy(
        update={"values": True}
    )
    pairs = [(v, 1.0) for v in (12.0, 15.0, 18.0, 25.0, 35.0, 95.0)]
    one = sums_of(record, "data", {(STATES[0], 1): pairs}, {STATES[0]: 6})
    keep_values(tmp_path, record, {"data": one})
    spectra = of(record, data=one)
    process(spectra, tmp_path)
    write_root_files(spectra, tmp_path)
    names = read(tmp_path / "data_processed.root")
    assert [(s.variant, s.entries) for s in read_processed(tmp_path)["data"]] == [
        ("main", 5),
        ("outliers", 1),
    ]
    assert {n.partition("_width_10.0")[2] for n in names} == ({"", "_outliers"} if outliers else {""})


def test_stale_files_go_and_a_file_of_each_process_comes(tmp_path: Path) -> None:
    parts = {"data": sums(scan(), events=20), "345060": sums(scan(), "mc", events=20)}
    write_root_files(of(wanted(), **parts), tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"data.root", "mc.root"}
    write_root_files(of(wanted(files="process"), **parts), tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"data.root", "345060.root"}


def test_files_of_the_user_stay(tmp_path: Path) -> None:
    parts = {"data": sums(scan(), events=20), "345060": sums(scan(), "mc", events=20)}
    (tmp_path / "my_fit.root").write_bytes(b"mine")
    (tmp_path / "345060_processed.root").write_bytes(b"of an earlier export")
    write_root_files(of(wanted(files="process"), **parts), tmp_path)
    write_root_files(of(wanted(), **parts), tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"data.root", "mc.root", "my_fit.root"}


def test_processes_that_are_called_alike_have_files_of_their_own(tmp_path: Path) -> None:
    parts = {name: sums(scan(), "mc", seed=i, events=20) for i, name in enumerate(("X", "X_processed"))}
    record = wanted(ProcessingRecord(mode="windows", windows=(Z,)), files="process")
    spectra = of(record, **parts)
    process(spectra, tmp_path)
    paths = write_root_files(spectra, tmp_path)
    assert len(set(paths)) == 4
    for group, full, processed in zip(spectra.groups, paths[::2], paths[1::2], strict=True):
        assert full.name == f"{group}.root"
        assert set(read(full)) == set(read(processed)) == {s.name for s in spectra.spectra(group)}


def test_a_file_appears_complete_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spectra = of(wanted(), data=sums(scan(), events=20))
    (path,) = write_root_files(spectra, tmp_path)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(rootfile.RootFile, "_end", full)
    with pytest.raises(UnwritableError, match="No space left on device"):
        write_root_files(spectra, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["data.root"]
    assert path.read_bytes() == before


def test_processed_spectra_of_other_settings_are_refused(tmp_path: Path) -> None:
    parts = {"data": sums(scan(), events=20)}
    windows = ProcessingRecord(mode="windows", windows=(Z,))
    spectra = of(wanted(windows), **parts)
    with pytest.raises(RunDirectoryError, match="Run the stage process first"):
        write_root_files(spectra, tmp_path)
    process(spectra, tmp_path)
    write_root_files(of(wanted(windows, layout="directories", storage="TH1D"), **parts), tmp_path)
    changed: Mapping[str, Any] = {"least_events": 2}
    for other in (wanted(windows).model_copy(update=changed), wanted(windows, maximum=500.0)):
        with pytest.raises(RunDirectoryError, match="made with other settings"):
            write_root_files(of(other, **parts), tmp_path)


def test_more_than_a_float_can_count_is_said(tmp_path: Path) -> None:
    record = wanted()
    one = sums_of(record, "data", {(STATES[0], 1): [(95.0, 1.0), (97.0, 1.0)]}, {})
    large = SpectraSums(one.states, one.events, one.cells, one.sums * (2**23 + 0.5))
    (words,) = inexact(of(record, data=large))
    assert (
        words
        == "data: a bin holds 16,777,217 values, but TH1F counts exactly up to 16,777,216 only: set storage: TH1D"
    )
    assert inexact(of(record, data=one)) == ()
    assert inexact(of(record.model_copy(update={"least_events": 1}), data=large)) == ()  # it is not written
    far = sums_of(record, "data", {(STATES[0], 1): [(20_000.0, 1.0), (30_000.0, 1.0)]}, {})
    above = SpectraSums(far.states, far.events, far.cells, far.sums * (2**23 + 1.0))
    assert "a bin holds 16,777,218 values" in inexact(of(record, data=above))[0]  # the overflow is one bin
    exact = of(wanted(storage="TH1D"), data=large)
    assert inexact(exact) == ()
    (path,) = write_root_files(exact, tmp_path)
    (found,) = read(path).values()
    assert found.values().max() == 2**24 + 1


def test_another_layout_of_uproot_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(histogram, "_CELLS", 3)  # then no number tells where the cells are
    with pytest.raises(SettingsError, match="Use the version of the lock file"):
        histogram.Template("TH1F", weighted=False, x="", y="")
