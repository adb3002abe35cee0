"""The image is built and run for real, and the system of compose.yaml with it.

It takes minutes and gigabytes: only with FEMTOBARN_TEST_BUILD=1.
"""

from __future__ import annotations

import csv
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.servers.daemons import until

from .composition import project
from .engine import Engine

if TYPE_CHECKING:
    from tests.servers.rabbitmq import RabbitMQ

pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif(
        os.environ.get("FEMTOBARN_TEST_BUILD") != "1",
        reason="THE IMAGE WAS NOT BUILT: set FEMTOBARN_TEST_BUILD=1 (minutes, 5 GB)",
    ),
]

GIVEN = {"BROKER_PASSWORD_FILE": "password", "DATA": "data"}
LARGEST = 1_000_000_000
"""Bytes that the image may take with its base."""


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = project(GIVEN)["services"]
    return found


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that users of containers can come to, as a reader's is."""
    found = Path(tempfile.mkdtemp(prefix="containers-"))
    found.chmod(0o755)
    yield found
    shutil.rmtree(found, ignore_errors=True)


@pytest.fixture(scope="module")
def engine(folder: Path) -> Iterator[Engine]:
    """The image, built, with nothing run yet."""
    password = folder / "password"
    password.write_text(secrets.token_urlsafe(32))
    (folder / "engine").mkdir()
    hosts = {"broker": "127.0.0.1"}
    with Engine(folder / "engine", secrets={"broker_password": password}, hosts=hosts) as found:
        found.build()
        yield found


@pytest.fixture(scope="module")
def demo(engine: Engine, services: dict[str, Any]) -> Engine:
    """The image, with demo data in the volume ``data``, and what one machine makes of them in ``local``."""
    done = engine.run(services["demo-data"])
    assert done.returncode == 0, done.stderr
    done = engine.run(
        services["producer"], ["run", "hzz", "--data", "/data", "--out", "/results/local", "--workers", "2"]
    )
    assert done.returncode == 0, done.stderr
    assert "Signal (mH = 125 GeV)" in done.stdout
    return engine


def test_the_image_is_small(engine: Engine) -> None:
    assert engine.size() < LARGEST


def test_the_image_knows_its_version(engine: Engine, services: dict[str, Any]) -> None:
    from femtobarn import __version__

    assert engine.run(services["aggregator"], ["--version"]).stdout.strip() == f"femtobarn {__version__}"


def test_a_container_may_do_little(engine: Engine, services: dict[str, Any]) -> None:
    look = "id -u; grep -E '^(CapEff|CapBnd|NoNewPrivs):' /proc/self/status; for p in / /opt/femtobarn /data; do touch $p/x && echo WRITTEN $p; done; touch /cache/x /results/x /tmp/x && echo fine"
    done = engine.run(services["producer"], ["-c", look], entrypoint="sh")
    lines = done.stdout.split("\n")
    assert lines[0] == "10001"
    assert dict(line.split(":\t") for line in lines[1:4]) == {
        "CapEff": "0" * 16,
        "CapBnd": "0" * 16,
        "NoNewPrivs": "1",
    }
    assert lines[4:] == ["fine", ""]


def test_the_image_has_no_compiler(engine: Engine, services: dict[str, Any]) -> None:
    look = "for p in gcc cc g++ make; do command -v $p; done; echo done"
    assert engine.run(services["producer"], ["-c", look], entrypoint="sh").stdout == "done\n"


def test_one_machine_gives_its_results(demo: Engine) -> None:
    out = demo.volume("results") / "local"
    assert (out / "report.html").is_file()
    assert (out / "histograms.npz").stat().st_uid == 10001


def test_without_a_password_nothing_is_sent(demo: Engine, services: dict[str, Any]) -> None:
    done = demo.run({**services["producer"], "secrets": []})
    assert done.returncode == 2
    assert "FEMTOBARN_BROKER_PASSWORD_FILE" in done.stderr


def test_producer_workers_and_aggregator(
    demo: Engine, services: dict[str, Any], broker: RabbitMQ, folder: Path
) -> None:
    (folder / "password").write_text(f"{broker.password}\n")
    where = {"FEMTOBARN_BROKER": f"amqp://broker:{broker.port}/{broker.vhost}"}
    assert broker.user == services["producer"]["environment"]["FEMTOBARN_BROKER_USER"]

    workers = ("worker-1", "worker-2")
    try:
        for number, name in enumerate(workers):
            demo.start(name, at_another_port(services["worker"], number), where)
        until(lambda: consumers(broker) == len(workers), 60, "workers do not wait for tasks")
        sent = demo.run(services["producer"], environment=where)
        assert sent.returncode == 0, sent.stderr
        collected = demo.run(services["aggregator"], environment=where)
        logs = "\n".join(demo.logs(name) for name in workers)
        assert collected.returncode == 0, f"{collected.stderr}\n{logs}"
        health = demo.execute(workers[0], services["worker"]["healthcheck"]["test"][1:])
        assert health.returncode == 0, health.stderr
        assert broker.password not in f"{sent}{collected}{logs}"
    finally:
        codes = [demo.stop(name, 30) for name in workers]
    assert codes == [0, 0], "an idle worker ends at once when it is asked to"
    results = demo.volume("results")
    for name in ("histograms.npz", "histograms.json", "cutflow.csv", "yields.csv"):
        assert (results / "hzz" / name).read_bytes() == (results / "local" / name).read_bytes(), name
    assert (results / "hzz" / "report.html").is_file()
    with (results / "hzz" / "ledger.csv").open(newline="") as file:
        ledger = list(csv.DictReader(file))
    assert [row["status"] for row in ledger] == ["processed"] * 40
    assert {row["worker"].rpartition("-")[0] for row in ledger} == set(workers)


def at_another_port(service: dict[str, Any], number: int) -> dict[str, Any]:
    """The service with its port moved: here all are on the network of this machine, one port for one."""
    shifted = (str(int(word) + number) if word.isdecimal() else word for word in service["command"].split())
    return {**service, "command": " ".join(shifted)}


def consumers(broker: RabbitMQ) -> int:
    """How many workers wait for tasks."""
    listed = broker.ctl("list_consumers", "--vhost", broker.vhost, "--no-table-headers", "queue_name")
    return listed.split().count("femtobarn.tasks")
