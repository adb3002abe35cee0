"""Files that are not what they should be: each gets its reason, and the good ones are processed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from femtobarn.base.errors import NothingToDoError, TransientDataError, UnreadableError, UsageError
from femtobarn.base.records import AnalysisSpec, LedgerRow, Outcome, Settings
from femtobarn.running.engine import executor, task
from femtobarn.running.engine.executor import attempt
from femtobarn.running.engine.inputs import Inputs, gather
from femtobarn.running.engine.observer import Silent
from femtobarn.running.engine.plan import make_plan
from femtobarn.running.engine.run import exit_code, run
from femtobarn.running.results.store import FolderStore

from .toys import data_name, job, mc_name, toy_spec, write_events

Make = Callable[..., Settings]


def closes(rows: tuple[LedgerRow, ...], files: dict[str, int]) -> bool:
    """Whether the rows of each opened file cover its entries once."""
    for name, entries in files.items():
        spans = sorted((r.start, r.stop) for r in rows if r.file == name and r.start is not None)
        edges = [0, *(stop for _, stop in spans)]
        if edges[-1] != entries or any(start != edge for (start, _), edge in zip(spans, edges, strict=False)):
            return False
    return True


def test_bad_folder(spec: AnalysisSpec, folder: Path, tmp_path: Path, settings: Make) -> None:
    data = tmp_path / "data"
    shutil.copytree(folder, data)
    whole = (data / mc_name(410470)).read_bytes()
    (data / mc_name(410470)).write_bytes(whole[: len(whole) * 2 // 3])
    (data / mc_name(345060)).write_bytes(b"")
    (data / "text.root").write_text("not a ROOT file\n")
    write_events(data / "strange.root", 10, tree="somethingelse")
    vanishing = data / data_name("data15_periodE")
    inputs = gather(spec, data)

    class Removes(Silent):
        def task_done(self, row: LedgerRow, outcome: Outcome) -> None:
            vanishing.unlink(missing_ok=True)

    results = run(spec, inputs, settings(), tmp_path / "out", Removes())
    reasons = {row.file: row.reason for row in results.ledger() if row.status == "failed"}
    assert set(reasons) == {
        mc_name(410470), mc_name(345060), "text.root", "strange.root", vanishing.name,
    }  # fmt: skip
    assert "truncated" in reasons[mc_name(410470)]
    assert "0 bytes" in reasons[mc_name(345060)]
    assert "begins with" in reasons["text.root"]
    assert "somethingelse" in reasons["strange.root"]
    assert "no such file" in reasons[vanishing.name]
    assert exit_code(results.info) == 3
    assert results.info.files_given == 7
    assert results.info.files_failed == 5
    assert results.info.files_processed == 2
    assert not results.info.complete
    assert closes(results.ledger(), {data_name("data15_periodD"): 900, mc_name(700600): 700 + 150 * 4})
    planned = {t.id for t in make_plan(spec, inputs, settings()).tasks}
    assert planned == {row.task for row in results.ledger() if row.task}
    # what was processed can be read, also beside a dataset that failed
    assert results.histogram("pt", "final", process="other", luminosity=1.0).sum(flow=True).value > 0


@pytest.fixture
def others_folder() -> Iterator[Path]:
    """A folder that an ordinary user owns."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user, and is never refused a file itself")
    path = Path(tempfile.mkdtemp(prefix="femtobarn-", dir="/tmp"))
    os.chown(path, 65534, 65534)
    yield path
    shutil.rmtree(path)


def test_unreadable_as_another_user(
    spec: AnalysisSpec, folder: Path, others_folder: Path, settings: Make
) -> None:
    data = others_folder / "data"
    shutil.copytree(folder, data)
    data.chmod(0o755)
    (data / mc_name(345060)).chmod(0)
    (data / "unknown.root").write_bytes((data / mc_name(700600)).read_bytes())
    (data / "unknown.root").chmod(0)
    os.seteuid(65534)
    try:
        results = run(spec, gather(spec, data), settings(), others_folder / "out")
    finally:
        os.seteuid(0)
    failed = {row.file: row.reason for row in results.ledger() if row.status == "failed"}
    assert set(failed) == {mc_name(345060), "unknown.root"}
    assert all("permission denied" in reason for reason in failed.values())
    assert exit_code(results.info) == 3
    assert "345060" not in results.info.missing
    assert (results.info.files_processed, results.info.files_wanted) == (4, 5)
    assert not results.info.complete


def test_nothing_done(spec: AnalysisSpec, tmp_path: Path, settings: Make) -> None:
    (tmp_path / "text.root").write_text("not a ROOT file\n")
    results = run(spec, gather(spec, tmp_path), settings(), tmp_path / "out")
    assert exit_code(results.info) == 1
    assert [(row.file, row.status) for row in results.ledger()] == [("text.root", "failed")]
    assert not results.info.complete
    assert results.yields() == ()


def test_a_file_without_events_is_processed(
    spec: AnalysisSpec, folder: Path, tmp_path: Path, settings: Make
) -> None:
    data = tmp_path / "data"
    shutil.copytree(folder, data)
    write_events(data / mc_name(345060), 0, channel=345060)
    results = run(spec, gather(spec, data), settings(), tmp_path / "out")
    rows = [row for row in results.ledger() if row.file == mc_name(345060)]
    assert rows
    assert all(row.status == "processed" and row.start == row.stop == 0 for row in rows)
    assert results.info.complete
    assert exit_code(results.info) == 0
    assert results.histogram("pt", "final", process="higgs").sum(flow=True).value == 0


