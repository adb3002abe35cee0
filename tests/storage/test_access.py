"""Opening files of a run: here, by way of the cache, or as a stream, as policy and server allow."""

from __future__ import annotations

import os
import uuid
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from femtobarn.base.errors import (
    AddressError,
    DamagedError,
    NotRootError,
    UnavailableError,
    UnreadableError,
    UnwritableError,
)
from femtobarn.base.records import Access, InputFile
from femtobarn.data.storage import Cache, FileIdentity, Opened, identify_remote, opened, visits

from .sources import NETWORK, URL, Servers, bytes_of, leftovers, root_bytes, serve, wanted

CONTENT = bytes_of(3000)
LABEL = uuid.UUID("a4484f1a-0ecd-11ea-953f-3b6eb8bcbeef")
PREFIX = ("https://one.example/data/",)


@pytest.fixture(autouse=True)
def servers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Servers:
    monkeypatch.setenv("FEMTOBARN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FEMTOBARN_CACHE_SMALL", "2000")
    monkeypatch.setenv("FEMTOBARN_CACHE_LARGEST", "5000")
    made = serve(monkeypatch)
    made.put(URL, CONTENT)
    return made


def another_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visits, "_who", lambda: "another run")


def open_it(
    content: bytes = CONTENT, policy: str = "auto", share: float | None = None, url: str = URL
) -> AbstractContextManager[Opened]:
    file = InputFile(
        name="file.root",
        url=url,
        size=len(content),
        identity=wanted(content).identity,
        kind="data",
        process="Data",
    )
    return opened(file, Access.model_validate({"policy": policy, "prefixes": PREFIX}), share=share)


def how(**more: object) -> str:
    with open_it(**more) as got:  # type: ignore[arg-type]
        return got.how


def test_a_local_file_is_opened_where_it_is(tmp_path: Path, servers: Servers) -> None:
    path = tmp_path / "file.root"
    path.write_bytes(CONTENT)
    for url in (str(path), path.as_uri()):
        file = InputFile(name="file.root", url=url, size=3000, identity="", kind="data", process="Data")
        with opened(file, Access(prefixes=(str(tmp_path),))) as got:
            assert (got.place, got.how, got.transfer.bytes) == (path, "local", 0)
        with pytest.raises(AddressError), opened(file, Access(prefixes=(*PREFIX, str(tmp_path / "data")))):
            pytest.fail("it is not permitted")
    assert not Cache.from_environment().folder.exists()


def test_what_is_not_permitted_is_not_asked_for(servers: Servers) -> None:
    for url in (
        "https://one.example/datab/x.root",
        "https://one.example/data/../x.root",
        "root://else//x.root",
    ):
        with pytest.raises(AddressError), open_it(url=url):
            pytest.fail("it is not permitted")
    assert servers.opened == []


def test_a_small_file_is_cached(servers: Servers) -> None:
    content = bytes_of(2000)
    servers.put(URL, content)
    with open_it(content) as got:
        assert (got.how, Path(str(got.place)).read_bytes()) == ("cache", content)
        assert (got.transfer.bytes, got.transfer.requests) == (2000, 2)
        assert Cache.from_environment().clear().in_use == 1
    with open_it(content) as got:
        assert (got.how, got.transfer.bytes) == ("cache", 0)


def test_a_larger_one_is_streamed_and_cached_by_the_next_run(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):  # two parts of one run
        with open_it() as got:
            assert got.how == "stream"
            assert not isinstance(got.place, Path)
            assert got.place.read(10, 20) == CONTENT[10:30]
            assert got.transfer.bytes == 20
        assert got.place.closed  # type: ignore[attr-defined]
    another_run(monkeypatch)
    assert how() == "cache"
    monkeypatch.setenv("FEMTOBARN_CACHE_LARGEST", "2999")
    assert how() == "cache"  # since it is there
    Cache.from_environment().clear()
    assert how() == "stream"


def test_two_runs_in_one_session_some_time_apart(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    assert how() == "stream"
    (mark,) = (Cache.from_environment().folder / "visits").iterdir()
    then = mark.stat().st_mtime - visits.SAME_RUN_SECONDS - 1
    os.utime(mark, (then, then))
    assert how() == "cache"


def test_who_needs_most_of_a_file_gets_all_of_it() -> None:
    assert [how(share=0.4), how(share=0.6)] == ["stream", "cache"]


def test_the_policy_decides(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEMTOBARN_CACHE_LARGEST", "1")
    assert [how(policy="cache"), how(policy="stream")] == ["cache", "stream"]
    another_run(monkeypatch)
    Cache.from_environment().clear()
    assert [how(policy="stream", share=1.0)] * 2 == ["stream", "stream"]


def test_without_room_auto_streams_and_cache_says_why(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEMTOBARN_CACHE_BYTES", "2999")
    assert how(share=1.0) == "stream"
    with pytest.raises(UnwritableError, match="FEMTOBARN_CACHE_BYTES"):
        how(policy="cache")
    assert leftovers(Cache.from_environment()) == []


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("FEMTOBARN_CACHE", str(tmp_path / "file" / "cache"))
    assert [how(), how(share=1.0)] == ["stream", "stream"]
    with pytest.raises(UnwritableError):
        how(policy="cache")


def test_a_shared_cache(tmp_path: Path, servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    assert how(policy="cache") == "cache"
    servers.opened.clear()
    monkeypatch.setenv("FEMTOBARN_SHARED_CACHE", f"{tmp_path / 'absent'}{os.pathsep}{tmp_path / 'cache'}")
    monkeypatch.setenv("FEMTOBARN_CACHE", str(tmp_path / "own"))
    assert (how(), servers.opened) == ("cache", [])


def test_a_server_that_gives_no_parts(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    servers.put(URL, CONTENT, ranges=False)
    with pytest.raises(UnavailableError, match="only the whole"):
        how(policy="stream")
    with open_it() as got:
        assert (got.how, Path(str(got.place)).read_bytes()) == ("cache", CONTENT)
    Cache.from_environment().clear()
    monkeypatch.setenv("FEMTOBARN_CACHE_LARGEST", "2999")
    with pytest.raises(UnavailableError, match="by way of the cache"):
        how()


def test_an_error_of_the_reader_is_not_taken_for_one_of_the_cache(servers: Servers) -> None:
    for policy in ("cache", "stream"):
        with pytest.raises(UnwritableError, match="of the reader"), open_it(policy=policy):
            raise UnwritableError("of the reader")
    assert len(servers.opened) == 2


def test_the_identity_of_a_remote_file(servers: Servers) -> None:
    servers.put(URL, root_bytes(3000, LABEL))
    servers.put(URL + "x", root_bytes(3000, LABEL), ranges=False)
    for url in (URL, URL + "x"):
        assert identify_remote(url, PREFIX, NETWORK) == FileIdentity(3000, f"uuid:{LABEL}")
    assert servers.reads[0][2] < 200


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", NotRootError),
        (b"<html>", NotRootError),
        (root_bytes(3000, LABEL)[:40], DamagedError),
        (root_bytes(2000, LABEL, end=3000), DamagedError),
    ],
)
def test_what_has_no_identity(servers: Servers, content: bytes, error: type[Exception]) -> None:
    for ranges in (True, False):
        servers.put(URL, content, ranges=ranges)
        with pytest.raises(error):
            identify_remote(URL, PREFIX, NETWORK)
    with pytest.raises(UnreadableError):
        identify_remote(URL + "absent", PREFIX, NETWORK)
    with pytest.raises(AddressError):
        identify_remote("https://two.example/data/x", PREFIX, NETWORK)
