"""Fetching into the cache: verified, resumed, once; what is wrong is discarded and told."""

from __future__ import annotations

import errno
import os
import stat
import threading
import uuid
from pathlib import Path

import pytest

from femtobarn.base.errors import (
    ChecksumError,
    DamagedError,
    FileChangedError,
    TransientDataError,
    UnavailableError,
    UnreadableError,
    UnwritableError,
)
from femtobarn.data.storage import Cache, RemoteFile, Transfer, download, entries, keep, local, patience
from femtobarn.data.storage.locks import locked

from .sources import MIRROR, ROUTE, URL, Servers, bytes_of, inside, leftovers, root_bytes, serve, wanted

CONTENT = bytes_of(3500)
LABEL = uuid.UUID("a4484f1a-0ecd-11ea-953f-3b6eb8bcbeef")


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Servers:
    made = serve(monkeypatch)
    made.put(URL, CONTENT)
    return made


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", limit_bytes=10_000)


def breaks_at(offset: int, *, times: int = 1, error: Exception | None = None):
    """Fail ``times`` times when the bytes at ``offset`` are read."""
    left = [times]

    def answer(start: int, block: bytes) -> bytes:
        if start == offset and left[0]:
            left[0] -= 1
            raise error or UnavailableError("the server is gone")
        return block

    return answer


def spoils(start: int, block: bytes) -> bytes:
    return block[:-1] + bytes([block[-1] ^ 1])


