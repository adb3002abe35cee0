"""Looking after submissions: status, merge, resubmit and cancel, by the API and on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from femtobarn.api import batch as api
from femtobarn.base.errors import ExecutorError, MergeError, NothingToDoError, SettingsError
from femtobarn.base.records import AnalysisSpec, Outcome, Settings
from femtobarn.cli.main import main
from femtobarn.running.engine.inputs import Inputs
from femtobarn.running.engine.run import run, submit
from femtobarn.running.executors.batch import wholeness
from femtobarn.running.executors.batch.request import JobState
from femtobarn.running.executors.local import LocalExecutor
from femtobarn.running.results.directory import RunDirectory
from femtobarn.running.results.reader import RunResults
from femtobarn.running.results.store import FolderStore

from .desk import MERGE, RUNS, Desk
from .wide import OPTIONS, same

Make = Callable[..., Settings]


@pytest.fixture
def out(desk: Desk, spec: AnalysisSpec, inputs: Inputs, settings: Make, tmp_path: Path) -> Path:
    """A run in three slices, of which none has begun."""
    out = tmp_path / "out"
    submit(spec, inputs, settings({**OPTIONS, "jobs": "3"}), out)
    return out


def token(desk: Desk) -> str:
    return desk.submitted[-1].token


def code(*words: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["batch", *map(str, words)])
    return int(str(ended.value.code))


def test_status_shows_each_slice(desk: Desk, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    desk.work(token(desk), 0)
    desk.end(token(desk), 1)
    found = api.status(out)
    assert [(s.index, s.phase, s.missing == 0) for s in found.slices] == [
        (0, "ended", True), (1, "ended", False), (2, "waiting", False),
    ]  # fmt: skip
    assert [s.state for s in found.slices] == ["COMPLETED", "NODE_FAIL", "PENDING (Priority)"]
    assert [m.phase for m in found.merges] == ["waiting"]
    assert code("status", out) == 0
    shown = capsys.readouterr().out
    assert "ended: NODE_FAIL" in shown
    assert "waiting: PENDING (Priority)" in shown
    assert code("status", out, "--json") == 0
    assert json.loads(capsys.readouterr().out)["slices"][1]["state"] == "NODE_FAIL"


def test_status_when_nobody_answers(desk: Desk, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    desk.work(token(desk), 0)
    desk.silent = True
    found = api.status(out)
    assert {s.phase for s in found.slices} == {"unknown"}
    assert found.slices[0].missing == 0
    assert code("status", out) == 0
    assert "nobody is at the desk" in capsys.readouterr().err


def test_the_merge_names_slices_and_why(desk: Desk, out: Path) -> None:
    desk.work_all(token(desk), but=[1, 2])
    desk.end(token(desk), 1)
    sizes = [len(desk.folder(token(desk)).tasks(i)) for i in range(3)]
    with pytest.raises(MergeError) as refused:
        api.merge(out)
    assert (
        f"{sizes[1] + sizes[2]} are missing: slice 1 misses {sizes[1]} of {sizes[1]} (NODE_FAIL); "
        f"slice 2 misses {sizes[2]} of {sizes[2]} (PENDING (Priority)). Submit them again: "
        f"femtobarn batch resubmit {out}"
    ) in str(refused.value)
    assert not (out / "run.json").exists()


def test_the_merge_is_what_collect_does(desk: Desk, out: Path, local: Path) -> None:
    desk.work_all(token(desk))
    results = api.merge(out)
    assert results.info.complete
    assert same(out, local)


def test_a_task_that_failed_on_its_own_does_not_stop_the_merge(desk: Desk, out: Path) -> None:
    desk.work_all(token(desk))
    task = desk.folder(token(desk)).tasks(0)[0]
    store = FolderStore(out / "tasks")
    store.path(task.id).unlink()
    store.fail(Outcome(task=task.id, processed=False, reason="a bad file"))
    (desk.folder(token(desk)).path / "slices" / "0000.outcomes").write_text("")
    assert code("merge", out) == 3
    assert [r.reason for r in RunResults.load(out).ledger() if r.status == "failed"] == ["a bad file"]
    assert api.resubmit(out).tasks == 0
    assert api.resubmit(out, failed=True).tasks == 1
    desk.work_all(token(desk))
    assert code("merge", out) == 0


def test_a_result_that_is_damaged_is_missing(desk: Desk, out: Path, local: Path) -> None:
    first = token(desk)
    desk.work_all(first)
    path = FolderStore(out / "tasks").path(desk.folder(first).tasks(1)[0].id)
    path.write_bytes(path.read_bytes()[:-50])
    words = rf"but 1 are missing: slice 1 misses 1 of .*; results of 1 are damaged\. .*batch resubmit {out}"
    with pytest.raises(MergeError, match=words):
        api.merge(out)
    assert api.resubmit(out).tasks == 1
    desk.work_all(token(desk))
    assert api.merge(out).info.complete
    assert same(out, local)


def test_a_merge_that_waits(desk: Desk, out: Path) -> None:
    said: list[str] = []
    steps = iter([lambda: desk.work(token(desk), 0), lambda: desk.work_all(token(desk), but=[0])])
    wholeness.check_whole(out, wait=True, on_wait=said.append, pause=lambda _: next(steps)())
    assert [words.split(" of ")[1] for words in said] == ["3 slices are not done", "2 slices are not done"]


def test_a_merge_waits_for_whoever_writes_the_directory(desk: Desk, out: Path) -> None:
    desk.work_all(token(desk))
    said: list[str] = []
    holding = RunDirectory(out).locked()
    holding.__enter__()
    wholeness.check_whole(
        out, on_wait=said.append, pause=lambda _: holding.__exit__(None, None, None) and None
    )
    assert said == [f"another command writes {out}"]


def test_a_merge_waits_for_no_slice_that_ended(desk: Desk, out: Path) -> None:
    desk.work_all(token(desk), but=[1])
    desk.end(token(desk), 1)
    with pytest.raises(MergeError, match="slice 1 misses"):
        wholeness.check_whole(out, wait=True, pause=lambda _: pytest.fail("it waits"))


def test_resubmit_takes_what_is_missing_and_leaves_alone_what_is_under_way(
    desk: Desk, out: Path, local: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = token(desk)
    desk.work(first, 0)
    desk.end(first, 1)
    desk.end(first, 2, RUNS)
    assert code("resubmit", out, "--memory", "4GB") == 0
    said = capsys.readouterr().out
    missing = {t.id for t in desk.folder(first).tasks(1)}
    assert f"slice 2 of {first} is left alone: RUNNING" in said
    assert f"{len(missing)} tasks are submitted again" in said
    second = desk.submitted[-1]
    assert second.after == (first,), "its merge waits for both"
    assert second.options.memory == "4GB"
    assert second.options.walltime == OPTIONS["walltime"]
    folder = desk.folder(second.token)
    assert {t.id for i in folder.slices for t in folder.tasks(i)} == missing
    assert desk.cancelled == [MERGE + first]
    assert {t.token for t in FolderStore(out / "tasks").tickets()} == {first, second.token}
    desk.work(first, 2)
    desk.work_all(second.token)
    assert api.merge(out).info.complete
    assert same(out, local)


def test_resubmit_removes_what_is_left_of_a_dead_array(desk: Desk, out: Path) -> None:
    first = token(desk)
    for index in range(3):
        desk.end(first, index)
    api.resubmit(out, {"jobs": "1"})
    assert desk.cancelled == [first, MERGE + first]
    assert [t.token for t in FolderStore(out / "tasks").tickets()] == [token(desk)]
    assert desk.submitted[-1].slices == 1
    assert desk.submitted[-1].after == ()


def test_resubmit_submits_nothing_as_long_as_nobody_says_what_is_under_way(desk: Desk, out: Path) -> None:
    desk.silent = True
    with pytest.raises(ExecutorError, match="so that no task is submitted twice"):
        api.resubmit(out)
    assert len(desk.submitted) == 1


def test_resubmit_of_nothing(desk: Desk, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    desk.work_all(token(desk))
    assert code("resubmit", out) == 0
    assert "No task is missing" in capsys.readouterr().out
    with pytest.raises(SettingsError, match="walltime"):
        api.resubmit(out, {"walltime": "soon"})


def test_a_run_that_was_never_submitted(
    desk: Desk, spec: AnalysisSpec, inputs: Inputs, settings: Make, tmp_path: Path
) -> None:
    out = tmp_path / "here"
    run(spec, inputs, settings(), out, runner=LocalExecutor(0))
    with pytest.raises(NothingToDoError, match="femtobarn batch submit"):
        api.resubmit(out)
    assert api.status(out).slices == ()
    assert api.cancel(out) == ()


def test_cancel_keeps_results_and_resubmit_goes_on(
    desk: Desk, out: Path, local: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = token(desk)
    desk.work(first, 0)
    assert code("cancel", out) == 0
    assert first in capsys.readouterr().out
    assert desk.cancelled == [first, MERGE + first]
    assert code("cancel", out) == 0
    assert "no job was under way" in capsys.readouterr().out
    assert api.resubmit(out).tasks == sum(len(desk.folder(first).tasks(i)) for i in (1, 2))
    desk.work_all(token(desk))
    assert api.merge(out).info.complete
    assert same(out, local)


def test_a_slice_on_the_command_line(
    desk: Desk, out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JOB_COMPLETION_INDEX", "2")
    assert code("slice", out, "--token", token(desk)) == 0
    assert desk.folder(token(desk)).end(2) is not None
    assert code("slice", out, "--token", token(desk), "--index", "0", "--ends", "1") == 1
    assert "its walltime of 00:05:00 is nearly over" in capsys.readouterr().err
    desk.end(token(desk), 0, JobState(phase="ended", word="FAILED"))
    assert api.status(out).slices[0].state == "FAILED; its walltime of 00:05:00 is nearly over"
