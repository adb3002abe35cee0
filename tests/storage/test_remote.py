"""Sources of http: whatever one server does, the bytes are right or the error is."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from femtobarn.base.errors import (
    AddressError,
    DamagedError,
    DataError,
    FileChangedError,
    MissingExtraError,
    UnavailableError,
    UnreadableError,
)
from femtobarn.data.storage import relay, remote
from femtobarn.data.storage.attempts import Unwell
from femtobarn.data.storage.network import Network
from femtobarn.data.storage.remote import RemoteSource, open_source
from femtobarn.data.storage.source import Source

from .servers import Fault, FaultServer, Hold, Request, always, free_port, once

DATA = random.Random(2).randbytes(400_000)
LIMITS = Network(timeout=2.0, attempts=3, backoff=0.01, longest=10.0)
HASTY = replace(LIMITS, timeout=0.4, minimum_rate=1e7)
PASSING = [
    Fault("status"),
    Fault("status", 429, (("Retry-After", "0"),)),
    Fault("status", 408),
    Fault("status", 502),
    Fault("reset"),
    Fault("dropped"),
    Fault("truncated"),
    Fault("short"),
    Fault("wrong range"),
    Fault("nonsense"),
]
SILENT = [Fault("hang"), Fault("drip", pause=0.02), Fault("drip headers"), Fault("hold", hold=Hold())]


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


@pytest.fixture(autouse=True)
def no_memory_of_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "unwell", Unwell())


_numbers = count()


@pytest.fixture
def path(server: FaultServer) -> str:
    return a_file(server)


def a_file(server: FaultServer, content: bytes = DATA) -> str:
    path = f"/{next(_numbers)}.root"
    server.files[path] = content
    return path


def opened(
    server: FaultServer, path: str, network: Network = LIMITS, size: int | None = None
) -> RemoteSource:
    return open_source(server.url(path), size=size, prefixes=(server.base,), network=network)


def named(value: object) -> str:
    return f"{value.kind} {value.status}" if isinstance(value, Fault) else ""


def test_a_source_is_what_its_readers_expect(server: FaultServer, path: str) -> None:
    with opened(server, path, size=len(DATA)) as source:
        agreed: Source = source
        assert (agreed.size, agreed.validator, agreed.ranges) == (len(DATA), '"first"', True)
        assert agreed.name == server.url(path)
        assert agreed.read(0, 100) == DATA[:100]  # came with opening
        assert source.transfer.requests == 1
        assert agreed.read(len(DATA) - 5, 100) == DATA[-5:]
        assert agreed.read(len(DATA), 100) == agreed.read(len(DATA) + 9, 1) == agreed.read(7, 0) == b""
        assert b"".join(agreed.body()) == DATA
        assert source.transfer.retries == 0


@pytest.mark.parametrize("at", [1, 2], ids=["at open", "in a read"])
@pytest.mark.parametrize("fault", PASSING + SILENT, ids=named)
def test_a_fault_that_passes_leaves_no_trace(server: FaultServer, path: str, fault: Fault, at: int) -> None:
    server.script(path, once(fault, at=at))
    limits = HASTY if fault in SILENT else LIMITS
    with opened(server, path, limits) as source:
        assert source.read(100_000, 200_000) == DATA[100_000:300_000]
        assert source.transfer.retries == 1
        assert source.transfer.requests == 3


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (Fault("status"), UnavailableError, "3 attempts.*503"),
        (Fault("reset"), UnavailableError, "3 attempts"),
        (Fault("dropped"), UnavailableError, "3 attempts"),
        (Fault("truncated"), UnavailableError, "3 attempts.*too short"),
        (Fault("short"), UnavailableError, "3 attempts.*too short"),
        (Fault("wrong range"), UnavailableError, "3 attempts"),
        (Fault("nonsense"), UnavailableError, "3 attempts"),
        (Fault("hang"), UnavailableError, "silent"),
        (Fault("whole"), UnavailableError, "1 attempt.*ignores ranges"),
        (Fault("encoded"), UnavailableError, "1 attempt.*encoded"),
        (Fault("status", 404), UnreadableError, "1 attempt.*no such file"),
        (Fault("status", 403), UnreadableError, "1 attempt.*denied"),
        (Fault("resized"), FileChangedError, "400001 bytes"),
        (Fault("changed"), FileChangedError, "changed while"),
    ],
    ids=named,
)
def test_a_fault_that_stays_is_told(
    server: FaultServer, path: str, fault: Fault, kind: type[DataError], words: str
) -> None:
    server.script(path, always(fault, since=2))
    with opened(server, path, HASTY) as source:
        start = time.monotonic()
        with pytest.raises(kind, match=words) as caught:
            source.read(100_000, 200_000)
        assert server.url(path) in str(caught.value)
        assert time.monotonic() - start < 5
        server.script(path, None)
        assert source.read(100_000, 200_000) == DATA[100_000:300_000]


def test_a_file_of_another_size_than_planned(server: FaultServer, path: str) -> None:
    with pytest.raises(FileChangedError, match="400000 bytes there, not 399999"):
        opened(server, path, size=len(DATA) - 1)


def test_places_outside_of_the_file(server: FaultServer, path: str) -> None:
    with opened(server, path) as source:
        for offset, number in ((-1, 10), (0, -1), (10, -20)):
            with pytest.raises(DamagedError, match="expected a place in a file of 400000 bytes"):
                source.read(offset, number)
            with pytest.raises(DamagedError):
                source.read_many([(0, 5), (offset, number)])
        assert source.read_many([(2**62, 2**62), (399_999, 2**62)]) == [b"", DATA[-1:]]


def test_near_ranges_are_read_as_one(server: FaultServer, path: str) -> None:
    with opened(server, path) as source:
        before = len(server.requests(path))
        wanted = [(300_000, 10), (50_000, 1000), (100_000, 1), (50_500, 1000), (5, 0), (399_990, 50)]
        assert source.read_many(wanted) == [DATA[start : start + number] for start, number in wanted]
        asked = server.requests(path)[before:]
        assert sorted((one.start, one.stop) for one in asked) == [
            (50_000, 100_001),
            (300_000, 300_010),
            (399_990, 400_000),
        ]


def test_one_bad_range_of_many_is_an_error(server: FaultServer, path: str) -> None:
    server.script(path, lambda request: Fault("status") if (request.start or 0) > 250_000 else None)
    with opened(server, path) as source, pytest.raises(UnavailableError, match="503"):
        source.read_many([(50_000, 10), (150_000, 10), (300_000, 10)])


_faults = st.dictionaries(st.integers(1, 9), st.sampled_from(PASSING), max_size=5)
_ranges = st.lists(st.tuples(st.integers(0, 410_000), st.integers(0, 100_000)), max_size=4)


@settings(max_examples=40, deadline=None)
@given(faults=_faults, ranges=_ranges)
def test_right_bytes_or_an_error(
    server: FaultServer, faults: dict[int, Fault], ranges: list[tuple[int, int]]
) -> None:
    path = a_file(server)
    server.script(path, lambda request: faults.get(request.number))
    patient = replace(LIMITS, attempts=6, backoff=0.001)  # more attempts than faults
    with opened(server, path, patient) as source:
        assert source.read_many(ranges) == [DATA[start : start + number] for start, number in ranges]
        for start, number in ranges:
            assert source.read(start, number) == DATA[start : start + number]
    del server.files[path]


def test_many_threads_read_one_source(server: FaultServer, path: str) -> None:
    server.script(path, lambda request: PASSING[request.number % 10] if request.number % 3 == 0 else None)
    places = [(number * 7919 % 350_000, 20_000) for number in range(40)]
    with opened(server, path, replace(LIMITS, attempts=20)) as source, ThreadPoolExecutor(8) as pool:
        blocks = list(pool.map(lambda place: source.read(*place), places))
    assert blocks == [DATA[start : start + number] for start, number in places]


@pytest.mark.parametrize("fault", [None, Fault("reset"), Fault("truncated"), Fault("status")], ids=named)
def test_the_body_of_a_server_without_ranges(server: FaultServer, fault: Fault | None) -> None:
    path = a_file(server, DATA * 8)
    server.script(path, lambda request: fault if fault and request.number == 2 else Fault("whole"))
    with opened(server, path) as source:
        assert not source.ranges
        assert b"".join(source.body()) == DATA * 8
        assert source.transfer.retries == (1 if fault else 0)


def test_a_body_that_begins_otherwise_the_second_time(server: FaultServer) -> None:
    path = a_file(server, DATA * 8)

    def script(request: Request) -> Fault:
        if request.number == 3:
            server.files[path] = DATA[::-1] * 8
        return Fault("truncated") if request.number == 2 else Fault("whole")

    server.script(path, script)
    with opened(server, path) as source:
        given = bytearray()
        with pytest.raises(FileChangedError, match="begins otherwise"):
            given.extend(byte for block in source.body() for byte in block)
        assert bytes(given) == (DATA * 8)[: len(given)]


def test_a_body_that_never_ends_well(server: FaultServer, path: str) -> None:
    server.script(path, lambda request: Fault("whole") if request.number == 1 else Fault("status"))
    with opened(server, path) as source, pytest.raises(UnavailableError, match="3 attempts"):
        list(source.body())


def test_the_next_address_is_asked_and_kept(server: FaultServer, path: str) -> None:
    with FaultServer({path: DATA}) as other:
        network = replace(LIMITS, mirrors=((server.base, other.base),))
        server.script(path, always(Fault("status"), since=2))
        with opened(server, path, network) as source:
            assert source.read(100_000, 50) == DATA[100_000:100_050]
            asked = len(server.requests(path))
            assert asked == 1 + LIMITS.attempts
            assert source.read(200_000, 50) == DATA[200_000:200_050]
            assert len(server.requests(path)) == asked
            other.script(path, always(Fault("status", 404)))  # and back again
            server.script(path, None)
            assert source.read(300_000, 50) == DATA[300_000:300_050]


@pytest.mark.parametrize(
    "fault", [Fault("status", 404), Fault("status", 403), Fault("resized"), Fault("encoded")], ids=named
)
def test_what_is_permanent_at_one_address_is_not_asked_again(
    server: FaultServer, path: str, fault: Fault
) -> None:
    server.script(path, always(fault))
    with FaultServer({path: DATA}) as other:
        network = replace(LIMITS, mirrors=((server.base, other.base),))
        with opened(server, path, network, size=len(DATA)) as source:
            assert source.read(0, len(DATA)) == DATA
        assert len(server.requests(path)) == 1


def test_an_address_with_ranges_is_preferred(server: FaultServer, path: str) -> None:
    server.script(path, always(Fault("whole")))
    with FaultServer({path: DATA}) as other:
        with opened(server, path, replace(LIMITS, mirrors=((server.base, other.base),))) as source:
            assert source.ranges
            assert source.read(100_000, 50) == DATA[100_000:100_050]
        other.script(path, always(Fault("whole")))
        with opened(server, path, replace(LIMITS, mirrors=((server.base, other.base),))) as source:
            assert not source.ranges
            assert b"".join(source.body()) == DATA


def test_another_file_at_the_mirror_is_not_mixed_in(server: FaultServer, path: str) -> None:
    server.script(path, always(Fault("status"), since=2))
    with FaultServer({path: DATA[::-1]}) as other:
        network = replace(LIMITS, mirrors=((server.base, other.base),))
        with (
            opened(server, path, network) as source,
            pytest.raises(UnavailableError, match="begins otherwise"),
        ):
            source.read(100_000, 50)


def test_all_addresses_are_named(server: FaultServer, path: str) -> None:
    dead = f"http://127.0.0.1:{free_port()}"
    network = replace(LIMITS, mirrors=((server.base, f"{dead}/a"), (server.base, f"{server.base}/absent")))
    server.script(path, always(Fault("status", 500)))
    with pytest.raises(UnavailableError) as caught:
        open_source(f"{server.url(path)}?key=secret", size=None, prefixes=(server.base,), network=network)
    words = str(caught.value)
    assert f"{server.url(path)} (3 attempts): the server failed (HTTP 500)" in words
    assert f"{dead}/a{path} (3 attempts): nothing answers there" in words
    assert f"{server.base}/absent{path} (1 attempt): there is no such file" in words
    assert "secret" not in words


def test_a_file_that_is_absent_everywhere(server: FaultServer) -> None:
    network = replace(LIMITS, mirrors=((server.base, f"{server.base}/absent"),))
    with pytest.raises(UnreadableError, match=r"no such file.*no such file"):
        opened(server, "/nothing", network)


def test_a_server_that_asks_to_wait(server: FaultServer, path: str) -> None:
    server.script(path, once(Fault("status", 429, (("Retry-After", "1"),)), at=1))
    start = time.monotonic()
    with opened(server, path) as source:
        assert source.size == len(DATA)
    assert 1.0 <= time.monotonic() - start < 3.0
    server.script(path, always(Fault("status", 503, (("Retry-After", "3600"),))))
    start = time.monotonic()
    with pytest.raises(UnavailableError, match="asks to wait 3600 s"):
        opened(server, path)
    assert time.monotonic() - start < 1.0


def test_no_read_takes_longer_than_allowed(server: FaultServer, path: str) -> None:
    server.script(path, always(Fault("hang"), since=2))
    with opened(server, path, replace(LIMITS, timeout=0.4, attempts=100, longest=1.0)) as source:
        start = time.monotonic()
        with pytest.raises(UnavailableError):
            source.read(100_000, 50)
        assert time.monotonic() - start < 1.8


def test_a_silent_address_leaves_time_for_the_next(server: FaultServer, path: str) -> None:
    server.script(path, always(Fault("hang"), since=2))
    with FaultServer({path: DATA}) as other:
        network = replace(HASTY, attempts=1000, longest=3.0, mirrors=((server.base, other.base),))
        with opened(server, path, network) as source:
            assert source.read(100_000, 50) == DATA[100_000:100_050]


def test_who_was_unwell_can_be_well_again() -> None:
    unwell = Unwell()
    both = ("http://a/f", "http://b/f")
    unwell.failed("http://a/g")
    assert unwell.last(both) == ("http://b/f", "http://a/f")
    unwell.worked("http://a/h")
    assert unwell.last(both) == both


def test_closing_ends_a_read_that_waits(server: FaultServer, path: str) -> None:
    asked = threading.Event()

    def script(request: Request) -> Fault | None:
        if request.number == 1:
            return None
        asked.set()
        return Fault("status")

    server.script(path, script)
    source = opened(server, path, replace(LIMITS, backoff=60.0, longest=600.0))
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(source.read, 100_000, 50)
        assert asked.wait(10)
        source.close()
        with pytest.raises(UnavailableError, match="closed"):
            reading.result(10)
    with pytest.raises(UnavailableError, match="closed"):
        source.read(100_000, 50)


def test_a_host_that_failed_is_asked_last(server: FaultServer, path: str) -> None:
    dead = f"http://127.0.0.1:{free_port()}"
    network = replace(LIMITS, mirrors=((dead, server.base),))
    for retries in (LIMITS.attempts - 1, 0):
        with open_source(dead + path, size=None, prefixes=(dead,), network=network) as source:
            assert source.read(0, len(DATA)) == DATA
            assert source.transfer.retries == retries


def test_no_more_requests_at_once_than_allowed(server: FaultServer, path: str) -> None:
    holds = [Hold(), Hold()]
    server.script(
        path,
        lambda request: Fault("hold", hold=holds[request.number - 2]) if request.number in {2, 3} else None,
    )
    with (
        opened(server, path, replace(LIMITS, connections=2, timeout=5.0)) as source,
        ThreadPoolExecutor(6) as pool,
    ):
        reads = [pool.submit(source.read, 40_000 * number, 1000) for number in range(1, 7)]
        assert all(hold.reached.wait(10) for hold in holds)
        threading.Event().wait(0.2)  # time for a third, if there were one
        assert len(server.requests(path)) == 3
        for hold in holds:
            hold.release.set()
        assert [one.result(10) for one in reads] == [
            DATA[40_000 * n : 40_000 * n + 1000] for n in range(1, 7)
        ]


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/a", "/etc/passwd", "file:///etc/passwd", "ftp://h/a"])
def test_only_permitted_addresses_are_opened(url: str) -> None:
    with pytest.raises(AddressError):
        open_source(url, size=None, prefixes=("http://127.0.0.1:9/ab",), network=LIMITS)


def test_without_the_xrootd_client(server: FaultServer, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "has_xrootd", lambda: False)
    place = "root://data.example//eos"
    with pytest.raises(MissingExtraError, match="xrootd"):
        open_source(place + path, size=None, prefixes=(place,), network=LIMITS)
    network = replace(LIMITS, mirrors=((place, server.base),))
    with open_source(place + path, size=None, prefixes=(place,), network=network) as source:
        assert source.read(0, len(DATA)) == DATA
        assert source.name == place + path


def test_what_a_server_that_lies_can_do(server: FaultServer, path: str) -> None:
    """Bytes that are wrong but well told are for checksums and ROOT's own checks to find."""
    server.script(path, always(Fault("flipped"), since=2))
    with opened(server, path) as source:
        wrong = source.read(100_000, 1000)
    assert len(wrong) == 1000
    assert sum(a != b for a, b in zip(wrong, DATA[100_000:101_000], strict=True)) == 1