def test_a_fetch_that_is_killed_before_the_rename_leaves_what_can_be_continued(
    cache: Cache, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(keep, "identify", killed)
        with pytest.raises(KeyboardInterrupt):
            cache.fetch(wanted(CONTENT), ROUTE)
    (partial,) = (p for p in (cache.folder / "partial").iterdir() if p.stat().st_size == len(CONTENT))
    assert partial.stat().st_mode & stat.S_IWUSR
    path = cache.fetch(wanted(CONTENT), ROUTE)
    assert path.read_bytes() == CONTENT
    assert stat.S_IMODE(path.stat().st_mode) == 0o444


def test_a_file_is_fetched_once_and_kept_under_its_name(cache: Cache, servers: Servers) -> None:
    told: list[tuple[int, int]] = []
    transfer = Transfer()
    path = cache.fetch(wanted(CONTENT), ROUTE, progress=lambda *p: told.append(p), transfer=transfer)
    assert (path.name, path.read_bytes()) == ("file.root", CONTENT)
    assert told == [(1000, 3500), (2000, 3500), (3000, 3500), (3500, 3500)]
    assert (transfer.bytes, transfer.requests) == (3500, 4)
    assert cache.find(wanted(CONTENT).identity, len(CONTENT), "https://elsewhere.example/x") == path
    assert cache.fetch(wanted(CONTENT), ROUTE) == path
    assert servers.opened == [URL]
    assert leftovers(cache) == []
    (entry,) = cache.entries()
    assert (entry.info.url, entry.info.adler32) == (URL, wanted(CONTENT).identity[-8:])
    assert cache.verify(entry)


def test_the_folder_is_private_and_its_files_are_not_changed_by_mistake(
    cache: Cache, servers: Servers
) -> None:
    path = cache.fetch(wanted(CONTENT), ROUTE)
    assert stat.S_IMODE(cache.folder.stat().st_mode) == 0o700
    assert not path.stat().st_mode & 0o222


def test_no_secret_of_an_address_is_stored(cache: Cache, servers: Servers) -> None:
    url = "https://ann:secret@one.example/data/file.root?token=secret"
    servers.put(url, CONTENT)
    path = cache.fetch(RemoteFile(url, "file.root", 3500, wanted(CONTENT).identity), ROUTE)
    assert b"secret" not in b"".join(p.read_bytes() for p in path.parent.iterdir())


def test_editions_of_one_name_lie_side_by_side(cache: Cache, servers: Servers) -> None:
    old, new = cache.fetch(wanted(CONTENT), ROUTE), bytes_of(3500, seed=1)
    servers.put(URL, new)
    second = cache.fetch(wanted(new), ROUTE)
    assert (old.read_bytes(), second.read_bytes()) == (CONTENT, new)
    assert old.name == second.name


def test_a_hostile_name_stays_inside(cache: Cache, servers: Servers) -> None:
    for name in ("../../up", "/etc/passwd", ".hidden", "", "entry.json", "a\nb", "x" * 1000):
        content = bytes_of(100, seed=len(name) + 7)
        servers.put(URL, content)
        path = cache.fetch(wanted(content, name=name), ROUTE)
        assert path.parent.parent == cache.folder / "files"
        assert cache.find(wanted(content).identity, 100, URL) == path


def test_an_interrupted_fetch_is_resumed(cache: Cache, servers: Servers) -> None:
    servers.put(URL, CONTENT, answer=breaks_at(2000))
    with pytest.raises(UnavailableError):
        cache.fetch(wanted(CONTENT), ROUTE)
    (part,) = cache.unfinished()
    assert (part.name, part.url, part.size, part.done) == ("file.root", URL, 3500, 2000)
    assert not cache.active(part)
    servers.reads.clear()
    assert cache.fetch(wanted(CONTENT), ROUTE).read_bytes() == CONTENT
    assert [offset for _, offset, _ in servers.reads] == [2000, 3000]
    assert leftovers(cache) == []


@pytest.mark.parametrize("damage", [b"x" * 2000, b"x" * 5000])
def test_a_useless_part_is_discarded(cache: Cache, servers: Servers, damage: bytes) -> None:
    servers.put(URL, CONTENT, answer=breaks_at(2000))
    with pytest.raises(UnavailableError):
        cache.fetch(wanted(CONTENT), ROUTE)
    (part,) = cache.unfinished()
    part.path.write_bytes(damage)
    assert cache.fetch(wanted(CONTENT), ROUTE).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("before", "after", "offsets"),
    [('"1"', '"1"', [2000, 3000]), ('"1"', '"2"', [0, 1000, 2000, 3000]), ("", "", [0, 1000, 2000, 3000])],
)
def test_without_a_checksum_only_the_same_version_is_resumed(
    cache: Cache, servers: Servers, before: str, after: str, offsets: list[int]
) -> None:
    content = root_bytes(3500, LABEL)
    file = RemoteFile(URL, "file.root", 3500, f"uuid:{LABEL}")
    servers.put(URL, content, validator=before, answer=breaks_at(2000))
    with pytest.raises(UnavailableError):
        cache.fetch(file, ROUTE)
    servers.reads.clear()
    servers.put(URL, content, validator=after)
    assert cache.fetch(file, ROUTE).read_bytes() == content
    assert [offset for _, offset, _ in servers.reads] == offsets


def test_a_file_known_by_its_identifier_is_found_again(cache: Cache, servers: Servers) -> None:
    content = root_bytes(3500, LABEL)
    servers.put(URL, content)
    path = cache.fetch(RemoteFile(URL, "file.root", 3500, f"uuid:{LABEL}"), ROUTE)
    assert cache.find(f"uuid:{LABEL}", 3500, f"{URL}?token=1") == path
    assert cache.find(f"uuid:{uuid.UUID(int=1)}", 3500, URL) is None


def test_another_file_behind_the_same_address(cache: Cache, servers: Servers) -> None:
    servers.put(URL, root_bytes(3500, uuid.UUID(int=1)))
    with pytest.raises(FileChangedError, match="identifier"):
        cache.fetch(RemoteFile(URL, "file.root", 3500, f"uuid:{LABEL}"), ROUTE)
    servers.put(URL, root_bytes(3500, LABEL, end=4000))
    with pytest.raises(DamagedError, match="truncated"):
        cache.fetch(RemoteFile(URL, "file.root", 3500, f"uuid:{LABEL}"), ROUTE)
    assert (leftovers(cache), cache.entries()) == ([], ())


