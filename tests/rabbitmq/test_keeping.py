"""What is looked at, kept and swept, without a broker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import pytest

from femtobarn.base.errors import GoneError
from femtobarn.base.records import Notice, Outcome, Ticket
from femtobarn.running.executors.rabbitmq import executor, management
from femtobarn.running.executors.rabbitmq.executor import RabbitExecutor
from femtobarn.running.executors.rabbitmq.folder import OwnFolder, sweep
from femtobarn.running.executors.rabbitmq.management import QueueKeeper
from femtobarn.running.executors.rabbitmq.messages import RunMessage, TaskMessage, new_token, pack
from femtobarn.running.executors.rabbitmq.options import RabbitOptions
from femtobarn.running.executors.rabbitmq.topology import Count
from femtobarn.running.results.store import FolderStore

from .test_begin import TASK


class Broker:
    """A connection and its channel with runs, dead tasks, and queues."""

    def __init__(self) -> None:
        self.runs: list[RunMessage] = []
        self.dead: list[bytes] = []
        self.queues: dict[str, Count] = {}
        self.asked: list[str] = []
        self.sent: list[str] = []
        self.acked: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def channel(self) -> Broker:
        return self

    def confirm_delivery(self) -> None: ...

    def process_data_events(self, *, time_limit: float) -> None: ...

    def basic_get(self, _: str) -> tuple[Any, Any, Any]:
        return SimpleNamespace(delivery_tag=1), None, self.dead[0]

    def basic_ack(self, tag: int) -> None:
        self.acked.append(tag)

    def basic_publish(self, _exchange: str, key: str, *_: object, **__: object) -> None:
        self.sent.append(key)

    def count(self, _: object, queue: str) -> Count | None:
        self.asked.append(queue)
        return self.queues.get(queue)

    def stream(self, _channel: object, _queue: str, on_message: Callable[..., None]) -> None:
        for run in self.runs:
            on_message(self, SimpleNamespace(delivery_tag=0), None, pack(run))


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    made = Broker()
    made.queues = {"femtobarn.tasks": Count(0, 0), "femtobarn.dead": Count(0, 0)}

    @contextmanager
    def connected(*_: object) -> Iterator[Broker]:
        yield made

    monkeypatch.setenv("FEMTOBARN_BROKER", "amqp://127.0.0.1:1")
    monkeypatch.setattr(QueueKeeper, "_connected", connected)
    monkeypatch.setattr(RabbitExecutor, "_connected", connected)
    monkeypatch.setattr(management, "_QUIET", 0.01)
    monkeypatch.setattr(management, "consume_stream", made.stream)
    monkeypatch.setattr(management.roll, "ask", lambda *_: ())
    for module in (management, executor):
        monkeypatch.setattr(module, "count", made.count)
    return made


def begun(*, detached: bool = False) -> RunMessage:
    return RunMessage(token=new_token(), analysis="a", tasks=1, host="h", started=1.0, detached=detached)


def test_the_newest_runs_are_looked_at_only(broker: Broker) -> None:
    broker.runs = [begun() for _ in range(1000)]
    for run in (broker.runs[0], broker.runs[-1]):
        broker.queues[f"femtobarn.results.{run.token}"] = Count(2, 0)
    status = QueueKeeper("femtobarn").status()
    assert [run.token for run in status.runs] == [broker.runs[-1].token]
    assert status.older == 1000 - len([name for name in broker.asked if ".results." in name]) == 800


@pytest.mark.parametrize(
    ("consumers", "detached", "sent"), [(0, False, 1), (1, False, 0), (1, True, 1), (None, True, 0)]
)
def test_dead_tasks_are_tried_again_if_somebody_would_take_their_results(
    broker: Broker, consumers: int | None, detached: bool, sent: int
) -> None:
    run = begun(detached=detached)
    broker.runs, broker.dead = [run], [pack(TaskMessage(token=run.token, task=TASK))]
    broker.queues["femtobarn.dead"] = Count(1, 0)
    if consumers is not None:
        broker.queues[f"femtobarn.results.{run.token}"] = Count(0, consumers)
    assert QueueKeeper("femtobarn").retry_dead() == (sent, 1 - sent)
    assert len(broker.sent) == broker.acked.count(1) == sent


def test_a_task_that_dies_again_at_once_is_not_sent_for_ever(broker: Broker) -> None:
    run = begun(detached=True)
    broker.runs, broker.dead = [run], [pack(TaskMessage(token=run.token, task=TASK))]  # and again, and again
    broker.queues |= {"femtobarn.dead": Count(3, 0), f"femtobarn.results.{run.token}": Count(0, 0)}
    assert QueueKeeper("femtobarn").retry_dead() == (3, 0)


class NoMail:
    def __init__(self, *_: object, **__: object) -> None: ...

    def all_there(self, _: object) -> Iterator[Outcome]:
        return iter(())


def gathered(folder: Path, **failed: str) -> list[Outcome | Notice]:
    store = FolderStore(folder)
    for task, reason in failed.items():
        store.fail(Outcome(task=task, processed=False, reason=reason))
    ticket = Ticket(executor="rabbitmq", token="t")
    tasks = [TASK, TASK.model_copy(update={"id": "other"})]
    return list(RabbitExecutor(RabbitOptions()).gather(ticket, tasks, store))


def test_who_gathers_hears_that_no_worker_takes_tasks(
    broker: Broker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(executor, "Inbox", NoMail)
    broker.queues |= {"femtobarn.results.t": Count(0, 0), "femtobarn.tasks": Count(2, 0)}
    (notice,) = gathered(tmp_path)
    assert isinstance(notice, Notice)
    assert notice.words.startswith("No worker takes tasks from the queue 'femtobarn'; 2 wait.")
    (notice,) = gathered(tmp_path, other="it failed")
    assert "; 1 wait." in notice.words  # type: ignore[union-attr]
    for queue in (Count(2, 1), Count(0, 0)):
        broker.queues["femtobarn.tasks"] = queue
        assert gathered(tmp_path) == []


def test_a_run_of_which_the_broker_knows_nothing_is_gone(broker: Broker, tmp_path: Path) -> None:
    with pytest.raises(GoneError, match=r"it was drained, or this is another broker.*run the command again"):
        gathered(tmp_path)


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def dead_process() -> int:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    return gone.pid


def test_folders_of_killed_workers_are_swept(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dead = dead_process()
    left = place / f"femtobarn-worker-{dead}-abc"
    left.mkdir()
    (left / "result").write_text("x")
    others = [
        place / "femtobarn-worker-abc",
        place / f"femtobarn-worker-{os.getppid()}-abc",
        place / f"femtobarn-worker-{dead}",
        place / f"else-{dead}-abc",
    ]
    for other in others:
        other.mkdir()
    (place / f"femtobarn-worker-{dead}-link").symlink_to(others[0])
    own = OwnFolder()
    sweep()
    assert not left.exists()
    assert all(other.exists() for other in others)
    assert own.path.is_dir()
    own.remove()
    assert not own.path.exists()
    left.mkdir()
    monkeypatch.setattr(os, "getuid", lambda: 2**31)
    sweep()
    assert left.exists()


def test_a_folder_in_use_where_processes_have_other_numbers_stays(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        dead = dead_process()
        patch.setattr(os, "getpid", lambda: dead)
        used = OwnFolder()
    sweep()
    assert used.path.exists()
    used.remove()


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_two_signals_end_a_worker_at_once_whichever_they_are(second: signal.Signals) -> None:
    code = f"""
import signal
from femtobarn.cli.queue import _end_in_order
_end_in_order(lambda: print("in order"))
signal.raise_signal(signal.SIGTERM)
try:
    signal.raise_signal({int(second)})
except KeyboardInterrupt:
    print("at once")
signal.raise_signal(signal.SIGTERM)
signal.raise_signal(signal.SIGINT)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["in order", "at once"]
