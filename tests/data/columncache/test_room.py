"""The cache stays below its limit and private; what cannot be kept costs a run nothing but time."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from femtobarn.base import private, settings
from femtobarn.base.errors import SettingsError, UnwritableError
from femtobarn.cli import storage
from femtobarn.data.columncache import ColumnCache, open_cached, room
from femtobarn.data.columncache import cache as whole
from femtobarn.data.columns import Column

from .trees import CountingTree, assert_same, files, kept_only, opened, pieces

ENTRIES = 10_000
PIECE = 90_112  # what 10,000 float64 take: with the record, and in whole blocks


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def tree(value: float = 0.0) -> CountingTree:
    return CountingTree({name: Column(np.full(ENTRIES, value)) for name in "abcdefghij"})


def fill(cache: ColumnCache, names: str) -> None:
    with opened(cache, tree()) as reader:
        for name in names:
            reader.read([name], 0, ENTRIES)


def kept(cache: ColumnCache) -> str:
    """The branches that are kept."""
    found = []
    for path in files(cache, ".json"):
        if path.name != "tree.json":
            found += [column["name"] for column in json.loads(path.read_text())["columns"]]
    return "".join(sorted(found))


def use_at(cache: ColumnCache, name: str, seconds: float) -> None:
    """Make a piece as if it was used so many seconds ago."""
    for path in files(cache, ".json"):
        if path.name != "tree.json" and json.loads(path.read_text())["columns"][0]["name"] == name:
            for one in (path, path.with_suffix(".arrow")):
                os.utime(one, (time.time() - seconds,) * 2)


# --- room -------------------------------------------------------------------------------------------


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path) -> None:
    cache = ColumnCache(tmp_path / "columns", limit_bytes=4 * PIECE)
    fill(cache, "abc")
    for name, seconds in (("a", 30.0), ("b", 20.0), ("c", 10.0)):
        use_at(cache, name, seconds)
    kept_only(cache).read(["a"], 0, ENTRIES)
    fill(cache, "d")
    fill(cache, "e")
    assert "b" not in kept(cache)
    assert {"a", "e"} <= set(kept(cache))
    assert cache.holding().bytes <= cache.limit_bytes


def test_the_limit_holds_after_each_write(tmp_path: Path) -> None:
    cache = ColumnCache(tmp_path / "columns", limit_bytes=3 * PIECE)
    for name in "abcdefghij":
        fill(cache, name)
        assert 0 < cache.holding().bytes <= cache.limit_bytes
        assert name in kept(cache)


def test_what_is_larger_than_the_limit_is_not_kept(tmp_path: Path) -> None:
    cache = ColumnCache(tmp_path / "columns", limit_bytes=PIECE // 2)
    with opened(cache, tree(7.0)) as reader:
        assert reader.read(["a"], 0, ENTRIES)["a"].content[-1] == 7
    assert pieces(cache) == []
    assert not list(cache.folder.glob("*/.*"))


def test_who_reads_goes_on_when_the_rest_goes(tmp_path: Path) -> None:
    cache = ColumnCache(tmp_path / "columns", limit_bytes=2 * PIECE)
    fill(cache, "a")
    with kept_only(cache) as reader:
        before = reader.read(["a"], 0, ENTRIES)
        fill(cache, "bcd")
        assert "a" not in kept(cache)
        assert_same(before, tree().read(["a"], 0, ENTRIES))
        assert_same(reader.read(["a"], 3, 9), tree().read(["a"], 3, 9))
    source = tree()
    assert_same(opened(cache, source).read(["a"], 0, 9), tree().read(["a"], 0, 9))
    assert source.reads


@pytest.mark.parametrize("text", [b"", b"nonsense", b"\xff\xfe", b"9" * 30, b"-5", b"999999999999", b"0"])
def test_a_damaged_count_of_bytes_is_made_anew(tmp_path: Path, text: bytes) -> None:
    cache = ColumnCache(tmp_path / "columns", limit_bytes=4 * PIECE)
    fill(cache, "a")
    (cache.folder / ".bytes").write_bytes(text)
    fill(cache, "b")
    assert kept(cache) == "ab"


def test_what_killed_writers_left_goes_and_what_others_write_stays(tmp_path: Path) -> None:
    cache = ColumnCache(tmp_path / "columns", limit_bytes=4 * PIECE)
    fill(cache, "a")
    (folder,) = cache.folder.glob("[0-9a-f]*")
    old, new = folder / ".0-9-x.1.tmp", folder / ".0-9-x.2.tmp"
    for path in (old, new):
        path.write_bytes(b"x")
    os.utime(old, (time.time() - 2 * room.STALE_SECONDS,) * 2)
    (cache.folder / "notes").mkdir()
    (cache.folder / "notes" / "mine").write_text("not of the cache")
    fill(cache, "bcdef")
    assert (old.exists(), new.exists()) == (False, True)
    assert (cache.folder / "notes" / "mine").exists()
    count = len(pieces(cache))
    assert count >= 2
    assert cache.clear()[0] == count
    assert cache.holding().pieces == 0
    assert (cache.folder / "notes" / "mine").exists()


def test_a_full_disk(cache: ColumnCache, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(cache, "ab")
    monkeypatch.setattr(room.shutil, "disk_usage", lambda _: Usage(10**9, 10**9, 0))
    source = tree(5.0)
    with opened(cache, source) as reader:
        for name in "cde":
            assert reader.read([name], 0, ENTRIES)[name].content[0] == 5
    assert kept(cache) == "ab", "removing all of it would not be enough"
    assert not list(cache.folder.glob("*/.*"))
    monkeypatch.setattr(
        room.shutil,
        "disk_usage",
        lambda _: Usage(0, 0, room.SPARE_BYTES - (PIECE // 2 if "a" in kept(cache) else 0)),
    )
    use_at(cache, "a", 100.0)
    fill(cache, "f")
    assert kept(cache) == "bf"


def test_a_write_that_fails_is_not_tried_again(cache: ColumnCache, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(cache, "a")
    calls = []

    def full(*_args: object, **_more: object) -> None:
        calls.append(1)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("femtobarn.data.columncache.store.write_arrow", full)
    with opened(cache, tree(3.0)) as reader:
        for name in "bcd":
            assert reader.read([name], 0, ENTRIES)[name].content[0] == 3
    assert (len(calls), kept(cache)) == (1, "a")
    assert not list(cache.folder.glob("*/.*"))


def test_a_file_that_the_system_cuts_short(cache: ColumnCache) -> None:
    """As with a quota: the system refuses in the middle of a file."""
    code = (
        "import resource, sys\n"
        "sys.path[:0] = sys.argv[2:]\n"
        "from tests.data.columncache.test_room import *\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))\n"
        "cache = ColumnCache(sys.argv[1], limit_bytes=10**8)\n"
        "with opened(cache, tree(4.0)) as reader:\n"
        "    print(sum(reader.read([n], 0, ENTRIES)[n].content.sum() for n in 'abc'))\n"
    )
    top = str(Path(__file__).parents[3])
    done = subprocess.run(
        [sys.executable, "-c", code, str(cache.folder), top],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.strip() == str(4.0 * 3 * ENTRIES)
    assert pieces(cache) == []
    assert not list(cache.folder.glob("*/.*"))


def test_clear_by_age(cache: ColumnCache) -> None:
    fill(cache, "abc")
    use_at(cache, "b", 1000.0)
    count, size = cache.clear(500.0)
    assert (count, kept(cache)) == (1, "ac")
    assert PIECE * 0.8 < size < PIECE * 1.2
    assert cache.clear() == (2, pytest.approx(2 * PIECE, rel=0.2))
    assert (cache.holding().pieces, cache.holding().bytes) == (0, 0)
    fill(cache, "a")
    assert kept(cache) == "a"


def test_the_command_line_shows_and_clears(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FEMTOBARN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FEMTOBARN_COLUMN_CACHE_BYTES", "5000000")
    storage.cache_ls()
    assert "columns" not in capsys.readouterr().out
    with open_cached("1:x", "Events", tree, url="", mode="fill") as reader:
        reader.read(["a", "b"], 0, ENTRIES)
    storage.cache_ls()
    assert "columns: 1 piece of 1 tree, 172.0 kB of at most 5.0 MB, in " in capsys.readouterr().out
    storage.cache_ls(as_json=True)
    found = json.loads(capsys.readouterr().out)["columns"]
    assert (found["pieces"], found["trees"], found["limit"]) == (1, 1, 5_000_000)
    storage.cache_clear(unfinished=True)
    storage.cache_clear(older_than=1.0)
    assert "removed 0 pieces of columns" in capsys.readouterr().out
    storage.cache_clear(as_json=True)
    assert json.loads(capsys.readouterr().out)["columns"] == {"pieces": 1, "bytes": found["bytes"]}
    storage.cache_clear()
    assert "removed 0 pieces of columns, 0 bytes" in capsys.readouterr().out


# --- whose it is ------------------------------------------------------------------------------------


def test_the_folder_is_for_the_user_alone(cache: ColumnCache) -> None:
    fill(cache, "a")
    (folder,) = cache.folder.glob("[0-9a-f]*")
    assert [path.stat().st_mode & 0o777 for path in (cache.folder, folder)] == [0o700, 0o700]
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def is_open(cache: ColumnCache) -> str:
    cache.folder.chmod(0o750)
    return "is open to others (mode 0750, expected 0700)"


def is_a_file(cache: ColumnCache) -> str:
    cache.folder.rmdir()
    cache.folder.write_text("")
    return "is no folder|File exists"


def is_a_link(cache: ColumnCache) -> str:
    cache.folder.rename(cache.folder.with_name("aside"))
    cache.folder.symlink_to("aside")
    return "is no folder"


def parent_is_open(cache: ColumnCache) -> str:
    cache.folder.parent.chmod(0o777)
    return "is writable by others"


@pytest.mark.parametrize("fault", [is_open, is_a_file, is_a_link, parent_is_open], ids=lambda f: f.__name__)
def test_a_folder_that_others_could_use_is_refused(cache: ColumnCache, fault) -> None:
    cache.prepare()
    words = fault(cache).replace("(", r"\(").replace(")", r"\)")
    with pytest.raises(UnwritableError, match=words):
        cache.prepare()
    source = tree(2.0)
    reader = opened(cache, source)
    assert reader is source, "a task goes on without"


def test_the_folder_of_another_user_is_refused(cache: ColumnCache, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(cache, "a")
    uid = os.geteuid()
    monkeypatch.setattr(whole.os, "geteuid", lambda: uid + 1)
    with pytest.raises(UnwritableError, match=f"belongs to another user .uid {uid}"):
        cache.prepare()
    assert not cache.is_usable()
    assert (cache.holding().pieces, cache.clear()) == (0, (0, 0))


@pytest.mark.parametrize("part", ["code", "checked"])
def test_what_another_part_made_first_is_for_the_user_alone_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    root = tmp_path / "new" / "cache"
    monkeypatch.setenv("FEMTOBARN_CACHE", str(root))
    before = os.umask(0o002)
    try:
        private.keep(part, "name", b"content", most=5)
    finally:
        os.umask(before)
    assert root.stat().st_mode & 0o777 == 0o700
    ColumnCache.from_environment().prepare()


# --- settings ---------------------------------------------------------------------------------------


def test_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.column_cache() == settings.ColumnCacheSettings(False, 20 * 1000**3, "none")
    monkeypatch.setenv("FEMTOBARN_COLUMN_CACHE", "ON")
    monkeypatch.setenv("FEMTOBARN_COLUMN_CACHE_BYTES", "1000")
    monkeypatch.setenv("FEMTOBARN_COLUMN_CACHE_CODEC", "lz4")
    assert settings.column_cache() == settings.ColumnCacheSettings(True, 1000, "lz4")
    assert ColumnCache.from_environment().codec == "lz4"


@pytest.mark.parametrize(
    ("name", "value"), [("", "yes"), ("_BYTES", "many"), ("_BYTES", "0"), ("_CODEC", "gzip")]
)
def test_settings_that_make_no_sense(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"FEMTOBARN_COLUMN_CACHE{name}", value)
    with pytest.raises(SettingsError, match=f"FEMTOBARN_COLUMN_CACHE{name} must be .* but is '{value}'"):
        settings.column_cache()
