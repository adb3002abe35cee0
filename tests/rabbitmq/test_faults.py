"""Faults of workers, of the broker, of the driver: the same bits in the end, or an honest failed line."""

from __future__ import annotations

import os
import random
import signal
import tempfile
from pathlib import Path

import pytest
from tests.servers.daemons import until
from tests.servers.rabbitmq import RabbitMQ

from femtobarn.running.engine.run import exit_code

from .stage import PATIENCE, Stage, Told, reached, result

pytestmark = pytest.mark.services


def test_equal_to_a_local_run(stage: Stage) -> None:
    stage.worker()
    stage.worker()
    done = result(stage.start("out"))
    stage.same(done)
    assert {row.worker for row in done.ledger()} <= {"w0", "w1"}
    status = stage.status()
    assert (status.ready, status.dead, status.runs) == (0, 0, ())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_workers_killed_at_random(stage: Stage, seed: int) -> None:
    chosen, told = random.Random(seed), Told()
    living = [stage.worker(), stage.worker()]
    running = stage.start("out", told, delivery_limit=20)
    for _ in range(3):
        told.wait_for(chosen.randint(1, 4))
        victim = chosen.choice(living)
        victim.kill()
        living[living.index(victim)] = stage.worker()
    stage.same(result(running))


def test_a_worker_killed_with_a_task_in_hand(stage: Stage) -> None:
    with stage.held() as hold:
        first = stage.worker()
        running = stage.start("out")
        reached(hold)
        first.kill()
        left = list(Path(tempfile.gettempdir()).glob(f"femtobarn-worker-{first.process.pid}-*"))
        assert len(left) == 1
        stage.worker()
    done = result(running)
    stage.same(done)
    assert max(row.attempts for row in done.ledger()) == 2
    assert not left[0].exists()


def test_the_broker_dies_and_comes_back_in_mid_run(stage: Stage, broker: RabbitMQ) -> None:
    told = Told()
    stage.worker("--heartbeat", "2")
    stage.worker("--heartbeat", "2")
    with stage.held() as hold:
        running = stage.start("out", told, heartbeat=2)
        reached(hold)
        told.wait_for(3)
        broker.kill()
        told.wait_for_words("The broker was lost")
        broker.start()
        told.wait_for_words("The broker is back")
    stage.same(result(running))


def test_the_broker_is_restarted_in_order(stage: Stage, broker: RabbitMQ) -> None:
    told = Told()
    stage.worker()
    with stage.held() as hold:
        running = stage.start("out", told)
        reached(hold)
        broker.restart()
        told.wait_for_words("The broker is back")
    stage.same(result(running))


def test_a_worker_stopped_beyond_its_heartbeat(stage: Stage) -> None:
    with stage.held(most=1) as hold:
        stopped = stage.worker("--heartbeat", "2")
        running = stage.start("out")
        reached(hold)
        stopped.signal_all(signal.SIGSTOP)
        other = stage.worker()
        done = result(running)  # the broker gave its task to the other one
    stage.same(done)
    assert max(row.attempts for row in done.ledger()) == 2
    stopped.signal_all(signal.SIGCONT)
    until(lambda: {w.worker for w in stage.status().workers} == {"w0", "w1"}, PATIENCE, "it stays away")
    assert stopped.end() == 0
    assert other.end() == 0


def test_work_longer_than_the_heartbeat(stage: Stage) -> None:
    worker = stage.worker("--heartbeat", "1")
    with stage.held() as hold:
        running = stage.start("out", heartbeat=1)
        reached(hold)
        # the broker ends a connection after two heartbeats without a sign of life
        assert not hold.release.wait(6.0)
        (answer,) = stage.status().workers
        assert answer.task
        assert answer.since > 5.0
    done = result(running)
    stage.same(done)
    assert {row.attempts for row in done.ledger()} == {1}
    assert "lost" not in worker.text


def test_a_task_that_kills_its_process_each_time(stage: Stage) -> None:
    worker = stage.worker()
    with stage.held() as hold:
        running = stage.start("out")
        for _ in range(3):
            reached(hold)
            hold.reached.clear()
            (child,) = worker.children()
            os.kill(child, signal.SIGKILL)
    done = result(running)
    failed = [row for row in done.ledger() if row.status == "failed"]
    assert len(failed) == 1
    assert failed[0].reason == "worker died (signal 9), 3 times"
    assert failed[0].attempts == 3
    assert exit_code(done.info) == 3
    (dead,) = stage.keeper().dead()
    assert dead.task == failed[0].task
    assert dead.error == failed[0].reason
    again = result(stage.start("out"))
    stage.same(again)