def test_wrong_bytes_are_fetched_once_more_and_then_refused(cache: Cache, servers: Servers) -> None:
    servers.put(URL, CONTENT, answer=spoils)
    servers.put(MIRROR, CONTENT, answer=spoils)
    file = wanted(CONTENT)
    with pytest.raises(ChecksumError) as error:
        cache.fetch(file, ROUTE)
    assert servers.opened == [URL, MIRROR]
    words = str(error.value)
    assert f"expected the checksum {file.identity}" in words
    assert "what came has adler32:" in words
    assert (leftovers(cache), cache.entries()) == ([], ())


def test_wrong_bytes_of_one_address_are_right_at_another(cache: Cache, servers: Servers) -> None:
    servers.put(URL, CONTENT, answer=spoils)
    servers.put(MIRROR, CONTENT)
    assert cache.fetch(wanted(CONTENT), ROUTE).read_bytes() == CONTENT


@pytest.mark.parametrize("error", [UnreadableError("no such file"), UnavailableError("gone")])
def test_a_failure_at_the_start_leaves_nothing(cache: Cache, servers: Servers, error: Exception) -> None:
    servers.put(URL, CONTENT, answer=breaks_at(0, error=error))
    with pytest.raises(type(error)):
        cache.fetch(wanted(CONTENT), ROUTE)
    del servers.files[URL]
    with pytest.raises(UnreadableError):
        cache.fetch(wanted(CONTENT), ROUTE)
    assert leftovers(cache) == []


def test_another_size_than_planned(cache: Cache, servers: Servers) -> None:
    servers.put(URL, CONTENT[:-1])
    with pytest.raises(FileChangedError):
        cache.fetch(wanted(CONTENT), ROUTE)
    assert leftovers(cache) == []


def test_a_server_without_ranges(cache: Cache, servers: Servers) -> None:
    servers.put(URL, CONTENT, ranges=False, answer=breaks_at(2000))
    with pytest.raises(UnavailableError):
        cache.fetch(wanted(CONTENT), ROUTE)
    assert cache.fetch(wanted(CONTENT), ROUTE).read_bytes() == CONTENT


def test_a_server_that_sends_without_end(cache: Cache, servers: Servers) -> None:
    servers.put(URL, CONTENT, ranges=False, answer=lambda _, block: block * 100)
    with pytest.raises(ChecksumError, match="sends more"):
        cache.fetch(wanted(CONTENT), ROUTE)
    assert leftovers(cache) == []


def test_an_empty_file(cache: Cache, servers: Servers) -> None:
    servers.put(URL, b"")
    assert cache.fetch(wanted(b""), ROUTE).read_bytes() == b""


def test_a_disk_that_fills_up_keeps_nothing(
    cache: Cache, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        cache.remember(wanted(CONTENT))
        (cache.folder / "partial" / "x").touch()
        patch.setattr(download.os, "fsync", full)
        with pytest.raises(UnwritableError, match="No space left"):
            cache.fetch(wanted(CONTENT), ROUTE)
    assert leftovers(cache) == ["x"]
    assert cache.fetch(wanted(CONTENT), ROUTE).read_bytes() == CONTENT


def test_a_damaged_copy_is_noticed_and_fetched_again(cache: Cache, servers: Servers) -> None:
    path = cache.fetch(wanted(CONTENT), ROUTE)
    (entry,) = cache.entries()
    path.chmod(0o600)
    path.write_bytes(CONTENT[:-1] + b"!")
    assert not cache.verify(entry)
    assert cache.find(wanted(CONTENT).identity, 3500, URL) is None
    with cache.use(wanted(CONTENT), ROUTE) as again:
        assert again.read_bytes() == CONTENT


@pytest.mark.parametrize("offset", [0, 3_000_000 - 1])
def test_damage_of_a_large_copy(
    cache: Cache, servers: Servers, monkeypatch: pytest.MonkeyPatch, offset: int
) -> None:
    for module in (local, entries):
        monkeypatch.setattr(module, "WHOLE_LIMIT", 100)
    monkeypatch.setattr(download, "BLOCK", 1 << 20)
    content = bytes_of(3_000_000)
    servers.put(URL, content)
    large = Cache(cache.folder, limit_bytes=10_000_000)
    path = large.fetch(wanted(content), ROUTE)
    assert large.find(wanted(content).identity, 3_000_000, URL) == path
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"!")
    assert large.find(wanted(content).identity, 3_000_000, URL) is None
    assert large.fetch(wanted(content), ROUTE).read_bytes() == content


