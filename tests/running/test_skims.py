"""Skims: the right events and columns, in files that are inputs like any other and normalise as the whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import uproot

from femtobarn.base.errors import SettingsError, UnknownNameError
from femtobarn.base.records import AnalysisSpec, Settings
from femtobarn.physics.language import Analysis, Regular, ev, mc
from femtobarn.running.engine.inputs import Inputs, gather
from femtobarn.running.engine.run import run
from femtobarn.running.engine.skim import with_skim
from femtobarn.running.results.reader import RunResults

from .toys import INPUTS, RELEASE, data_name, mc_name, toy_spec

Make = Callable[..., Settings]


def skimmed(
    spec: AnalysisSpec, data: Path, out: Path, settings: Settings, *, to: str = "root", selection: str = "loose",
    columns: list[str] | None = None,
) -> RunResults:  # fmt: skip
    wanted = with_skim(spec, selection, columns, to)
    return run(wanted, gather(wanted, data), settings, out)


def same_normalisation(a: RunResults, b: RunResults) -> None:
    for one, other in zip(a.info.normalisations, b.info.normalisations, strict=True):
        assert one.dataset == other.dataset
        assert one.factor == pytest.approx(other.factor, rel=1e-12)
        assert one.sum_of_weights == pytest.approx(other.sum_of_weights, rel=1e-12)
    assert a.info.luminosity == b.info.luminosity


@pytest.fixture(scope="module")
def whole(spec: AnalysisSpec, inputs: Inputs, tmp_path_factory: pytest.TempPathFactory) -> RunResults:
    chosen = Settings(workers=0, part_bytes=20_000, chunk_entries=300)
    return run(spec, inputs, chosen, tmp_path_factory.mktemp("whole") / "out")


def test_an_analysis_of_a_skim_equals_that_of_the_whole_files(
    spec: AnalysisSpec, folder: Path, whole: RunResults, tmp_path: Path, settings: Make
) -> None:
    skim = skimmed(spec, folder, tmp_path / "skim", settings(), selection="final")
    assert len(list((tmp_path / "skim/skim").iterdir())) == 5
    again = run(spec, gather(spec, skim.path / "skim"), settings(), tmp_path / "again")
    assert again.info.files_processed == 5
    assert again.info.events_processed < whole.info.events_processed
    assert again.info.complete == whole.info.complete
    same_normalisation(again, whole)
    for histogram in ("pt", "met", "lead"):
        for process in ("Data", "other", "higgs"):
            for variation in spec.variation_keys:
                a = again.histogram(histogram, selection="final", process=process, variation=variation)
                b = whole.histogram(histogram, selection="final", process=process, variation=variation)
                np.testing.assert_allclose(a.values(flow=True), b.values(flow=True), rtol=1e-12)
    final = [[(y.process, y.raw) for y in r.yields() if y.selection == "final"] for r in (again, whole)]
    assert final[0] == final[1]


def test_a_skim_of_a_skim_normalises_as_the_whole_also_where_no_event_passes(
    folder: Path, whole: RunResults, tmp_path: Path, settings: Make
) -> None:
    strict = toy_spec(cut=1e6)  # no event of any file passes its selection "final"
    first = skimmed(toy_spec(), folder, tmp_path / "first", settings())
    second = skimmed(toy_spec(), first.path / "skim", tmp_path / "second", settings(), selection="final")
    same_normalisation(second, whole)
    third = run(toy_spec(), gather(toy_spec(), second.path / "skim"), settings(), tmp_path / "third")
    same_normalisation(third, whole)
    empty = skimmed(strict, first.path / "skim", tmp_path / "empty", settings(), selection="final")
    last = run(strict, gather(strict, empty.path / "skim"), settings(), tmp_path / "last")
    assert last.info.events_processed == 0
    assert last.info.files_processed == 5
    same_normalisation(last, whole)
    steps = [p.name for p in sorted((second.path / "skim").iterdir())]
    assert all(name.count(".skim.root") == 1 for name in steps)


def test_a_skim_of_a_part_is_scaled_as_that_part(folder: Path, tmp_path: Path, settings: Make) -> None:
    spec = toy_spec()
    limited = run(spec, gather(spec, folder), settings(max_events=300), tmp_path / "limited")
    skim = skimmed(spec, folder, tmp_path / "skim", settings(max_events=300))
    again = run(spec, gather(spec, skim.path / "skim"), settings(), tmp_path / "again")
    same_normalisation(again, limited)
    assert not again.info.complete


def test_the_columns_are_those_of_the_selected_events(
    spec: AnalysisSpec, folder: Path, tmp_path: Path, settings: Make
) -> None:
    skimmed(
        spec,
        folder,
        tmp_path / "s",
        settings(),
        selection="final",
        columns=["lep.pt", "met.pt", "pt", "mc.pileup"],
    )
    name = mc_name(700600)
    with uproot.open(tmp_path / "s/skim" / f"{name.removesuffix('.root')}.skim.root") as file:
        got = file["events"].arrays(library="np")
    with uproot.open(folder / name) as file:
        raw = file["analysis"].arrays(library="np")
    leading = np.array([p[0] if len(p) else 0.0 for p in raw["lep_pt"]], dtype=np.float64)
    count = np.array([len(p) for p in raw["lep_pt"]])
    # the up variation lets more events pass: they are kept too
    chosen = raw["trigE"] & (leading.astype(np.float64) * 1.1 > 20) & (count >= 1)
    assert set(got) == {"lep_pt", "met_pt", "pt", "mc_pileup", "mc_generator", "n_lep", "n_pt"}
    np.testing.assert_array_equal(got["met_pt"], raw["met"][chosen].astype(np.float64))
    np.testing.assert_array_equal(np.concatenate(got["lep_pt"]), np.concatenate(raw["lep_pt"][chosen]))
    np.testing.assert_array_equal(np.concatenate(got["pt"]), np.concatenate(raw["lep_pt"][chosen]))
    data = f"{data_name('data15_periodD').removesuffix('.root')}.skim.root"
    with uproot.open(tmp_path / "s/skim" / data) as file:
        assert "mc_pileup" not in file["events"]


def test_parquet_holds_the_same_events(
    spec: AnalysisSpec, folder: Path, tmp_path: Path, settings: Make
) -> None:
    skimmed(spec, folder, tmp_path / "r", settings())
    skimmed(spec, folder, tmp_path / "p", settings(), to="parquet")
    for path in sorted((tmp_path / "p/skim").iterdir()):
        table = pq.read_table(path)
        with uproot.open((tmp_path / "r/skim" / path.name).with_suffix(".root")) as file:
            tree = file["events"]
            assert table.num_rows == tree.num_entries
            assert table.schema.metadata[b"femtobarn"].decode() == tree.title
            for name in table.column_names:
                ours, theirs = table[name].to_pylist(), tree[name].array().to_list()
                assert ours == theirs


def test_the_same_events_are_never_counted_twice(
    spec: AnalysisSpec, folder: Path, whole: RunResults, tmp_path: Path, settings: Make
) -> None:
    skim = skimmed(spec, folder, tmp_path / "skim", settings())
    other = skimmed(spec, folder, tmp_path / "other", settings(), selection="final")
    both = gather(spec, [skim.path / "skim", other.path / "skim"])
    assert len(both.files) == 5
    assert all("is read already" in s.reason or "given before" in s.reason for s in both.skipped)
    mixed = gather(spec, [folder, skim.path / "skim"])
    assert sorted(f.name for f in mixed.files) == sorted(p.name for p in folder.iterdir())
    assert len(mixed.skipped) == 5


def test_a_skim_is_resumed_and_equal_for_any_parts(
    spec: AnalysisSpec, folder: Path, tmp_path: Path, settings: Make
) -> None:
    one = skimmed(spec, folder, tmp_path / "one", settings(part_bytes=10**9))
    many = skimmed(spec, folder, tmp_path / "many", settings(part_bytes=5_000, chunk_entries=37))
    for path in sorted((one.path / "skim").iterdir()):
        with uproot.open(path) as a, uproot.open(many.path / "skim" / path.name) as b:
            left, right = a["events"].arrays(), b["events"].arrays()
            assert left.to_list() == right.to_list()
    before = {p.name: p.stat().st_mtime_ns for p in (many.path / "tasks").rglob("*") if p.is_file()}
    skimmed(spec, folder, tmp_path / "many", settings(part_bytes=5_000, chunk_entries=37))
    assert {p.name: p.stat().st_mtime_ns for p in (many.path / "tasks").rglob("*") if p.is_file()} == before


def test_wrong_requests_are_told(spec: AnalysisSpec) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'final'"):
        with_skim(spec, "finl", None, "root")
    with pytest.raises(UnknownNameError, match=r"lep\.pt"):
        with_skim(spec, "final", ["lep.ptt"], "root")
    with pytest.raises(UnknownNameError, match="parquet"):
        with_skim(spec, "final", None, "csv")
    with pytest.raises(SettingsError, match="text"):
        with_skim(spec, "final", ["category"], "root")


def test_a_skim_request_changes_the_identity_and_its_absence_does_not(spec: AnalysisSpec) -> None:
    wanted = with_skim(spec, "final", ["lep.pt"], "root")
    assert wanted.identity != spec.identity
    assert wanted.identity == with_skim(spec, "final", ["lep.pt"], "parquet").identity
    assert wanted.identity != with_skim(spec, "loose", ["lep.pt"], "root").identity
    assert AnalysisSpec.model_validate_json(wanted.model_dump_json()).identity == wanted.identity


def test_values_of_events_that_lack_them_are_not_a_number(
    folder: Path, tmp_path: Path, settings: Make
) -> None:
    analysis = Analysis("lead", inputs=INPUTS)
    everything = analysis.selection("everything")
    everything.cut("met", ev.met.pt >= 0)
    analysis.weight(mc.generator)
    analysis.histogram("lead", ev.lep.pt.max(), Regular(10, 0, 100, unit="GeV"), selections=everything)
    analysis.histogram("second", ev.lep[1].pt, Regular(10, 0, 100, unit="GeV"), selections=everything)
    spec = analysis.freeze(release=RELEASE)
    skimmed(spec, folder, tmp_path / "s", settings(), selection="everything", columns=["second", "lep.pt"])
    with uproot.open(next((tmp_path / "s/skim").glob("*periodD*"))) as file:
        got = file["events"].arrays(library="np")
    few = np.array([len(p) < 2 for p in got["lep_pt"]])
    assert few.any()
    np.testing.assert_array_equal(np.isnan(got["second"]), few)
