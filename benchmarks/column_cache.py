"""What the column cache costs and saves: CPU seconds per million events, for 21 columns as H → ZZ* reads them.

Usage: python benchmarks/column_cache.py [EVENTS]     (default 1,000,000, in chunks of 100,000)

Columns are made by numbers that do not compress well, as measured ones do not. Each variant is checked to
give what was put in, and timed five times; the best counts. "Touched" means that every number is added up.
"""

from __future__ import annotations

import gc
import mmap
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import xxhash
from numpy.typing import NDArray

from femtobarn.data.columncache import ColumnCache
from femtobarn.data.columns.interface import BranchInfo, Column, TreeReader

CHUNK = 100_000
ROUNDS = 5
SCALARS = {"float32": 8, "bool": 3, "int32": 1}
LISTS = {"float32": 5, "int32": 2, "bool": 2}
COLUMNS = sum(SCALARS.values()) + sum(LISTS.values())


class Made:
    """A tree of made-up columns; each chunk is the same."""

    url = tree = title = uuid = "made"

    def __init__(self, entries: int) -> None:
        self.entries, self.reads = entries, 0
        rng = np.random.default_rng(1)
        offsets = np.concatenate([[0], np.cumsum(rng.poisson(3.0, CHUNK))]).astype(np.int64)
        self.columns: dict[str, Column] = {}
        for length, kinds, shared in ((CHUNK, SCALARS, None), (int(offsets[-1]), LISTS, offsets)):
            for dtype, number in kinds.items():
                for _ in range(number):
                    values = _values(rng, dtype, length)
                    self.columns[f"c{len(self.columns):02d}"] = Column(values, shared)

    def branches(self) -> Mapping[str, BranchInfo]:
        return {
            name: BranchInfo(name, "scalar" if c.offsets is None else "list", c.content.dtype.name, "made")
            for name, c in self.columns.items()
        }

    def boundaries(self) -> NDArray[np.int64]:
        return np.arange(0, self.entries + 1, CHUNK)

    def read(self, branches: Sequence[str], start: int, stop: int) -> dict[str, Column]:
        assert start % CHUNK == 0
        assert stop - start == CHUNK
        self.reads += 1
        return {name: self.columns[name] for name in branches}

    def stored_bytes(self, branches: Sequence[str]) -> int:
        return len(branches)

    def close(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


def main(events: int) -> None:
    tree = Made(events // CHUNK * CHUNK)
    assert len(tree.columns) == COLUMNS == 21
    per_event = sum(c.content.nbytes for c in tree.columns.values()) / CHUNK + 8
    print(f"{tree.entries} events, {COLUMNS} columns, {per_event:.0f} bytes per event, chunks of {CHUNK}")
    with tempfile.TemporaryDirectory() as folder:
        for codec in ("none", "lz4", "zstd"):
            cache = ColumnCache(Path(folder) / codec / "columns", limit_bytes=10**12, codec=codec)
            _report(f"{codec}: filled", tree.entries, lambda c=cache: _pass(c, tree, "fill"), rounds=1)
            assert tree.reads == tree.entries // CHUNK
            _check(cache, tree)
            tree.reads = 0
            _report(f"{codec}: read", tree.entries, lambda c=cache: _pass(c, tree, "read"))
            _report(
                f"{codec}: read and touched", tree.entries, lambda c=cache: _pass(c, tree, "read", touch=True)
            )
            assert tree.reads == 0
            print(f"{'':44s} {cache.holding().bytes / 1e6:8.1f} MB on disk")
        files = sorted((Path(folder) / "none").rglob("*.arrow"))
        print("ways to the bytes of the uncompressed files, each with XXH3 of all of them:")
        for name, way in WAYS.items():
            _report(f"  {name}", tree.entries, lambda w=way: _bytes(w, files))
        parts = Path(folder) / "parts"
        parts.mkdir()
        many = list(_cut(files, parts))
        _report(f"  one file per column ({len(many)})", tree.entries, lambda: _bytes(_map, many))
        _report("  mapped, without XXH3", tree.entries, lambda: _sums(files, check=False))
        _report("  mapped, with XXH3", tree.entries, lambda: _sums(files, check=True))


def _values(rng: np.random.Generator, dtype: str, length: int) -> NDArray[Any]:
    if dtype == "bool":
        return rng.random(length) > 0.5
    return (rng.exponential(40.0, length)).astype(dtype)


def _pass(cache: ColumnCache, tree: Made, mode: Any, *, touch: bool = False) -> None:
    with _opened(cache, tree, mode) as reader:
        names = list(tree.columns)
        for start in range(0, tree.entries, CHUNK):
            columns = reader.read(names, start, start + CHUNK)
            if touch:
                for column in columns.values():
                    column.content.sum()


def _opened(cache: ColumnCache, tree: Made, mode: Any) -> TreeReader:
    return cache.opened("made", "made", lambda: tree, url="made", mode=mode)


def _check(cache: ColumnCache, tree: Made) -> None:
    def never() -> TreeReader:
        msg = "the second pass opened the file"
        raise AssertionError(msg)

    with cache.opened("made", "made", never, url="made", mode="read") as reader:
        for start in range(0, tree.entries, CHUNK):
            for name, column in reader.read(list(tree.columns), start, start + CHUNK).items():
                expected = tree.columns[name]
                assert column.content.dtype == expected.content.dtype
                assert column.content.tobytes() == expected.content.tobytes()
                if expected.offsets is not None:
                    assert np.array_equal(column.offsets, expected.offsets)


def _cut(files: Sequence[Path], folder: Path) -> Iterator[Path]:
    for number, file in enumerate(files):
        for part, block in enumerate(np.array_split(np.fromfile(file, np.uint8), COLUMNS)):
            path = folder / f"{number}-{part}"
            block.tofile(path)
            yield path


def _bytes(way: Callable[[int, int], Any], files: Sequence[Path]) -> None:
    for path in files:
        with _descriptor(path) as handle:
            xxhash.xxh3_64_intdigest(way(handle, os.fstat(handle).st_size))


def _sums(files: Sequence[Path], *, check: bool) -> None:
    for path in files:
        with _descriptor(path) as handle:
            size = os.fstat(handle).st_size
            data = np.frombuffer(_map(handle, size), np.int64, size // 8)
            if check:
                xxhash.xxh3_64_intdigest(data)
            data.sum()


@contextmanager
def _descriptor(path: Path) -> Iterator[int]:
    handle = os.open(path, os.O_RDONLY)
    try:
        yield handle
    finally:
        os.close(handle)


def _map(handle: int, size: int, flags: int = mmap.MAP_SHARED, advice: int | None = None) -> mmap.mmap:
    found = mmap.mmap(handle, size, flags=flags, prot=mmap.PROT_READ)
    if advice is not None:
        found.madvise(advice)
    return found


def _fresh(handle: int, size: int) -> NDArray[np.uint8]:
    buffer = np.empty(size, np.uint8)
    os.preadv(handle, [buffer], 0)
    return buffer


_REUSED = np.zeros(0, np.uint8)


def _reused(handle: int, size: int) -> NDArray[np.uint8]:
    global _REUSED  # noqa: PLW0603 - a buffer that stays is the point
    if len(_REUSED) < size:
        _REUSED = np.zeros(size, np.uint8)
    os.preadv(handle, [_REUSED[:size]], 0)
    return _REUSED[:size]


WAYS: dict[str, Callable[[int, int], Any]] = {
    "mapped": _map,
    "mapped, MAP_POPULATE": lambda h, n: _map(h, n, mmap.MAP_SHARED | mmap.MAP_POPULATE),
    "mapped, MADV_HUGEPAGE": lambda h, n: _map(h, n, advice=mmap.MADV_HUGEPAGE),
    "mapped, MADV_SEQUENTIAL": lambda h, n: _map(h, n, advice=mmap.MADV_SEQUENTIAL),
    "mapped, MADV_WILLNEED": lambda h, n: _map(h, n, advice=mmap.MADV_WILLNEED),
    "read into one buffer": _reused,
    "read into new buffers": _fresh,
}


def _report(what: str, events: int, run: Callable[[], None], rounds: int = ROUNDS) -> None:
    best = float("inf")
    for _ in range(rounds):
        gc.collect()
        start = time.process_time()
        run()
        best = min(best, time.process_time() - start)
    print(f"{what:44s} {best / events * 1e6:8.4f} CPU s per million events")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
