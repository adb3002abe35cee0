"""Fetching into a folder of the user's choice."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from femtobarn.base.errors import ChecksumError, UnavailableError, UnwritableError
from femtobarn.data.storage import Cache, RemoteFile, fetch_to, room

from .sources import MIRROR, ROUTE, URL, Servers, bytes_of, disk_with, inside, root_bytes, serve, wanted

CONTENT = bytes_of(3500)
LABEL = uuid.UUID("a4484f1a-0ecd-11ea-953f-3b6eb8bcbeef")


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Servers:
    made = serve(monkeypatch)
    made.put(URL, CONTENT)
    return made


def test_a_file_comes_verified_and_once(tmp_path: Path, servers: Servers) -> None:
    folder = tmp_path / "a" / "b"
    told: list[int] = []
    for _ in range(2):
        path = fetch_to(folder, wanted(CONTENT), ROUTE, progress=lambda done, _: told.append(done))
    assert (inside(folder), path.read_bytes()) == (["file.root"], CONTENT)
    assert servers.opened == [URL]
    assert told[-1] == 3500


def test_it_is_copied_from_the_cache(tmp_path: Path, servers: Servers) -> None:
    cache = Cache(tmp_path / "cache", limit_bytes=10_000)
    cache.fetch(wanted(CONTENT), ROUTE)
    servers.opened.clear()
    path = fetch_to(tmp_path / "out", wanted(CONTENT), ROUTE, cache=cache)
    assert (path.read_bytes(), servers.opened, inside(path.parent)) == (CONTENT, [], ["file.root"])
    assert path.stat().st_mode & 0o200


def test_an_interrupted_fetch_is_resumed(tmp_path: Path, servers: Servers) -> None:
    def broken(start: int, block: bytes) -> bytes:
        if start == 2000:
            raise UnavailableError("gone")
        return block

    servers.put(URL, CONTENT, answer=broken)
    with pytest.raises(UnavailableError):
        fetch_to(tmp_path, wanted(CONTENT), ROUTE)
    assert inside(tmp_path) == [".file.root.part", ".file.root.part.json"]
    servers.put(URL, CONTENT)
    servers.reads.clear()
    assert fetch_to(tmp_path, wanted(CONTENT), ROUTE).read_bytes() == CONTENT
    assert [offset for _, offset, _ in servers.reads] == [2000, 3000]
    assert inside(tmp_path) == ["file.root"]


def test_a_file_of_this_name_is_never_overwritten(tmp_path: Path, servers: Servers) -> None:
    path = tmp_path / "file.root"
    for content in (b"mine", root_bytes(4000, LABEL)):
        path.write_bytes(content)
        with pytest.raises(UnwritableError, match="a file is there"):
            fetch_to(tmp_path, wanted(CONTENT), ROUTE)
        assert (path.read_bytes(), inside(tmp_path)) == (content, ["file.root"])
    path.unlink()
    path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(UnwritableError):
        fetch_to(tmp_path, wanted(CONTENT), ROUTE)
    assert servers.opened == []


def test_a_file_known_by_its_identifier(tmp_path: Path, servers: Servers) -> None:
    content = root_bytes(3500, LABEL)
    servers.put(URL, content)
    file = RemoteFile(URL, "file.root", 3500, f"uuid:{LABEL}")
    for _ in range(2):
        assert fetch_to(tmp_path, file, ROUTE).read_bytes() == content
    assert servers.opened == [URL]
    with pytest.raises(UnwritableError):
        fetch_to(tmp_path, RemoteFile(URL, "file.root", 3500, f"uuid:{uuid.UUID(int=1)}"), ROUTE)


def test_a_hostile_name_stays_in_the_folder(tmp_path: Path, servers: Servers) -> None:
    path = fetch_to(tmp_path / "out", wanted(CONTENT, name="../../up.root"), ROUTE)
    assert path.parent == tmp_path / "out"
    assert inside(tmp_path) == ["out"]


def test_wrong_bytes_leave_nothing(tmp_path: Path, servers: Servers) -> None:
    for url in (URL, MIRROR):
        servers.put(url, CONTENT, answer=lambda _, block: bytes(len(block)))
    with pytest.raises(ChecksumError):
        fetch_to(tmp_path, wanted(CONTENT), ROUTE)
    assert inside(tmp_path) == []


def test_places_where_nothing_fits(tmp_path: Path, servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UnwritableError, match="another folder"):
        fetch_to(tmp_path / "file", wanted(CONTENT), ROUTE)
    monkeypatch.setattr(room.shutil, "disk_usage", disk_with(1000))
    with pytest.raises(UnwritableError, match="1000 free"):
        fetch_to(tmp_path, wanted(CONTENT), ROUTE)
    assert (inside(tmp_path), servers.opened) == (["file"], [])
