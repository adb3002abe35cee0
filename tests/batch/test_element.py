"""What a job of an array does with its slice."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from femtobarn.base.errors import RunDirectoryError, StoreError
from femtobarn.base.records import AnalysisSpec, Outcome, Settings
from femtobarn.running.engine.executor import attempt
from femtobarn.running.engine.inputs import Inputs
from femtobarn.running.engine.run import submit
from femtobarn.running.executors.batch import element
from femtobarn.running.executors.batch.element import run_slice
from femtobarn.running.executors.batch.layout import BatchFolder
from femtobarn.running.results import remotestore
from femtobarn.running.results.store import FolderStore

from .desk import Desk
from .wide import OPTIONS

Make = Callable[..., Settings]


@pytest.fixture
def submitted(
    desk: Desk, spec: AnalysisSpec, inputs: Inputs, settings: Make, tmp_path: Path
) -> Callable[..., BatchFolder]:
    def make() -> BatchFolder:
        submit(spec, inputs, settings({**OPTIONS, "jobs": "2"}), tmp_path / "out")
        return desk.folder(desk.submitted[-1].token)

    return make


def test_its_tasks_have_results_and_notes(submitted: Callable[..., BatchFolder], tmp_path: Path) -> None:
    folder = submitted()
    end = run_slice(tmp_path / "out", folder.token, 1)
    tasks = folder.tasks(1)
    store = FolderStore(tmp_path / "out" / "tasks")
    assert all(store.has(task.id) for task in tasks)
    assert not any(store.has(task.id) for task in folder.tasks(0))
    noted, _ = folder.told(1)
    assert [o.task for o in noted] == [t.id for t in tasks]
    assert all(o.processed and o.events for o in noted)
    assert (end.done, end.failed, end.left, end.reason) == (len(tasks), 0, 0, "")
    assert folder.end(1) == end
    assert folder.end(0) is None


def test_what_has_a_result_is_not_run_again(submitted: Callable[..., BatchFolder], tmp_path: Path) -> None:
    folder = submitted()
    first, *rest = folder.tasks(0)
    attempt(folder.job, first, FolderStore(tmp_path / "out" / "tasks"))
    end = run_slice(tmp_path / "out", folder.token, 0)
    assert end.done == len(rest) + 1
    assert [o.task for o in folder.told(0)[0]] == [t.id for t in rest]
    assert run_slice(tmp_path / "out", folder.token, 0) == end


def test_a_failure_is_kept_and_the_others_go_on(
    submitted: Callable[..., BatchFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = submitted()
    bad = folder.tasks(0)[0]

    class Fails:
        def __init__(self, *_: object, **__: object) -> None: ...

        def run(self, job: Any, tasks: Any, store: Any) -> Iterator[Outcome]:
            for task in tasks:
                yield (
                    Outcome(task=task.id, processed=False, reason="a bad day")
                    if task.id == bad.id
                    else attempt(job, task, store)
                )

    monkeypatch.setattr(element, "LocalExecutor", Fails)
    end = run_slice(tmp_path / "out", folder.token, 0)
    assert (end.failed, end.left) == (1, 0)
    assert FolderStore(tmp_path / "out" / "tasks").failures()[bad.id].reason == "a bad day"


def test_it_ends_in_order_before_its_walltime(submitted: Callable[..., BatchFolder], tmp_path: Path) -> None:
    folder = submitted()
    ticks = iter(range(100))
    end = run_slice(tmp_path / "out", folder.token, 0, ends=2.0, clock=lambda: float(next(ticks)))
    assert (end.done, end.left) == (2, len(folder.tasks(0)) - 2)
    assert end.reason == "its walltime of 00:05:00 is nearly over"
    again = run_slice(tmp_path / "out", folder.token, 0)
    assert (again.done, again.left, again.reason) == (len(folder.tasks(0)), 0, "")


def test_it_ends_in_order_when_it_is_told_to(
    submitted: Callable[..., BatchFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = submitted()
    closed = threading.Event()

    class Slow:
        def __init__(self, *_: object, **__: object) -> None: ...

        def run(self, *_: object) -> Generator[Outcome | None]:
            try:
                os.kill(os.getpid(), signal.SIGTERM)
                while True:
                    yield None
            finally:
                closed.set()

    monkeypatch.setattr(element, "LocalExecutor", Slow)
    before = signal.getsignal(signal.SIGTERM)
    end = run_slice(tmp_path / "out", folder.token, 0)
    assert end.reason == "it was told to end (SIGTERM)"
    assert end.left == len(folder.tasks(0))
    assert closed.is_set()
    assert signal.getsignal(signal.SIGTERM) == before


def test_results_go_to_a_server_and_what_it_refuses_has_failed(
    submitted: Callable[..., BatchFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = submitted()
    asked = folder.request.model_copy(update={"store": "https://store.example/results"})
    (folder.path / "request.json").write_text(asked.model_dump_json())
    taken: dict[str, bytes] = {}
    refused = folder.tasks(0)[0].id

    class Server:
        def __init__(self, url: str) -> None:
            assert url == "https://store.example/results"

        def put(self, name: str, data: bytes) -> None:
            if name == refused:
                msg = "the disk is full"
                raise StoreError(msg)
            taken[name] = data

        def close(self) -> None:
            taken["closed"] = b""

    monkeypatch.setattr(remotestore, "RemoteStore", Server)
    end = run_slice(tmp_path / "out", folder.token, 0)
    assert (end.done, end.failed) == (len(folder.tasks(0)) - 1, 1)
    assert set(taken) == {*(t.id for t in folder.tasks(0)[1:]), "closed"}
    store = FolderStore(tmp_path / "out" / "tasks")
    assert store.failures()[refused].reason == "the disk is full"
    assert list(store.tasks()) == []


def test_a_slice_that_is_none_is_refused(submitted: Callable[..., BatchFolder], tmp_path: Path) -> None:
    folder = submitted()
    with pytest.raises(RunDirectoryError, match=r"0007\.jsonl"):
        run_slice(tmp_path / "out", folder.token, 7)
    with pytest.raises(RunDirectoryError, match=r"request\.json"):
        run_slice(tmp_path / "out", "another", 0)
    with pytest.raises(RunDirectoryError, match="token of a submission"):
        run_slice(tmp_path / "out", "../tasks", 0)


def test_a_line_that_was_broken_off_hides_none_that_follow(
    submitted: Callable[..., BatchFolder], tmp_path: Path
) -> None:
    folder = submitted()
    first, second = folder.tasks(0)[:2]
    folder.tell(0, Outcome(task=first.id, processed=True))
    noted = folder.path / "slices" / "0000.outcomes"
    whole = noted.read_text()
    noted.write_text(whole + whole[:20])
    known, read = folder.told(0)
    assert [o.task for o in known] == [first.id]
    assert read == len(whole)
    folder.begin(0)
    folder.tell(0, Outcome(task=second.id, processed=True))
    assert [o.task for o in folder.told(0, read)[0]] == [second.id]
