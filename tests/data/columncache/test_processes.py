"""Many processes and one cache, and processes that are killed: what is kept is whole."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from femtobarn.data.columncache import ColumnCache
from femtobarn.data.columns import Column

from .trees import CountingTree, assert_same, files, opened, pieces

ENTRIES = 4_000
NAMES = list("abcdef")

CHILD = """
import sys
folder, top, limit, rounds = sys.argv[1:]
sys.path.insert(0, top)
from tests.data.columncache.test_processes import work
work(folder, int(limit), int(rounds))
"""


def columns() -> dict[str, Column]:
    rng = np.random.default_rng(3)
    offsets = np.arange(ENTRIES + 1, dtype=np.int64) * 3
    found = {name: Column(rng.random(ENTRIES)) for name in "abc"}
    return found | {name: Column(rng.random(3 * ENTRIES), offsets) for name in "def"}


def work(folder: str, limit: int, rounds: int) -> None:
    """Read other branches and ranges in each round, and tell after each."""
    expected = CountingTree(columns())
    cache = ColumnCache(folder, limit_bytes=limit)
    for number in range(rounds):
        with opened(cache, CountingTree(columns())) as reader:
            names = [NAMES[number % 6], NAMES[(number * 5 + 1) % 6]]
            for start in range(number % 7, ENTRIES - 500, 500):
                stop = start + 500 + number % 3
                assert_same(
                    reader.read(names, start, stop), expected.read(list(dict.fromkeys(names)), start, stop)
                )
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


def start(cache: ColumnCache, limit: int, rounds: int) -> subprocess.Popen[str]:
    arguments = [str(cache.folder), str(Path(__file__).parents[3]), str(limit), str(rounds)]
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("limit", [10**8, 400_000])
def test_many_processes_at_once(cache: ColumnCache, limit: int) -> None:
    running = [start(cache, limit, 6) for _ in range(4)]
    for process in running:
        _, err = process.communicate(timeout=100)
        assert process.returncode == 0, err
    assert 0 < cache.holding().bytes <= limit
    assert pieces(cache)
    assert not list(cache.folder.glob("*/.*")), "nothing unfinished is left"
    work(str(cache.folder), limit, 6)


def test_processes_that_are_killed(cache: ColumnCache) -> None:
    """Killed at any moment: the next reader gets the right columns, and can write."""
    for said in (0, 1, 2, 3, 1, 0):
        running = [start(cache, 10**6, 10_000) for _ in range(2)]
        try:
            for process in running:
                assert process.stdout is not None
                for _ in range(said + 1):
                    assert process.stdout.readline().strip().isdecimal()
        finally:
            for process in running:
                process.send_signal(signal.SIGKILL)
            for process in running:
                process.communicate(timeout=100)
        assert [process.returncode for process in running] == [-signal.SIGKILL] * 2
        for path in files(cache, ".json"):
            assert path.read_bytes().endswith(b"}"), "no half file has a name"
        work(str(cache.folder), 10**6, 2)
    source = CountingTree(columns())
    for _ in range(2):
        with opened(cache, source) as reader:
            assert_same(reader.read(NAMES, 0, 123), CountingTree(columns()).read(NAMES, 0, 123))
    assert len(source.reads) <= 1, "what was missing was kept"
