"""Whole runs: equal bits, resume, nothing stale, limits."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from femtobarn.base.errors import MemoryLimitError, RunDirectoryError, SettingsError
from femtobarn.base.records import AnalysisSpec, LedgerRow, Outcome, RunInfo, Settings
from femtobarn.running.engine.inputs import Inputs, gather
from femtobarn.running.engine.observer import Silent
from femtobarn.running.engine.plan import Plan, make_plan
from femtobarn.running.engine.progress import status
from femtobarn.running.engine.run import exit_code, run
from femtobarn.running.results.reader import RunResults
from femtobarn.running.results.store import FolderStore

from .toys import RELEASE, data_name, mc_name, toy_analysis, toy_spec, write_events

Make = Callable[..., Settings]
TRUTH = ("histograms.npz", "histograms.json", "cutflow.csv", "yields.csv")


class Recorder(Silent):
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.reused = -1
        self.rows: list[LedgerRow] = []
        self.info: RunInfo | None = None

    def started(self, plan: Plan, reused: int) -> None:
        self.reused = reused

    def task_done(self, row: LedgerRow, outcome: Outcome) -> None:
        self.rows.append(row)

    def finished(self, info: RunInfo) -> None:
        self.info = info


def truth(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in TRUTH}


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory, spec: AnalysisSpec, inputs: Inputs) -> Path:
    out = tmp_path_factory.mktemp("reference") / "out"
    run(spec, inputs, Settings(workers=0, part_bytes=20_000, chunk_entries=300), out)
    return out


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_workers_give_equal_bytes(
    workers: int, spec: AnalysisSpec, inputs: Inputs, reference: Path, tmp_path: Path, settings: Make
) -> None:
    results = run(spec, inputs, settings(workers=workers), tmp_path / "out")
    assert truth(tmp_path / "out") == truth(reference)
    assert exit_code(results.info) == 0
    assert results.info.complete
    assert max(t.parts for t in make_plan(spec, inputs, settings()).tasks) > 2
    assert {row.worker for row in results.ledger()} <= {f"local-{i}" for i in range(workers)}


def test_chunks_leave_no_trace(
    spec: AnalysisSpec, inputs: Inputs, reference: Path, tmp_path: Path, settings: Make
) -> None:
    run(spec, inputs, settings(chunk_entries=7), tmp_path / "out")
    assert truth(tmp_path / "out") == truth(reference)


def test_other_parts_give_equal_counts_and_close_sums(
    spec: AnalysisSpec, inputs: Inputs, reference: Path, tmp_path: Path, settings: Make
) -> None:
    run(spec, inputs, settings(part_bytes=10**9), tmp_path / "out")
    whole, parts = RunResults.load(tmp_path / "out"), RunResults.load(reference)
    assert [r.raw for r in whole.cutflow()] == [r.raw for r in parts.cutflow()]
    a, b = (np.load(p / "histograms.npz") for p in (tmp_path / "out", reference))
    with a, b:
        for name in a.files:
            if a[name].dtype.kind == "f":
                np.testing.assert_allclose(a[name], b[name], rtol=1e-12, atol=1e-12)


def test_same_command_runs_nothing_again(
    spec: AnalysisSpec, inputs: Inputs, reference: Path, tmp_path: Path, settings: Make
) -> None:
    shutil.copytree(reference, tmp_path / "out")
    seen = Recorder()
    results = run(spec, inputs, settings(), tmp_path / "out", seen)
    assert seen.rows == []
    assert seen.reused == len(results.ledger()) > 0
    assert {row.attempts for row in results.ledger()} == {0}
    assert truth(tmp_path / "out") == truth(reference)


def test_damaged_and_missing_partials_are_computed_again(
    spec: AnalysisSpec, inputs: Inputs, reference: Path, tmp_path: Path, settings: Make
) -> None:
    out = tmp_path / "out"
    shutil.copytree(reference, out)
    store = FolderStore(out / "tasks")
    first, second, third, fourth = list(store.tasks())[:4]
    data = store.path(first).read_bytes()
    store.path(first).write_bytes(data[:500] + bytes(400) + data[900:])
    store.path(second).write_bytes(store.path(second).read_bytes()[:100])
    store.path(third).unlink()
    shutil.copy(store.path(fourth), store.path(third))  # the result of another task under this name
    seen = Recorder()
    run(spec, inputs, settings(), out, seen)
    assert {row.task for row in seen.rows} == {first, second, third}
    assert truth(out) == truth(reference)


@pytest.mark.parametrize("change", ["cut", "mode", "chunk", "limit", "fraction", "parts"])
def test_nothing_stale_is_used_after_a_change(
    change: str, spec: AnalysisSpec, inputs: Inputs, reference: Path, tmp_path: Path, settings: Make
) -> None:
    out = tmp_path / "out"
    shutil.copytree(reference, out)
    options = {"chunk": {"chunk_entries": 299}, "limit": {"max_events": 450}, "fraction": {"fraction": 0.5}}
    changed = settings(**options.get(change, {"part_bytes": 9_000} if change == "parts" else {}))
    if change == "cut":
        spec = toy_spec(cut=33.0)
    elif change == "mode":
        spec = toy_spec(mode="notebook")
    inputs = replace(inputs, spec=spec)
    seen = Recorder()
    run(spec, inputs, changed, out, seen)
    assert seen.reused == 0
    assert all(row.status == "processed" for row in seen.rows)
    run(spec, inputs, changed, tmp_path / "fresh")
    assert truth(out) == truth(tmp_path / "fresh")


def test_a_changed_file_alone_is_read_again(
    spec: AnalysisSpec, folder: Path, tmp_path: Path, settings: Make
) -> None:
    data = tmp_path / "data"
    shutil.copytree(folder, data)
    run(spec, gather(spec, data), settings(), tmp_path / "out")
    write_events(data / mc_name(345060), 800, seed=99, channel=345060)
    seen = Recorder()
    run(spec, gather(spec, data), settings(), tmp_path / "out", seen)
    assert {row.file for row in seen.rows} == {mc_name(345060)}
    run(spec, gather(spec, data), settings(), tmp_path / "fresh")
    assert truth(tmp_path / "out") == truth(tmp_path / "fresh")


def test_a_file_that_changes_after_planning_fails(
    spec: AnalysisSpec, folder: Path, tmp_path: Path, settings: Make
) -> None:
    data = tmp_path / "data"
    shutil.copytree(folder, data)
    inputs = gather(spec, data)
    write_events(data / mc_name(345060), 800, seed=99, channel=345060)
    results = run(spec, inputs, settings(), tmp_path / "out")
    failed = [row for row in results.ledger() if row.status == "failed"]
    assert {row.file for row in failed} == {mc_name(345060)}
    assert "has changed" in failed[0].reason
    assert exit_code(results.info) == 3


def test_results_of_another_plan_are_removed_at_the_start(
    inputs: Inputs, reference: Path, tmp_path: Path, settings: Make
) -> None:
    out = tmp_path / "out"
    shutil.copytree(reference, out)
    present: list[bool] = []

    class Looks(Silent):
        def started(self, plan: Plan, reused: int) -> None:
            present.extend((out / name).exists() for name in (*TRUTH, "run.json"))

    changed = toy_spec(cut=33.0)
    run(changed, replace(inputs, spec=changed), settings(), out, Looks())
    assert present == [False] * 5


def test_directory_of_another_analysis_is_refused(inputs: Inputs, reference: Path, settings: Make) -> None:
    analysis = toy_analysis()
    analysis.name = "other"
    spec = analysis.freeze(release=RELEASE)
    before = truth(reference)
    with pytest.raises(RunDirectoryError, match=r"holds a run of toy on .* not of other"):
        run(spec, replace(inputs, spec=spec), settings(), reference)
    assert truth(reference) == before


def test_two_runs_do_not_write_one_directory(
    spec: AnalysisSpec, inputs: Inputs, tmp_path: Path, settings: Make
) -> None:
    out = tmp_path / "out"

    class Second(Silent):
        def started(self, plan: Plan, reused: int) -> None:
            assert status(out).running
            with pytest.raises(RunDirectoryError, match="Another run is writing"):
                run(spec, inputs, settings(), out)

    run(spec, inputs, settings(), out, Second())
    assert not status(out).running


def test_status_during_and_after(spec: AnalysisSpec, inputs: Inputs, tmp_path: Path, settings: Make) -> None:
    out = tmp_path / "out"
    with pytest.raises(RunDirectoryError, match="there is none"):
        status(out)
    seen = []

    class Asks(Silent):
        def task_done(self, row: LedgerRow, outcome: Outcome) -> None:
            seen.append(status(out))

    run(spec, inputs, settings(), out, Asks())
    assert [s.done for s in seen] == list(range(1, len(seen) + 1))
    assert not any(s.finished for s in seen)
    assert status(out).finished
    assert status(out).done == status(out).tasks == len(seen)


@pytest.mark.parametrize("limits", [{"max_events": 400}, {"fraction": 0.5}])
def test_limits_keep_cross_sections(
    limits: dict, spec: AnalysisSpec, inputs: Inputs, reference: Path, tmp_path: Path, settings: Make
) -> None:
    part = run(spec, inputs, settings(**limits), tmp_path / "out").with_luminosity(10)
    full = RunResults.load(reference).with_luminosity(10)
    assert not part.info.complete
    pairs = [(a, b) for a, b in zip(part.yields(), full.yields(), strict=True) if a.role != "data"]
    assert pairs
    for a, b in pairs:
        assert a.raw < b.raw
        assert not a.complete
        assert abs(a.yield_ - b.yield_) < 4 * np.hypot(a.stat_error, b.stat_error)
    events = {row.file: 0 for row in part.ledger()}
    for row in part.ledger():
        events[row.file] += row.stop - row.start
    assert events == {i.name: i.entries for i in part.info.inputs}
    assert any(row.status == "skipped" and "beyond --" in row.reason for row in part.ledger())
    assert part.info.luminosity.value == pytest.approx(
        0.4 * sum(i.events_processed for i in part.info.inputs[:2]) / 1400
    )


def test_max_files_skips_and_says_so(
    spec: AnalysisSpec, inputs: Inputs, tmp_path: Path, settings: Make
) -> None:
    results = run(spec, inputs, settings(max_files=1), tmp_path / "out")
    skipped = [row for row in results.ledger() if row.status == "skipped"]
    assert {row.file for row in skipped} == {data_name("data15_periodE"), mc_name(700600)}
    assert results.info.files_processed == 3
    assert results.info.files_wanted == 5
    assert not results.info.complete
    assert results.luminosity.value == pytest.approx(0.105)
    assert exit_code(results.info) == 0


def test_missing_datasets_with_strict(
    spec: AnalysisSpec, folder: Path, tmp_path: Path, settings: Make
) -> None:
    inputs = gather(spec, [folder / data_name("data15_periodD"), folder / mc_name(410470)])
    results = run(spec, inputs, settings(), tmp_path / "out")
    assert set(results.info.missing) == {"data15_periodE", "700600", "345060"}
    assert not results.info.complete
    assert exit_code(results.info) == 0
    assert exit_code(results.info.model_copy(update={"settings": settings(strict=True)})) == 3


def test_memory_limit(spec: AnalysisSpec, inputs: Inputs, settings: Make) -> None:
    plan = make_plan(spec, inputs, settings())
    bins = 5 * 12 * 2 + 5 * 5 + 3 * 12 + 5 * 12 * 6
    assert plan.histogram_bytes == bins * 3 * 16
    with pytest.raises(MemoryLimitError, match="more than the limit of 1,000"):
        make_plan(spec, inputs, settings(), histogram_limit=1000)


@pytest.mark.parametrize(
    "change",
    [
        {"chunk_entries": 0},
        {"part_bytes": 0},
        {"fraction": 1.5},
        {"fraction": 0.0},
        {"max_events": 0},
        {"workers": -1},
        {"luminosity": -1.0},
    ],
)
def test_settings_out_of_range(change: dict, spec: AnalysisSpec, inputs: Inputs, settings: Make) -> None:
    with pytest.raises(SettingsError, match=next(iter(change))):
        make_plan(spec, inputs, settings(**change))


def test_task_ids_depend_on_what_decides_the_result_only(
    spec: AnalysisSpec, inputs: Inputs, settings: Make
) -> None:
    base = make_plan(spec, inputs, settings())
    assert len({t.id for t in base.tasks}) == len(base.tasks)
    assert make_plan(spec, inputs, settings(workers=7, luminosity=3.0)).id == base.id
    moved = tuple(f.model_copy(update={"url": "/elsewhere/" + f.name}) for f in inputs.files)
    assert make_plan(spec, replace(inputs, files=moved), settings()).id == base.id
    for change in ({"chunk_entries": 301}, {"max_events": 10}, {"fraction": 0.5}):
        other = make_plan(spec, inputs, settings(**change))
        assert not {t.id for t in other.tasks} & {t.id for t in base.tasks}
    assert "lep_pt" in base.branches
    assert base.analysis == "toy"
