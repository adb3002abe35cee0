"""Room in the cache: eviction, limits, full disks, what is shared, what is cleared."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from femtobarn.base.errors import TransientDataError, UnavailableError, UnwritableError
from femtobarn.data.storage import Cache, RemoteFile, room

from .sources import ROUTE, Servers, bytes_of, disk_with, inside, leftovers, serve, wanted

BASE = "https://one.example/data/"
DAY = 86_400.0


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Servers:
    return serve(monkeypatch)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", limit_bytes=1000)


def file(servers: Servers, name: str, size: int = 300) -> RemoteFile:
    content = bytes_of(size, seed=sum(name.encode()))
    servers.put(BASE + name, content)
    return wanted(content, BASE + name, name)


def names(cache: Cache) -> list[str]:
    return sorted(entry.info.name for entry in cache.entries())


def age(cache: Cache, name: str, days: float) -> None:
    """Make it look as if a file was last used ``days`` ago."""
    then = time.time() - days * DAY
    for entry in cache.entries():
        if entry.info.name == name:
            os.utime(entry.path.parent / "entry.json", (then, then))
    for part in cache.unfinished():
        if part.name == name:
            for path in (part.path, part.path.with_suffix(".json")):
                os.utime(path, (then, then))


def interrupted(servers: Servers, cache: Cache, name: str, size: int = 300) -> RemoteFile:
    """Leave a fetch that broke after 100 bytes."""
    wished = file(servers, name, size)
    content = servers.files[BASE + name].content

    def answer(start: int, block: bytes) -> bytes:
        if start >= 100:
            raise UnavailableError("gone")
        return block[:100]

    servers.put(BASE + name, content, answer=answer)
    with pytest.raises(UnavailableError):
        cache.fetch(wished, ROUTE)
    servers.put(BASE + name, content)
    return wished


def test_what_was_not_used_for_longest_goes_first(cache: Cache, servers: Servers) -> None:
    for name in "abc":
        cache.fetch(file(servers, name), ROUTE)
    for name, days in (("a", 3), ("b", 2), ("c", 1)):
        age(cache, name, days)
    with cache.use(file(servers, "a"), ROUTE):
        pass
    cache.fetch(file(servers, "d"), ROUTE)
    assert names(cache) == ["a", "c", "d"]
    assert [e.info.name for e in cache.entries()][-1] == "c"


def test_what_is_in_use_stays(cache: Cache, servers: Servers) -> None:
    with ExitStack() as stack:
        paths = [stack.enter_context(cache.use(file(servers, name), ROUTE)) for name in "abc"]
        with pytest.raises(UnwritableError, match="in use"):
            cache.fetch(file(servers, "d"), ROUTE)
        assert all(path.exists() for path in paths)
        assert leftovers(cache) == []
    cache.fetch(file(servers, "d"), ROUTE)
    assert len(names(cache)) == 3


def test_nothing_is_removed_in_vain(cache: Cache, servers: Servers) -> None:
    cache.fetch(file(servers, "a"), ROUTE)
    with cache.use(file(servers, "b", 600), ROUTE), pytest.raises(UnwritableError):
        cache.fetch(file(servers, "c", 500), ROUTE)
    assert names(cache) == ["a", "b"]


def test_a_file_above_the_limit_is_refused_in_words(cache: Cache, servers: Servers) -> None:
    cache.fetch(file(servers, "a"), ROUTE)
    with pytest.raises(
        UnwritableError, match=r"limit of the cache \(1000 bytes\).*1001.*FEMTOBARN_CACHE_BYTES"
    ):
        cache.fetch(file(servers, "b", 1001), ROUTE)
    assert (names(cache), leftovers(cache)) == (["a"], [])
    assert cache.fetch(file(servers, "c", 1000), ROUTE).stat().st_size == 1000
    assert names(cache) == ["c"]


def test_a_full_disk_is_told_before_the_fetch(
    cache: Cache, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.fetch(file(servers, "a"), ROUTE)
    monkeypatch.setattr(room.shutil, "disk_usage", disk_with(room.SPARE_BYTES - 301))
    servers.opened.clear()
    with pytest.raises(UnwritableError, match="free on the disk"):
        cache.fetch(file(servers, "b"), ROUTE)
    assert (servers.opened, names(cache)) == ([], ["a"])
    # with what goes for it there is room
    monkeypatch.setattr(room.shutil, "disk_usage", disk_with(room.SPARE_BYTES))
    cache.fetch(file(servers, "b"), ROUTE)
    assert names(cache) == ["b"]


def test_unfinished_files_take_room_and_go_in_their_turn(cache: Cache, servers: Servers) -> None:
    interrupted(servers, cache, "part")
    cache.fetch(file(servers, "a", 900), ROUTE)
    assert [u.name for u in cache.unfinished()] == ["part"]
    age(cache, "part", 1)
    cache.fetch(file(servers, "b", 50), ROUTE)
    assert (names(cache), leftovers(cache)) == (["a", "b"], [])


def test_what_an_interrupted_fetch_left_is_removed_after_a_week(cache: Cache, servers: Servers) -> None:
    for name in ("fresh", "stale"):
        interrupted(servers, cache, name, 200)
    (cache.folder / "partial" / ".x.json.abc.tmp").touch()
    os.utime(cache.folder / "partial" / ".x.json.abc.tmp", (0, 0))
    age(cache, "fresh", 6)
    age(cache, "stale", 8)
    cache.fetch(file(servers, "a"), ROUTE)
    assert [u.name for u in cache.unfinished()] == ["fresh"]
    assert len(leftovers(cache)) == 2


def test_half_removed_and_half_made_entries_are_cleaned_up(cache: Cache, servers: Servers) -> None:
    cache.fetch(file(servers, "a"), ROUTE).unlink()
    (cache.folder / "files" / "adler32-00000001-5").mkdir()
    cache.fetch(file(servers, "b"), ROUTE)
    assert len(inside(cache.folder / "files")) == 1


def test_clear(cache: Cache, servers: Servers) -> None:
    assert cache.clear() == type(cache.clear())()
    for name in "abc":
        cache.fetch(file(servers, name, 200), ROUTE)
    interrupted(servers, cache, "part")
    cache.remember(file(servers, "seen"))
    age(cache, "a", 3)
    assert (cache.clear(older_than=2 * DAY).files, names(cache)) == (1, ["b", "c"])
    assert cache.clear(unfinished_only=True).bytes == 100
    with cache.use(file(servers, "b", 200), ROUTE) as path:
        done = cache.clear()
        assert (done.files, done.bytes, done.in_use) == (1, 200, 1)
        assert path.exists()
    cache.clear()
    assert [inside(cache.folder / name) for name in ("files", "partial", "visits", "locks")] == [
        [],
        [],
        [],
        [".room"],
    ]


def test_forget(cache: Cache, servers: Servers) -> None:
    with cache.use(file(servers, "a"), ROUTE) as path:
        (entry,) = cache.entries()
        assert not cache.forget(entry)
        assert path.exists()
    assert cache.forget(entry)
    assert not path.exists()


def test_a_file_that_others_keep_evicting(
    cache: Cache, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch = cache.fetch
    count = []

    def evicted(*args: object, **more: object) -> Path:
        path = fetch(*args, **more)  # type: ignore[arg-type]
        count.append(cache.clear().files)
        return path

    monkeypatch.setattr(cache, "fetch", evicted)
    with (
        pytest.raises(TransientDataError, match="others needed its place"),
        cache.use(file(servers, "a"), ROUTE),
    ):
        pytest.fail("it is not there")
    assert len(count) > 1


def test_fetches_at_once_stay_within_the_limit_together(cache: Cache, servers: Servers) -> None:
    for _ in range(5):
        wished = [file(servers, name) for name in "abcdef"]
        start = threading.Barrier(len(wished))

        def fetch(one: RemoteFile, start: threading.Barrier = start) -> None:
            start.wait(20)
            with suppress(UnwritableError):  # the others are being fetched: nothing can go for it now
                cache.fetch(one, ROUTE)

        with ThreadPoolExecutor(len(wished)) as pool:
            list(pool.map(fetch, wished))
        kept = sum(path.stat().st_size for path in cache.folder.glob("files/*/?"))
        assert 600 <= kept <= 1000
        assert leftovers(cache) == []


# --- shared trees -----------------------------------------------------------------------------------


@pytest.fixture
def shared(tmp_path: Path, servers: Servers) -> Path:
    """A cache of somebody else with the file "a", which cannot be written."""
    top = tmp_path / "shared"
    Cache(top, limit_bytes=1000).fetch(file(servers, "a"), ROUTE)
    for path in [top, *top.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    servers.opened.clear()
    return top


def test_a_shared_tree_is_searched_first_and_not_written(
    tmp_path: Path, servers: Servers, shared: Path
) -> None:
    before = {path: path.stat() for path in shared.rglob("*")}
    own = Cache(tmp_path / "own", limit_bytes=1000, shared=[tmp_path / "absent", shared])
    with own.use(file(servers, "a"), ROUTE) as path:
        assert path.is_relative_to(shared)
    assert own.fetch(file(servers, "a"), ROUTE) == path
    assert (servers.opened, own.folder.exists()) == ([], False)
    assert {path: path.stat() for path in shared.rglob("*")} == before
    assert own.fetch(file(servers, "b"), ROUTE).is_relative_to(own.folder)


def test_what_is_wrong_in_a_shared_tree_is_not_used(tmp_path: Path, servers: Servers, shared: Path) -> None:
    (path,) = shared.glob("files/*/a")
    content = path.read_bytes()
    path.chmod(0o644)
    own = Cache(tmp_path / "own", limit_bytes=1000, shared=[shared])
    for wrong in (content[:-1], content[:-1] + b"!", b""):
        path.write_bytes(wrong)
        assert own.find(file(servers, "a").identity, 300, BASE) is None
    assert own.fetch(file(servers, "a"), ROUTE).read_bytes() == content


@pytest.mark.parametrize("kind", ["pipe", "link", "pipe entry", "outside"])
def test_a_hostile_shared_tree(tmp_path: Path, servers: Servers, shared: Path, kind: str) -> None:
    (path,) = shared.glob("files/*/a")
    entry = path.parent / "entry.json"
    for changed in (path.parent, path, entry):
        changed.chmod(0o755)
    content = path.read_bytes()
    if kind == "pipe":
        path.unlink()
        os.mkfifo(path)
    elif kind == "link":
        path.unlink()
        (tmp_path / "secret").write_bytes(content)
        path.symlink_to(tmp_path / "secret")
    elif kind == "pipe entry":
        entry.unlink()
        os.mkfifo(entry)
    else:
        (tmp_path / "secret").write_bytes(content)
        entry.write_text(entry.read_text().replace('"a"', '"../../../secret"'))
    own = Cache(tmp_path / "own", limit_bytes=1000, shared=[shared])
    assert own.fetch(file(servers, "a"), ROUTE).is_relative_to(own.folder)
