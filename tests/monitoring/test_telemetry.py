"""What Prometheus is told: scraped by http from the real endpoint."""

from __future__ import annotations

import re
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.running.shelf import ShelfExecutor

from femtobarn.base.errors import MissingExtraError, SettingsError
from femtobarn.base.records import AnalysisSpec, LedgerRow, Settings, Task
from femtobarn.cli import main
from femtobarn.running.engine import telemetry as of_runs
from femtobarn.running.engine.endpoint import Endpoint, resident_memory
from femtobarn.running.engine.inputs import Inputs
from femtobarn.running.engine.ledger import row_of
from femtobarn.running.engine.observer import Observers, Silent
from femtobarn.running.engine.plan import make_plan
from femtobarn.running.engine.run import run, submit
from femtobarn.running.engine.telemetry import RunTelemetry
from femtobarn.running.executors.telemetry import Telemetry
from femtobarn.running.results.store import FolderStore

from .gate import GatedExecutor
from .made import failure, header
from .scraping import Samples, scrape, value

Make = Callable[..., Settings]


def task() -> Task:
    from femtobarn.base.records import InputFile

    file = InputFile(name="f.root", url="/f.root", size=1, identity="uuid:1", kind="data", process="Data")
    return Task(id="t", analysis="a", release="r", format="f", file=file, part=0, parts=1, chunk_entries=1)


@pytest.fixture
def worker() -> Iterator[Telemetry]:
    with closing(Telemetry("node-1")) as telemetry:
        telemetry.serve()
        yield telemetry


def done(events: int, seconds: float, bytes_read: int):
    return failure("node-1", 1, seconds).model_copy(
        update={"processed": True, "reason": "", "events": events, "bytes_read": bytes_read}
    )


def test_a_worker_tells_what_it_did_and_does(worker: Telemetry) -> None:
    first = scrape(worker.address)
    assert value(first, "femtobarn_tasks_total", status="processed") == 0
    assert value(first, "femtobarn_worker_state", state="connecting") == 1
    worker.state("waiting")
    worker.began(task())
    during = scrape(worker.address)
    assert value(during, "femtobarn_worker_busy") == 1
    assert value(during, "femtobarn_worker_state", state="working") == 1
    assert value(during, "femtobarn_worker_state", state="waiting") == 0
    worker.ended(done(1000, 2.5, 77), header("node-1", 0, 2.5, cpu=2.0, network=5, rss=9_000_000))
    worker.began(task())
    worker.ended(failure("node-1", 60, seconds=0.05, reason="secret words of an error"))
    found = scrape(worker.address)
    assert value(found, "femtobarn_tasks_total", status="processed") == 1
    assert value(found, "femtobarn_tasks_total", status="failed") == 1
    assert value(found, "femtobarn_events_total") == 1000
    assert value(found, "femtobarn_bytes_read_total") == 77
    assert value(found, "femtobarn_network_bytes_total") == 5
    assert value(found, "femtobarn_cpu_seconds_total") == 2.0
    assert value(found, "femtobarn_task_seconds_count") == 2
    assert value(found, "femtobarn_task_seconds_sum") == pytest.approx(2.55)
    assert [value(found, "femtobarn_task_seconds_bucket", le=le) for le in ("0.1", "1.0", "3.0", "+Inf")] == [
        1,
        1,
        2,
        2,
    ]
    assert value(found, "femtobarn_last_error_timestamp_seconds") == failure("", 60).finished
    assert value(found, "femtobarn_task_peak_memory_bytes") == 9_000_000
    assert value(found, "femtobarn_resident_memory_bytes") > 10_000_000
    assert value(found, "femtobarn_worker_busy") == 0
    (labels,) = [dict(key[1]) for key in found if key[0] == "femtobarn_info"]
    assert labels["worker"] == "node-1"
    assert re.match(r"\d", labels["version"])


def test_no_file_and_no_error_gets_into_labels(worker: Telemetry) -> None:
    worker.began(task())
    worker.ended(failure("node-1", 1, reason="f.root: secret words"))
    with urllib.request.urlopen(worker.address, timeout=10) as answer:
        text = answer.read().decode()
    assert "f.root" not in text
    assert "secret" not in text


def test_a_name_that_is_no_word_is_one_label() -> None:
    name = 'a"b\\c\nd{}\x1b[2J' + "x" * 500
    with closing(Telemetry(name)) as telemetry:
        telemetry.serve()
        (labels,) = [dict(k[1]) for k in scrape(telemetry.address) if k[0] == "femtobarn_info"]
    assert labels["worker"].startswith('a"b\\c\\nd{}\\x1b[2J')
    assert len(labels["worker"]) < 150


