"""What a driver makes of messages, whatever is in them and whenever it is interrupted; without a broker."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pika import BasicProperties
from pika.exceptions import ConnectionClosed

from femtobarn.base.record import Record
from femtobarn.base.records import Notice, Outcome
from femtobarn.running.executors.rabbitmq.inbox import ERROR, OUTCOME, Inbox
from femtobarn.running.executors.rabbitmq.management import _described
from femtobarn.running.executors.rabbitmq.messages import pack, pack_result
from femtobarn.running.executors.rabbitmq.session import Session
from femtobarn.running.results.store import FolderStore

ONE, TWO = "1" * 64, "2" * 64

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text(max_size=20)
    | st.binary(max_size=20)
    | st.decimals(-1000, 1000, places=2).map(Decimal)
    | st.integers(0, 2**32).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
HEADERS = st.dictionaries(st.sampled_from(["x-death", "x-delivery-count", ERROR, OUTCOME, "other"]), VALUES)


class Broker:
    """A channel and its connection, which give what they were given."""

    def __init__(self) -> None:
        self.waiting: list[tuple[dict[str, Any], bytes]] = []
        self.acked: list[int] = []
        self.is_closed = self.away = False
        self._give: Callable[..., None] = lambda *_: None

    def channel(self) -> Broker:
        return self

    def basic_qos(self, **_: object) -> None: ...

    def add_on_cancel_callback(self, _: object) -> None: ...

    def basic_consume(self, _: str, give: Callable[..., None]) -> None:
        self._give = give

    def process_data_events(self, *, time_limit: float) -> None:
        for tag, (headers, body) in enumerate(self.waiting, 1):
            self._give(
                self, SimpleNamespace(delivery_tag=tag), BasicProperties(headers=headers or None), body
            )
        self.waiting = []

    def basic_ack(self, tag: int) -> None:
        if self.away:
            raise ConnectionClosed(320, "gone")
        self.acked.append(tag)


def inbox(folder: Path, broker: Broker, *, elsewhere: bool = False) -> Inbox:
    return Inbox(broker, "results", FolderStore(folder), [ONE, TWO], elsewhere=elsewhere)  # type: ignore[arg-type]


def tasks(*names: str) -> dict[str, Any]:
    return dict.fromkeys(names)


def failure(task: str) -> tuple[dict[str, Any], bytes]:
    return {}, pack_result(Outcome(task=task, processed=False, reason="it failed"))


def test_a_failure_is_acknowledged_when_whoever_took_it_has_kept_it(tmp_path: Path) -> None:
    broker = Broker()
    broker.waiting = [failure(ONE), failure(TWO)]
    events = inbox(tmp_path, broker).wait(0.0, tasks(ONE, TWO))
    assert next(events) == Outcome(task=ONE, processed=False, reason="it failed")
    assert broker.acked == []
    assert next(events).task == TWO  # type: ignore[union-attr]
    assert broker.acked == [1]
    events.close()  # type: ignore[attr-defined] # as by Ctrl-C
    assert broker.acked == [1]


def test_an_outcome_is_told_though_the_broker_hears_of_nothing_any_more(tmp_path: Path) -> None:
    broker = Broker()
    broker.waiting, broker.away = [failure(ONE)], True
    events = inbox(tmp_path, broker).wait(0.0, tasks(ONE, TWO))
    assert next(events).task == ONE  # type: ignore[union-attr]
    with pytest.raises(ConnectionClosed):
        next(events)
    # it comes again, and nobody wonders
    broker.waiting, broker.away = [failure(ONE)], False
    assert list(inbox(tmp_path, broker).wait(0.0, tasks(TWO))) == []
    assert broker.acked == [1]


def test_what_workers_left_elsewhere_is_fetched_by_others(tmp_path: Path) -> None:
    broker, done = Broker(), Outcome(task=ONE, processed=True)
    broker.waiting = [({}, pack_result(done))]
    assert list(inbox(tmp_path, broker, elsewhere=True).wait(0.0, tasks(ONE))) == [done]
    assert not FolderStore(tmp_path).has(ONE)
    broker.waiting = [({}, pack_result(done))]
    (missing,) = inbox(tmp_path, broker).wait(0.0, tasks(ONE))
    assert isinstance(missing, Outcome)
    assert not missing.processed
    assert "no whole result came" in missing.reason


def test_a_message_of_this_run_that_no_worker_could_read_is_told(tmp_path: Path) -> None:
    broker = Broker()
    said = Outcome(task=ONE, processed=False, reason="Expected a TaskMessage")
    broker.waiting = [
        ({ERROR: "Expected a TaskMessage"}, b"garbage"),
        ({ERROR: "Expected a TaskMessage", OUTCOME: said.model_dump_json()}, b"of another version"),
    ]
    notice, outcome = inbox(tmp_path, broker).wait(0.0, tasks(ONE))
    assert isinstance(notice, Notice)
    assert "A worker could not read it: Expected a TaskMessage" in notice.words
    assert outcome == said


def test_a_worker_that_cannot_begin_any_task_is_heard(tmp_path: Path) -> None:
    broker = Broker()
    broker.waiting = [({}, pack_result(Outcome(task="", processed=False, pending=True, reason="w0: no")))]
    assert list(inbox(tmp_path, broker).wait(0.0, tasks(ONE))) == [Notice(words="w0: no")]


@given(HEADERS, st.sampled_from([b"", b"x", pack(Notice(words="no")), failure(ONE)[1]]))
def test_no_header_ends_a_driver_a_worker_or_a_list(headers: dict[str, Any], body: bytes) -> None:
    broker = Broker()
    broker.waiting = [(headers, body)]
    events = list(inbox(Path("/nowhere"), broker).wait(0.0, tasks(ONE, TWO)))
    assert all(isinstance(event, Record) for event in events)
    assert broker.acked == [1]
    assert _described(headers, body).error.isprintable()
    session = object.__new__(Session)
    session.came = came = deque()
    session._on_task(
        None, SimpleNamespace(delivery_tag=1, routing_key="k"), BasicProperties(headers=headers), body
    )
    assert 0 <= came[0].earlier <= 1_000_000
    BasicProperties(headers={"n": came[0].earlier + 1}).encode()


@pytest.mark.parametrize("deaths", ["a", ["a"], [None], [{"reason": ["x"]}], {"reason": 1}, 7, [[{}]]])
def test_deaths_of_any_shape_are_words(deaths: object) -> None:
    assert "the broker has put the task away" in _described({"x-death": deaths}, b"").error
