"""A worker of a real queue, scraped while it works."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.rabbitmq.stage import PATIENCE, Stage
from tests.servers.daemons import until
from tests.servers.rabbitmq import RabbitMQ

from femtobarn.running.engine.run import run

from .scraping import scrape, value

pytestmark = pytest.mark.services


@pytest.fixture
def stage(broker: RabbitMQ, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    made = Stage(tmp_path, folder, broker.url, monkeypatch)
    try:
        yield made
    finally:
        made.close()


def test_a_worker_of_a_queue_is_scraped(stage: Stage) -> None:
    worker = stage.worker("--metrics-port", "0", wait=True)
    address = re.search(r"metrics: (http://127\.0\.0\.1:\d+/metrics)", worker.text)
    assert address is not None
    before = scrape(address[1])
    assert value(before, "femtobarn_worker_state", state="waiting") == 1
    results = run(stage.spec, stage.inputs(), stage.settings(), stage.tmp / "out")
    tasks = len(results.ledger())

    def told() -> bool:  # the result is sent before it is counted
        return value(scrape(address[1]), "femtobarn_tasks_total", status="processed") == tasks

    until(told, PATIENCE, worker.text)
    found = scrape(address[1])
    metrics = results.metrics()
    assert value(found, "femtobarn_events_total") == metrics.events
    assert value(found, "femtobarn_bytes_read_total") == metrics.bytes_read
    assert value(found, "femtobarn_network_bytes_total") == metrics.network_bytes > 0
    assert value(found, "femtobarn_cpu_seconds_total") == pytest.approx(metrics.steps.cpu)
    assert value(found, "femtobarn_task_seconds_count") == tasks
    assert value(found, "femtobarn_task_peak_memory_bytes") == metrics.peak_rss
    assert [w.worker for w in metrics.workers] == ["w0"]
    assert metrics.timeline is not None
    assert sum(metrics.timeline.workers[0].events) == metrics.events
    assert worker.end() == 0
