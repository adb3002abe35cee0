"""The stages of a scan: each alone, none twice, and none from something else than is there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uproot
from tests.running.toys import data_name

from femtobarn import Analysis, Regular, ev
from femtobarn.api import runs
from femtobarn.api import spectra as api
from femtobarn.api.spectra_again import Aside
from femtobarn.base.errors import (
    LuminosityUnknownError,
    NothingToDoError,
    ResultsError,
    RunDirectoryError,
    SettingsError,
    TypesError,
    UnknownNameError,
)
from femtobarn.data.formats.spec import Format
from femtobarn.running.results.directory import RunDirectory
from femtobarn.running.results.spectra.stages import STAGES, Book, Stages

from .events import SMALL, write_config, write_events

LATER = ("process", "export", "show")
Go = Callable[..., list[str]]


@pytest.fixture
def go(folder: Path, tmp_path: Path) -> Go:
    """Runs stages of a scan in ``out``; returns those that were done, without those that were not repeated."""

    def run(
        stages: tuple[str, ...] | None = None, config: dict[str, Any] | None = None, **more: Any
    ) -> list[str]:
        path = write_config(tmp_path / "scan.yaml", **{**SMALL, **(config or {})})
        data = folder if stages is None or "files" in stages else None
        given = {"workers": 0, "figures": False, **more}
        ended = api.run(path, data, out=tmp_path / "out", stages=stages, **given)
        asked = STAGES if stages is None else stages
        assert [end.stage for end in ended.stages] == [stage for stage in STAGES if stage in asked]
        assert ended.exit_code == 0
        return [end.stage for end in ended.stages if end.repeated]

    return run


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def stages(out: Path) -> Stages:
    return Book(out, out / "spectra").stages


def no_event_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("events are read again")

    monkeypatch.setattr("femtobarn.running.executors.local.LocalExecutor.run", refuse)


def test_each_stage_alone_gives_what_all_give(go: Go, folder: Path, out: Path, tmp_path: Path) -> None:
    for stage in STAGES:
        assert go((stage,)) == [stage]
    whole = tmp_path / "whole"
    api.run(tmp_path / "scan.yaml", folder, out=whole, workers=0, figures=False)
    for name in ("spectra.npz", "processed.npz"):
        assert (out / "spectra" / name).read_bytes() == (whole / "spectra" / name).read_bytes()
    for name in ("data.root", "mc.root", "data_processed.root"):
        with uproot.open(out / "spectra" / name) as one, uproot.open(whole / "spectra" / name) as other:
            assert one.keys() == other.keys()
            assert len(one.keys()) > 50
    assert (out / "report.html").is_file()
    assert [one.stage for one in stages(out).stages] == list(STAGES)


def test_nothing_is_done_twice(go: Go, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert go() == list(STAGES)
    before = {path: path.stat().st_mtime_ns for path in (out / "spectra").rglob("*") if path.is_file()}
    no_event_is_read(monkeypatch)
    assert go() == []
    assert {path: path.stat().st_mtime_ns for path in before} == before


@pytest.mark.services
@pytest.mark.parametrize(
    ("changes", "again"),
    [
        ({"post_processing": {"keep": "both"}}, LATER),
        ({"post_processing": {"windows": ["Z"]}}, LATER),
        ({"final_states": {"most_count": 2, "min_events": 5}}, LATER),
        ({"output": {"files": "process"}}, LATER),
        ({"output": {"layout": "directories"}}, ("export", "show")),
        ({"output": {"gallery": False}}, ("show",)),
    ],
)
def test_what_comes_later_is_changed_without_reading_events(
    changes: dict[str, Any], again: tuple[str, ...], go: Go, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go()
    no_event_is_read(monkeypatch)
    assert go(config=changes) == list(again)
    record = RunDirectory(out).read_info().analysis.spectra
    assert record is not None
    assert record == api.load(out).record
    assert go(config=changes) == []
    assert go() == list(again), "and back"


def test_files_of_an_earlier_layout_do_not_stay(go: Go, out: Path) -> None:
    go()
    assert {path.name for path in (out / "spectra").glob("*.root")} >= {"data.root", "mc.root"}
    go(config={"output": {"files": "process"}, "post_processing": {"mode": "none"}})
    assert {path.name for path in (out / "spectra").glob("*.root")} == {
        "data.root",
        "410470.root",
        "700600.root",
    }


def test_other_spectra_are_filled_again(go: Go, out: Path) -> None:
    go()
    assert go(config={"width": 20}) == list(STAGES)
    assert next(api.load(out).spectra("data")).width == 20


def test_again_repeats_what_is_asked_for(go: Go) -> None:
    go()
    assert go(("export",), again=True) == ["export"]
    assert go() == []
    assert go(again=True) == list(STAGES)


def test_by_again_events_are_read_again(go: Go, out: Path) -> None:
    go()
    first = RunDirectory(out).read_info()
    assert go(("fill",)) == []
    assert go(("fill",), again=True) == ["fill"]
    rows = runs.load(out).ledger()
    assert {row.attempts for row in rows if row.task} == {1}, "0 would be: the result was there"
    assert RunDirectory(out).read_info().events_processed == first.events_processed


def test_what_was_removed_is_made_again(go: Go, out: Path) -> None:
    go()
    (out / "spectra" / "data.root").unlink()
    assert go() == ["export"]
    (out / "spectra" / "spectra.npz").unlink()
    assert go() == ["fill"]
    (out / "spectra" / "stages.json").unlink()
    assert go() == list(STAGES)


def test_costs_of_stages_are_known(go: Go, out: Path) -> None:
    go()
    for one in stages(out).stages:
        assert 0 < one.seconds < 60
        assert one.cpu_seconds > 0
        assert 30e6 < one.peak_rss < 4e9
        assert one.words
    summary = json.loads((out / "spectra" / "summary.json").read_text())
    assert {one["stage"] for one in summary["stages"]} >= {"fill", "process"}


@pytest.mark.parametrize(
    ("done", "asked", "words"),
    [
        ((), ("fill",), "fill reads what files writes, .* --stages files,fill"),
        ((), ("process",), "Fill them first: --stages files,fill,process"),
        (("files",), ("export",), "Fill them first: --stages files,fill,export"),
        (("files", "fill"), ("export",), "export reads what process writes, .* --stages process,export"),
        (("files", "fill", "process"), ("show",), "show reads what export writes, .* --stages export,show"),
    ],
)
def test_the_stage_before_is_not_done(
    done: tuple[str, ...], asked: tuple[str, ...], words: str, go: Go
) -> None:
    if done:
        go(done)
    with pytest.raises(NothingToDoError, match=words):
        go(asked)


def test_fill_alone_is_of_what_was_laid_out(go: Go, folder: Path, out: Path, tmp_path: Path) -> None:
    go(("files",), part_bytes=8_000)
    with pytest.raises(
        SettingsError, match=r"configuration says something else now: width\. .*--stages files,fill"
    ):
        go(("fill",), {"width": 20})
    with pytest.raises(SettingsError, match="Expected part_bytes = 8000"):
        go(("fill",), part_bytes=9_000)
    with pytest.raises(SettingsError, match="--data is read by the stage files"):
        api.run(tmp_path / "scan.yaml", folder, out=out, stages=["fill"])
    go(("fill",))
    assert max(row.part for row in runs.load(out).ledger()) > 2


def test_later_stages_are_of_what_was_filled(go: Go) -> None:
    go()
    with pytest.raises(SettingsError, match=r"something else now: combinations, width\. Fill them again"):
        go(LATER, {"width": 20, "combinations": {"subleading": 1}})


def test_no_final_state_is_left(go: Go, out: Path) -> None:
    go()
    few = {"final_states": {"most_count": 2, "min_events": 5_000}}
    with pytest.raises(
        NothingToDoError, match=r"none of \d+ final states has min_events = 5,000 events; the most are \d+"
    ):
        go(config=few)
    assert not (out / "spectra" / "data.root").exists(), "it is of other limits"


def test_no_event_has_a_final_state(go: Go) -> None:
    with pytest.raises(NothingToDoError, match=r"none of [\d,]+ events passes the limits"):
        go(config={"objects": {"electron": {"pt_min": 5_000, "least": 1}}})


def test_no_combination_applies(go: Go) -> None:
    scan = {
        "combinations": {"least_count": 4, "most_count": 4, "most_total": 4},
        "objects": {"electron": {}},
        "final_states": {"most_count": 3},
    }
    with pytest.raises(NothingToDoError, match="none of the combinations applies"):
        go(config=scan)


def test_wrong_words(folder: Path, tmp_path: Path) -> None:
    config = write_config(tmp_path / "scan.yaml")
    with pytest.raises(UnknownNameError, match=r"'fil' is not a known stage\. Did you mean 'fill'"):
        api.run(config, folder, stages=["fil"])
    with pytest.raises(SettingsError, match="none are named"):
        api.run(config, folder, stages=[])
    with pytest.raises(SettingsError, match="no run directory is named"):
        api.run(config, stages=["show"])
    with pytest.raises(TypesError, match="described by a YAML file"):
        api.run("hzz", folder)


def test_a_run_of_another_analysis_is_left_alone(folder: Path, go: Go, out: Path) -> None:
    other = Analysis("other")
    other.histogram("pt", ev.lep.pt, Regular(10, 0, 100, unit="GeV"), selections=other.selection("all"))
    assert runs.run(other, folder, out=out, workers=0, figures=False).info.complete
    report = (out / "report.html").read_bytes()
    for asked in (None, LATER):
        with pytest.raises(RunDirectoryError, match=r"of (the analysis )?other"):
            go(asked)
    assert (out / "report.html").read_bytes() == report


def test_a_run_ends_with_the_same_files(go: Go, folder: Path, out: Path, tmp_path: Path) -> None:
    go()
    other = tmp_path / "other"
    runs.run(tmp_path / "scan.yaml", folder, out=other, workers=0, figures=False)
    assert {path.name for path in (other / "spectra").iterdir()} == {
        path.name for path in (out / "spectra").iterdir()
    }
    again = api.run(tmp_path / "scan.yaml", folder, out=other, workers=0, figures=False)
    assert [end.stage for end in again.stages if end.repeated] == ["files"], (
        "what it is to read was not noted"
    )


@pytest.mark.services
def test_figures_that_were_left_out_are_drawn_later(go: Go, out: Path) -> None:
    small = {"output": {"gallery": False}}
    go(config=small)
    assert not (out / "spectra" / "figures").exists()
    assert go(config=small, figures=True) == ["show"]
    drawn = {path.name for path in (out / "spectra" / "figures").iterdir()}
    assert drawn >= {"performance.png", "overview.png"}
    assert {Path(path).name for path in runs.figures(out)} <= drawn
    with pytest.raises(SettingsError, match="as they were exported, at no other luminosity"):
        runs.figures(out, luminosity=3.0)
    assert go(config={"output": {"gallery": False, "figures": False}}, figures=True) == ["show"]
    assert not list((out / "spectra" / "figures").iterdir())


def test_what_compatible_makes_can_be_changed_without_reading_events(
    go: Go, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go()
    scan = {"mode": "compatible", "inputs": {"kind": "data"}}
    assert go(config=scan) == list(STAGES), "it keeps single values"
    assert list((out / "spectra" / "values").rglob("*.parquet"))
    first = (out / "spectra" / "processed.npz").read_bytes()
    no_event_is_read(monkeypatch)
    assert go(config={**scan, "post_processing": {"cutoff": 150}}) == list(LATER)
    assert (out / "spectra" / "processed.npz").read_bytes() != first
    assert go(config=scan) == list(LATER)
    assert (out / "spectra" / "processed.npz").read_bytes() == first


def test_what_cannot_be_read_is_done_again(go: Go, out: Path) -> None:
    go()
    path = out / "spectra" / "stages.json"
    victim = out.parent / "precious"
    victim.write_text("not of this run")
    path.write_text(path.read_text().replace("spectra/data.root", "../precious"))
    assert go() == list(STAGES)
    assert victim.is_file()


def everything(out: Path) -> dict[str, bytes]:
    """Return the results that a careless command could lose."""
    names = ("run.json", "report.html", "spectra/spectra.npz", "spectra/data.root")
    return {name: (out / name).read_bytes() for name in names}


@pytest.mark.parametrize("command", ["spectra run", "run"])
def test_files_that_are_not_named_are_those_of_before(
    command: str, go: Go, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go()
    before = everything(out)
    no_event_is_read(monkeypatch)
    config = tmp_path / "scan.yaml"
    if command == "run":
        assert runs.run(config, out=out, workers=0, figures=False).info.files_processed == 5
    else:
        done = api.run(config, out=out, workers=0, figures=False)
        assert [end.stage for end in done.stages if end.repeated] == []
        assert everything(out) == before
    assert (out / "spectra" / "spectra.npz").read_bytes() == before["spectra/spectra.npz"]


def test_other_files_in_a_configuration_replace_nothing(
    go: Go, folder: Path, out: Path, tmp_path: Path
) -> None:
    go()
    before = everything(out)
    one = write_events(tmp_path / data_name("data15_periodD"), 50)
    config = write_config(tmp_path / "scan.yaml", **SMALL, inputs={"files": [str(one)]})
    with pytest.raises(RunDirectoryError, match=r"finished scan of 5 files that scan.yaml does not name"):
        api.run(config, out=out, workers=0, figures=False)
    assert everything(out) == before
    done = api.run(config, one, out=out, workers=0, figures=False)
    assert done.results is not None
    assert done.results.info.files_given == 1, "it was asked for in words"
    both = write_config(
        tmp_path / "scan.yaml", **SMALL, inputs={"files": [str(one), str(folder / "*periodE*")]}
    )
    assert api.run(both, out=out, workers=0, figures=False).exit_code == 0, "more files replace none"


@pytest.mark.parametrize("asked", [("fill",), ("files", "fill"), None])
def test_nothing_is_removed_if_a_file_cannot_be_read_again(
    asked: tuple[str, ...] | None, out: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    first = write_events(data / data_name("data15_periodD"), 300)
    write_events(data / data_name("data15_periodE"), 300, seed=2)
    config = write_config(tmp_path / "scan.yaml", **SMALL)
    api.run(config, data, out=out, workers=0, figures=False)
    before, tasks = everything(out), sorted((out / "tasks").rglob("*"))
    kept = first.rename(tmp_path / "elsewhere.root")
    with pytest.raises(RunDirectoryError, match=r"1 file cannot be read: .*Nothing was removed"):
        api.run(config, out=out, stages=asked, again=True, workers=0, figures=False)
    assert everything(out) == before
    assert sorted((out / "tasks").rglob("*")) == tasks
    kept.rename(first)
    assert api.run(config, out=out, stages=asked, again=True, workers=0, figures=False).exit_code == 0


def test_what_was_filled_stays_if_it_cannot_be_filled_again(
    go: Go, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go()
    before, tasks = everything(out), sorted((out / "tasks").glob("??/*"))
    with monkeypatch.context() as broken:

        def interrupted(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        broken.setattr("femtobarn.running.executors.local.LocalExecutor.run", interrupted)
        with pytest.raises(KeyboardInterrupt):
            go(("fill",), again=True)
    assert everything(out) == before
    assert sorted((out / "tasks").glob("??/*")) == tasks
    Aside(RunDirectory(out)).take()  # as far as a command came that was killed
    assert not list((out / "tasks").glob("??/*"))
    assert go(("fill",)) == []
    assert sorted((out / "tasks").glob("??/*")) == tasks
    with monkeypatch.context() as broken:
        broken.setattr(
            "femtobarn.running.executors.local.LocalExecutor.run", lambda *_, **__: (one for one in ())
        )
        with pytest.raises(NothingToDoError, match=r"Nothing was filled.*ended without it"):
            go(("fill",), again=True)
    assert (out / "spectra" / "spectra.npz").read_bytes() == before["spectra/spectra.npz"]
    assert RunDirectory(out).read_info().complete
    no_event_is_read(monkeypatch)
    assert go() == []


def test_a_luminosity_that_is_not_known_is_told_before_events_are_read(
    go: Go, folder: Path, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = write_config(tmp_path / "lumi.yaml", **SMALL, output={"scale": "luminosity"})
    simulation = [path for path in folder.iterdir() if "data15" not in path.name]
    no_event_is_read(monkeypatch)
    for stage in (None, ["files"]):
        with pytest.raises(LuminosityUnknownError, match="Give it with --luminosity"):
            api.run(config, simulation, out=out, stages=stage, workers=0)
    with pytest.raises(LuminosityUnknownError, match="Give it with --luminosity"):
        api.plan(config, simulation)
    assert not out.exists()
    assert api.plan(config, simulation, luminosity=3.0).extent.files == 2
    monkeypatch.setattr("femtobarn.running.results.normalise._published", lambda *_: _Nothing())
    offers = Format.offers
    monkeypatch.setattr(
        Format, "offers", lambda self, path: path != "mc.cross_section" and offers(self, path)
    )
    with pytest.raises(ResultsError, match="know the cross-section of dataset 410470"):
        api.plan(config, simulation, luminosity=3.0)


class _Nothing:
    cross_section = sum_of_weights = None


def test_the_report_has_no_other_luminosity(go: Go, out: Path) -> None:
    go(config={"output": {"scale": "luminosity"}}, luminosity=3.0)
    before = (out / "report.html").read_bytes()
    with pytest.raises(SettingsError, match="as they were exported, at no other luminosity"):
        runs.report(out, luminosity=5.0)
    assert (out / "report.html").read_bytes() == before


def test_a_name_decides_nothing_and_a_title_is_shown(
    go: Go, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go()
    no_event_is_read(monkeypatch)
    assert go(config={"title": "Every final state of 2015"}) == ["show"]
    assert "Every final state of 2015" in (out / "report.html").read_text()
    assert "Every final state of 2015" in (out / "spectra" / "gallery.html").read_text()
    for stages in (None, LATER, ("fill",)):
        assert go(stages, {"name": "another", "title": "Every final state of 2015"}) == []
    with pytest.raises(RunDirectoryError, match="holds a run of another"):
        go(config={"name": "third", "width": 20})


def test_files_of_an_older_state_are_not_shown(go: Go, out: Path) -> None:
    go()
    figures = out / "spectra" / "figures"
    figures.mkdir(exist_ok=True)
    stray = figures / "overview.png"
    stray.write_bytes(b"of an older state")
    assert go(("process",), {"post_processing": {"keep": "both"}}) == ["process"]
    assert not stray.exists()
    assert not (out / "spectra" / "gallery.html").exists()
    assert not (out / "report.html").exists()


def test_final_states_without_any_spectrum_are_counted_as_such(go: Go, out: Path) -> None:
    go()
    spectra = api.load(out)
    kept = {row.state for group in spectra.groups for row in spectra.states(group) if row.kept}
    shown = {one.state for group in spectra.groups for one in spectra.spectra(group)}
    assert 0 < len(shown) < len(kept)
    record = stages(out).get("process")
    assert record is not None
    without = len(kept) - len(shown)
    assert record.words.startswith(f"spectra of {len(shown)} final states, {without} without any combination")
