"""One address, one attempt: what the http transport takes, and what it refuses."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from femtobarn.base.errors import AddressError, UnavailableError, UnreadableError
from femtobarn.data.storage import web
from femtobarn.data.storage.failures import TransportError, of_status
from femtobarn.data.storage.http import HttpTransport
from femtobarn.data.storage.network import Network
from femtobarn.data.storage.remote import open_source
from femtobarn.data.storage.transport import HEAD, Meter
from femtobarn.data.storage.urls import parse

from .servers import Fault, FaultServer, always, certificate, once

DATA = random.Random(1).randbytes(300_000)
LIMITS = Network(timeout=1.0, attempts=2, backoff=0.01, longest=8.0)


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer({"/f": DATA, "/empty": b"", "/tiny": b"abc"}) as running:
        yield running


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificate(tmp_path_factory.mktemp("tls"))


def transport(
    server: FaultServer, path: str = "/f", *, size: int | None = None, **options: object
) -> HttpTransport:
    prefixes = options.get("prefixes", (server.base,))
    return HttpTransport(
        parse(server.url(path)),
        size=size,
        network=LIMITS,
        prefixes=prefixes,  # type: ignore[arg-type]
        meter=Meter(),
        until=soon(),
    )


def soon(seconds: float = 5.0) -> float:
    return time.monotonic() + seconds


def test_opening_gives_size_version_and_the_first_bytes(server: FaultServer) -> None:
    found = transport(server)
    assert (found.size, found.validator, found.ranges) == (len(DATA), '"first"', True)
    assert found.head == DATA[:HEAD]
    assert len(server.log) == 1
    assert found.read(1000, 5000, soon()) == DATA[1000:6000]
    assert (server.log[1].start, server.log[1].stop) == (1000, 6000)
    assert server.log[1].headers["accept-encoding"] == "identity"
    found.close()


@pytest.mark.parametrize(("path", "content"), [("/empty", b""), ("/tiny", b"abc")])
@pytest.mark.parametrize("known", [True, False])
def test_files_smaller_than_a_head(server: FaultServer, path: str, content: bytes, known: bool) -> None:
    found = transport(server, path, size=len(content) if known else None)
    assert (found.size, found.head, found.ranges) == (len(content), content, True)
    assert b"".join(found.body(soon())) == content
    found.close()


def test_a_server_without_ranges_gives_the_whole(server: FaultServer) -> None:
    server.script("/f", always(Fault("whole")))
    found = transport(server)
    assert (found.size, found.ranges, found.head) == (len(DATA), False, b"")
    assert b"".join(found.body(soon())) == DATA
    with pytest.raises(TransportError, match="ignores ranges") as caught:
        found.read(0, 10, soon())
    assert (caught.value.failure.kind, caught.value.failure.cause) == ("address", "ranges")
    found.close()


def test_a_length_that_nobody_says(server: FaultServer) -> None:
    server.script("/f", always(Fault("bare")))
    with pytest.raises(TransportError, match="does not say how long"):
        transport(server)
    found = transport(server, size=len(DATA))
    assert b"".join(found.body(soon())) == DATA
    found.close()
    wrong = transport(server, size=len(DATA) + 1)
    with pytest.raises(TransportError, match="too short"):
        list(wrong.body(soon()))
    wrong.close()
    wrong = transport(server, size=len(DATA) - 1)
    with pytest.raises(TransportError) as caught:
        list(wrong.body(soon()))
    assert caught.value.failure.cause == "changed"
    wrong.close()


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (Fault("status"), "transient", "not available"),
        (Fault("status", 429), "transient", "too many requests"),
        (Fault("status", 500), "transient", "HTTP 500"),
        (Fault("status", 404), "permanent", "no such file"),
        (Fault("status", 410), "permanent", "no such file"),
        (Fault("status", 403), "permanent", "permission denied"),
        (Fault("status", 401), "permanent", "login"),
        (Fault("status", 400), "permanent", "understand"),
        (Fault("status", 304), "address", "unexpected"),
        (Fault("status", 204), "address", "ignores ranges"),
        (Fault("reset"), "transient", "broke|failed"),
        (Fault("dropped"), "transient", "broke|failed"),
        (Fault("truncated"), "transient", "too short|too early"),
        (Fault("short"), "transient", "too short"),
        (Fault("hang"), "transient", "silent"),
        (Fault("drip", pause=0.02), "transient", "too slowly"),
        (Fault("drip headers"), "transient", "too slowly"),
        (Fault("wrong range"), "transient", "when asked for"),
        (Fault("no range"), "transient", "when asked for"),
        (Fault("nonsense"), "transient", "failed|broke"),
        (Fault("whole"), "address", "ignores ranges"),
        (Fault("resized"), "address", "bytes there"),
        (Fault("changed"), "address", "changed while"),
        (Fault("encoded"), "address", "encoded"),
        (Fault("redirect", target="/f?again"), "address", "more than 5"),
        (Fault("redirect", target=""), "address", "without saying where"),
        (Fault("redirect", target="ftp://h/f"), "address", "no clear address"),
        (Fault("redirect", target="file:///etc/passwd"), "address", "no clear address"),
        (Fault("redirect", target="root://127.0.0.1//f"), "address", "not followed"),
        (Fault("redirect", target="/absent"), "permanent", "no such file"),
        (Fault("redirect", target="/a/%2e%2e/f"), "address", "no clear address"),
    ],
    ids=lambda value: f"{value.kind} {value.status} {value.target}" if isinstance(value, Fault) else "",
)
def test_what_a_fault_of_a_part_is_called(server: FaultServer, fault: Fault, kind: str, words: str) -> None:
    found = transport(server)
    server.script("/f", always(fault))
    limit = 0.6 if fault.kind.startswith("drip") else 3.0
    start = time.monotonic()
    with pytest.raises(TransportError, match=words) as caught:
        found.read(1000, 50_000, soon(limit))
    assert caught.value.failure.kind == kind
    assert time.monotonic() - start < limit + 0.5
    found.close()


def test_the_time_that_is_left_counts_more_than_silence(server: FaultServer) -> None:
    found = transport(server)
    server.script("/f", always(Fault("hang")))
    start = time.monotonic()
    with pytest.raises(TransportError, match=r"too slowly|silent"):
        found.read(1000, 50_000, soon(0.2))
    assert time.monotonic() - start < 0.8
    with pytest.raises(TransportError, match="time for this read is over"):
        found.read(1000, 50_000, soon(-1))
    found.close()


def test_more_than_was_said_is_not_taken_for_the_next_answer(server: FaultServer) -> None:
    server.script("/f", once(Fault("long")))
    found = transport(server)
    assert found.read(1000, 500, soon()) == DATA[1000:1500]
    with suppress(TransportError):  # an error is right, wrong bytes are not
        assert found.read(5000, 500, soon()) == DATA[5000:5500]
    assert found.read(5000, 500, soon()) == DATA[5000:5500]
    found.close()


def test_a_server_that_waits_to_be_asked_again() -> None:
    assert of_status(429, "7").after == 7.0
    assert of_status(503, "Sat, 21 Nov 2026 07:00:10 GMT", 1795244400.0).after == 10.0
    for senseless in ("soon", "-3", "1e9", "", "9" * 100, "٣", None):
        assert of_status(503, senseless).after is None
    assert of_status(404, "7").after is None


def test_a_redirect_to_a_permitted_place_is_followed_and_remembered(server: FaultServer) -> None:
    with FaultServer({"/there": DATA}) as other:
        server.script("/f", always(Fault("redirect", target=other.url("/there?key=1"))))
        found = transport(server, prefixes=(server.base, other.base))
        assert found.read(1000, 50, soon()) == DATA[1000:1050]
        assert found.read(2000, 50, soon()) == DATA[2000:2050]
        assert (len(server.log), len(other.log)) == (1, 3)
        other.script("/there", once(Fault("status", 403), at=1))  # the key is no longer good
        assert found.read(3000, 50, soon()) == DATA[3000:3050]
        assert len(server.log) == 2
        found.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "2130706433", "127.1"])
def test_a_redirect_to_a_private_address_is_refused(server: FaultServer, host: str) -> None:
    with FaultServer({"/there": DATA}) as other:
        server.script("/f", always(Fault("redirect", target=f"http://{host}:{other.port}/there")))
        with pytest.raises(AddressError, match="private address"):
            open_source(server.url("/f"), size=None, prefixes=(server.base,), network=LIMITS)
        assert not other.log


def test_a_name_that_leads_elsewhere_the_second_time_is_refused(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "resolved", lambda host, port: ("188.184.100.1",))
    with FaultServer({"/there": DATA}) as other:
        server.script("/f", always(Fault("redirect", target=f"http://localhost:{other.port}/there")))
        with pytest.raises(AddressError, match="private address"):
            open_source(server.url("/f"), size=None, prefixes=(server.base,), network=LIMITS)
        assert not other.log


def test_a_login_is_sent_to_its_host_only(server: FaultServer) -> None:
    with FaultServer({"/there": DATA}) as other:
        server.script("/f", once(Fault("redirect", target=other.url("/there")), at=2))
        url = server.url("/f").replace("http://", "http://me:se%20cret@")
        with open_source(url, size=None, prefixes=(server.base, other.base), network=LIMITS) as source:
            assert "cret" not in source.name
            assert source.read(50_000, 10) == DATA[50_000:50_010]
        assert all(one.headers["authorization"] == "Basic bWU6c2UgY3JldA==" for one in server.log)
        assert "authorization" not in other.log[0].headers


def test_encrypted_connections(tls: tuple[Path, Path]) -> None:
    trusting = replace(LIMITS, ca_file=tls[0])
    with FaultServer({"/f": DATA}, tls=tls) as server:
        url = server.url("/f")
        with open_source(url, size=None, prefixes=(server.base,), network=trusting) as source:
            assert source.read(100_000, 100_000) == DATA[100_000:200_000]
        with pytest.raises(UnavailableError, match=r"1 attempt.*not trusted.*FEMTOBARN_CA_FILE"):
            open_source(url, size=None, prefixes=(server.base,), network=LIMITS)
        by_name = url.replace("127.0.0.1", "localhost")
        with open_source(by_name, size=None, prefixes=(by_name,), network=trusting) as source:
            assert source.size == len(DATA)
        server.script("/f", once(Fault("drip", pause=0.02)))
        with open_source(
            url, size=None, prefixes=(server.base,), network=replace(trusting, timeout=0.3, minimum_rate=1e8)
        ) as source:
            assert source.read(100_000, 100_000) == DATA[100_000:200_000]
            assert source.transfer.retries == 1


def test_no_redirect_leaves_encryption(tls: tuple[Path, Path]) -> None:
    with FaultServer({"/f": DATA}) as plain, FaultServer({}, tls=tls) as server:
        server.script("/f", always(Fault("redirect", target=plain.url("/f"))))
        with pytest.raises(AddressError, match="http://, which is not followed"):
            open_source(
                server.url("/f"),
                size=None,
                prefixes=(server.base, plain.base),
                network=replace(LIMITS, ca_file=tls[0]),
            )
        assert not plain.log


def test_plain_http_to_an_encrypted_port_is_an_error(tls: tuple[Path, Path]) -> None:
    with FaultServer({"/f": DATA}, tls=tls) as server:
        url = server.url("/f").replace("https", "http")
        with pytest.raises((UnavailableError, UnreadableError)):
            open_source(url, size=None, prefixes=(url,), network=LIMITS)


def test_encryption_asked_of_a_plain_port_is_an_error(server: FaultServer) -> None:
    url = server.url("/f").replace("http", "https")
    with pytest.raises(UnavailableError, match="encrypted"):
        open_source(url, size=None, prefixes=(url,), network=LIMITS)
