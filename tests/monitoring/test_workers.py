"""metrics.json: what each worker did, in all and over time."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from femtobarn.base.records import AnalysisSpec, Outcome, Settings
from femtobarn.running.engine.inputs import Inputs
from femtobarn.running.engine.run import run
from femtobarn.running.results import timeline as course
from femtobarn.running.results import workers
from femtobarn.running.results.metrics import Metrics, summarise
from femtobarn.running.results.partial import PartialHeader

from .made import failure, header


def made(count: int, tasks: int) -> list[PartialHeader]:
    rng = random.Random(count)
    found = []
    for number in range(count):
        begin = rng.random()
        for _ in range(tasks):
            seconds = rng.uniform(0.5, 4)
            found.append(
                header(
                    f"w{number}", begin, seconds, events=rng.randrange(9999), bytes_read=rng.randrange(10**9)
                )
            )
            begin += seconds + rng.random()
    return found


def test_a_worker_is_told_with_all_it_did() -> None:
    found = summarise(
        [
            header("a", 0, 2, events=100, bytes_read=10, cpu=1.5, rss=7, network=3),
            header("a", 5, 3, events=300, bytes_read=20, cpu=2.5, rss=5, network=4),
            header("b", 1, 1),
        ],
        10.0,
        0,
        [failure("a", 9, seconds=1, reason="first"), failure("a", 12, seconds=2, reason="second")],
    )
    a, b = found.workers
    assert (a.worker, a.tasks, a.failed, a.events, a.bytes_read, a.network_bytes) == ("a", 2, 2, 400, 30, 7)
    assert (a.cpu_seconds, a.busy_seconds, a.events_per_second, a.peak_rss) == (4.0, 8.0, 50.0, 7)
    assert (a.first, a.last) == ("2025-11-21T03:00:00Z", "2025-11-21T03:00:12Z")
    assert a.last_error == "second"
    assert (b.failed, b.last_error, b.first) == (0, "", "2025-11-21T03:00:01Z")
    assert found.failed_tasks == 2
    assert (found.tasks, found.events) == (3, 1400)


def test_series_sum_to_the_whole_whatever_the_order() -> None:
    headers = made(5, 30)
    lost = [failure(f"w{i % 5}", 10.0 * i + 1) for i in range(6)]
    found = summarise(headers, 1.0, 0, lost)
    assert found.timeline is not None
    assert found.timeline.bins == 100
    for row, series in zip(found.workers, found.timeline.workers, strict=True):
        assert row.worker == series.worker
        assert sum(series.tasks) == row.tasks == 30
        assert sum(series.failed) == row.failed
        assert sum(series.events) == row.events
        assert sum(series.bytes_read) == row.bytes_read
        assert sum(series.cpu_seconds) == pytest.approx(row.cpu_seconds, abs=1e-3)
        assert max(series.peak_rss) == row.peak_rss
        assert all(len(values) == 100 for values in (series.events, series.busy, series.peak_rss))
        assert sum(series.busy) / 100 * found.timeline.seconds == pytest.approx(row.busy_seconds, rel=1e-2)
    shuffled = random.Random(1).sample(headers, len(headers))
    again = summarise(shuffled, 1.0, 0, reversed(lost))
    assert again.timeline == found.timeline
    assert again.workers == found.workers


def test_what_a_task_did_is_spread_over_the_time_it_took() -> None:
    # 10 spans of 1 s: events of 5 s in the first half, of another worker at the end
    found = summarise([header("a", 0, 5, events=500, rss=9), header("b", 9, 1, events=70)], 1.0, 0)
    assert found.timeline is not None
    a, b = found.timeline.workers
    assert (found.timeline.bins, found.timeline.seconds, found.timeline.paused) == (10, 10.0, 0.0)
    assert a.events == (100, 100, 100, 100, 100, 0, 0, 0, 0, 0)
    assert a.busy == (1, 1, 1, 1, 1, 0, 0, 0, 0, 0)
    assert a.tasks.index(1) in {4, 5}
    assert a.peak_rss[:5] == (9,) * 5
    assert a.peak_rss[6:] == (0,) * 4
    assert b.events == (0,) * 9 + (70,)


def test_a_long_pause_of_a_run_that_was_continued_takes_no_room() -> None:
    day = 86_400.0
    headers = [header("a", 0, 20), header("a", 21, 20), header("a", day, 10), header("b", day + 15, 10)]
    found = summarise(headers, 1.0, 0).timeline
    assert found is not None
    assert found.paused == pytest.approx(day - 41)
    assert found.seconds == pytest.approx(66.0)  # short pauses are of the run
    a, b = found.workers
    assert sum(a.busy) / found.bins * found.seconds == pytest.approx(50.0, rel=1e-3)
    assert b.events[0] == 0
    assert b.events[-1] > 0


def test_natural_order_and_a_worker_nobody_knows() -> None:
    headers = [header(f"local-{i}", i, 1) for i in range(12)]
    lost = Outcome(task="x", processed=False, reason="its worker died", seconds=0.0)  # no name, no time
    found = summarise(headers, 1.0, 0, [lost])
    assert [w.worker for w in found.workers] == ["", *(f"local-{i}" for i in range(12))]
    assert (found.workers[0].failed, found.workers[0].first, found.workers[0].peak_rss) == (1, "", 0)
    assert found.timeline is not None
    assert "" not in {s.worker for s in found.timeline.workers}


@pytest.mark.parametrize(
    ("outcome", "counted"),
    [
        (failure("w0", 1.0), 1),
        (failure("w0", 1.0).model_copy(update={"pending": True}), 0),
        (failure("w0", 1.0).model_copy(update={"processed": True}), 0),
        (
            failure("w0", 1.0).model_copy(update={"task": header("w0", 0, 1).task}),
            0,
        ),  # has a result after all
    ],
)
def test_only_failures_without_a_result_count(outcome: Outcome, counted: int) -> None:
    assert summarise([header("w0", 0, 1)], 1.0, 0, [outcome]).workers[0].failed == counted


def test_errors_are_short_and_without_secrets() -> None:
    reason = "https://me:pass-word@host.example/f.root?token=abc " + "x" * 1000
    (row,) = summarise([], 1.0, 0, [failure("w", 1.0, reason=reason)]).workers
    assert "pass-word" not in row.last_error
    assert "token" not in row.last_error
    assert len(row.last_error) <= 303
    assert row.last_error.startswith("https://host.example/f.root")


def test_hundreds_of_workers_stay_within_bounds() -> None:
    lost = [failure(f"w{i}", 20.0) for i in (3, 399)]
    small, large = (summarise(made(count, 3), 1.0, 0, lost[:1]) for count in (64, 400))
    assert small.timeline is not None
    assert large.timeline is not None
    assert len(small.timeline.workers) == len(large.timeline.workers) == course.MOST_SERIES
    assert small.timeline.bins == large.timeline.bins == 50
    size = [len(m.timeline.model_dump_json(indent=2)) for m in (small, large) if m.timeline is not None]
    assert size[1] < 1.2 * size[0] < 600_000
    rest = large.timeline.workers[-1]
    assert (rest.worker, rest.count) == ("337 others", 337)
    assert sum(sum(s.events) for s in large.timeline.workers) == large.events
    assert len(large.workers) == 400


def test_thousands_of_workers_have_one_row_for_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "MOST_WORKERS", 10)
    found = summarise(made(40, 2), 1.0, 0, [failure("w39", 1.0, seconds=0.0)])
    assert len(found.workers) == 10
    assert found.workers[-1].count == 31
    assert "w39" in {w.worker for w in found.workers}  # failures are told by name
    assert sum(w.tasks for w in found.workers) == 80
    assert sum(w.events for w in found.workers) == found.events


def test_two_times_of_a_worker_add_up() -> None:
    headers = [header("a", i, 0.5, events=10 * i, rss=100 - i) for i in range(9)]
    lost = [failure("a", 3, reason="early"), failure("a", 7, reason="late")]

    def of(own: list[PartialHeader], failed: list[Outcome]) -> workers.WorkerCost:
        return workers.costs(workers.spells(own, failed))[0]

    assert workers.added(of(headers[:4], lost[1:]), of(headers[4:], lost[:1])) == of(headers, lost)
    assert workers.added(of(headers[4:], []), of(headers[:4], lost)) == of(headers, lost)


def test_nothing_done_has_no_course() -> None:
    found = summarise([], 1.0, 0)
    assert (found.workers, found.timeline) == ((), None)


def test_metrics_of_an_earlier_version_are_read() -> None:
    old = json.loads(summarise([header("a", 0, 1)], 1.0, 0).model_dump_json())
    old.pop("timeline")
    old.pop("failed_tasks")
    kept = {"worker", "tasks", "events", "bytes_read", "busy_seconds", "peak_rss"}
    old["workers"] = [{k: v for k, v in w.items() if k in kept} for w in old["workers"]]
    assert Metrics.model_validate_json(json.dumps(old)).timeline is None


def test_a_run_tells_of_its_workers_and_of_what_failed(
    spec: AnalysisSpec,
    inputs: Inputs,
    settings: Callable[..., Settings],
    tmp_path: Path,
) -> None:
    from dataclasses import replace

    gone = inputs.files[0].model_copy(update={"url": str(tmp_path / "gone.root")})
    results = run(spec, replace(inputs, files=(gone, *inputs.files[1:])), settings(), tmp_path / "out")
    metrics = results.metrics()
    lost = [row for row in results.ledger() if row.status == "failed"]
    assert lost
    (row,) = metrics.workers
    assert (row.worker, row.failed, row.tasks) == ("here", len(lost), metrics.tasks)
    assert row.last_error in {r.reason for r in lost}
    assert metrics.timeline is not None
    assert sum(metrics.timeline.workers[0].failed) == len(lost)
    assert sum(metrics.timeline.workers[0].events) == metrics.events == results.info.events_processed
    assert row.cpu_seconds > 0
