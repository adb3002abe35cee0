"""Trees of known content that count what is read of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tests.data.memory_tree import MemoryTree

from femtobarn.data.columncache import ColumnCache, Mode
from femtobarn.data.columns import Column, TreeReader

IDENTITY = "1234:adler32:00c0ffee"
ENTRIES = 40


class CountingTree(MemoryTree):
    """Remembers each read, and whether it was closed."""

    def __init__(self, columns: dict[str, Column], uuid: str = "none") -> None:
        super().__init__(columns)
        self.uuid, self.reads, self.closed = uuid, [], False

    def read(self, branches: Sequence[str], start: int, stop: int) -> dict[str, Column]:
        self.reads.append((tuple(branches), start, stop))
        return super().read(branches, start, stop)

    def close(self) -> None:
        self.closed = True


def made(entries: int = ENTRIES, seed: int = 1) -> dict[str, Column]:
    """Columns of all types: two collections, strings, numbers per event, and lists that are all empty."""
    rng = np.random.default_rng(seed)

    def offsets(most: int) -> np.ndarray:
        return np.concatenate([[0], np.cumsum(rng.integers(0, most + 1, entries))]).astype(np.int64)

    lep, jet, words, none = offsets(4), offsets(2), offsets(6), np.zeros(entries + 1, dtype=np.int64)
    columns = {
        f"s_{kind}": Column(rng.integers(0, 100, entries).astype(kind))
        for kind in ("int8", "uint16", "int32", "uint64", "float32", "float64")
    }
    columns["s_bool"] = Column(rng.random(entries) > 0.5)
    columns["s_nan"] = Column(np.where(rng.random(entries) > 0.5, np.nan, -0.0))
    for name, where, kind in (
        ("lep_pt", lep, "float32"),
        ("lep_e", lep, "float64"),
        ("lep_id", lep, "bool"),
        ("jet_pt", jet, "float32"),
        ("words", words, "uint8"),
        ("nothing", none, "int64"),
    ):
        columns[name] = Column((rng.random(int(where[-1])) * 2).astype(kind), where)
    return columns


def opened(cache: ColumnCache, tree: TreeReader, mode: Mode = "fill") -> TreeReader:
    return cache.opened(IDENTITY, tree.tree, lambda: tree, url="file.root", mode=mode)


def kept_only(cache: ColumnCache, mode: Mode = "read") -> TreeReader:
    """The tree as the cache has it, with no ROOT file to fall back to."""

    def gone() -> TreeReader:
        msg = "the ROOT file was opened"
        raise AssertionError(msg)

    return cache.opened(IDENTITY, "Events", gone, url="file.root", mode=mode)


def assert_same(found: dict[str, Column], expected: dict[str, Column]) -> None:
    assert list(found) == list(expected)
    for name, column in expected.items():
        assert found[name].content.dtype == column.content.dtype, name
        assert found[name].content.tobytes() == column.content.tobytes(), name
        if column.offsets is None:
            assert found[name].offsets is None, name
        else:
            assert found[name].offsets is not None, name
            assert found[name].offsets.dtype == np.int64
            assert np.array_equal(found[name].offsets, column.offsets), name


def files(cache: ColumnCache, ending: str) -> list[Path]:
    return sorted(cache.folder.glob(f"*/*{ending}"))


def pieces(cache: ColumnCache) -> list[Path]:
    return files(cache, ".arrow")
