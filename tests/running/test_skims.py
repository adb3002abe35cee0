"""Skims: the right events and columns, in files that are inputs like any other and normalise as the whole."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import uproot

from femtobarn.base.errors import RunDirectoryError, SettingsError, UnknownNameError
from femtobarn.base.records import AnalysisSpec, Settings
from femtobarn.data.formats import register
from femtobarn.data.formats.userfile import parse_format
from femtobarn.physics.language import Analysis, Regular, ev, mc
from femtobarn.running.engine.inputs import Inputs, gather
from femtobarn.running.engine.run import run
from femtobarn.running.engine.skim import with_skim
from femtobarn.running.results.reader import RunResults

from .toys import INPUTS, RELEASE, data_name, mc_name, toy_analysis, toy_spec, write_events

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


def test_a_part_of_a_skim_is_scaled_by_an_estimate_that_is_told(
    spec: AnalysisSpec, folder: Path, tmp_path: Path, settings: Make
) -> None:
    skim = skimmed(spec, folder, tmp_path / "skim", settings())
    part = run(spec, gather(spec, skim.path / "skim"), settings(max_events=50), tmp_path / "part")
    assert not part.info.complete
    assert all("of a skim of it only a part was read" in n.note for n in part.info.normalisations)
    assert part.info.notes[0].startswith("the inputs are skims: only events that pass toy/loose (")


def test_what_was_not_read_is_missing_in_an_analysis_of_the_skim(tmp_path: Path, settings: Make) -> None:
    data, spec = tmp_path / "data", toy_spec()
    data.mkdir()
    other = mc_name(700600).replace("Toy", "More")
    write_events(data / mc_name(700600), 600, channel=700600)
    write_events(data / other, 600, channel=700600, seed=9)
    (data / other).write_bytes((data / other).read_bytes()[:5000])
    direct = run(spec, gather(spec, data), settings(), tmp_path / "direct")
    skim = skimmed(spec, data, tmp_path / "skim", settings())
    assert direct.info.files_failed == skim.info.files_failed == 1
    again = run(spec, gather(spec, skim.path / "skim"), settings(), tmp_path / "again")
    assert not again.info.complete
    same_normalisation(again, direct)
    limited = skimmed(spec, folder_of_two(tmp_path), tmp_path / "limited", settings(max_files=1))
    last = run(spec, gather(spec, limited.path / "skim"), settings(), tmp_path / "last")
    assert not last.info.complete
    assert last.info.normalisations[0].fraction == pytest.approx(0.5, abs=0.05)


def folder_of_two(tmp_path: Path) -> Path:
    """Two files of one dataset, of equal length."""
    folder = tmp_path / "two"
    folder.mkdir()
    for seed, word in enumerate(("One", "Two")):
        write_events(folder / mc_name(700600).replace("Toy", word), 600, channel=700600, seed=seed)
    return folder


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


def test_the_same_events_under_another_name_are_never_counted_twice(
    spec: AnalysisSpec, folder: Path, tmp_path: Path, settings: Make
) -> None:
    name = mc_name(700600)
    skim = skimmed(spec, folder / name, tmp_path / "skim", settings())
    shutil.copy(folder / name, tmp_path / "renamed.root")
    both = gather(spec, [tmp_path / "renamed.root", skim.path / "skim"])
    assert [f.name for f in both.files] == ["renamed.root"]
    turned = gather(spec, [skim.path / "skim", tmp_path / "renamed.root"])
    assert [f.name for f in turned.files] == ["renamed.root"]


def test_a_skim_counts_where_its_original_cannot_be_read(
    spec: AnalysisSpec, folder: Path, tmp_path: Path, settings: Make
) -> None:
    name = mc_name(700600)
    skim = skimmed(spec, folder / name, tmp_path / "skim", settings())
    (tmp_path / name).symlink_to(tmp_path / "gone")
    both = gather(spec, [tmp_path / name, skim.path / "skim"])
    assert [f.origin for f in both.files] == [name]
    assert both.lost == (name,)


def test_a_skim_of_another_preselection_is_not_read(tmp_path: Path, settings: Make) -> None:
    name = mc_name(700600).replace("exactly4lep", "2muons")
    data = tmp_path / "data"
    data.mkdir()
    write_events(data / name, 300, channel=700600)
    free = toy_spec(inputs=None)
    skim = skimmed(free, data, tmp_path / "skim", settings())
    inputs = gather(toy_spec(), skim.path / "skim")
    assert not inputs.files
    assert inputs.skipped[0].reason == "its events are of skim 2muons, the analysis reads exactly4lep"


def test_an_input_in_the_run_directory_is_refused(
    spec: AnalysisSpec, folder: Path, tmp_path: Path, settings: Make
) -> None:
    skim = skimmed(spec, folder, tmp_path / "s", settings())
    with pytest.raises(RunDirectoryError, match="is in the run directory"):
        skimmed(spec, skim.path / "skim", skim.path, settings(), selection="final")
    assert len(list((skim.path / "skim").iterdir())) == 5
    with pytest.raises(RunDirectoryError, match="holds a skim, which this run would remove"):
        run(spec, gather(spec, folder), settings(), skim.path)


def test_names_that_differ_little_make_two_skims_and_other_files_stay(tmp_path: Path, settings: Make) -> None:
    data, spec = tmp_path / "data", toy_spec()
    data.mkdir()
    one, other = mc_name(700600), mc_name(700600).replace("Toy", "TOY")
    write_events(data / one, 300, channel=700600)
    write_events(data / other, 200, channel=700600, seed=5)
    (tmp_path / "s/skim").mkdir(parents=True)
    skimmed(spec, data, tmp_path / "s2", settings())
    skim = skimmed(spec, data, tmp_path / "s2", settings(chunk_entries=50))
    (skim.path / "skim/notes.txt").write_text("mine")
    skimmed(spec, data, tmp_path / "s2", settings(chunk_entries=70))
    names = {p.name.casefold() for p in (skim.path / "skim").iterdir()}
    assert len(names) == 3
    assert "notes.txt" in names


def test_skims_of_formats_without_generator_weights_are_read_back(tmp_path: Path, settings: Make) -> None:
    register(parse_format(OWN_FORMAT, "own.toml"), OWN_FORMAT)
    rng = np.random.default_rng(3)
    with uproot.recreate(tmp_path / "own.root") as file:
        file.mktree("own", {"x": "float64", "nr": "int64"})
        file["own"].extend({"x": rng.exponential(20, 500), "nr": np.arange(500)})
    analysis = Analysis("own")
    hard = analysis.selection("hard")
    hard.cut("met", ev.met.pt > 20)
    analysis.histogram("missing", ev.met.pt, Regular(10, 0, 100, unit="GeV"), selections=hard)
    spec = analysis.freeze(release="skim-test")
    inputs = gather(spec, tmp_path / "own.root", kind="mc")
    wanted = with_skim(inputs.spec, "hard", None, "root")
    skim = run(wanted, replace(inputs, spec=wanted), settings(), tmp_path / "s")
    with uproot.open(next((skim.path / "skim").iterdir())) as file:
        assert set(file["events"].keys()) == {"met_pt", "number"}  # this file has no run and no channel
    again = run(spec, gather(spec, skim.path / "skim"), settings(), tmp_path / "again")
    assert again.info.files_failed == 0
    a, b = ([y.raw for y in r.yields()] for r in (again, skim))
    assert a == b
    assert a[0] > 0


OWN_FORMAT = """
release = "skim-test"
tree = "own"
tell_tales = ["x"]

[fields]
met.pt = { branch = "x", unit = "GeV" }
number = { branch = "nr" }
run = { branch = "run", optional = true }
"""


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
    with pytest.raises(SettingsError, match="at least one column"):
        with_skim(spec, "final", [], "root")
    with pytest.raises(SettingsError, match="text"):
        with_skim(spec, "final", ["category"], "root")


def test_a_histogram_is_never_written_under_the_name_of_a_field() -> None:
    analysis = toy_analysis()
    final = analysis.selection("other")
    final.cut("met", ev.met.pt > 0)
    for name in ("met_pt", "lep_pt", "n_lep"):
        analysis.histogram(name, 3 * ev.met.pt, Regular(3, 0, 90, unit="GeV"), selections=final)
    spec = analysis.freeze(release=RELEASE)
    for name in ("met_pt", "lep_pt", "n_lep"):
        with pytest.raises(SettingsError, match="Give the histogram another name"):
            with_skim(spec, "other", [name, "met.pt"], "root")


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
