"""What a worker makes of a message before it runs anything; without a broker."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.running.toys import RELEASE, job, toy_spec

from femtobarn.base.errors import VersionsError
from femtobarn.base.records import InputFile, Outcome, Task
from femtobarn.running.executors.rabbitmq.messages import JobMessage, TaskMessage, glimpse, new_token, pack
from femtobarn.running.executors.rabbitmq.options import WorkerOptions
from femtobarn.running.executors.rabbitmq.session import Delivery
from femtobarn.running.executors.rabbitmq.worker import QueueWorker
from femtobarn.running.results.version import package_version, results_version

TOKEN = new_token()
KEY = f"task.{TOKEN}"
FILE = InputFile(name="f", url="http://h/f", size=1, identity="i", kind="data", process="p")
TASK = Task(
    id="ab" * 32, analysis="toy", release=RELEASE, format="x", file=FILE, part=0, parts=1, chunk_entries=10
)
Change = Callable[[dict[str, Any]], None]


class Calls:
    """A session, and processes, which note what they are asked for."""

    def __init__(self, whole: bytes | None) -> None:
        self.whole = whole
        self.noted: list[tuple[Any, ...]] = []

    def job(self, token: str) -> bytes | None:
        return self.whole if token == TOKEN else None

    def send(self, token: str, outcome: Outcome, data: bytes = b"") -> bool:
        self.noted.append(("send", token, outcome))
        return True

    def put_away(self, delivery: Delivery, error: str, outcome: Outcome | None = None) -> None:
        self.noted.append(("put away", error, outcome))

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *given: self.noted.append((name, *given))

    @property
    def names(self) -> list[str]:
        return [one[0] for one in self.noted]


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> QueueWorker:
    monkeypatch.setenv("FEMTOBARN_BROKER", "amqp://127.0.0.1:1")
    return QueueWorker(WorkerOptions(name="w", prefixes=("http://h/",)), tell=lambda _: None)


def changed(body: bytes, change: Change) -> bytes:
    whole = json.loads(body)
    change(whole)
    return json.dumps(whole).encode()


def task(change: Change = lambda _: None, token: str = TOKEN) -> bytes:
    return changed(pack(TaskMessage(token=token, task=TASK)), change)


def whole(change: Change = lambda _: None) -> bytes:
    made = JobMessage(
        results_version=results_version(),
        femtobarn=package_version(),
        token=TOKEN,
        job=job(toy_spec()),
        max_message_bytes=1024,
    )
    return changed(pack(made), change)


def begun(worker: QueueWorker, body: bytes, key: str = KEY, of: bytes | None = None) -> Calls:
    calls = Calls(whole() if of is None else of)
    worker._begin(calls, calls, Delivery(1, key, 0, body))  # type: ignore[arg-type]
    return calls


def test_a_task_is_begun(worker: QueueWorker) -> None:
    assert begun(worker, task()).names == ["begin"]
    assert begun(worker, task(), key="task.by-hand").names == ["begin"]


NEWER: dict[str, tuple[Change, Change]] = {
    "task": (lambda t: t["task"].update(new=1), lambda _: None),
    "message": (lambda t: t.update(new=1), lambda _: None),
    "job": (lambda _: None, lambda j: j.update(new=1)),
    "analysis": (lambda _: None, lambda j: j["job"].update(analysis="another language")),
    "nothing of ours": (lambda t: t.update(task=7), lambda j: j.update(job=None)),
}


@pytest.mark.parametrize("newer", NEWER)
def test_a_run_of_another_version_keeps_its_task_whatever_that_looks_like(
    worker: QueueWorker, newer: str
) -> None:
    in_task, in_job = NEWER[newer]
    calls = Calls(whole(lambda j: (in_job(j), j.update(femtobarn="99.1"))))
    body = task(in_task)
    with pytest.raises(VersionsError, match=r"femtobarn 99\.1"):
        worker._begin(calls, calls, Delivery(1, KEY, 0, body))  # type: ignore[arg-type]
    assert calls.names == ["send", "stop", "again"]
    assert calls.noted[-1][1].body == body
    said = calls.noted[0][2]
    assert said.pending
    assert said.task in {TASK.id, ""}


def test_what_cannot_be_read_of_a_living_run_is_told_to_its_driver(worker: QueueWorker) -> None:
    (away,) = begun(worker, task(lambda t: t["task"].update(new=1))).noted
    assert away[0] == "put away"
    assert "task.new" in away[1]
    assert (away[2].task, away[2].processed, away[2].pending) == (TASK.id, False, False)
    (garbage,) = begun(worker, b"garbage").noted
    assert garbage[2].task == ""
    (other,) = begun(worker, task(token=new_token())).noted
    assert "Expected a task of the run" in other[1]


def test_a_run_without_a_job_is_told_to_its_driver(worker: QueueWorker) -> None:
    (away,) = begun(worker, task(), of=b"no job").noted
    assert "Expected a JobMessage" in away[1]
    assert away[2].task == TASK.id


def test_what_is_of_no_run_is_put_away_alone(worker: QueueWorker) -> None:
    assert begun(worker, b"garbage", key="task.stranger").noted[0][2] is None
    assert begun(worker, b"garbage", key=f"task.{new_token()}").names == ["done"]  # of a run that is over


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[" * 100_000,
        b"9" * 10_000,
        b'{"femtobarn": 1, "results_version": "1", "task": {"id": "../x"}}',
        b'{"femtobarn": null, "results_version": true, "task": {"id": "%s"}}' % (b"a" * 129),
        b'{"results_version": 1%s}' % (b"0" * 100),
        b"NaN",
    ],
)
def test_a_glimpse_of_anything(body: bytes) -> None:
    seen = glimpse(body)
    assert (seen.femtobarn, seen.results_version, seen.task) == ("", None, "")
