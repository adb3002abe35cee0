"""Whole runs whose workers leave results in a store elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from pathlib import Path

import pytest
from tests.running.shelf import ShelfExecutor

from femtobarn.base.errors import SettingsError
from femtobarn.base.records import AnalysisSpec, Job, Notice, Outcome, Settings, Task
from femtobarn.running.engine import executor as executors
from femtobarn.running.engine import fetching
from femtobarn.running.engine.collect import collect
from femtobarn.running.engine.executor import attempt
from femtobarn.running.engine.inputs import Inputs
from femtobarn.running.engine.observer import Silent
from femtobarn.running.engine.run import exit_code, run, submit
from femtobarn.running.executors.local import LocalExecutor
from femtobarn.running.results.remotestore import sink_of
from femtobarn.running.results.store import FolderStore

from .conftest import PART_BYTES
from .server import StoreServer

Make = Callable[..., Settings]
TRUTH = ("histograms.npz", "histograms.json", "cutflow.csv", "yields.csv")


class Elsewhere:
    """Does tasks here, and leaves the results of the first ``most`` in a store; then it ends."""

    def __init__(self, store: str, most: int = 10_000) -> None:
        self.sink, self.most = sink_of(store), most
        self.done: list[str] = []

    def run(self, job: Job, tasks: Sequence[Task], store: FolderStore) -> Generator[Outcome | Notice | None]:
        for task in tasks[: self.most]:
            self.done.append(task.id)
            yield attempt(job, task, self.sink, worker="far")


class Told(Silent):
    def __init__(self) -> None:
        self.words: list[str] = []
        self.reused = -1

    def started(self, plan: object, reused: int) -> None:
        self.reused = reused

    def notice(self, words: str) -> None:
        self.words.append(words)


@pytest.fixture
def local(spec: AnalysisSpec, inputs: Inputs, settings: Make, tmp_path: Path) -> Path:
    run(spec, inputs, settings(part_bytes=PART_BYTES), tmp_path / "local", runner=LocalExecutor(0))
    return tmp_path / "local"


def same(one: Path, other: Path) -> bool:
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in TRUTH)


@pytest.fixture(params=["folder", "http"])
def store(request: pytest.FixtureRequest, server: StoreServer, tmp_path: Path) -> str:
    return str(tmp_path / "shared") if request.param == "folder" else server.url("/store")


def test_equal_bits_and_another_machine_goes_on(
    spec: AnalysisSpec, inputs: Inputs, settings: Make, tmp_path: Path, local: Path, store: str
) -> None:
    wanted = settings(part_bytes=PART_BYTES, store=store)
    first = Elsewhere(store, most=11)
    begun = run(spec, inputs, wanted, tmp_path / "one", runner=first)
    assert exit_code(begun.info) == 3
    assert begun.info.settings.store == store
    assert {r.reason for r in begun.ledger() if r.status == "failed"} == {"the executor ended without it"}
    second, told = Elsewhere(store), Told()
    other = run(spec, inputs, wanted, tmp_path / "two", told, runner=second)  # it has nothing but the address
    assert exit_code(other.info) == 0
    assert told.reused == 11
    assert not set(first.done) & set(second.done)
    assert same(tmp_path / "two", local)
    third = Elsewhere(store)
    run(spec, inputs, wanted, tmp_path / "one", runner=third)
    assert third.done == []
    assert same(tmp_path / "one", local)


def test_collected_any_number_of_times(
    spec: AnalysisSpec,
    inputs: Inputs,
    settings: Make,
    tmp_path: Path,
    local: Path,
    store: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(executors._BUILT_IN, "shelf", f"{ShelfExecutor.__module__}:ShelfExecutor")
    ShelfExecutor.clear()
    out, sink = tmp_path / "out", sink_of(store)
    total = submit(spec, inputs, settings(part_bytes=PART_BYTES, executor="shelf", store=store), out)
    assert collect(out).info.tasks_pending == total
    ShelfExecutor.work(sink, 7)  # type: ignore[arg-type]
    assert collect(out).info.tasks_pending == total - 7
    ShelfExecutor.work(sink, 5)  # type: ignore[arg-type]
    ShelfExecutor.ready.clear()  # what the workers told was lost; their results were not
    assert collect(out).info.tasks_pending == total - 12
    ShelfExecutor.work(sink, total)  # type: ignore[arg-type]
    assert exit_code(collect(out, wait=True).info) == 0
    assert same(out, local)
    assert ShelfExecutor.released == ["t0"]
    ShelfExecutor.clear()


def test_a_result_that_was_told_of_and_is_not_there_is_a_failed_line_and_is_found_later(
    spec: AnalysisSpec,
    inputs: Inputs,
    settings: Make,
    tmp_path: Path,
    local: Path,
    server: StoreServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(executors._BUILT_IN, "shelf", f"{ShelfExecutor.__module__}:ShelfExecutor")
    monkeypatch.setattr(fetching, "_BACKOFF", 0.001)
    ShelfExecutor.clear()
    out, url = tmp_path / "out", server.url("/store")
    total = submit(spec, inputs, settings(part_bytes=PART_BYTES, executor="shelf", store=url), out)
    ShelfExecutor.work(sink_of(url), total)  # type: ignore[arg-type]
    lost = {path: server.files.pop(path) for path in list(server.files)[:3]}
    for _ in range(2):  # the second look knows it from the first
        done = collect(out)
        failed = [row for row in done.ledger() if row.status == "failed"]
        assert {row.reason for row in failed} == {f"w left its result in {url}, but: there is none"}
        assert len(failed) == 3
    server.files |= lost
    assert exit_code(collect(out).info) == 0
    assert same(out, local)
    ShelfExecutor.clear()


def test_a_store_out_of_reach_is_told_when_collecting_and_ends_a_run_before_it_begins(
    spec: AnalysisSpec,
    inputs: Inputs,
    settings: Make,
    tmp_path: Path,
    server: StoreServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(executors._BUILT_IN, "shelf", f"{ShelfExecutor.__module__}:ShelfExecutor")
    monkeypatch.setattr(fetching, "_BACKOFF", 0.001)
    ShelfExecutor.clear()
    out, url = tmp_path / "out", server.url("/store")
    total = submit(spec, inputs, settings(part_bytes=PART_BYTES, executor="shelf", store=url), out)
    server.script = lambda _: 403
    told = Told()
    assert collect(out, told).info.tasks_pending == total
    assert any(words.startswith("Results could not be fetched: Expected http://127") for words in told.words)
    ShelfExecutor.clear()


def test_a_store_with_a_secret_or_without_encryption_is_refused_before_anything_is_written(
    spec: AnalysisSpec, inputs: Inputs, settings: Make, tmp_path: Path
) -> None:
    for url in ("https://me:secret@store.example/x", "http://store.example/x", "somewhere"):
        with pytest.raises(SettingsError):
            run(spec, inputs, settings(store=url), tmp_path / "out", runner=LocalExecutor(0))
    assert not (tmp_path / "out").exists()
