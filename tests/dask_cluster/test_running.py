"""A scheduler that somebody else runs: encrypted, without workers, with the wrong ones, with hostile ones."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.servers.certificates import Certificates
from tests.servers.daemons import free_port

from femtobarn.base.errors import ExecutorError, SettingsError
from femtobarn.base.records import AnalysisSpec, LedgerRow, Settings
from femtobarn.running.engine.inputs import Inputs
from femtobarn.running.engine.plan import make_plan
from femtobarn.running.engine.run import exit_code, run

from .clusters import Scheduler, Told, dask, same, scheduler, trouble

pytestmark = pytest.mark.services

Make = Callable[..., Settings]


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Scheduler]:
    with scheduler(tmp_path) as running:
        yield running


@pytest.fixture
def encrypted(tmp_path: Path, certificates: Certificates) -> Iterator[Scheduler]:
    with scheduler(tmp_path, tls=certificates) as running:
        yield running


def test_by_address_with_certificates(
    spec: AnalysisSpec, inputs: Inputs, settings: Make, local: Path, tmp_path: Path, encrypted: Scheduler
) -> None:
    encrypted.work("--nthreads", "1", "--name", "one")
    encrypted.work("--nthreads", "1", "--name", "two", "--no-nanny")
    told = Told()
    info = run(spec, inputs, dask(settings, **encrypted.options), tmp_path / "out", told).info
    assert exit_code(info) == 0
    assert same(tmp_path / "out", local)
    assert {row.worker for row in told.rows} <= {"one", "two"}
    assert told.words == []
    again = Told()
    run(spec, inputs, dask(settings, **encrypted.options), tmp_path / "again", again)
    assert same(tmp_path / "again", local)


def test_keys_of_another_authority_are_refused_in_words(
    spec: AnalysisSpec, inputs: Inputs, settings: Make, tmp_path: Path, encrypted: Scheduler
) -> None:
    other = Certificates(tmp_path / "other")
    options = {**encrypted.options, "tls_ca": other.ca, "tls_cert": other.cert, "tls_key": other.key}
    with pytest.raises(
        ExecutorError, match=r"Expected a Dask scheduler at tls://127.0.0.1:\d+, but: .*certificates"
    ):
        run(spec, inputs, dask(settings, **options), tmp_path / "out")


def test_by_file_with_threads_one_task_at_a_time(
    spec: AnalysisSpec, inputs: Inputs, settings: Make, local: Path, tmp_path: Path, plain: Scheduler
) -> None:
    plain.work("--nthreads", "3")
    told = Told()
    chosen = dask(settings, scheduler_file=tmp_path / "scheduler.json")
    assert exit_code(run(spec, inputs, chosen, tmp_path / "out", told).info) == 0
    assert same(tmp_path / "out", local)
    (words,) = told.words
    assert "up to 3 threads, and each runs one task at a time" in words


def test_results_in_a_shared_folder(
    spec: AnalysisSpec, inputs: Inputs, settings: Make, local: Path, tmp_path: Path, plain: Scheduler
) -> None:
    plain.work()
    shared = tmp_path / "shared"
    shared.mkdir()
    chosen = dask(settings, **plain.options).model_copy(update={"store": str(shared)})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FEMTOBARN_PREFIXES", str(shared))
        run(spec, inputs, chosen, tmp_path / "out")
    assert same(tmp_path / "out", local)
    assert {path.name for path in shared.glob("??/*")} == {
        t.id for t in make_plan(spec, inputs, chosen).tasks
    }


def test_no_worker_is_told_and_given_up(
    spec: AnalysisSpec, inputs: Inputs, settings: Make, tmp_path: Path, plain: Scheduler
) -> None:
    told = Told()
    chosen = dask(settings, **plain.options, no_workers_timeout=7)
    with pytest.raises(
        ExecutorError, match=r"No worker for \d+ s at the Dask scheduler .* Finished tasks are kept"
    ):
        run(spec, inputs, chosen, tmp_path / "out", told)
    assert told.words
    assert f"Start some: dask worker {plain.address}" in told.words[0]


def test_workers_that_come_late_and_go_early(
    spec: AnalysisSpec, inputs: Inputs, settings: Make, local: Path, tmp_path: Path, plain: Scheduler
) -> None:
    workers = []

    class Helps(Told):
        def notice(self, words: str) -> None:
            super().notice(words)
            if not workers:
                workers.append(plain.work())

    def leave(row: LedgerRow) -> None:
        workers[0].kill()

    out = tmp_path / "out"
    chosen = dask(settings, **plain.options, no_workers_timeout=12)
    first = Helps(leave)
    info = run(spec, inputs, chosen, out, first).info
    assert first.words[0].startswith("No worker for")
    assert exit_code(info) == 3
    lost = {row.reason for row in first.rows if row.status == "failed"}
    assert lost
    assert all(reason.startswith("No worker for") for reason in lost)
    plain.work()
    assert exit_code(run(spec, inputs, chosen, out).info) == 0
    assert same(out, local)


def test_other_versions_are_refused_before_anything_is_sent(
    spec: AnalysisSpec, inputs: Inputs, settings: Make, tmp_path: Path, plain: Scheduler
) -> None:
    plain.work(environment={**trouble(), "TROUBLE_VERSION": "0.0.9"})
    out, told = tmp_path / "out", Told()
    words = r"Nothing was sent to the Dask scheduler .*: Dask worker tcp://127.0.0.1:\d+ has femtobarn 0.0.9 \(here: "
    with pytest.raises(ExecutorError, match=words):
        run(spec, inputs, dask(settings, **plain.options), out, told)
    assert told.rows == []


def test_a_worker_without_this_package_is_refused(
    spec: AnalysisSpec, inputs: Inputs, settings: Make, tmp_path: Path, plain: Scheduler
) -> None:
    plain.work(environment={**trouble(), "TROUBLE_ABSENT": "1"})
    with pytest.raises(ExecutorError, match=r"lacks femtobarn: install femtobarn\[dask\]"):
        run(spec, inputs, dask(settings, **plain.options), tmp_path / "out")


def test_a_late_worker_with_other_versions_gets_no_more_tasks(
    spec: AnalysisSpec, inputs: Inputs, settings: Make, local: Path, tmp_path: Path, plain: Scheduler
) -> None:
    gate = tmp_path / "go"
    plain.work("--name", "good", environment=trouble(**{inputs.files[0].name: f"hold:{gate}"}))

    class Invites(Told):
        def notice(self, words: str) -> None:
            super().notice(words)
            if len(self.words) == 1:  # the good one is held up: what comes now takes all the rest
                plain.work("--name", "bad", environment={**trouble(), "TROUBLE_VERSION": "0.0.9"})
            elif "has femtobarn 0.0.9" in words:
                gate.touch()

    told = Invites()
    info = run(spec, inputs, dask(settings, **plain.options, stall=2, window=3), tmp_path / "out", told).info
    assert exit_code(info) == 0
    assert same(tmp_path / "out", local)
    (words,) = (words for words in told.words if "has femtobarn 0.0.9" in words)
    assert words.endswith("it gets no tasks. Install the same versions everywhere.")
    assert {row.worker for row in told.rows} == {"good"}


def test_garbage_is_a_failed_line(
    spec: AnalysisSpec, inputs: Inputs, settings: Make, tmp_path: Path, plain: Scheduler
) -> None:
    kinds = dict(zip(("type", "bytes", "other"), (file.name for file in inputs.files), strict=False))
    plain.work(environment=trouble(**{name: f"garbage:{kind}" for kind, name in kinds.items()}))
    told = Told()
    # whole files: what a worker returns comes home as it is
    chosen = dask(settings, **plain.options).model_copy(update={"part_bytes": 10**6})
    info = run(spec, inputs, chosen, tmp_path / "out", told).info
    assert exit_code(info) == 3
    reasons = {row.file: row.reason for row in told.rows if row.status == "failed"}
    assert set(reasons) == set(kinds.values())
    assert reasons[kinds["type"]] == "a Dask worker returned list, not a result"
    assert reasons[kinds["bytes"]].startswith("the result that came back is none: ")
    assert reasons[kinds["other"]].startswith("a Dask worker answered for another task")


def test_garbage_in_parts_fails_the_file_and_no_other(
    spec: AnalysisSpec, inputs: Inputs, settings: Make, tmp_path: Path, plain: Scheduler
) -> None:
    bad = inputs.files[2].name
    plain.work(environment=trouble(**{bad: "garbage:bytes"}))
    told = Told()
    run(spec, inputs, dask(settings, **plain.options), tmp_path / "out", told)
    assert {row.file for row in told.rows if row.status == "failed"} == {bad}


def test_a_scheduler_that_dies_and_the_same_command_again(
    spec: AnalysisSpec, inputs: Inputs, settings: Make, local: Path, tmp_path: Path, plain: Scheduler
) -> None:
    plain.work()
    out, told = tmp_path / "out", Told(lambda row: plain.kill())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("femtobarn.running.executors.dask.site.CONNECT", 3.0)
        patch.setattr("femtobarn.running.executors.dask.watch.CONNECT", 3.0)
        info = run(spec, inputs, dask(settings, **plain.options), out, told).info
    assert exit_code(info) == 3
    assert any("was lost; trying again" in words for words in told.words)
    lost = {row.reason for row in told.rows if row.status == "failed"}
    assert all("was lost and did not come back within 3 s" in reason for reason in lost)
    (tmp_path / "second").mkdir()
    with scheduler(tmp_path / "second") as second:
        second.work()
        run(spec, inputs, dask(settings, **second.options), out)
    assert same(out, local)


def test_a_worker_that_is_stopped_for_a_while(
    spec: AnalysisSpec, inputs: Inputs, settings: Make, local: Path, tmp_path: Path, plain: Scheduler
) -> None:
    worker = plain.work("--nthreads", "1", "--no-nanny")
    stopped = []

    def stop(row: LedgerRow) -> None:
        if not stopped:
            stopped.append(worker.session)
            os.killpg(worker.session, signal.SIGSTOP)

    class Wakes(Told):
        def notice(self, words: str) -> None:
            super().notice(words)
            os.killpg(worker.session, signal.SIGCONT)

    told = Wakes(stop)
    run(spec, inputs, dask(settings, **plain.options, stall=2), tmp_path / "out", told)
    assert stopped
    assert told.words
    assert same(tmp_path / "out", local)


def test_a_fold_that_hangs_is_told_again_and_again(
    spec: AnalysisSpec, inputs: Inputs, settings: Make, local: Path, tmp_path: Path, plain: Scheduler
) -> None:
    gate = tmp_path / "go"
    plain.work(environment=trouble(any=f"fold:{gate}"))

    class Opens(Told):
        def notice(self, words: str) -> None:
            super().notice(words)
            if sum("the fold of" in words for words in self.words) == 2:
                gate.touch()

    told = Opens()
    run(spec, inputs, dask(settings, **plain.options, stall=2), tmp_path / "out", told)
    assert same(tmp_path / "out", local)
    assert sum("Under way: " in words and "the fold of " in words for words in told.words) >= 2


def test_plain_beyond_loopback_is_refused(
    spec: AnalysisSpec, inputs: Inputs, settings: Make, tmp_path: Path
) -> None:
    (tmp_path / "s.json").write_text('{"address": "tcp://10.1.2.3:8786"}')
    with pytest.raises(SettingsError, match="FEMTOBARN_PLAIN_HOSTS"):
        run(spec, inputs, dask(settings, scheduler_file=tmp_path / "s.json"), tmp_path / "out")


def test_who_takes_connections_and_says_nothing_is_no_scheduler(
    spec: AnalysisSpec, inputs: Inputs, settings: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("femtobarn.running.executors.dask.site.CONNECT", 1.5)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"tcp://127.0.0.1:{mute.getsockname()[1]}"
        with pytest.raises(ExecutorError, match=f"Expected a Dask scheduler at {address}, but: "):
            run(spec, inputs, dask(settings, address=address), tmp_path / "out")


def test_nobody_there_is_no_scheduler(
    spec: AnalysisSpec, inputs: Inputs, settings: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("femtobarn.running.executors.dask.site.CONNECT", 1.5)
    with pytest.raises(ExecutorError, match=r"Check that it runs, its address and its certificates"):
        run(spec, inputs, dask(settings, address=f"tcp://127.0.0.1:{free_port()}"), tmp_path / "out")
