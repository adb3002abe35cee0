"""The cache and the real XRootD server: by root://, with its faults, and by its other protocol."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from femtobarn.base.errors import ChecksumError, UnavailableError, UnreadableError
from femtobarn.data.storage import Cache, Network, RemoteFile, Route, Transfer, download

from .servers_xrootd import XRootDServer
from .sources import bytes_of, leftovers

pytestmark = pytest.mark.services

BLOCK = 500_000
CONTENT = bytes_of(3_000_000)
IDENTITY = f"adler32:{zlib.adler32(CONTENT):08x}"
NETWORK = Network(timeout=2.0, attempts=2, backoff=0.05, longest=12.0)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[XRootDServer]:
    monkeypatch.setattr(download, "BLOCK", BLOCK)
    with XRootDServer(tmp_path / "server") as running:
        running.put("file.root", CONTENT)
        yield running
        running.resume()


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", limit_bytes=10**8)


def file(server: XRootDServer) -> RemoteFile:
    return RemoteFile(server.root("file.root"), "file.root", len(CONTENT), IDENTITY)


def route(server: XRootDServer) -> Route:
    return Route((server.root(""),), NETWORK)


def test_a_fetch_by_root(server: XRootDServer, cache: Cache) -> None:
    transfer = Transfer()
    path = cache.fetch(file(server), route(server), transfer=transfer)
    assert path.read_bytes() == CONTENT
    assert transfer.bytes >= len(CONTENT)
    assert leftovers(cache) == []


def test_an_absent_file(server: XRootDServer, cache: Cache) -> None:
    absent = RemoteFile(server.root("absent.root"), "absent.root", 5, IDENTITY)
    with pytest.raises(UnreadableError, match="no such file"):
        cache.fetch(absent, route(server))
    assert leftovers(cache) == []


def test_damaged_bytes_on_the_server(server: XRootDServer, cache: Cache) -> None:
    server.put("file.root", CONTENT[:-1] + b"!")
    with pytest.raises(ChecksumError, match=IDENTITY):
        cache.fetch(file(server), route(server))
    assert leftovers(cache) == []


def test_a_server_that_dies_in_mid_fetch(server: XRootDServer, cache: Cache) -> None:
    def dies(done: int, total: int) -> None:
        if done == 2 * BLOCK:
            server.kill()

    with pytest.raises(UnavailableError):
        cache.fetch(file(server), route(server), progress=dies)
    (part,) = cache.unfinished()
    assert part.done == 2 * BLOCK
    server.start()
    transfer = Transfer()
    assert cache.fetch(file(server), route(server), transfer=transfer).read_bytes() == CONTENT
    assert transfer.bytes < len(CONTENT)
    assert leftovers(cache) == []


def test_a_server_that_is_stopped_in_mid_fetch(server: XRootDServer, cache: Cache) -> None:
    def stops(done: int, total: int) -> None:
        if done == 2 * BLOCK:
            server.pause()

    with pytest.raises(UnavailableError):
        cache.fetch(file(server), route(server), progress=stops)
    server.resume()
    assert cache.fetch(file(server), route(server)).read_bytes() == CONTENT


def test_the_other_protocol_takes_over(server: XRootDServer, cache: Cache) -> None:
    broken = "root://127.0.0.1:9//data/file.root"
    network = replace(NETWORK, mirrors=(("root://127.0.0.1:9//data/", server.http("")),))
    path = cache.fetch(RemoteFile(broken, "file.root", len(CONTENT), IDENTITY), Route((broken,), network))
    assert path.read_bytes() == CONTENT
