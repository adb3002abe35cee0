"""Messages that are not ours, code and places that a worker must not touch, versions, and secrets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import awkward as ak
import pytest
from pika import BasicProperties
from tests.running.toys import INPUTS, RELEASE
from tests.servers.daemons import until
from tests.servers.rabbitmq import RabbitMQ

from femtobarn.base.record import Record
from femtobarn.base.records import AnalysisSpec
from femtobarn.physics.language import Analysis, Regular, columnar, ev
from femtobarn.running.engine.inputs import gather
from femtobarn.running.engine.plan import make_plan
from femtobarn.running.engine.run import exit_code, run
from femtobarn.running.executors.rabbitmq import executor as module
from femtobarn.running.executors.rabbitmq.address import find_broker
from femtobarn.running.executors.rabbitmq.link import Dialler, hung_up
from femtobarn.running.executors.rabbitmq.messages import JobMessage, TaskMessage, pack

from .stage import PATIENCE, SOURCE, Stage, Told, reached, result

pytestmark = pytest.mark.services


@columnar(inputs={"pt": "floats GeV"}, output="float GeV")
def largest(pt):
    return ak.fill_none(ak.max(pt, axis=1), 0.0)


def analysis_with_code() -> AnalysisSpec:
    made = Analysis("toy", title="A toy", inputs=INPUTS)
    two = made.selection("two")
    two.cut("two leptons", ev.lep.pt.count() >= 2)
    made.histogram("largest", largest(ev.lep.pt), Regular(10, 0, 100, unit="GeV"), selections=[two])
    return made.freeze(release=RELEASE)


def climbing(stage: Stage) -> bytes:
    """A task whose name would lead out of the folder of results."""
    task = make_plan(stage.spec, stage.inputs(), stage.settings()).tasks[0]
    evil = task.model_copy(update={"id": str(stage.tmp / "evil")})
    return pack(TaskMessage.model_construct(token="0" * 32, task=evil))


def send(stage: Stage, *bodies: bytes, key: str = "task.stranger") -> None:
    with hung_up(Dialler(find_broker(), 60, "stranger").once()) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for body in bodies:
            channel.basic_publish(
                stage.names.queue, key, body, BasicProperties(delivery_mode=2), mandatory=True
            )


def queue(*words: str) -> str:
    command = [sys.executable, "-m", "femtobarn", "queue", *words]
    env = {**os.environ, "PYTHONPATH": str(SOURCE)}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout


def test_messages_that_are_no_tasks_are_put_away_and_the_worker_lives(stage: Stage) -> None:
    worker = stage.worker(wait=True)
    token = "0" * 32
    send(
        stage,
        b"no json \x00\xff",
        b'{"token": "../../etc", "task": {}}',
        b"[" * 100_000,
        b'{"token": "%s", "task": {"id": 7}}' % token.encode(),
        os.urandom(6_000_000),
        climbing(stage),
    )
    until(lambda: stage.count(stage.names.dead).ready == 6, PATIENCE, "they are not put away")
    dead = stage.keeper().dead()
    assert all("Expected a TaskMessage as JSON" in one.error for one in dead)
    assert {one.task for one in dead} == {""}
    assert max(one.size for one in dead) == 6_000_000
    assert len(json.loads(queue("dead", "--json"))) == 6
    assert "a message of 6000000 bytes: Expected a TaskMessage" in queue("dead")
    stage.same(result(stage.start("out")))
    assert worker.process.poll() is None
    status = json.loads(queue("status", "--json"))
    assert (status["consumers"], status["dead"], status["workers"][0]["done"]) == (1, 6, stage.tasks())
    assert queue("retry-dead").startswith("0 tasks sent to workers again")
    assert queue("drain", "--dead", "--yes") == "6 messages removed\n"


def test_strange_results_are_told_and_thrown_away(stage: Stage) -> None:
    told = Told()
    with stage.held() as hold:
        stage.worker()
        running = stage.start("out", told)
        reached(hold)
        (run_,) = stage.status().runs
        with (
            hung_up(Dialler(find_broker(), 60, "stranger").once()) as connection,
            connection.channel() as channel,
        ):
            for body in (b"", b"\x00\x00\x00\x02{}", os.urandom(1000)):
                channel.basic_publish("", stage.names.results(run_.token), body)
        until(lambda: len(told.words) == 3, 60, "not all three were thrown away")
    stage.same(result(running))
    assert all("thrown away" in words for words in told.words)


def test_a_worker_opens_only_what_it_may(stage: Stage) -> None:
    stage.worker(allow=False)
    remote = result(stage.start("remote"))
    assert exit_code(remote.info) == 1
    assert all("expected an address below" in row.reason for row in remote.ledger())
    assert stage.server.log == []
    # whatever the driver allows: /, and the folder of the files
    local = gather(stage.spec, stage.data)
    done = run(stage.spec, local, stage.settings(), stage.tmp / "local", Told())
    assert exit_code(done.info) == 1
    assert all("expected a file below no folder at all" in row.reason for row in done.ledger())


def test_code_runs_only_if_its_digest_is_trusted(stage: Stage) -> None:
    spec = analysis_with_code()
    (code,) = spec.functions
    wary = stage.worker()
    done = result(stage.start("out", spec=spec))
    assert exit_code(done.info) == 1
    assert all(f"--trust {code.digest}" in row.reason for row in done.ledger())
    assert wary.end() == 0
    stage.worker("--trust", code.digest)
    stage.same(result(stage.start("out", spec=spec)), spec)


def test_a_worker_of_another_version_leaves_and_the_task_stays(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Told()
    with monkeypatch.context() as patch:
        patch.setattr(module, "package_version", lambda: "99.1")
        running = stage.start("out", told, delivery_limit=1, patience=6)
        for _ in range(5):  # more often than a task may be lost
            worker = stage.worker()
            assert worker.process.wait(PATIENCE) == 2
            assert "Expected a worker with femtobarn 99.1" in worker.text
    told.wait_for_words("w0: Expected a worker with femtobarn 99.1")
    assert stage.count(stage.names.tasks).ready == stage.tasks()
    assert stage.count(stage.names.dead).ready == 0
    assert exit_code(result(running).info) == 1


def test_tasks_of_another_version_that_look_different_stay(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def newer(message: Record) -> bytes:
        made = json.loads(pack(message))
        if isinstance(message, TaskMessage):
            made["task"]["new"] = 1
        if isinstance(message, JobMessage):
            made |= {"femtobarn": "99.1", "new": 1}
        return json.dumps(made).encode()

    told = Told()
    with monkeypatch.context() as patch:
        patch.setattr(module, "pack", newer)
        running = stage.start("out", told, patience=6)
        assert stage.worker().process.wait(PATIENCE) == 2
    told.wait_for_words("w0: Expected a worker with femtobarn 99.1")
    assert stage.count(stage.names.tasks).ready == stage.tasks()
    assert stage.count(stage.names.dead).ready == 0
    assert exit_code(result(running).info) == 1


def test_headers_of_strangers_end_nobody(stage: Stage) -> None:
    told, headers = Told(), {"x-death": ["a"], "x-delivery-count": "many"}
    with stage.held() as hold:
        worker = stage.worker()
        running = stage.start("out", told)
        reached(hold)
        (run_,) = stage.status().runs
        with (
            hung_up(Dialler(find_broker(), 60, "stranger").once()) as connection,
            connection.channel() as channel,
        ):
            for exchange, key in (
                ("", stage.names.results(run_.token)),
                (stage.names.queue, stage.names.key(run_.token)),
                (stage.names.dead, "alien"),
            ):
                channel.basic_publish(exchange, key, b"{}", BasicProperties(headers=headers))
        told.wait_for_words("thrown away")
    stage.same(result(running))
    until(lambda: stage.count(stage.names.dead).ready == 2, PATIENCE, "it is not put away")
    assert len(json.loads(queue("dead", "--json"))) == 2
    assert worker.process.poll() is None


def test_a_result_too_large_for_the_broker_is_a_failed_line_that_says_what_to_do(stage: Stage) -> None:
    stage.worker()
    done = result(stage.start("out", max_message_bytes=1024))
    assert all("(--store)" in row.reason for row in done.ledger())
    # a folder that all see
    shared = stage.tmp / "shared"
    settings = stage.settings(max_message_bytes=1024).model_copy(update={"store": str(shared)})
    refused = run(stage.spec, stage.inputs(), settings, stage.tmp / "out", Told())
    assert all("where results may be written" in row.reason for row in refused.ledger())
    stage.workers[0].end()
    stage.worker("--allow", str(shared))
    stage.same(run(stage.spec, stage.inputs(), settings, stage.tmp / "out", Told()))


def test_no_password_is_written_anywhere(stage: Stage, broker: RabbitMQ) -> None:
    assert broker.password in stage.url
    worker = stage.worker()
    result(stage.start("out"))
    environment = [Path(f"/proc/{pid}/environ").read_bytes() for pid in worker.children()]
    assert environment
    assert all(broker.password.encode() not in one for one in environment)
    wrong = stage.url.replace(broker.password, "wrong-" + broker.password)
    command = [sys.executable, "-m", "femtobarn", "--debug", "queue", "status"]
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": str(SOURCE), "FEMTOBARN_BROKER": wrong},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "refused the user" in done.stderr
    assert broker.password not in done.stdout + done.stderr
    assert worker.end() == 0
    for path in stage.tmp.rglob("*"):
        if path.is_file():
            assert broker.password.encode() not in path.read_bytes(), path
