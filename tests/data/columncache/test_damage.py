"""Damage of every kind: what the cache gives is right, or it is read again and kept anew."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from femtobarn.data.columncache import ColumnCache
from femtobarn.data.columncache.arrowfile import digest_of
from femtobarn.data.columncache.records import Facts, KeptColumn, KeptOffsets, Piece

from .trees import ENTRIES, CountingTree, assert_same, files, kept_only, made, opened, pieces

COLUMNS = made(entries=12)
NAMES = list(COLUMNS)
EXPECTED = CountingTree(COLUMNS).read(NAMES, 0, 12)
CODECS = ("none", "lz4", "zstd")


def filled(folder: Path, codec: Any = "none") -> ColumnCache:
    cache = ColumnCache(folder / "columns", limit_bytes=10**8, codec=codec)
    opened(cache, CountingTree(COLUMNS)).read(NAMES, 0, 12)
    return cache


def assert_right(cache: ColumnCache, *, rebuilt: bool | None = None) -> None:
    """What is read is right; if it had to come from ROOT, it is kept again."""
    tree = CountingTree(COLUMNS)
    assert_same(opened(cache, tree).read(NAMES, 0, 12), EXPECTED)
    if rebuilt is not None:
        assert bool(tree.reads) == rebuilt
    assert_same(kept_only(cache).read(NAMES, 0, 12), EXPECTED)


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def zeros(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def noise(path: Path) -> None:
    path.write_bytes(np.random.default_rng(1).bytes(path.stat().st_size))


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def link(path: Path) -> None:
    aside = path.with_name("aside")
    path.rename(aside)
    path.symlink_to(aside)


DAMAGES: tuple[Callable[[Path], None], ...] = (
    truncate,
    half,
    empty,
    append,
    zeros,
    noise,
    Path.unlink,
    pipe,
    link,
)


@pytest.mark.parametrize("codec", ["none", "lz4"])
@pytest.mark.parametrize("ending", ["tree.json", "3.json", ".arrow"])
@pytest.mark.parametrize("damage", DAMAGES, ids=lambda f: f.__name__)
def test_damaged_files_are_replaced(tmp_path: Path, damage, ending: str, codec: str) -> None:
    cache = filled(tmp_path, codec)
    (path,) = files(cache, ".json" if ending == "3.json" else ending)[:1]
    damage(path)
    assert_right(cache, rebuilt=ending != "tree.json")


@pytest.mark.parametrize("codec", CODECS)
def test_any_flipped_bit_gives_the_right_data(tmp_path: Path, codec: str) -> None:
    cache = filled(tmp_path, codec)
    rng = np.random.default_rng(7)
    for path in files(cache, ""):
        whole = path.read_bytes()
        for position in rng.choice(len(whole), min(len(whole), 120), replace=False):
            broken = bytearray(whole)
            broken[position] ^= 1 << int(rng.integers(8))
            path.write_bytes(bytes(broken))
            assert_same(opened(cache, CountingTree(COLUMNS), "read").read(NAMES, 0, 12), EXPECTED)
        path.write_bytes(whole)
    assert_same(kept_only(cache).read(NAMES, 0, 12), EXPECTED)


def test_numbers_and_offsets_are_all_checked(tmp_path: Path) -> None:
    """Each byte that is given out: its flip is seen, not only harmless."""
    cache = filled(tmp_path)
    (path,) = pieces(cache)
    whole, piece = path.read_bytes(), recorded(cache)
    spots = [(k.position, k.count * np.dtype(k.dtype).itemsize) for k in piece.columns]
    spots += [(k.position, 8 * 13) for k in piece.offsets]
    for position, size in spots:
        for at in {position, position + size // 2, position + size - 1} if size else set():
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 16]) + whole[at + 1 :])
            tree = CountingTree(COLUMNS)
            assert_same(opened(cache, tree, "read").read(NAMES, 0, 12), EXPECTED)
            assert tree.reads


def test_a_piece_in_the_place_of_another(tmp_path: Path) -> None:
    cache = filled(tmp_path)
    other = CountingTree(made(entries=12, seed=5))
    with cache.opened("other", "Events", lambda: other, url="", mode="fill") as reader:
        reader.read(NAMES, 0, 12)
    one, two = (sorted(folder.iterdir()) for folder in sorted(cache.folder.glob("[0-9a-f]*")))
    for a, b in zip(one, two, strict=True):
        shutil.copyfile(a, a.with_name("aside"))
        shutil.copyfile(b, a)
        shutil.copyfile(a.with_name("aside"), b)
    assert_right(cache, rebuilt=True)


def recorded(cache: ColumnCache) -> Piece:
    (path,) = [path for path in files(cache, ".json") if path.name != "tree.json"]
    return Piece.model_validate_json(path.read_bytes())


def rewrite(cache: ColumnCache, **changes: Any) -> None:
    """Change the record of the only piece, and seal it as if it was whole."""
    (path,) = [path for path in files(cache, ".json") if path.name != "tree.json"]
    path.write_text(recorded(cache).model_copy(update=changes).sealed().model_dump_json())


def column(cache: ColumnCache, name: str, **changes: Any) -> tuple[KeptColumn, ...]:
    return tuple(k.model_copy(update=changes) if k.name == name else k for k in recorded(cache).columns)


@pytest.mark.parametrize(
    "changes",
    [
        {"position": 1},
        {"position": 10**12},
        {"position": 10**30},
        {"count": 10**9},
        {"count": 11},
        {"count": 13},
        {"dtype": "object"},
        {"dtype": "float32"},
        {"dtype": "nonsense"},
        {"lists": 0},
        {"digest": "0" * 16},
    ],
    ids=str,
)
def test_a_record_that_lies_about_a_number_per_event(tmp_path: Path, changes: dict[str, Any]) -> None:
    cache = filled(tmp_path)
    rewrite(cache, columns=column(cache, "s_float64", **changes))
    assert_right(cache, rebuilt=True)


@pytest.mark.parametrize("changes", [{"lists": None}, {"lists": 99}, {"lists": 1}, {"count": 0}], ids=str)
def test_a_record_that_lies_about_lists(tmp_path: Path, changes: dict[str, Any]) -> None:
    cache = filled(tmp_path)
    rewrite(cache, columns=column(cache, "lep_pt", **changes))
    assert_right(cache, rebuilt=True)


@pytest.mark.parametrize(
    "values",
    [
        lambda o: o[::-1],
        lambda o: o + 1,
        lambda o: np.where(np.arange(len(o)) == 0, -1, o),
        lambda o: np.where(np.arange(len(o)) == 3, o[-1] + 1, o),
        lambda o: np.where(np.arange(len(o)) == 3, -1, o),
        lambda o: np.where(np.arange(len(o)) == len(o) - 1, o[-1] + 9, o),
    ],
    ids=["backwards", "from one", "from minus one", "over the end", "negative", "too long"],
)
def test_offsets_that_make_no_sense_with_the_right_checksum(tmp_path: Path, values) -> None:
    cache = filled(tmp_path)
    offsets = []
    (path,) = pieces(cache)
    content = bytearray(path.read_bytes())
    for kept in recorded(cache).offsets:
        old = np.frombuffer(content, np.int64, 13, kept.position).copy()
        new = np.ascontiguousarray(values(old)) if old[-1] else old
        content[kept.position : kept.position + new.nbytes] = new.tobytes()
        offsets.append(KeptOffsets(position=kept.position, digest=digest_of(new)))
    path.write_bytes(bytes(content))
    rewrite(cache, offsets=tuple(offsets))
    assert_right(cache, rebuilt=True)


def test_booleans_that_are_neither(tmp_path: Path) -> None:
    cache = filled(tmp_path)
    (path,) = pieces(cache)
    kept = next(k for k in recorded(cache).columns if k.name == "s_bool")
    content = bytearray(path.read_bytes())
    content[kept.position] = 2
    path.write_bytes(bytes(content))
    found = np.frombuffer(content, np.uint8, 12, kept.position)
    rewrite(cache, columns=column(cache, "s_bool", digest=digest_of(found)))
    assert_right(cache, rebuilt=True)


def test_a_compressed_file_with_other_columns_and_the_right_checksum(tmp_path: Path) -> None:
    cache = filled(tmp_path, "lz4")
    other = ColumnCache(tmp_path / "other", limit_bytes=10**8, codec="lz4")
    opened(other, CountingTree(COLUMNS)).read(["s_bool"], 0, 12)
    ((path,), (strange,)) = pieces(cache), pieces(other)
    content = strange.read_bytes()
    path.write_bytes(content)
    rewrite(cache, size=len(content), digest=digest_of(content))
    assert_right(cache, rebuilt=True)
    path.write_bytes(b"no Arrow file")
    rewrite(cache, size=13, digest=digest_of(b"no Arrow file"))
    assert_right(cache, rebuilt=True)


def test_one_damaged_column_costs_only_itself(tmp_path: Path) -> None:
    cache = filled(tmp_path)
    kept = next(k for k in recorded(cache).columns if k.name == "lep_e")
    (path,) = pieces(cache)
    content = bytearray(path.read_bytes())
    content[kept.position] ^= 1
    path.write_bytes(bytes(content))
    assert_same(
        kept_only(cache).read(["lep_pt", "s_bool"], 0, 12),
        CountingTree(COLUMNS).read(["lep_pt", "s_bool"], 0, 12),
    )
    tree = CountingTree(COLUMNS)
    opened(cache, tree, "read").read(["lep_e"], 2, 9)
    assert tree.reads == [(("lep_e",), 2, 9)]


def test_a_smaller_piece_stands_in_for_a_damaged_one(tmp_path: Path) -> None:
    cache = filled(tmp_path)
    opened(cache, CountingTree(COLUMNS)).read(NAMES, 0, 12)
    for span in ((0, 7), (7, 12)):
        small = ColumnCache(tmp_path / f"{span[0]}", limit_bytes=10**8)
        opened(small, CountingTree(COLUMNS)).read(NAMES, *span)
        for path in files(small, ""):
            shutil.copyfile(path, files(cache, "tree.json")[0].with_name(path.name))
    zeros(next(path for path in pieces(cache) if path.name.startswith("0-12-")))
    assert_same(kept_only(cache).read(NAMES, 0, 12), EXPECTED)


def test_facts_with_a_seal_of_their_own_are_believed_only_for_their_tree(tmp_path: Path) -> None:
    cache = filled(tmp_path)
    (path,) = files(cache, "tree.json")
    facts = Facts.model_validate_json(path.read_bytes())
    path.write_text(facts.model_copy(update={"entries": ENTRIES + 1}).model_dump_json())
    assert opened(cache, CountingTree(COLUMNS)).entries == 12
    path.write_text(facts.model_copy(update={"key": "0" * 40, "entries": 99}).sealed().model_dump_json())
    assert opened(cache, CountingTree(COLUMNS)).entries == 12
