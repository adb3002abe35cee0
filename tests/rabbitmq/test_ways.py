"""Ways to a broker: one after the other, with TLS, and with a broker that does not wait for long tasks."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.servers.certificates import Certificates
from tests.servers.daemons import free_port, until
from tests.servers.rabbitmq import RabbitMQ

from femtobarn.base.errors import ExecutorError, SettingsError
from femtobarn.running.executors.rabbitmq.link import RefusedError

from .stage import PATIENCE, Stage, reached, result

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def special(certificates: Certificates) -> Iterator[RabbitMQ]:
    """A broker with TLS that takes a task back after five seconds."""
    with RabbitMQ(tls=certificates, consumer_timeout=5.0) as running:
        yield running


@pytest.fixture
def other(
    special: RabbitMQ, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stage]:
    special.purge()
    made = Stage(tmp_path, folder, special.url, monkeypatch)
    try:
        yield made
    finally:
        made.close()


def test_a_dead_address_is_passed_over(stage: Stage) -> None:
    both = f"amqp://127.0.0.1:{free_port()},{stage.url}"
    stage.patch.setenv("FEMTOBARN_BROKER", both)
    stage.worker(FEMTOBARN_BROKER=both)
    stage.same(result(stage.start("out")))


def test_a_broker_that_is_nowhere_is_named(stage: Stage) -> None:
    dead = f"amqp://me:secret@127.0.0.1:{free_port()}"
    stage.patch.setenv("FEMTOBARN_BROKER", dead)
    with pytest.raises(ExecutorError, match="No broker could be reached for 1 s") as raised:
        result(stage.start("out", connect=1))
    assert "secret" not in str(raised.value)
    stage.patch.setenv("FEMTOBARN_BROKER", stage.url)


def test_tls_with_the_right_authority_only(
    other: Stage, special: RabbitMQ, certificates: Certificates
) -> None:
    ca = str(certificates.ca)
    other.patch.setenv("FEMTOBARN_BROKER", special.tls_url)
    with pytest.raises(ExecutorError, match="a certificate that is not trusted"):
        result(other.start("out"))
    other.patch.setenv("FEMTOBARN_BROKER_CA_FILE", ca)
    other.worker(FEMTOBARN_BROKER=special.tls_url, FEMTOBARN_BROKER_CA_FILE=ca)
    other.same(result(other.start("out")))
    other.patch.setenv("FEMTOBARN_BROKER", special.tls_url.replace("127.0.0.1", "127.0.0.2"))
    with pytest.raises(ExecutorError, match=r"127\.0\.0\.2"):
        result(other.start("again", connect=1))
    other.patch.setenv("FEMTOBARN_BROKER", special.url)


def test_plain_text_beyond_this_machine_is_refused(stage: Stage) -> None:
    stage.patch.setenv("FEMTOBARN_BROKER", "amqp://me:secret@broker.example")
    with pytest.raises(SettingsError, match="with encryption only") as raised:
        result(stage.start("out"))
    assert "secret" not in str(raised.value)
    assert not (stage.tmp / "out" / "tasks" / "tickets").exists()
    stage.patch.setenv("FEMTOBARN_BROKER", stage.url)


def test_a_user_needs_no_more_permissions_than_the_page_says(stage: Stage, broker: RabbitMQ) -> None:
    page = (Path(__file__).parents[2] / "docs" / "rabbitmq.md").read_text()
    (line,) = [line for line in page.splitlines() if line.startswith("rabbitmqctl ")]
    words = [{"VHOST": broker.vhost, "USER": broker.user}.get(word, word) for word in shlex.split(line)]
    broker.ctl(*words[1:])
    stage.worker()
    with stage.held() as hold:
        running = stage.start("out")
        reached(hold)
        assert len(stage.status().workers) == 1
    stage.same(result(running))


def test_a_permission_that_is_missing_is_no_lost_connection(stage: Stage, broker: RabbitMQ) -> None:
    words = ("-p", broker.vhost, broker.user)
    broker.ctl("set_permissions", *words, "^$", ".*", ".*")
    try:
        with pytest.raises(RefusedError, match="rabbitmqctl set_permissions -p VHOST USER"):
            result(stage.start("out"))
        worker = stage.worker()
        assert worker.process.wait(PATIENCE) == 1
        assert "rabbitmqctl set_permissions -p VHOST USER" in worker.text
        assert "The connection was lost" not in worker.text
    finally:
        broker.ctl("set_permissions", *words, ".*", ".*", ".*")
    stage.worker()
    stage.same(result(stage.start("out")))


def test_an_address_that_refuses_us_is_passed_over(stage: Stage, broker: RabbitMQ) -> None:
    both = f"{stage.url.replace(broker.password, 'wrong')},{stage.url}"
    stage.patch.setenv("FEMTOBARN_BROKER", both)
    stage.worker(FEMTOBARN_BROKER=both)
    stage.same(result(stage.start("out")))


def test_work_longer_than_the_broker_waits_for_a_consumer(other: Stage) -> None:
    other.worker()
    with other.held(most=1) as hold:
        running = other.start("out")
        reached(hold)
        # the broker has taken the task back, and the worker is still at it
        until(lambda: other.consumers() == 0, PATIENCE, "the broker waits for ever")
        until(lambda: [w.since > 1.0 for w in other.status().workers] == [True], PATIENCE, "it is gone")
    done = result(running)
    other.same(done)
    (worker,) = other.status().workers
    assert worker.done == other.tasks(), "the task that came back was run again"