def test_a_crash_before_the_last_step_loses_nothing(
    cache: Cache, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(self: Path, target: Path) -> Path:
        if target.name == "file.root":
            raise KeyboardInterrupt
        return replace(self, target)

    replace = Path.replace
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", dies)
        with pytest.raises(KeyboardInterrupt):
            cache.fetch(wanted(CONTENT), ROUTE)
    assert cache.entries() == ()
    servers.reads.clear()
    assert cache.fetch(wanted(CONTENT), ROUTE).read_bytes() == CONTENT
    assert (servers.reads, leftovers(cache)) == ([], [])


@pytest.mark.parametrize("text", ["", "{", '{"name": 1}', "[]", '{"name": "../x"}'])
def test_a_spoilt_entry_is_no_entry(cache: Cache, servers: Servers, text: str) -> None:
    path = cache.fetch(wanted(CONTENT), ROUTE)
    (path.parent / "entry.json").write_text(text)
    assert cache.entries() == ()
    assert cache.fetch(wanted(CONTENT), ROUTE).read_bytes() == CONTENT


def test_who_waits_sees_the_progress_of_who_fetches(
    cache: Cache, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def held(start: int, block: bytes) -> bytes:
        if start == 2000:
            reached.set()
            assert go_on.wait(20)
        return block

    servers.put(URL, CONTENT, answer=held)
    first = threading.Thread(target=cache.fetch, args=(wanted(CONTENT), ROUTE))
    first.start()
    assert reached.wait(20)
    (part,) = cache.unfinished()
    assert cache.active(part)
    assert cache.clear().in_use == 1
    told: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        told.append((done, total))
        go_on.set()

    path = cache.fetch(wanted(CONTENT), ROUTE, progress=progress)
    first.join()
    assert path.read_bytes() == CONTENT
    assert told[0] == (2000, 3500)
    assert servers.opened == [URL]


def test_a_stopped_process_is_not_waited_for(
    cache: Cache, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "STALLED_SECONDS", 0.02)
    cache.remember(wanted(CONTENT))
    (key,) = inside(cache.folder / "visits")
    with locked(cache.folder / "locks" / key), pytest.raises(TransientDataError, match="nothing has moved"):
        cache.fetch(wanted(CONTENT), ROUTE)


def test_a_place_where_nothing_can_be_written(tmp_path: Path, servers: Servers) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UnwritableError, match="FEMTOBARN_CACHE"):
            Cache(folder, limit_bytes=10_000).fetch(wanted(CONTENT), ROUTE)


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770, 0o702])
def test_a_folder_in_which_others_may_write_is_refused(tmp_path: Path, servers: Servers, mode: int) -> None:
    tmp_path.chmod(mode)
    with pytest.raises(UnwritableError, match="writable by others"):
        Cache(tmp_path, limit_bytes=10_000).fetch(wanted(CONTENT), ROUTE)
    tmp_path.chmod(0o755)
    assert Cache(tmp_path, limit_bytes=10_000).fetch(wanted(CONTENT), ROUTE).exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_else_is_refused(tmp_path: Path, servers: Servers) -> None:
    os.chown(tmp_path, 65534, 65534)
    with pytest.raises(UnwritableError, match="belongs to another user"):
        Cache(tmp_path, limit_bytes=10_000).fetch(wanted(CONTENT), ROUTE)
