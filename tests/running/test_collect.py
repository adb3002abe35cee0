"""Runs that are handed to others, gathered any number of times, and what is kept for that."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from femtobarn.base.errors import GoneError, MergeError, NothingToDoError, RunDirectoryError, SettingsError
from femtobarn.base.records import AnalysisSpec, Outcome, Settings, Ticket
from femtobarn.running.engine import executor as executors
from femtobarn.running.engine.collect import collect
from femtobarn.running.engine.inputs import Inputs
from femtobarn.running.engine.observer import Silent
from femtobarn.running.engine.plan import make_plan
from femtobarn.running.engine.progress import status
from femtobarn.running.engine.run import exit_code, run, submit
from femtobarn.running.results.store import FolderStore

from .shelf import ShelfExecutor

Make = Callable[..., Settings]
TRUTH = ("histograms.npz", "histograms.json", "cutflow.csv", "yields.csv")


class Told(Silent):
    def __init__(self) -> None:
        self.words: list[str] = []
        self.reused = -1

    def started(self, plan: object, reused: int) -> None:
        self.reused = reused

    def notice(self, words: str) -> None:
        self.words.append(words)


@pytest.fixture(autouse=True)
def _shelf(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(executors._BUILT_IN, "shelf", f"{ShelfExecutor.__module__}:ShelfExecutor")
    ShelfExecutor.clear()
    yield
    ShelfExecutor.clear()


@pytest.fixture
def shelf(settings: Make) -> Settings:
    return settings(executor="shelf", part_bytes=8_000)


def store_of(out: Path) -> FolderStore:
    return FolderStore(out / "tasks")


def same(one: Path, other: Path) -> bool:
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in TRUTH)


def local(spec: AnalysisSpec, inputs: Inputs, settings: Make, out: Path) -> Path:
    from femtobarn.running.executors.local import LocalExecutor

    run(spec, inputs, settings(part_bytes=8_000), out, runner=LocalExecutor(0))
    return out


def test_gathered_in_three_looks_and_equal_in_the_end(
    spec: AnalysisSpec, inputs: Inputs, tmp_path: Path, settings: Make, shelf: Settings
) -> None:
    out = tmp_path / "out"
    total, most = len(make_plan(spec, inputs, shelf).tasks), 12
    assert submit(spec, inputs, shelf, out) == total
    before = status(out)
    assert (before.elsewhere, before.done, before.finished) == (("shelf",), 0, False)
    empty = collect(out).info
    assert (empty.tasks_pending, empty.events_processed, empty.complete) == (total, 0, False)
    assert exit_code(empty) == 3
    ShelfExecutor.work(store_of(out), most)
    some = collect(out)
    assert some.info.tasks_pending == total - most
    assert f"{total - most} of {total} tasks have no result yet" in some.info.notes
    rows = some.ledger()
    assert [r.status for r in rows].count("pending") == total - most
    assert {r.reason for r in rows if r.status == "pending"} == {"no result yet"}
    assert 0 < some.info.files_pending < len(inputs.files)
    assert ShelfExecutor.released == []
    assert not status(out).finished
    ShelfExecutor.work(store_of(out), total)
    whole = collect(out)
    assert exit_code(whole.info) == 0
    assert whole.info.complete
    assert ShelfExecutor.released == ["t0"]
    assert status(out).finished
    assert same(out, local(spec, inputs, settings, tmp_path / "local"))
    again = collect(out)
    assert again.info.complete
    assert same(out, tmp_path / "local")


def test_a_failure_is_kept_and_tried_again_by_the_next_run(
    spec: AnalysisSpec, inputs: Inputs, tmp_path: Path, settings: Make, shelf: Settings
) -> None:
    out = tmp_path / "out"
    total = submit(spec, inputs, shelf, out)
    bad = inputs.files[1].name
    ShelfExecutor.work(store_of(out), total, fail=frozenset([bad]))
    for _ in range(2):  # the second look knows it from the first
        info = collect(out).info
        assert (info.tasks_pending, info.files_failed, exit_code(info)) == (0, 1, 3)
    reasons = {r.reason for r in collect(out).ledger() if r.status == "failed"}
    assert reasons == {"a gap in the shelf"}
    told = Told()
    done = run(spec, inputs, shelf, out, told)
    failed_parts = [t for t in make_plan(spec, inputs, shelf).tasks if t.file.name == bad]
    assert told.reused == total - len(failed_parts)
    assert exit_code(done.info) == 0
    assert store_of(out).failures() == {}
    assert same(out, local(spec, inputs, settings, tmp_path / "local"))


def test_a_driver_that_died_leaves_a_ticket_and_the_next_one_takes_what_was_done(
    spec: AnalysisSpec, inputs: Inputs, tmp_path: Path, settings: Make, shelf: Settings
) -> None:
    out = tmp_path / "out"
    total = submit(spec, inputs, shelf, out)  # as if the process had ended here
    ShelfExecutor.work(store_of(out), 4)
    told = Told()
    done = run(spec, inputs, settings(part_bytes=8_000), out, told)
    assert told.reused == 4
    assert "looking at the shelf" in told.words
    assert ShelfExecutor.released == ["t0"]
    assert store_of(out).tickets() == ()
    assert done.info.complete
    assert total > 4


def test_an_executor_out_of_reach_is_told_and_its_ticket_kept(
    spec: AnalysisSpec, inputs: Inputs, tmp_path: Path, settings: Make, shelf: Settings
) -> None:
    out = tmp_path / "out"
    submit(spec, inputs, shelf, out)
    ShelfExecutor.broken = True
    told = Told()
    assert collect(out, told).info.tasks_pending
    assert told.words == ["Results of shelf could not be fetched: the shelf is out of reach"]
    run(spec, inputs, settings(part_bytes=8_000), out, told)
    assert told.words[-1].startswith("What is left of this run at shelf could not be removed")
    assert [t.token for t in store_of(out).tickets()] == ["t0"]


def test_waiting_ends_when_all_is_done_and_is_refused_when_nobody_works(
    spec: AnalysisSpec, inputs: Inputs, tmp_path: Path, shelf: Settings
) -> None:
    out = tmp_path / "out"
    submit(spec, inputs, shelf, out)
    pauses: list[float] = []

    def somebody_works(seconds: float) -> None:
        pauses.append(seconds)
        ShelfExecutor.work(store_of(out), 5)

    assert exit_code(collect(out, wait=True, pause=somebody_works).info) == 0
    assert len(pauses) > 1
    other = tmp_path / "other"
    submit(spec, inputs, shelf, other)
    store_of(other).drop(Ticket(executor="shelf", token="t1"))
    for ticket in store_of(other).tickets():
        store_of(other).drop(ticket)
    with pytest.raises(NothingToDoError, match="nobody was asked to run them"):
        collect(other, wait=True, pause=pytest.fail)


def test_an_executor_that_needs_its_driver_cannot_be_detached(
    spec: AnalysisSpec, inputs: Inputs, tmp_path: Path, settings: Make
) -> None:
    with pytest.raises(SettingsError, match="Leave out --detach"):
        submit(spec, inputs, settings(workers=1), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_there_is_nothing_to_collect_in_another_folder(tmp_path: Path) -> None:
    with pytest.raises(RunDirectoryError, match="there is none"):
        collect(tmp_path)
    (tmp_path / "submission.json").write_text("{")
    with pytest.raises(RunDirectoryError, match="cannot be read"):
        collect(tmp_path)


def test_what_is_kept_of_a_request_has_no_secrets(
    spec: AnalysisSpec, inputs: Inputs, tmp_path: Path, shelf: Settings
) -> None:
    from dataclasses import replace

    secret = inputs.files[0].model_copy(update={"url": "https://me:pass-word@host.example/f.root?token=abc"})
    told = replace(inputs, files=(secret, *inputs.files[1:]))
    submit(spec, told, shelf, tmp_path / "out")
    for path in (tmp_path / "out").rglob("*"):
        if path.is_file():
            assert b"pass-word" not in path.read_bytes(), path
            assert b"token=abc" not in path.read_bytes(), path
    handed = ShelfExecutor.shelves["t0"][1]
    assert handed[0].file.url == "https://host.example/f.root"
    assert all(Path(t.file.url).is_absolute() for t in handed if "://" not in t.file.url)


# --- folded files


def test_a_folded_file_counts_for_its_parts_and_gives_the_same_bits(
    spec: AnalysisSpec, inputs: Inputs, tmp_path: Path, settings: Make
) -> None:
    from femtobarn.running.results.folding import fold, fold_name

    chosen = settings(part_bytes=8_000)
    reference = local(spec, inputs, settings, tmp_path / "local")
    out = tmp_path / "out"
    run(spec, inputs, chosen, out)
    store, plan = store_of(out), make_plan(spec, inputs, chosen)
    folded = 0
    for group in plan.by_file:
        ids = [t.id for t in group]
        if len(ids) > 1:
            store.write(fold([store.read(i) for i in ids]))
            for i in ids:
                store.path(i).unlink()
            assert store.present(ids) == set(ids)
            folded += 1
    assert folded > 2
    told = Told()
    assert run(spec, inputs, chosen, out, told).info.complete
    assert told.reused == len(plan.tasks)
    assert same(out, reference)
    assert (out / "ledger.csv").read_text().count("processed") == len(plan.tasks)
    # a damaged fold is as if it were not there
    ids = next([t.id for t in g] for g in plan.by_file if len(g) > 1)
    path = store.path(fold_name(ids))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(bytes(data))
    run(spec, inputs, chosen, out, told)
    assert told.reused == len(plan.tasks) - len(ids)
    assert same(out, reference)


def test_the_fold_of_other_parts_is_none_of_these(
    spec: AnalysisSpec, inputs: Inputs, tmp_path: Path, settings: Make
) -> None:
    from femtobarn.running.results.folding import fold, fold_name
    from femtobarn.running.results.merge import collect as parts_of
    from femtobarn.running.results.partial import to_bytes

    chosen, out = settings(part_bytes=8_000), tmp_path / "out"
    run(spec, inputs, chosen, out)
    store = store_of(out)
    group, other = [g for g in make_plan(spec, inputs, chosen).by_file if len(g) > 1][:2]
    ids = [t.id for t in group]
    true, wrong = (fold([store.read(t.id) for t in tasks]) for tasks in (group, other))
    named = wrong.header.model_copy(update={"task": fold_name(ids)})
    with pytest.raises(MergeError, match="holds the sums of others"):
        store.put(fold_name(ids), to_bytes(dataclasses.replace(wrong, header=named)))
    store.write(dataclasses.replace(true, header=true.header.model_copy(update={"parts": ()})))
    assert not store.folded(ids)
    assert parts_of(store, group[0].file, ids).fold == ""
    for task in ids:
        store.path(task).unlink()
    assert store.present(ids) == set()
    store.write(dataclasses.replace(wrong, header=named))
    assert store.present(ids) == set()
    store.write(true)
    assert store.present(ids) == set(ids)


def test_selected_events_are_not_folded() -> None:
    from femtobarn.running.results.folding import fold

    with pytest.raises(MergeError, match="0 parts"):
        fold([])


def test_bytes_that_are_no_result_are_not_stored(
    spec: AnalysisSpec, inputs: Inputs, tmp_path: Path, settings: Make
) -> None:
    out = tmp_path / "out"
    run(spec, inputs, settings(), out)
    store = store_of(out)
    task = next(store.tasks())
    whole = store.path(task).read_bytes()
    other = FolderStore(tmp_path / "other")
    for data in (b"", b"PK", whole[:-9], whole[: len(whole) // 2], whole.replace(b"header", b"footer")):
        with pytest.raises(MergeError):
            other.put(task, data)
    with pytest.raises(MergeError, match="holds that of"):
        other.put("0" * 64, whole)
    assert list(other.tasks()) == []
    assert other.put(task, whole) == store.header(task)
    assert other.has(task)


def test_damaged_notes_count_as_none(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.fail(Outcome(task="ab", processed=False, reason="why"))
    store.keep(Ticket(executor="shelf", token="t"))
    (tmp_path / "failed" / "cd.json").write_text("{")
    (tmp_path / "tickets" / "u.json").write_text(json.dumps({"executor": 1}))
    assert list(store.failures()) == ["ab"]
    assert [t.token for t in store.tickets()] == ["t"]
    store.forgive("ab")
    store.forgive("ab")
    assert store.failures() == {}


# --- what is not to be believed, kept or repeated


def test_secrets_in_options_are_refused_whosever_they_are(
    spec: AnalysisSpec, inputs: Inputs, tmp_path: Path, settings: Make
) -> None:
    from femtobarn.running.executors.local import LocalExecutor

    given = (("rabbitmq.broker", "amqps://me:hidden-word@host.example/"),)
    with pytest.raises(SettingsError, match=r"Option rabbitmq\.broker holds") as caught:
        run(spec, inputs, settings(executor_options=given), tmp_path / "out", runner=LocalExecutor(0))
    assert "hidden-word" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_the_command_that_is_kept_has_no_secrets_in_options(monkeypatch: pytest.MonkeyPatch) -> None:
    from femtobarn.cli.options import command

    words = [
        "femtobarn",
        "run",
        "-x",
        "broker=amqps://me:hidden-word@host/",
        "--executor-option=a=http://x:hidden-word@h/",
    ]
    monkeypatch.setattr("sys.argv", words)
    assert "hidden-word" not in command()
    assert "amqps://host/" in command()


@pytest.mark.parametrize("name", ["/abs/x", "a/b", "a\0b", "..", "a\n", "x" * 129])
def test_names_of_results_are_no_paths(name: str) -> None:
    from pydantic import ValidationError

    with pytest.raises(ValidationError):
        Outcome(task=name, processed=False)
    with pytest.raises(ValidationError):
        Ticket(executor="shelf", token=name)


def test_failures_of_another_plan_do_not_count(
    spec: AnalysisSpec, inputs: Inputs, tmp_path: Path, settings: Make, shelf: Settings
) -> None:
    out = tmp_path / "out"
    ShelfExecutor.work(
        store_of(out), submit(spec, inputs, shelf, out), fail=frozenset([inputs.files[0].name])
    )
    assert collect(out).info.files_failed == 1
    other = shelf.model_copy(update={"part_bytes": 30_000})
    ShelfExecutor.work(store_of(out), submit(spec, inputs, other, out))
    done = collect(out)
    assert exit_code(done.info) == 0
    assert done.metrics().failed_tasks == 0


def test_a_run_that_is_tried_again_is_not_finished(
    spec: AnalysisSpec, inputs: Inputs, tmp_path: Path, shelf: Settings
) -> None:
    out = tmp_path / "out"
    ShelfExecutor.work(
        store_of(out), submit(spec, inputs, shelf, out), fail=frozenset([inputs.files[0].name])
    )
    collect(out)
    assert status(out).finished
    again = submit(spec, inputs, shelf, out)
    found = status(out)
    assert (found.finished, found.over, found.waiting) == (False, False, again)
    for ticket in store_of(out).tickets():
        store_of(out).drop(ticket)
    (out / "run.json").unlink()
    assert status(out).over, "nobody works on it"


def test_each_notice_is_told_once_and_each_failure_too(
    spec: AnalysisSpec, inputs: Inputs, tmp_path: Path, shelf: Settings
) -> None:
    class Counts(Told):
        ended = 0

        def task_done(self, row: object, outcome: Outcome) -> None:
            self.ended += 1

    out = tmp_path / "out"
    total = submit(spec, inputs, shelf, out)
    looks = 0

    def again(_: float) -> None:
        nonlocal looks
        looks += 1
        ShelfExecutor.work(store_of(out), 5 if looks > 4 else 1, fail=frozenset([inputs.files[0].name]))
        failed = list(store_of(out).failures().values())
        ShelfExecutor.ready.setdefault("t0", []).extend(failed)  # as if told at every look

    told = Counts()
    collect(out, told, wait=True, pause=again)
    assert told.words == ["looking at the shelf"]
    assert told.ended == total


def test_a_ticket_of_which_nothing_is_left_ends_the_wait(
    spec: AnalysisSpec, inputs: Inputs, tmp_path: Path, shelf: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> Iterator[Outcome]:
        msg = "the shelf was cleared"
        raise GoneError(msg)

    out = tmp_path / "out"
    submit(spec, inputs, shelf, out)
    monkeypatch.setattr(ShelfExecutor, "gather", gone)
    told = Told()
    with pytest.raises(NothingToDoError, match="nobody was asked"):
        collect(out, told, wait=True, pause=pytest.fail)
    assert told.words == ["the shelf was cleared"]


def test_what_was_gathered_keeps_attempts_and_counts_from_the_beginning(
    spec: AnalysisSpec, inputs: Inputs, tmp_path: Path, shelf: Settings
) -> None:
    out = tmp_path / "out"
    total = submit(spec, inputs, shelf, out)
    ShelfExecutor.work(store_of(out), 4)
    collect(out)
    ShelfExecutor.work(store_of(out), total)
    done = collect(out)
    assert {row.attempts for row in done.ledger()} == {1}
    assert done.metrics().reused_tasks == 0
    kept = json.loads((out / "submission.json").read_text())
    assert done.info.started == kept["started"]


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    import zipfile

    path = tmp_path / "bomb"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("header.json", b" " * (65 * 1024**2))
    with pytest.raises(MergeError, match="more than"):
        FolderStore(tmp_path / "store").put("0" * 64, path.read_bytes())


def test_times_that_cannot_be_are_refused(spec: AnalysisSpec) -> None:
    from pydantic import ValidationError

    from femtobarn.base.records import TaskMetrics

    usual = {
        "seconds": 1.0,
        "cpu_seconds": 1.0,
        "bytes_read": 1,
        "peak_rss": 1,
        "worker": "w",
        "started": 1.0,
    }
    assert TaskMetrics.model_validate(usual).started == 1.0
    for name, value in (("started", 1e300), ("started", "inf"), ("seconds", -1.0), ("cpu_seconds", "nan")):
        with pytest.raises(ValidationError):
            TaskMetrics.model_validate({**usual, name: value})


def test_a_part_that_is_there_alone_and_in_a_fold_counts_once(
    spec: AnalysisSpec, inputs: Inputs, tmp_path: Path, settings: Make
) -> None:
    from femtobarn.running.results.folding import fold

    chosen, out = settings(part_bytes=8_000), tmp_path / "out"
    run(spec, inputs, chosen, out)
    store, plan = store_of(out), make_plan(spec, inputs, chosen)
    for group in plan.by_file:
        if len(group) > 1:
            store.write(fold([store.read(t.id) for t in group]))
    (out / "run.json").unlink()
    found = status(out)
    assert sum(w.tasks for w in found.workers) == found.done == len(plan.tasks)
