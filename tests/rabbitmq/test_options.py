"""Addresses, options and trust, without a broker."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from femtobarn.base.errors import CodeError, SettingsError, UnknownNameError, VersionsError
from femtobarn.base.records import FunctionRecord, Settings
from femtobarn.running.engine.executor import executor
from femtobarn.running.executors.rabbitmq.address import find_broker
from femtobarn.running.executors.rabbitmq.executor import RabbitExecutor
from femtobarn.running.executors.rabbitmq.inbox import why_dead
from femtobarn.running.executors.rabbitmq.intake import PUBLISHED, trusted
from femtobarn.running.executors.rabbitmq.link import Pauses, reason

PASSWORD = "s3cret@/:"
CODED = "s3cret%40%2F%3A"


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FEMTOBARN_BROKER", raising=False)


def settings(**options: str) -> Settings:
    return Settings(
        executor="rabbitmq", executor_options=tuple(options.items()), part_bytes=1000, chunk_entries=100
    )


def test_an_address_in_all_its_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "FEMTOBARN_BROKER", f" amqps://me:{CODED}@Host.example:1234/my%2Fvhost , amqps://[::1] "
    )
    monkeypatch.setenv("FEMTOBARN_BROKER_USER", "other")
    monkeypatch.setenv("FEMTOBARN_BROKER_PASSWORD", "pass")
    broker = find_broker()
    one, two = broker.places
    assert (one.host, one.port, one.vhost, one.tls) == ("host.example", 1234, "my/vhost", True)
    assert (one.user, one.password) == ("me", PASSWORD)
    assert (two.host, two.port, two.vhost, two.user, two.password) == ("::1", 5671, "/", "other", "pass")
    assert str(broker) == "amqps://host.example:1234/my/vhost, amqps://[::1]:5671/"
    for shown in (str(broker), repr(broker), repr(one)):
        assert PASSWORD not in shown
        assert CODED not in shown


def test_a_password_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "password").write_text(PASSWORD + "\n")
    monkeypatch.setenv("FEMTOBARN_BROKER", "amqp://localhost")
    monkeypatch.setenv("FEMTOBARN_BROKER_USER", "me")
    monkeypatch.setenv("FEMTOBARN_BROKER_PASSWORD_FILE", str(tmp_path / "password"))
    (place,) = find_broker().places
    assert (place.user, place.password, place.port) == ("me", PASSWORD, 5672)
    monkeypatch.setenv("FEMTOBARN_BROKER_PASSWORD", "other")
    with pytest.raises(SettingsError, match="both set"):
        find_broker()
    monkeypatch.delenv("FEMTOBARN_BROKER_PASSWORD")
    monkeypatch.setenv("FEMTOBARN_BROKER_PASSWORD_FILE", str(tmp_path / "nowhere"))
    with pytest.raises(SettingsError, match="must name a file with a password"):
        find_broker()


@pytest.mark.parametrize(
    "address",
    [
        f"amqp://me:{PASSWORD}@localhost",
        f"http://me:{CODED}@localhost",
        f"amqp://me:{CODED}@localhost:nix",
        f"amqp://me:{CODED}@localhost:99999",
        f"amqp://me:{CODED}@localhost/a/b",
        f"amqp://me:{CODED}@localhost/a?heartbeat=1",
        f"amqp://me:{CODED}@",
        f"me:{CODED}@localhost",
    ],
)
def test_what_is_no_address_is_refused_without_showing_its_password(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEMTOBARN_BROKER", address)
    with pytest.raises(SettingsError, match="Expected the address of a broker") as raised:
        find_broker()
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize("host", ["broker.example", "10.0.0.1", "127.0.0.1.example", "0.0.0.0"])
def test_plain_text_only_on_this_machine_and_to_named_hosts(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEMTOBARN_BROKER", f"amqp://me:{CODED}@{host}")
    with pytest.raises(SettingsError, match="encryption only") as raised:
        find_broker()
    assert "s3cret" not in str(raised.value)
    monkeypatch.setenv("FEMTOBARN_PLAIN_HOSTS", f"other, {host.upper()}")
    assert find_broker().places[0].host == host
    monkeypatch.delenv("FEMTOBARN_PLAIN_HOSTS")
    monkeypatch.setenv("FEMTOBARN_BROKER", f"amqps://{host}")
    assert find_broker().places[0].tls


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "[::1]"])
def test_plain_text_on_this_machine(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEMTOBARN_BROKER", f"amqp://{host}")
    assert not find_broker().places[0].tls


def test_an_option_names_a_broker_but_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEMTOBARN_BROKER_USER", "me")
    (place,) = find_broker("amqp://127.0.0.1:7").places
    assert (place.port, place.user) == (7, "me")
    secret = f"amqp://me:{CODED}@127.0.0.1"
    with pytest.raises(SettingsError, match="without user name and password") as raised:
        find_broker(secret)
    assert CODED not in str(raised.value)
    with pytest.raises(SettingsError, match="password") as raised:
        executor(settings(broker=secret))
    assert CODED not in str(raised.value)


def test_half_a_certificate_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("")
    monkeypatch.setenv("FEMTOBARN_BROKER", "amqp://localhost")
    monkeypatch.setenv("FEMTOBARN_BROKER_CERT_FILE", str(tmp_path / "cert.pem"))
    with pytest.raises(SettingsError, match="belong together"):
        find_broker()


def test_no_broker_is_told_with_what_to_set() -> None:
    with pytest.raises(SettingsError, match="Set FEMTOBARN_BROKER"):
        executor(settings())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("queue", "a b"),
        ("queue", "../x"),
        ("queue", ""),
        ("queue", "x" * 65),
        ("delivery_limit", "0"),
        ("max_message_bytes", "many"),
        ("patience", "-1"),
        ("heartbeat", "0"),
    ],
)
def test_values_that_are_not_allowed(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEMTOBARN_BROKER", "amqp://localhost")
    with pytest.raises(SettingsError, match=f"Option {name} of executor rabbitmq"):
        executor(settings(**{name: value}))


def test_options_that_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEMTOBARN_BROKER", "amqp://localhost")
    assert isinstance(executor(settings(queue="mine", patience="10")), RabbitExecutor)
    with pytest.raises(UnknownNameError, match="Did you mean 'queue'"):
        executor(settings(queu="mine"))


def test_code_must_be_trusted_or_installed() -> None:
    code = FunctionRecord(name="steal", kind="columnar", source="def steal(): ...", inputs=(), output="float")
    with pytest.raises(CodeError, match=f"--trust {code.digest}"):
        trusted([code], ["0" * 64])
    trusted([code], [code.digest])
    trusted([], [])
    other = FunctionRecord.model_validate({**code.model_dump(), "source": "def steal(): return 1"})
    with pytest.raises(CodeError, match=other.digest):
        trusted([code, other], [code.digest])


def test_workers_may_open_what_is_published() -> None:
    assert all("opendata.cern.ch" in place or "eospublic.cern.ch" in place for place in PUBLISHED)


def test_versions_are_an_error_of_usage() -> None:
    assert VersionsError.exit_code == 2


def test_pauses_grow_up_to_a_limit() -> None:
    pauses = Pauses()
    found = [pauses.next() for _ in range(12)]
    assert found == sorted(found)
    assert found[0] < 0.5
    assert found[-1] == found[-2] <= 60


def test_reasons_have_no_secrets() -> None:
    said = reason(OSError("cannot reach amqp://me:s3cret@host/x\x1b[2J"))
    assert "s3cret" not in said
    assert "\x1b" not in said


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({"x-death": [{"reason": "delivery_limit"}]}, "each died or lost its connection"),
        ({"x-death": [{"reason": "rejected"}]}, "rejected"),
        ({"x-death": []}, "does not say why"),
        ({"x-death": "nonsense"}, "does not say why"),
        ({}, "does not say why"),
    ],
)
def test_why_a_task_is_dead(headers: dict[str, object], words: str) -> None:
    assert words in why_dead(headers)


def test_help_loads_neither_pika_nor_numpy() -> None:
    code = "import sys\ntry:\n    from femtobarn.cli.main import main; main(['worker', '--help'])\nexcept SystemExit: pass\nprint([n for n in ('pika', 'numpy') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