def test_missing_branch_is_found_before_the_first_event(
    spec: AnalysisSpec, folder: Path, tmp_path: Path, settings: Make
) -> None:
    from femtobarn.physics.language import Analysis, Regular, ev

    analysis = Analysis("photons")
    every = analysis.selection("every")
    every.cut("photon", ev.photon.pt.count() > 0)
    analysis.histogram("pt", ev.photon.pt, Regular(5, 0, 100, unit="GeV"), selections=every)
    results_spec = analysis.freeze(release=spec.release)
    inputs = gather(results_spec, folder / data_name("data15_periodD"))
    results = run(inputs.spec, inputs, settings(), tmp_path / "out")
    rows = results.ledger()
    assert {row.status for row in rows} == {"failed"}
    assert all("photon_pt" in row.reason and row.start is None for row in rows)
    assert exit_code(results.info) == 1


def test_recognition_by_content(spec: AnalysisSpec, folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / mc_name(700600), tmp_path / "a.root")
    shutil.copy(folder / data_name("data15_periodD"), tmp_path / "b.root")
    write_events(tmp_path / "empty.root", 0)
    inputs = gather(spec, tmp_path)
    assert {(f.name, f.kind, f.dataset, f.process) for f in inputs.files} == {
        ("a.root", "mc", 700600, "other"),
        ("b.root", "data", None, "Data"),
    }
    assert [(s.name, s.status) for s in inputs.skipped] == [("empty.root", "failed")]


def test_what_the_analysis_does_not_want_is_skipped_with_the_reason(
    spec: AnalysisSpec, folder: Path, tmp_path: Path
) -> None:
    source = (folder / mc_name(700600)).read_bytes()
    names = {
        mc_name(361106): "dataset 361106 is not among",
        mc_name(700600).replace("exactly4lep", "2to4lep"): "skim 2to4lep",
        "mc_361106.Zee.4lep.root": "release 2020e-13tev",
        data_name("data16_periodA"): "data of data16_periodA is not among",
    }
    for name in names:
        (tmp_path / name).write_bytes(source)
    (tmp_path / mc_name(700600)).write_bytes(source)
    inputs = gather(spec, tmp_path)
    assert [f.name for f in inputs.files] == [mc_name(700600)]
    assert {s.name: names[s.name] in s.reason and s.status for s in inputs.skipped} == dict.fromkeys(
        names, "skipped"
    )


def test_copies_are_not_counted_twice(spec: AnalysisSpec, folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "a")
    shutil.copytree(folder, tmp_path / "b")
    shutil.copy(folder / mc_name(700600), tmp_path / "zcopy.root")
    inputs = gather(spec, tmp_path)
    assert len(inputs.files) == 5
    reasons = {s.reason for s in inputs.skipped if s.name != "zcopy.root"}
    assert len(inputs.skipped) == 6
    assert all("same name" in r for r in reasons)
    assert f"content is that of {mc_name(700600)}" in next(
        s.reason for s in inputs.skipped if s.name == "zcopy.root"
    )


def test_order_is_that_of_processes_then_datasets(spec: AnalysisSpec, inputs: Inputs, folder: Path) -> None:
    names = [f.key for f in inputs.files]
    assert names == ["data15_periodD", "data15_periodE", "410470", "700600", "345060"]
    shuffled = sorted(folder.iterdir(), key=lambda p: p.name[::-1])
    assert [f.key for f in gather(spec, shuffled).files] == names


def test_an_analysis_without_processes_takes_everything(folder: Path, tmp_path: Path, settings: Make) -> None:
    spec = toy_spec(inputs=None)
    inputs = gather(spec, folder)
    assert [p.name for p in inputs.spec.inputs.processes] == ["data", "345060", "410470", "700600"]
    assert inputs.missing == ()
    results = run(spec, inputs, settings(), tmp_path / "out")
    assert results.info.complete
    assert {row.process for row in results.yields()} == {"data", "345060", "410470", "700600"}
    assert results.luminosity.value is None
    assert "no luminosity is published" in results.luminosity.note


def test_nothing_given(spec: AnalysisSpec, tmp_path: Path) -> None:
    with pytest.raises(NothingToDoError, match="there are none"):
        gather(spec, tmp_path)
    with pytest.raises(UsageError, match="does not exist"):
        gather(spec, tmp_path / "absent")
    with pytest.raises(UsageError, match="was built for release"):
        gather(spec, tmp_path, "2020e-13tev")


def test_transient_errors_are_tried_again(
    spec: AnalysisSpec, inputs: Inputs, tmp_path: Path, settings: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make_plan(spec, inputs, settings()).tasks[0]
    errors: list[Exception] = [TransientDataError("busy"), TransientDataError("busy")]

    def shaky(*args: object, **options: object) -> object:
        if errors:
            raise errors.pop()
        return task.run_task(*args, **options)

    monkeypatch.setattr(executor, "run_task", shaky)
    pauses: list[float] = []
    store = FolderStore(tmp_path)
    outcome = attempt(job(spec), first, store, pause=pauses.append)
    assert outcome.processed
    assert outcome.attempts == 3
    assert pauses == [1.0, 2.0]
    errors[:] = [TransientDataError("still busy")] * 9
    outcome = attempt(job(spec), first, store, pause=pauses.append)
    assert (outcome.processed, outcome.attempts, outcome.reason) == (False, 3, "still busy")
    errors[:] = [UnreadableError("gone")]
    outcome = attempt(job(spec), first, store, pause=pauses.append)
    assert (outcome.processed, outcome.attempts) == (False, 1)
    errors[:] = [ZeroDivisionError("odd")]
    assert attempt(job(spec), first, store).reason == "ZeroDivisionError: odd"