def test_only_this_machine_is_told_unless_asked_otherwise() -> None:
    telemetry = Telemetry("w")
    port = telemetry.serve()
    try:
        assert telemetry.address == f"http://127.0.0.1:{port}/metrics"
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        with pytest.raises(OSError, match="refused"):  # all of 127.0.0.0/8 is this machine
            socket.create_connection(("127.0.0.2", port), timeout=5)
    finally:
        telemetry.close()
    telemetry.serve("127.0.0.2")
    try:
        assert telemetry.address.startswith("http://127.0.0.2:")
        assert scrape(telemetry.address)
    finally:
        telemetry.close()


def test_closing_ends_it_and_it_can_be_served_again(worker: Telemetry) -> None:
    address = worker.address
    worker.close()
    worker.close()
    assert worker.address == ""
    with pytest.raises(urllib.error.URLError, match="refused"):
        urllib.request.urlopen(address, timeout=5)
    port = int(address.rsplit(":", 1)[1].removesuffix("/metrics"))
    assert worker.serve(port=port) == port
    assert scrape(address)


def test_a_port_that_is_taken_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(
            SettingsError, match=rf"at 127.0.0.1 port {port}, but cannot listen .* Choose another"
        ):
            Telemetry("w").serve(port=port)
    with pytest.raises(SettingsError, match=r"192\.0\.2\.1"):  # of no machine
        Telemetry("w").serve("192.0.2.1")


def test_the_extra_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    telemetry = Telemetry("w")
    telemetry.began(task())  # counting needs nothing
    telemetry.ended(failure("w", 1))
    with pytest.raises(MissingExtraError, match=r"femtobarn\[metrics\]"):
        telemetry.serve()


def test_an_address_of_the_new_kind_is_written_in_brackets() -> None:
    try:
        endpoint = Endpoint(list, "::1")
    except SettingsError:
        pytest.skip("no IPv6 here")
    with closing(endpoint):
        assert endpoint.address == f"http://[::1]:{endpoint.port}/metrics"
        assert scrape(endpoint.address) == {}


# --- the driver


def test_a_run_on_its_way_is_scraped(
    spec: AnalysisSpec, inputs: Inputs, settings: Make, out: Path, on_its_way
) -> None:
    telemetry, total = RunTelemetry(), len(make_plan(spec, inputs, settings()).tasks)
    GatedExecutor.before = 3
    with closing(telemetry.serve()) as endpoint:
        before = scrape(endpoint.address)
        assert value(before, "femtobarn_run_tasks_planned") == 0
        with on_its_way(lambda: run(spec, inputs, settings(executor="gated"), out, telemetry)):
            found = scrape(endpoint.address)
        after = scrape(endpoint.address)
    assert value(found, "femtobarn_run_tasks_planned") == total
    assert value(found, "femtobarn_run_tasks", status="processed") == 3
    assert value(found, "femtobarn_run_tasks", status="waiting") == total - 3
    assert value(found, "femtobarn_run_worker_tasks_total", worker="one", status="processed") == 2
    assert value(found, "femtobarn_run_worker_tasks_total", worker="two", status="processed") == 1
    assert value(found, "femtobarn_run_worker_last_seen_timestamp_seconds", worker="one") > 1.7e9
    assert value(found, "femtobarn_run_finished") == 0
    assert value(after, "femtobarn_run_tasks", status="waiting") == 0
    assert value(after, "femtobarn_run_tasks", status="processed") == total
    assert value(after, "femtobarn_run_finished") == 1
    events = [value(after, "femtobarn_run_worker_events_total", worker=w) for w in ("one", "two")]
    assert sum(events) == sum(f.events_processed for f in run(spec, inputs, settings(), out).info.inputs)
    assert value(after, "femtobarn_run_task_seconds_count") == total
    info = {key for key in after if key[0] == "femtobarn_run_info"}
    assert {dict(labels)["analysis"] for _, labels in info} == {"toy"}


def test_reused_failed_and_repeated_tasks_are_told_apart(
    spec: AnalysisSpec, inputs: Inputs, settings: Make
) -> None:
    plan = make_plan(spec, inputs, settings())
    telemetry = RunTelemetry()
    telemetry.started(plan, 2)
    bad = failure("w", 5).model_copy(update={"task": plan.tasks[0].id})
    good = bad.model_copy(update={"processed": True, "events": 7})
    for outcome in (bad, bad):
        telemetry.task_done(row_of(plan.tasks[0], outcome), outcome)
    with closing(telemetry.serve()) as endpoint:
        found = scrape(endpoint.address)
        telemetry.task_done(row_of(plan.tasks[0], good), good)
        later = scrape(endpoint.address)
    states = ("reused", "processed", "failed", "waiting")
    assert [value(found, "femtobarn_run_tasks", status=s) for s in states] == [2, 0, 1, len(plan.tasks) - 3]
    assert [value(later, "femtobarn_run_tasks", status=s) for s in states] == [2, 1, 0, len(plan.tasks) - 3]
    assert value(later, "femtobarn_run_last_error_timestamp_seconds") == bad.finished


