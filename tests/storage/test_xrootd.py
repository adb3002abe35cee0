"""root:// and http of the real XRootD server."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from femtobarn.base.errors import AddressError, FileChangedError, UnavailableError, UnreadableError
from femtobarn.data.storage import relay, xrootd
from femtobarn.data.storage.attempts import Unwell
from femtobarn.data.storage.network import Network
from femtobarn.data.storage.remote import RemoteSource, open_source

from .servers import Fault, FaultServer, XRootDServer, always, certificate

pytest.importorskip("XRootD", reason="NO XROOTD CLIENT: root:// was NOT tried; install femtobarn[xrootd]")

DATA = random.Random(3).randbytes(3_000_000)
LIMITS = Network(timeout=1.0, attempts=3, backoff=0.05, longest=15.0)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[XRootDServer]:
    with XRootDServer(tmp_path_factory.mktemp("xrootd")) as running:
        for name, content in (("f", DATA), ("tiny", b"abc"), ("empty", b"")):
            running.put(name, content)
        yield running


@pytest.fixture
def own(tmp_path: Path) -> Iterator[XRootDServer]:
    """A server that a test may stop."""
    with XRootDServer(tmp_path / "own") as running:
        running.put("f", DATA)
        yield running


@pytest.fixture(autouse=True)
def no_memory_of_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "unwell", Unwell())


def opened(
    server: XRootDServer, url: str, network: Network = LIMITS, size: int | None = None
) -> RemoteSource:
    return open_source(url, size=size, prefixes=(server.root(""), server.http("")), network=network)


@pytest.mark.parametrize("protocol", ["root", "http"])
@pytest.mark.parametrize(("name", "content"), [("f", DATA), ("tiny", b"abc"), ("empty", b"")])
def test_files_are_read_right(server: XRootDServer, protocol: str, name: str, content: bytes) -> None:
    url = server.root(name) if protocol == "root" else server.http(name)
    for size in (None, len(content)):
        with opened(server, url, size=size) as source:
            assert source.size == len(content)
            assert source.ranges
            assert b"".join(source.body()) == content
            wanted = [(2_000_000, 1000), (0, 5), (2_999_990, 100), (100_000, 200_000), (9_999_999, 5)]
            assert source.read_many(wanted) == [content[start : start + number] for start, number in wanted]
            assert source.transfer.retries == 0


@pytest.mark.parametrize("protocol", ["root", "http"])
def test_what_is_not_there(server: XRootDServer, protocol: str) -> None:
    place = server.root if protocol == "root" else server.http
    with pytest.raises(UnreadableError, match=r"1 attempt.*no such file"):
        opened(server, place("nothing"))
    with pytest.raises(FileChangedError, match="3000000 bytes there, not 5"):
        opened(server, place("f"), size=5)


def test_what_is_no_file_or_not_given(server: XRootDServer) -> None:
    with pytest.raises(UnreadableError, match="folder"):
        opened(server, server.root("").rstrip("/"))
    outside = server.root("").replace("//data/", "//etc/passwd")
    with pytest.raises(AddressError):
        opened(server, outside)
    with pytest.raises(UnreadableError, match="denied"):
        open_source(outside, size=None, prefixes=(outside,), network=LIMITS)


def test_the_time_of_the_last_change_is_the_version(server: XRootDServer) -> None:
    server.put("dated", b"x" * 50_000)
    os.utime(server.files / "dated", (1_000_000_000, 1_000_000_000))
    with opened(server, server.root("dated")) as source:
        assert source.validator == "1000000000"


def test_the_client_waits_as_long_as_was_said(server: XRootDServer) -> None:
    with opened(server, server.root("tiny")):
        assert os.environ["XRD_TIMEOUTRESOLUTION"] == "1"
        assert int(os.environ["XRD_CONNECTIONWINDOW"]) >= 1
        assert os.environ["XRD_METALINKPROCESSING"] == "0"


def test_a_metalink_is_a_file_like_others(server: XRootDServer) -> None:
    text = (
        b'<?xml version="1.0"?><metalink xmlns="urn:ietf:params:xml:ns:metalink"><file name="passwd">'
        b"<url>file:///etc/passwd</url></file></metalink>"
    )
    server.put("list.meta4", text)
    with opened(server, server.root("list.meta4")) as source:
        assert source.read(0, 1000) == text


ENCRYPTED = """
import sys
from pathlib import Path
from femtobarn.data.storage.network import Network
from femtobarn.data.storage.remote import open_source
url, trusted = sys.argv[1:]
network = Network(timeout=5.0, attempts=2, longest=15.0, ca_file=Path(trusted) if trusted else None)
with open_source(url, size=None, prefixes=(url,), network=network) as source:
    sys.stdout.buffer.write(source.read(1_000_000, 1000))
