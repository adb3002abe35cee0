"""How far a run is and what its workers do, read from its directory."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.running.shelf import ShelfExecutor

from femtobarn.base.records import AnalysisSpec, LedgerRow, Outcome, Settings
from femtobarn.cli import main
from femtobarn.running.engine import progress
from femtobarn.running.engine.inputs import Inputs
from femtobarn.running.engine.observer import Silent
from femtobarn.running.engine.plan import make_plan
from femtobarn.running.engine.progress import Watch, status
from femtobarn.running.engine.run import run, submit
from femtobarn.running.results.folding import fold
from femtobarn.running.results.partial import read_header
from femtobarn.running.results.scan import StoreScan
from femtobarn.running.results.store import FolderStore

from .gate import PATIENCE, GatedExecutor

Make = Callable[..., Settings]


def detached(spec: AnalysisSpec, inputs: Inputs, settings: Make, out: Path) -> int:
    return submit(spec, inputs, settings(executor="shelf"), out)


def test_a_run_on_its_way_shows_its_workers(
    spec: AnalysisSpec, inputs: Inputs, settings: Make, out: Path, on_its_way
) -> None:
    gone = inputs.files[0].model_copy(update={"url": str(out.with_name("gone.root"))})
    wrong = replace(inputs, files=(gone, *inputs.files[1:]))
    parts = len(make_plan(spec, wrong, settings()).by_file[0])
    GatedExecutor.before = parts + 4
    with on_its_way(lambda: run(spec, wrong, settings(executor="gated"), out)):
        found = status(out)
        assert found.running
        assert not found.over
        assert (found.done, found.failed) == (4, parts)
        assert found.waiting == found.tasks - 4 - parts > 0
        assert {w.worker for w in found.workers} == {"one", "two"}
        assert sum(w.tasks for w in found.workers) == 4
        assert sum(w.failed for w in found.workers) == parts
        assert {"gone.root" in w.last_error for w in found.workers} == {True}
        assert found.events_per_second > 0
        assert found.seconds_left is not None
        assert found.seconds_left > 0
        assert found.results_read == 4
    ended = status(out)
    assert ended.over
    assert ended.finished
    assert (ended.waiting, ended.failed, ended.done) == (0, parts, ended.tasks - parts)
    assert sum(w.failed for w in ended.workers) == parts
    assert ended.seconds_left is None


def test_rates_are_of_the_last_minute(spec: AnalysisSpec, inputs: Inputs, settings: Make, out: Path) -> None:
    total = detached(spec, inputs, settings, out)
    ShelfExecutor.work(FolderStore(out / "tasks"), 10)
    now = time.time()
    os.utime(out / "plan.json", (now - 500, now - 500))
    results = sorted((out / "tasks").glob("??/*"))
    for path in results[:4]:
        os.utime(path, (now - 300, now - 300))
    found = Watch(out, clock=lambda: now).look()
    events = sum(read_header(p).stop - read_header(p).start for p in results[4:])
    assert found.tasks_per_second == pytest.approx(6 / 60)
    assert found.events_per_second == pytest.approx(events / 60)
    assert found.seconds_left == pytest.approx((total - 10) / 0.1)
    later = Watch(out, clock=lambda: now + 100).look()
    assert (later.tasks_per_second, later.events_per_second, later.seconds_left) == (0, 0, None)


def test_each_look_opens_a_bounded_number_of_results_the_newest_first(
    spec: AnalysisSpec, inputs: Inputs, settings: Make, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    detached(spec, inputs, settings, out)
    store = FolderStore(out / "tasks")
    ShelfExecutor.work(store, 12)
    opened: list[str] = []

    def counted(self: FolderStore, task: str) -> object:
        opened.append(task)
        return read_header(self.path(task))

    monkeypatch.setattr(FolderStore, "header", counted)
    monkeypatch.setattr(progress, "MOST_READ", 5)
    now = time.time()
    names = list(store.tasks())
    for age, name in enumerate(names):
        os.utime(store.path(name), (now - age, now - age))
    watch = Watch(out)
    assert [watch.look().results_read for _ in range(4)] == [5, 10, 12, 12]
    assert opened[:5] == names[:5]
    assert sorted(opened) == sorted(names)  # each once
    last = watch.look()
    assert sum(w.tasks for w in last.workers) == last.done == 12


def test_only_folders_that_changed_are_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FolderStore(tmp_path)
    for name in ("aa1", "aa2", "bb1"):
        path = store.path(name)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    store.fail(Outcome(task="cc1", processed=False, reason="why"))
    old = time.time() - 100
    for folder in tmp_path.iterdir():
        os.utime(folder, (old, old))
    listed: list[str] = []
    real = os.scandir

    def counted(path: object) -> object:
        listed.append(Path(str(path)).name)
        return real(path)  # type: ignore[call-overload]

    monkeypatch.setattr("femtobarn.running.results.scan.os.scandir", counted)
    scan = StoreScan(store)
    scan.refresh()
    assert sorted(name for name, _ in scan.results()) == ["aa1", "aa2", "bb1"]
    assert list(scan.failures()) == ["cc1"]
    listed.clear()
    store.path("bb2").write_bytes(b"")
    store.path("aa1").parent.joinpath(".half.tmp").touch()
    store.forgive("cc1")
    scan.refresh()
    assert sorted(name for name, _ in scan.results()) == ["aa1", "aa2", "bb1", "bb2"]
    assert list(scan.failures()) == []
    os.utime(store.path("bb2").parent, (old, old))
    os.utime(store.path("aa1").parent, (old, old))
    scan.refresh()
    listed.clear()
    scan.refresh()
    assert "aa" not in listed
    assert "bb" not in listed
    store.path("bb1").unlink()
    scan.refresh()
    assert sorted(name for name, _ in scan.results()) == ["aa1", "aa2", "bb2"]


def test_folded_files_and_strangers_in_the_folder(
    spec: AnalysisSpec, inputs: Inputs, settings: Make, out: Path
) -> None:
    detached(spec, inputs, settings, out)
    store, plan = FolderStore(out / "tasks"), make_plan(spec, inputs, settings())
    group = next(g for g in plan.by_file if len(g) > 1)
    ShelfExecutor.work(store, len(plan.tasks))
    partials = [store.read(task.id) for task in group]
    store.write(fold(partials))
    for partial in partials:
        store.path(partial.header.task).unlink()
    stranger = store.path("ab" + "0" * 62)
    stranger.parent.mkdir(exist_ok=True)
    stranger.write_bytes(b"no result")
    other = next(t for t in plan.tasks if t not in group)
    store.path(other.id).write_bytes(b"damaged")
    found = status(out)
    assert (found.done, found.waiting, found.tasks) == (len(plan.tasks), 0, len(plan.tasks))
    assert found.results_read == len(plan.tasks) - 1  # not the damaged one
    assert sum(w.tasks for w in found.workers) == len(plan.tasks) - 1
    assert found.elsewhere == ("shelf",)


def test_a_new_plan_forgets_what_was_known_of_the_old(
    spec: AnalysisSpec, inputs: Inputs, settings: Make, out: Path
) -> None:
    total = detached(spec, inputs, settings, out)
    ShelfExecutor.work(FolderStore(out / "tasks"), 5)
    watch = Watch(out)
    assert watch.look().done == 5
    run(spec, inputs, settings(max_events=50, part_bytes=50_000), out)
    found = watch.look()
    assert found.finished
    assert found.tasks == found.done < total


def test_a_failure_that_is_tried_again_and_done_is_none(
    spec: AnalysisSpec, inputs: Inputs, settings: Make, out: Path
) -> None:
    total = detached(spec, inputs, settings, out)
    store = FolderStore(out / "tasks")
    ShelfExecutor.work(store, total)
    done = next(store.tasks())
    store.fail(Outcome(task=done, processed=False, reason="once", worker="w"))
    store.fail(Outcome(task="0" * 64, processed=False, reason="of another plan", worker="w"))
    found = status(out)
    assert (found.failed, found.done, found.waiting) == (0, total, 0)
    assert {w.last_error for w in found.workers} == {""}


# --- the command


def test_once_as_text_and_as_json(
    spec: AnalysisSpec, inputs: Inputs, settings: Make, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    total = detached(spec, inputs, settings, out)
    store = FolderStore(out / "tasks")
    ShelfExecutor.work(store, 6)
    bad = "\x1b[2Jhttps://me:pass-word@host.example/f?x=1 [bold]"
    store.fail(
        Outcome(
            task=make_plan(spec, inputs, settings()).tasks[-1].id, processed=False, reason=bad, worker=bad
        )
    )
    text = say(capsys, "status", out)
    assert f"6 of {total} tasks done, 1 failed, {total - 7} waiting" in text
    assert "handed to shelf" in text
    assert f"femtobarn collect {out}" in text
    assert "events/s" in text
    assert "\x1b" not in text
    assert "pass-word" not in text
    assert "https://host.example/f" in text
    assert "[bold]" in text
    found = json.loads(say(capsys, "status", out, "--json"))
    assert (found["done"], found["waiting"]) == (6, total - 7)
    assert {w["worker"]: w["tasks"] for w in found["workers"]}["w"] == 6


def test_watching_ends_when_the_run_does(
    spec: AnalysisSpec,
    inputs: Inputs,
    settings: Make,
    out: Path,
    on_its_way,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    GatedExecutor.before = 4
    looked = threading.Event()

    class Told(Watch):
        def look(self) -> progress.RunStatus:
            found = super().look()
            looked.set()
            return found

    monkeypatch.setattr(progress, "Watch", Told)
    ends: list[object] = []

    def watching() -> None:
        try:
            main(["status", str(out), "--watch", "--interval", "0.1"])
        except SystemExit as end:
            ends.append(end.code)

    watcher = threading.Thread(target=watching)
    with on_its_way(lambda: run(spec, inputs, settings(executor="gated"), out)):
        watcher.start()
        assert looked.wait(PATIENCE)
    watcher.join(PATIENCE)
    assert ends == [0]
    lines = capsys.readouterr().out.splitlines()
    total = status(out).tasks
    assert f" 4 of {total} tasks done, 0 failed, {total - 4} waiting; " in lines[0]
    assert re.match(r"\d\d:\d\d:\d\d ", lines[0])
    assert any(f"{total} of {total} tasks done" in line for line in lines)
    assert any("finished" in line for line in lines)
    assert any(line.startswith("one ") for line in lines)


def test_watching_as_json_gives_a_line_for_each_look(
    spec: AnalysisSpec, inputs: Inputs, settings: Make, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(spec, inputs, settings(), out)
    (line,) = say(capsys, "status", out, "--watch", "--json").splitlines()
    assert json.loads(line)["finished"] is True


def test_there_is_nothing_to_watch_in_another_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["status", str(tmp_path), "--watch"])
    assert end.value.code == 2
    assert "there is none" in capsys.readouterr().err


def test_a_removed_run_json_is_not_taken_for_an_end(
    spec: AnalysisSpec, inputs: Inputs, settings: Make, out: Path
) -> None:
    run(spec, inputs, settings(), out)
    watch = Watch(out)
    assert watch.look().finished
    seen: list[bool] = []

    class Asks(Silent):
        def task_done(self, row: LedgerRow, outcome: Outcome) -> None:
            seen.append(watch.look().finished)

    run(spec, inputs, settings(max_events=60), out, Asks())
    assert set(seen) == {False}
    assert watch.look().finished


@pytest.mark.parametrize("terminal", [True, False])
def test_ctrl_c_ends_watching_well(
    spec: AnalysisSpec, inputs: Inputs, settings: Make, out: Path, terminal: bool
) -> None:
    total = detached(spec, inputs, settings, out)
    ShelfExecutor.work(FolderStore(out / "tasks"), 3)
    ours, theirs = os.openpty() if terminal else os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "femtobarn", "status", str(out), "--watch", "--interval", "0.2"],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.PIPE,
        env={**os.environ, "COLUMNS": "160", "LINES": "40", "TERM": "xterm"},
    )
    os.close(theirs)
    try:
        said = read_until(ours, b"waiting")
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""
    finally:
        process.kill()
        process.communicate()
        os.close(ours)
    assert f"3 of {total} tasks done".encode() in said
    assert (b"\x1b[" in said) == terminal


def read_until(handle: int, wanted: bytes) -> bytes:
    said, deadline = b"", time.monotonic() + PATIENCE
    while wanted not in said:
        ready, _, _ = select.select([handle], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, said
        said += os.read(handle, 65536)
    return said


def say(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    with pytest.raises(SystemExit) as end:
        main([str(word) for word in words])
    assert end.value.code == 0
    return capsys.readouterr().out