def test_workers_have_labels_until_there_are_many(
    spec: AnalysisSpec, inputs: Inputs, settings: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_runs, "MOST_WORKERS", 3)
    plan, telemetry = make_plan(spec, inputs, settings()), RunTelemetry()
    names = ["", "x" * 400 + "1", "x" * 400 + "2", "a", "b", "c"]
    for name in names:
        outcome = done(10, 1.0, 1).model_copy(update={"worker": name})
        telemetry.task_done(row_of(plan.tasks[0], outcome), outcome)
    with closing(telemetry.serve()) as endpoint:
        found = scrape(endpoint.address)
    counts = {
        dict(labels)["worker"]: n
        for (name, labels), n in found.items()
        if name == "femtobarn_run_worker_events_total"
    }
    assert counts == {"not known": 10, "x" * 100 + "...": 20, "a": 10, "others": 20}


def test_observers_are_told_the_same_in_order(
    spec: AnalysisSpec, inputs: Inputs, settings: Make, out: Path
) -> None:
    told: list[tuple[int, str]] = []

    class Named(Silent):
        def __init__(self, number: int) -> None:
            self.number = number

        def started(self, plan: object, reused: int) -> None:
            told.append((self.number, "started"))

        def task_done(self, row: LedgerRow, outcome: object) -> None:
            told.append((self.number, row.task))

        def notice(self, words: str) -> None:
            told.append((self.number, words))

        def finished(self, info: object) -> None:
            told.append((self.number, "finished"))

    run(spec, inputs, settings(executor="shelf"), out, Observers(Named(1), Named(2)))
    assert [words for number, words in told if number == 1] == [
        words for number, words in told if number == 2
    ]
    assert [number for number, _ in told] == [1, 2] * (len(told) // 2)
    assert told[0][1] == "started"
    assert (1, "looking at the shelf") in told
    assert told[-1] == (2, "finished")


def test_the_command_tells_where_and_ends_with_the_run(
    folder: Path, out: Path, on_its_way, capsys: pytest.CaptureFixture[str]
) -> None:
    analysis = Path(__file__).with_name("few.py")
    GatedExecutor.before = 2
    words = ["run", str(analysis), "--data", str(folder), "--out", str(out), "--executor", "gated"]
    with on_its_way(lambda: main([*words, "--metrics-port", "0", "--part-bytes", "8000"])):
        address = re.search(
            r"^metrics: (http://127\.0\.0\.1:\d+/metrics)$", capsys.readouterr().out, re.MULTILINE
        )
        assert address is not None
        assert value(scrape(address[1]), "femtobarn_run_tasks", status="processed") == 2
    with pytest.raises(urllib.error.URLError, match="refused"):
        urllib.request.urlopen(address[1], timeout=5)


def test_collect_tells_too(
    spec: AnalysisSpec,
    inputs: Inputs,
    settings: Make,
    out: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    total = submit(spec, inputs, settings(executor="shelf", figures=False), out)
    ShelfExecutor.work(FolderStore(out / "tasks"), total)
    seen: list[Samples] = []
    real = RunTelemetry.finished

    def scraped(self: RunTelemetry, info: object) -> None:
        real(self, info)  # type: ignore[arg-type]
        address = re.search(r"metrics: (\S+)", capsys.readouterr().out)
        assert address is not None
        seen.append(scrape(address[1]))

    monkeypatch.setattr(RunTelemetry, "finished", scraped)
    with pytest.raises(SystemExit) as end:
        main(["collect", str(out), "--metrics-port", "0"])
    assert end.value.code == 0
    assert value(seen[0], "femtobarn_run_tasks", status="reused") == total  # they came by the run directory
    assert value(seen[0], "femtobarn_run_finished") == 1


def test_without_the_option_nobody_listens(monkeypatch: pytest.MonkeyPatch, folder: Path, out: Path) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    analysis = Path(__file__).with_name("few.py")
    words = ["run", str(analysis), "--data", str(folder), "--out", str(out), "--workers", "0", "--no-figures"]
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 0
    with pytest.raises(SystemExit) as end:
        main([*words, "--metrics-port", "0"])
    assert end.value.code == 2


def test_memory_is_that_of_now() -> None:
    before = resident_memory()
    held = bytearray(b"x" * 50_000_000)
    assert resident_memory() - before > 40_000_000
    del held
