"""Whatever is read by way of the cache is what the file gives; what is kept is not read again."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.data.files import MemorySource

from femtobarn.base.errors import (
    BranchMissingError,
    DamagedError,
    FileChangedError,
    FormatError,
    UnreadableError,
    UsageError,
)
from femtobarn.data.columncache import ColumnCache, identity_of, open_cached, records, with_cache
from femtobarn.data.columns import BranchInfo, Column, TreeReader, list_trees, open_tree
from femtobarn.data.formats import registry
from femtobarn.data.formats.reader import EventReader
from femtobarn.data.storage import FileIdentity, identify

from .trees import ENTRIES, IDENTITY, CountingTree, assert_same, files, kept_only, made, opened, pieces

COLUMNS = made()
NAMES = list(COLUMNS)
CODECS = ("none", "lz4", "zstd")


@pytest.mark.parametrize("codec", CODECS)
def test_the_second_pass_opens_no_file(tmp_path: Path, codec) -> None:
    cache = ColumnCache(tmp_path / "columns", limit_bytes=10**8, codec=codec)
    tree = CountingTree(COLUMNS, uuid="abc")
    with opened(cache, tree) as first:
        assert_same(first.read(NAMES, 0, 25), CountingTree(COLUMNS).read(NAMES, 0, 25))
        assert_same(first.read(NAMES, 25, ENTRIES), CountingTree(COLUMNS).read(NAMES, 25, ENTRIES))
    assert tree.closed
    with kept_only(cache) as second:
        assert (second.entries, second.title, second.uuid) == (ENTRIES, "Events", "abc")
        assert (second.tree, second.url) == ("Events", "file.root")
        assert second.branches() == tree.branches()
        assert np.array_equal(second.boundaries(), tree.boundaries())
        assert second.boundaries().dtype == np.int64
        assert second.stored_bytes(NAMES[3:]) == tree.stored_bytes(NAMES[3:])
        for span in ((0, 25), (25, ENTRIES), (0, 1), (3, 3), (20, 31), (0, ENTRIES), (0, 25)):
            assert_same(second.read(NAMES, *span), CountingTree(COLUMNS).read(NAMES, *span))
    assert len(tree.reads) == 2


spans = st.tuples(st.integers(0, ENTRIES), st.integers(0, ENTRIES)).map(lambda s: (min(s), max(s)))
reads = st.tuples(
    st.lists(st.sampled_from(NAMES), unique=True, max_size=6), spans, st.sampled_from(["fill", "read", "off"])
)


@settings(max_examples=60, deadline=None)
@given(todo=st.lists(reads, min_size=1, max_size=8), codec=st.sampled_from(CODECS), once=st.booleans())
def test_any_sequence_of_reads_gives_what_the_file_gives(todo, codec, once: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        cache = ColumnCache(Path(folder) / "columns", limit_bytes=10**8, codec=codec)
        held = opened(cache, CountingTree(COLUMNS))
        for names, span, mode in todo:
            reader = held if once else opened(cache, CountingTree(COLUMNS), mode)
            assert_same(reader.read(names, *span), CountingTree(COLUMNS).read(names, *span))


def test_only_what_is_missing_is_read(cache: ColumnCache) -> None:
    tree = CountingTree(COLUMNS)
    opened(cache, tree).read(["lep_pt", "s_bool"], 0, 20)
    opened(cache, tree).read(["s_bool", "jet_pt", "lep_e"], 0, 20)
    opened(cache, tree).read(["lep_e", "lep_pt", "jet_pt"], 2, 20)
    opened(cache, tree).read(["lep_pt"], 10, 30)
    assert tree.reads == [(("lep_pt", "s_bool"), 0, 20), (("jet_pt", "lep_e"), 0, 20), (("lep_pt",), 10, 30)]
    assert kept_only(cache).read(["lep_pt"], 0, 30)["lep_pt"].entries == 30


def test_lists_of_one_collection_have_one_object_for_offsets(cache: ColumnCache) -> None:
    copied = {
        n: Column(c.content, None if c.offsets is None else c.offsets.copy()) for n, c in COLUMNS.items()
    }
    lep = ["lep_pt", "lep_e", "lep_id"]

    def shared(columns: dict[str, Column]) -> bool:
        return columns["lep_pt"].offsets is columns["lep_e"].offsets is columns["lep_id"].offsets

    reader = opened(cache, CountingTree(copied))
    assert shared(reader.read([*lep, "jet_pt"], 0, 20))
    assert shared(reader.read(lep, 0, 20))
    assert shared(reader.read(lep, 5, 15))
    reader.read(["lep_pt"], 20, ENTRIES)
    assert shared(reader.read(lep, 20, ENTRIES)), "one kept, two fresh"
    again = kept_only(cache)
    found = again.read([*lep, "jet_pt"], 0, 20)
    assert shared(found)
    assert found["jet_pt"].offsets is not found["lep_pt"].offsets
    assert shared(again.read(lep, 20, ENTRIES)), "two files"
    assert shared(again.read(lep, 10, 30)), "joined"
    assert sum(piece.stat().st_size for piece in pieces(cache)) > 0


def test_offsets_are_on_disk_once(cache: ColumnCache) -> None:
    entries = 20_000
    offsets = np.arange(entries + 1, dtype=np.int64)
    opened(
        cache, CountingTree({f"l{n}": Column(np.zeros(entries, np.uint8), offsets) for n in range(8)})
    ).read([f"l{n}" for n in range(8)], 0, entries)
    (piece,) = pieces(cache)
    assert piece.stat().st_size < 3 * entries * 8


def test_columns_outlive_the_reader_and_their_files(cache: ColumnCache) -> None:
    opened(cache, CountingTree(COLUMNS)).read(NAMES, 0, ENTRIES)
    with kept_only(cache) as reader:
        found = reader.read(NAMES, 0, ENTRIES)
    assert cache.clear()[0] == 1
    assert files(cache, "") == []
    assert_same(found, CountingTree(COLUMNS).read(NAMES, 0, ENTRIES))
    with pytest.raises(ValueError, match="read-only"):
        found["s_float32"].content[0] = 1


def test_modes(cache: ColumnCache) -> None:
    tree = CountingTree(COLUMNS)
    assert opened(cache, tree, "off") is tree
    assert cache.around(tree, IDENTITY, mode="off") is tree
    assert opened(cache, tree, "read") is tree
    assert files(cache, "") == []
    opened(cache, tree).read(["s_bool"], 0, 10)
    before = files(cache, "")
    opened(cache, tree, "read").read(["s_int8"], 0, 10)
    assert files(cache, "") == before


def test_other_files_and_trees_are_others(cache: ColumnCache) -> None:
    opened(cache, CountingTree(COLUMNS)).read(NAMES, 0, ENTRIES)
    other = CountingTree(made(seed=2))
    reader = cache.opened("1234:adler32:00c0ffef", "Events", lambda: other, url="", mode="fill")
    assert_same(reader.read(NAMES, 0, ENTRIES), CountingTree(made(seed=2)).read(NAMES, 0, ENTRIES))
    another = CountingTree(made(seed=3))
    another.tree = "Other"
    assert_same(opened(cache, another).read(NAMES, 0, 9), CountingTree(made(seed=3)).read(NAMES, 0, 9))


@pytest.mark.parametrize("what", ["version", "results_version"])
def test_what_another_version_read_is_not_found(
    cache: ColumnCache, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    with opened(cache, CountingTree(COLUMNS)) as first:
        first.read(["s_int8"], 0, ENTRIES)
    monkeypatch.setattr(records, what, lambda *_: 10**6)
    again = CountingTree(COLUMNS)
    with opened(cache, again) as second:
        second.read(["s_int8"], 0, ENTRIES)
    assert len(again.reads) == 1


def test_a_change_in_the_middle_of_a_large_file_makes_another(tmp_path: Path) -> None:
    path = tmp_path / "large.root"
    path.write_bytes(b"one")
    whole, ends = FileIdentity(3, "adler32:00c0ffee"), FileIdentity(3, "uuid:abc:00000001:00000002")
    before = identity_of(ends, path)
    assert identity_of(ends, path) == before
    os.utime(path, ns=(1, 1))
    assert identity_of(ends, path) != before
    os.utime(path, ns=(path.stat().st_atime_ns, 1))
    before = identity_of(ends, path)
    other = tmp_path / "other"
    other.write_bytes(b"two")
    os.utime(other, ns=(1, 1))
    other.replace(path)
    assert identity_of(ends, path) != before
    assert identity_of(whole, path) == str(whole), "a checksum of all of it needs nothing else"
    assert identity_of(ends, None) == str(ends)
    path.unlink()
    with pytest.raises(UnreadableError, match="no such file"):
        identity_of(ends, path)


class _Broken(CountingTree):
    """A tree with a branch that breaks who describes it."""

    def branches(self) -> Mapping[str, BranchInfo]:
        msg = "damaged ROOT file"
        raise DamagedError(msg)


@pytest.mark.parametrize("way", ["opened", "around"])
def test_a_branch_that_cannot_be_described_fails_only_who_reads_it(cache: ColumnCache, way: str) -> None:
    tree = _Broken(COLUMNS)
    reader = opened(cache, tree) if way == "opened" else cache.around(tree, IDENTITY, mode="fill")
    with reader:
        assert_same(reader.read(NAMES, 0, ENTRIES), CountingTree(COLUMNS).read(NAMES, 0, ENTRIES))
        assert not tree.closed
    assert pieces(cache) == []


def test_filling_it_needs_no_uproot(cache: ColumnCache, small: Path) -> None:
    code = (
        "import sys; from femtobarn.data.columncache import ColumnCache;"
        "from femtobarn.data.columns import open_tree; cache = ColumnCache(sys.argv[1], limit_bytes=10**9);"
        "tree = cache.opened('1:adler32:00c0ffee', 'analysis', lambda: open_tree(sys.argv[2]), url='x', mode='fill');"
        "tree.read(['met', 'lep_pt'], 0, tree.entries); tree.stored_bytes(['met']); tree.boundaries();"
        "tree.close(); print('uproot' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(cache.folder), str(small)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "False"
    assert len(pieces(cache)) == 1


def test_a_file_that_became_another_is_told(cache: ColumnCache) -> None:
    opened(cache, CountingTree(COLUMNS, uuid="old")).read(["s_bool"], 0, ENTRIES)
    new = CountingTree(made(seed=2), uuid="new")
    reader = opened(cache, new)
    with pytest.raises(FileChangedError, match=r"file\.root: expected .* old, 40 entries.* run again"):
        reader.read(["s_int8"], 0, ENTRIES)
    assert new.closed
    assert_same(opened(cache, new).read(["s_bool"], 0, 9), CountingTree(made(seed=2)).read(["s_bool"], 0, 9))
    last = CountingTree(made(seed=3), uuid="last")
    reader = cache.around(last, IDENTITY, mode="fill")
    assert_same(reader.read(["s_int8"], 0, 9), CountingTree(made(seed=3)).read(["s_int8"], 0, 9))


def test_types_that_are_not_kept_are_read_each_time(cache: ColumnCache) -> None:
    tree = CountingTree({"half": Column(np.arange(5, dtype=np.float16)), "x": Column(np.arange(5.0))})
    for _ in range(2):
        assert opened(cache, tree).read(["half", "x"], 0, 5)["half"].content.dtype == np.float16
    assert tree.reads == [(("half", "x"), 0, 5), (("half",), 0, 5)]


def test_bytes_of_branches_that_share_pages(cache: ColumnCache) -> None:
    class Paged(CountingTree):
        asked = 0

        def stored_bytes(self, branches: Sequence[str]) -> int:
            self.asked += 1
            return 10 * len(set(branches)) + 5

    tree = Paged(COLUMNS)
    assert opened(cache, tree).stored_bytes(["s_bool", "lep_pt"]) == 25
    assert kept_only(cache).stored_bytes(["lep_pt", "s_bool"]) == 25
    asked = tree.asked
    assert opened(cache, tree).stored_bytes(["lep_pt"]) == 15
    assert tree.asked == asked + 1


@pytest.mark.parametrize("codec", CODECS)
def test_pyarrow_opens_what_is_kept(tmp_path: Path, codec) -> None:
    cache = ColumnCache(tmp_path / "columns", limit_bytes=10**8, codec=codec)
    opened(cache, CountingTree(COLUMNS)).read(NAMES, 0, ENTRIES)
    (path,) = pieces(cache)
    with pa.memory_map(str(path)) as file:
        table = pa.ipc.open_file(file).read_all()
    table.validate(full=True)
    flat = {name: table[name].to_pylist() for name in table.column_names if not name.startswith("lists")}
    assert flat["s_uint64"] == COLUMNS["s_uint64"].content.tolist()
    assert flat["s_bool"] == COLUMNS["s_bool"].content.astype(int).tolist()
    lists = [table[name].to_pylist() for name in table.column_names if name.startswith("lists")]
    lep = next(column for column in lists if any("lep_pt" in item for items in column for item in items))
    offsets, content = COLUMNS["lep_pt"].offsets, COLUMNS["lep_pt"].content
    assert [[item["lep_pt"] for item in items] for items in lep] == [
        content[a:b].tolist() for a, b in pairwise(offsets)
    ]


def test_errors_are_those_of_the_file(cache: ColumnCache, small: Path) -> None:
    def reader():
        return cache.opened(
            "small", "analysis", lambda: open_tree(small, "analysis"), url=str(small), mode="fill"
        )

    with open_tree(small, "analysis") as direct:
        for names, start, stop, kind in (
            (["lep_p"], 0, 5, BranchMissingError),
            (["met"], 0, 51, UsageError),
            (["met"], 5, 4, UsageError),
            (["met"], -1, 4, UsageError),
        ):
            with pytest.raises(kind) as expected:
                direct.read(names, start, stop)
            for _ in range(2):
                with reader() as tree, pytest.raises(kind) as found:
                    tree.read(names, start, stop)
                assert str(found.value) == str(expected.value)


def test_a_real_tree_by_way_of_the_environment(small: Path) -> None:
    identity = str(identify(small))
    with open_tree(small, "analysis") as direct:
        names = [name for name, info in direct.branches().items() if info.shape != "other"]
        expected = {span: direct.read(names, *span) for span in ((0, 20), (20, 50), (7, 33))}
        facts = direct.branches(), direct.boundaries().tolist(), direct.stored_bytes(names)
    with with_cache(open_tree(small, "analysis"), identity, mode="fill") as tree:
        for span in ((0, 20), (20, 50)):
            assert_same(tree.read(names, *span), expected[span])
    with open_cached(identity, "analysis", lambda: pytest.fail("opened"), url="", mode="read") as tree:
        for span, columns in expected.items():
            assert_same(tree.read(names, *span), columns)
        assert (tree.branches(), tree.boundaries().tolist(), tree.stored_bytes(names)) == facts


def test_a_warm_cache_needs_neither_uproot_nor_pyarrow(cache: ColumnCache) -> None:
    opened(cache, CountingTree(COLUMNS)).read(NAMES, 0, ENTRIES)
    code = (
        "import sys\nfrom femtobarn.data.columncache import ColumnCache\n"
        f"cache = ColumnCache({str(cache.folder)!r}, limit_bytes=10**8)\n"
        f"with cache.opened({IDENTITY!r}, 'Events', None, url='', mode='fill') as tree:\n"
        f"    tree.read({NAMES!r}, 0, {ENTRIES}), tree.stored_bytes({NAMES!r})\n"
        "print([name for name in ('pyarrow', 'uproot', 'awkward') if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "[]\n"


def test_what_one_reader_left_it_finds_itself(cache: ColumnCache) -> None:
    tree = CountingTree(COLUMNS)
    reader = opened(cache, tree)
    for _ in range(2):
        reader.read(["lep_pt"], 0, 20)
        reader.read(["lep_pt"], 3, 4)
    assert tree.reads == [(("lep_pt",), 0, 20)]


def test_columns_with_gaps_in_memory_are_kept(cache: ColumnCache) -> None:
    class Odd(CountingTree):
        def read(self, branches: Sequence[str], start: int, stop: int) -> dict[str, Column]:
            self.reads.append((tuple(branches), start, stop))
            table = np.arange(3.0 * (stop - start)).reshape(-1, 3)
            lists = Column(np.arange(99), np.arange(stop - start + 1, dtype=np.int64) + 5)
            return {"x": Column(table[:, 1]), "l": lists}

    tree = Odd({"x": COLUMNS["s_nan"], "l": COLUMNS["nothing"]})
    opened(cache, tree).read(["x", "l"], 0, 4)
    found = kept_only(cache).read(["x", "l"], 0, 4)
    assert found["x"].content.tolist() == [1, 4, 7, 10]
    assert (found["l"].content.tolist(), found["l"].offsets.tolist()) == ([5, 6, 7, 8], [0, 1, 2, 3, 4])


def test_a_remote_file_is_asked_for_nothing_more(cache: ColumnCache, small: Path) -> None:
    calls = []
    for mode in ("off", "fill"):
        source = MemorySource(small.read_bytes())
        with open_tree(source, "analysis") as direct, cache.around(direct, "remote", mode=mode) as reader:
            expected = reader.read(["met", "lep_pt"], 0, 50)
        calls.append(source.calls)
    assert calls[0] == calls[1]
    with cache.opened("remote", "analysis", lambda: pytest.fail("opened"), url="", mode="read") as tree:
        assert_same(tree.read(["met", "lep_pt"], 0, 50), expected)


@pytest.mark.realdata
def test_the_event_model_by_way_of_the_cache(cache: ColumnCache, realdata: Path) -> None:
    """Columns that are read-only make no difference to what is made of them."""
    fmt = registry.format_of("2025e-13tev-beta")
    path = min((realdata / fmt.release).rglob("*exactly4lep*.root"))
    fields = []
    with open_tree(path, fmt.tree) as direct:
        for name in fmt.fields:
            with suppress(FormatError):
                EventReader(direct, fmt).resolve([name])
                fields.append(name)
    assert len(fields) > 20

    def everything(tree: TreeReader) -> tuple[dict[str, Column], object]:
        with tree:
            reader = EventReader(tree, fmt)
            return reader.read(fields, 0, min(tree.entries, 2000)), reader.facts()

    expected = everything(open_tree(path, fmt.tree))
    for opener in (lambda: open_tree(path, fmt.tree), lambda: pytest.fail("opened")):
        found = everything(cache.opened("file", fmt.tree, opener, url=str(path), mode="fill"))
        assert_same(found[0], expected[0])
        assert found[1] == expected[1]


@pytest.mark.realdata
def test_branches_of_real_files(cache: ColumnCache, realdata: Path) -> None:
    paths = sorted(realdata.rglob("*.root"))
    assert paths
    seen = 0
    for path in paths:
        for name in list_trees(path):
            with open_tree(path, name) as direct:
                names = [branch for branch, info in direct.branches().items() if info.shape != "other"]
                names = names[:: 1 if len(names) < 300 else 5]  # the many of NanoAOD and PHYSLITE are alike
                if not names or not direct.entries:
                    continue
                stop = min(direct.entries, 50)
                expected = cache.around(direct, str(path), mode="fill").read(names, 0, stop)
            with cache.opened(str(path), name, lambda: pytest.fail("opened"), url="", mode="read") as tree:
                assert_same(tree.read(names, 0, stop), expected)
            seen += len(names)
    assert seen > 100