"""


@pytest.mark.services
def test_encrypted_reading(tmp_path: Path) -> None:
    """In processes of their own: the client takes its certificates once, when it is loaded."""
    files = certificate(tmp_path)
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("X509_", "XRD_"))}
    with XRootDServer(tmp_path / "tls", tls=files) as server:
        url = server.put("f", DATA).replace("root://", "roots://")
        for trusted, right in ((str(files[0]), True), ("", False)):
            done = subprocess.run(
                [sys.executable, "-c", ENCRYPTED, url, trusted],
                env=plain,
                capture_output=True,
                timeout=60,
                check=False,
            )
            if right:
                assert done.stdout == DATA[1_000_000:1_001_000], done.stderr.decode()
            else:
                assert b"no encrypted connection" in done.stderr
                assert not done.stdout


def test_a_redirect_to_a_private_address_is_refused(server: XRootDServer, tmp_path: Path) -> None:
    """A real redirector: it sends whoever opens a file to the other server."""
    extra = f"xrootd.redirect 127.0.0.1:{server.port} /data\n"
    with XRootDServer(tmp_path / "redirector", extra=extra) as redirector:
        url = redirector.root("f")
        with pytest.raises(AddressError, match="private address"):
            open_source(url, size=None, prefixes=(url,), network=LIMITS)
        with open_source(url, size=None, prefixes=(url, server.root("")), network=LIMITS) as source:
            assert source.read(1_000_000, 1000) == DATA[1_000_000:1_001_000]


def test_the_other_protocol_takes_over(server: XRootDServer) -> None:
    with FaultServer({"/data/f": DATA}) as web:
        network = replace(LIMITS, attempts=2, mirrors=((web.url("/data"), server.root("")),))
        web.script("/data/f", always(Fault("status"), since=2))
        with open_source(web.url("/data/f"), size=None, prefixes=(web.base,), network=network) as source:
            assert source.read(1_000_000, 1000) == DATA[1_000_000:1_001_000]
            assert len(web.requests("/data/f")) == 3


def test_a_server_that_is_gone_is_told_at_once(own: XRootDServer) -> None:
    with opened(own, own.root("f")) as source:
        own.kill()
        start = time.monotonic()
        with pytest.raises(UnavailableError, match=r"3 attempts.*nothing answers"):
            source.read(1_000_000, 1000)
        assert time.monotonic() - start < 3
    with pytest.raises(UnavailableError, match=r"3 attempts.*nothing answers"):
        opened(own, own.root("f"))


def test_a_server_that_is_killed_and_comes_back(own: XRootDServer) -> None:
    with opened(own, own.root("f"), replace(LIMITS, attempts=12)) as source:
        own.kill()
        with ThreadPoolExecutor(1) as pool:
            reading = pool.submit(source.read, 1_000_000, 1000)
            own.start()
            assert reading.result(20) == DATA[1_000_000:1_001_000]


def test_a_file_that_changed_while_the_server_was_gone(
    own: XRootDServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xrootd, "CHECK_EVERY", 0.0)
    with opened(own, own.root("f")) as source:
        own.kill()
        own.put("f", DATA[::-1])
        os.utime(own.files / "f", (1_000_000_000, 1_000_000_000))
        own.start()
        with pytest.raises(FileChangedError, match="changed while"):
            source.read(1_000_000, 1000)


def test_a_killed_server_has_a_mirror(own: XRootDServer) -> None:
    with FaultServer({"/data/f": DATA}) as web:
        network = replace(LIMITS, mirrors=((own.root(""), web.url("/data")),))
        with opened(own, own.root("f"), network) as source:
            assert source.read(100_000, 10) == DATA[100_000:100_010]
            assert not web.log
            own.kill()
            assert source.read(1_000_000, 1000) == DATA[1_000_000:1_001_000]


def test_many_threads_and_a_crash(own: XRootDServer) -> None:
    places = [(number * 7919 * 8 % 2_900_000, 20_000) for number in range(200)]
    half = threading.Event()
    with opened(own, own.root("f"), replace(LIMITS, attempts=40)) as source, ThreadPoolExecutor(6) as pool:

        def read(number: int) -> bytes:
            if number == 100:
                half.set()
            return source.read(*places[number])

        reads = [pool.submit(read, number) for number in range(200)]
        assert half.wait(20)
        own.kill()
        own.start()
        assert [one.result(30) for one in reads] == [DATA[start : start + number] for start, number in places]


@pytest.mark.services
def test_a_silent_server_is_given_up(own: XRootDServer) -> None:
    with opened(own, own.root("f"), replace(LIMITS, attempts=2)) as source:
        own.pause()
        start = time.monotonic()
        with pytest.raises(UnavailableError, match=r"2 attempts.*silent"):
            source.read(100_000, 2_000_000)
        assert time.monotonic() - start < 8
        own.resume()
        assert source.read(100_000, 2_000_000) == DATA[100_000:2_100_000]


@pytest.mark.services
def test_a_server_that_pauses_in_a_read(own: XRootDServer) -> None:
    with opened(own, own.root("f"), replace(LIMITS, attempts=6, longest=30.0)) as source:
        own.pause()
        timer = threading.Timer(2.5, own.resume)
        timer.start()
        assert source.read(100_000, 2_000_000) == DATA[100_000:2_100_000]
        timer.join()
