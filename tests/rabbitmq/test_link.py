"""Which place of a broker is asked, and what is no lost connection; without a broker."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pika.exceptions import ChannelClosedByBroker, ConnectionClosedByBroker, ProbableAuthenticationError

from femtobarn.base.errors import ExecutorError
from femtobarn.running.executors.rabbitmq.address import find_broker
from femtobarn.running.executors.rabbitmq.link import Dialler, RefusedError, refusal
from femtobarn.running.executors.rabbitmq.topology import is_missing

DENIED = "ACCESS_REFUSED - configure access to queue 'my.q.dead' in vhost 'v' refused for user 'u'"


class Brokers:
    """What connections to each of three ports meet: an error, or the port itself."""

    def __init__(self) -> None:
        self.errors: dict[int, Exception] = {}
        self.asked: list[int] = []

    def __call__(self, parameters: object) -> int:
        port: int = parameters.port  # type: ignore[attr-defined]
        self.asked.append(port)
        if port in self.errors:
            raise self.errors[port]
        return port


@pytest.fixture
def brokers(monkeypatch: pytest.MonkeyPatch) -> Brokers:
    made = Brokers()
    monkeypatch.setenv("FEMTOBARN_BROKER", ",".join(f"amqp://127.0.0.1:{port}" for port in (1, 2, 3)))
    monkeypatch.setattr("pika.BlockingConnection", made)
    return made


@pytest.fixture
def once(brokers: Brokers) -> Callable[[], object]:
    return Dialler(find_broker(), 60, "test").once


def unknown() -> Exception:
    return ProbableAuthenticationError("ConnectionClosedByBroker: (403) 'ACCESS_REFUSED - Login was refused'")


def test_places_are_asked_in_their_order_from_the_last_good_one(
    brokers: Brokers, once: Callable[[], object]
) -> None:
    assert [once(), once(), once()] == [1, 1, 1]
    brokers.errors = {1: OSError("down")}
    assert [once(), once()] == [2, 2]
    brokers.errors, brokers.asked = {2: OSError("down"), 3: OSError("down")}, []
    assert [once(), once()] == [1, 1]
    assert brokers.asked == [2, 3, 1, 1]


def test_one_place_that_refuses_us_is_passed_over(brokers: Brokers, once: Callable[[], object]) -> None:
    brokers.errors = {1: unknown()}
    assert once() == 2
    brokers.errors = {1: unknown(), 2: OSError("down"), 3: unknown()}
    with pytest.raises(ExecutorError, match=r"127\.0\.0\.1:2/: down") as raised:
        once()
    assert not isinstance(raised.value, RefusedError)
    brokers.errors = {1: unknown(), 2: unknown(), 3: unknown()}
    with pytest.raises(RefusedError, match=r":2/ refused the user .*:3/ refused .*:1/ refused"):
        once()


def test_a_missing_permission_is_told_with_the_command_that_gives_it() -> None:
    refused = refusal(ChannelClosedByBroker(403, DENIED), "my.q")
    assert isinstance(refused, RefusedError)
    assert "access to queue 'my.q.dead'" in str(refused)
    assert "set_permissions -p VHOST USER '^(my[.]q.*|amq[.]gen.*)$'" in str(refused)
    for other in (
        ChannelClosedByBroker(404, "NOT_FOUND"),
        ConnectionClosedByBroker(403, "ACCESS_REFUSED"),
        OSError("403"),
    ):
        assert refusal(other, "my.q") is None


def test_a_queue_that_is_down_is_not_gone() -> None:
    assert is_missing(ChannelClosedByBroker(404, "NOT_FOUND - no queue 'q' in vhost '/'"))
    down = "NOT_FOUND - home node 'a@b' of durable queue 'q' in vhost '/' is down or inaccessible"
    assert not is_missing(ChannelClosedByBroker(404, down))
