"""The fast reader against uproot's: the same of every branch, of every file, in every codec."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from femtobarn.base.errors import DataError, FileChangedError, UsageError
from femtobarn.data.columns import Column, TreeReader, list_trees, open_tree
from femtobarn.data.columns.fast import checked, codecs, native, reader
from femtobarn.data.columns.fast.checked import Checked
from femtobarn.data.columns.fast.column import BasketError, Piece, read_column
from femtobarn.data.columns.fast.cursor import UnknownLayoutError
from femtobarn.data.columns.fast.kinds import Kind
from femtobarn.data.columns.fast.layout_codes import VECTORS
from femtobarn.data.columns.fast.metadata import Branch, parse_tree
from femtobarn.data.columns.fast.reader import FastReader
from femtobarn.data.columns.interface import BranchInfo
from femtobarn.data.columns.library import tree_titles
from femtobarn.data.columns.readers import open_reader

from .files import events, write
from .hostile_trees import nested, overlapping, prefix_of, with_record

FILES = Path(__file__).parent / "columns" / "files"
NAMES = sorted(path.stem for path in FILES.glob("*.root"))
CODECS = {
    "zlib": uproot.ZLIB(1),
    "lz4": uproot.LZ4(4),
    "zstd": uproot.ZSTD(5),
    "lzma": uproot.LZMA(1),
    "none": None,
}
ROOT_PYTHON = os.environ.get("FEMTOBARN_ROOT_PYTHON") or (
    sys.executable if importlib.util.find_spec("ROOT") else None
)


def fast(path: Path, tree: str | None = None, **options: bool) -> FastReader:
    opened = open_tree(path, tree, **options)
    assert isinstance(opened, FastReader)
    return opened


def assert_same(one: Column, other: Column, what: object) -> None:
    assert one.content.dtype == other.content.dtype, what
    assert one.content.flags.c_contiguous, what
    assert one.content.tobytes() == other.content.tobytes(), what
    assert (one.offsets is None) == (other.offsets is None), what
    if one.offsets is not None and other.offsets is not None:
        assert one.offsets.dtype == np.int64, what
        np.testing.assert_array_equal(one.offsets, other.offsets, err_msg=str(what))


def readable(tree: TreeReader) -> list[str]:
    return [name for name, info in tree.branches().items() if info.shape != "other"]


def assert_equals_uproot(path: Path, tree: str, ranges: list[tuple[int, int]] | None = None) -> FastReader:
    assert list(list_trees(path).items()) == list(tree_titles(path).items())
    with (
        fast(path, tree) as one,
        fast(path, tree, verified=True) as trusted,
        open_reader(path, tree) as other,
    ):
        told = ("title", "entries", "uuid", "url", "tree")
        assert [getattr(one, name) for name in told] == [getattr(other, name) for name in told]
        assert dict(one.branches()) == dict(other.branches())
        assert list(one.branches()) == list(other.branches())
        np.testing.assert_array_equal(one.boundaries(), other.boundaries())
        names = readable(one)
        for name in names:
            assert one.stored_bytes([name]) == other.stored_bytes([name]), name
        assert one.stored_bytes(names) == other.stored_bytes(names)
        end = one.entries
        for start, stop in ranges or [(0, end), (end // 3, end - end // 4)]:
            if stop > end:
                continue
            expected = other.read(names, start, stop)
            for opened in (one, trusted):
                for name, column in opened.read(names, start, stop).items():
                    assert_same(column, expected[name], (path, name, start, stop))
    return one


@pytest.mark.realdata
def test_every_branch_of_the_real_files_is_what_uproot_reads(realdata: Path) -> None:
    for path in sorted(realdata.glob("**/*.root")):
        for tree in list_trees(path):
            one = assert_equals_uproot(path, tree)
            if "2024r-pp" not in str(path):  # which has classes of its own
                assert all(one._kinds.values()), path


@pytest.mark.parametrize("name", NAMES)
def test_files_of_root_in_every_codec(name: str) -> None:
    edges = [0, 1, 8, 9, 16, 22]
    ranges = [(start, stop) for start in edges for stop in edges if start <= stop]
    one = assert_equals_uproot(FILES / f"{name}.root", "t", [(0, 0)] if name == "empty" else ranges)
    slow = {branch for branch, kind in one._kinds.items() if kind is None}
    assert slow <= {"letters", "nested", "m", "pair"}
    assert one.entries == {"empty": 0, "embedded": 9}.get(name, 22)


def test_files_of_root_hold_what_was_written() -> None:
    with fast(FILES / "zlib.root") as tree:
        columns = tree.read(["v_float", "v_uchar", "x_short", "a", "ug", "text", "r_bool"], 0, 22)
        assert columns["v_float"].content[:5].tolist() == [0, 1, 2, 2, 7 - 4]
        assert columns["v_uchar"].content.dtype == np.uint8
        assert columns["x_short"].offsets[:5].tolist() == [0, 3, 3, 4, 11]
        assert columns["a"].content[-3:].tolist() == [21, 22, 23]
        assert columns["ug"].content.tolist() == list(range(22))
        assert bytes(columns["text"].content[:15]) == b"word word word "
        assert columns["r_bool"].content[:4].tolist() == [False, True, False, False]


@pytest.mark.skipif(ROOT_PYTHON is None, reason="no ROOT: set FEMTOBARN_ROOT_PYTHON to a Python that has it")
def test_files_that_root_writes_now(tmp_path: Path) -> None:
    script = FILES.parent / "write_files.py"
    subprocess.run([str(ROOT_PYTHON), str(script), str(tmp_path)], check=True, capture_output=True)
    written = sorted(tmp_path.glob("*.root"))
    assert [path.stem for path in written] == NAMES
    for path in written:
        assert_equals_uproot(path, "t")


@pytest.fixture(scope="module")
def of_uproot(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("codecs")
    paths = {}
    for name, compression in CODECS.items():
        path = folder / f"{name}.root"
        write(path, events(300), chunks=3)
        with (
            uproot.open(path) as plain,
            uproot.recreate(folder / f"{name}_.root", compression=compression) as file,
        ):
            tree = plain["analysis"]
            columns = {key: tree[key].array() for key in tree.iterkeys() if not key.endswith("_n")}
            out = file.mktree("analysis", {key: values.type for key, values in columns.items()})
            for start, stop in pairwise([0, 100, 200, 300]):
                out.extend({key: values[start:stop] for key, values in columns.items()})
        paths[name] = folder / f"{name}_.root"
    return paths


@pytest.mark.parametrize("codec", CODECS)
def test_files_of_uproot_in_every_codec(of_uproot: dict[str, Path], codec: str) -> None:
    assert_equals_uproot(of_uproot[codec], "analysis", [(0, 300), (99, 101), (5, 250)])


@given(limits=st.tuples(st.integers(0, 22), st.integers(0, 22)).map(sorted), name=st.sampled_from(NAMES[2:]))
@settings(deadline=None)
def test_any_range_is_a_slice_of_the_whole(name: str, limits: list[int]) -> None:
    start, stop = limits
    with fast(FILES / f"{name}.root") as tree:
        names = [branch for branch, kind in tree._kinds.items() if kind is not None]
        whole = tree.read(names, 0, 22)
        for branch, part in tree.read(names, start, stop).items():
            column = whole[branch]
            low, high = (start, stop) if column.offsets is None else column.offsets[[start, stop]]
            np.testing.assert_array_equal(part.content, column.content[low:high])
            if column.offsets is not None:
                np.testing.assert_array_equal(part.offsets, column.offsets[start : stop + 1] - low)


def test_branches_of_one_collection_have_one_object_of_offsets() -> None:
    with fast(FILES / "zlib.root") as tree:
        columns = tree.read(["v_float", "v_double", "v_int", "x_float", "r_bool", "a", "ai"], 1, 20)
    assert columns["v_int"].offsets is columns["v_float"].offsets
    assert columns["r_bool"].offsets is columns["v_float"].offsets
    assert columns["x_float"].offsets is columns["v_float"].offsets
    assert columns["v_double"].offsets is not columns["v_float"].offsets
    assert columns["a"].offsets is not columns["ai"].offsets


def test_columns_of_uproot_have_one_object_of_offsets_too(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["v_float", "v_int", "x_float", "a"]
    with open_reader(FILES / "zlib.root", "t") as plain:
        one = plain.read(names, 1, 20)
    known = fast(FILES / "zlib.root")
    known._kinds["x_float"] = known._kinds["v_int"] = None  # as if these two were of an unknown form
    with known as tree:
        two = tree.read(names, 1, 20)
    for columns in (one, two):
        assert columns["v_int"].offsets is columns["v_float"].offsets
        assert columns["x_float"].offsets is columns["v_float"].offsets
        assert columns["a"].offsets is not columns["v_float"].offsets


def test_threads_read_at_once(of_uproot: dict[str, Path]) -> None:
    with fast(of_uproot["zlib"]) as tree, ThreadPoolExecutor(4) as threads:
        names = readable(tree)
        whole = tree.read(names, 0, 300)
        for columns in threads.map(lambda _: tree.read(names, 0, 300), range(40)):
            for name in names:
                assert_same(columns[name], whole[name], name)


def test_a_closed_tree_is_not_read() -> None:
    tree = fast(FILES / "zlib.root")
    tree.close()
    tree.close()
    with pytest.raises(UsageError, match="was closed"):
        tree.read(["b"], 0, 3)


# -- without the fast parts ---------------------------------------------------------------------------


@pytest.mark.parametrize("without", ["libdeflate", "deflate"])
@pytest.mark.parametrize("name", ["zlib", "embedded"])
def test_without_libdeflate(monkeypatch: pytest.MonkeyPatch, name: str, without: str) -> None:
    monkeypatch.setattr(native, "_libdeflate", lambda: None)
    monkeypatch.setattr(native, "_local", native.threading.local())
    if without == "deflate":
        monkeypatch.setitem(sys.modules, "deflate", None)
        assert codecs._zlib_function() is codecs._slow_zlib
    assert_equals_uproot(FILES / f"{name}.root", "t")


def test_without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> None:
        raise ImportError

    monkeypatch.setattr(reader, "kernel", none)
    assert_equals_uproot(FILES / "zlib.root", "t")


def test_nothing_heavy_is_loaded_to_read(of_uproot: dict[str, Path]) -> None:
    code = (
        "import sys; from femtobarn.data.columns import open_tree; tree = open_tree(sys.argv[1]);"
        "names = [n for n in tree.branches() if n != 'letters' and n != 'nested'];"
        "tree.read(['v_float', 'text', 'x_float'] if 'v_float' in names else names, 0, 9); tree.close();"
        "print(sorted({'uproot', 'awkward', 'numba'} & set(sys.modules)))"
    )
    native.kernel()  # compiled and kept by now
    for path in (FILES / "zlib.root", FILES / "embedded.root", of_uproot["zstd"]):
        done = subprocess.run(
            [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == "[]"


# -- what was checked is remembered -------------------------------------------------------------------


def checks(monkeypatch: pytest.MonkeyPatch, path: Path, **options: bool) -> list[bool]:
    """Return for each column whether its checksums were verified."""
    seen = []

    def watched(*args: Any, check: bool) -> Column:
        seen.append(check)
        return read_column(*args, check=check)

    monkeypatch.setattr(reader, "read_column", watched)
    with fast(path, **options) as tree:
        tree.read(["v_float", "b"], 0, 9)
        tree.read(["v_float"], 0, 22)
    return seen


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FEMTOBARN_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "copy.root"
    path.write_bytes((FILES / "zlib.root").read_bytes())
    os.utime(path, ns=(10**9, 10**9))  # long ago: what was just written is not remembered
    return path


def test_a_second_reading_checks_nothing(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks(monkeypatch, copied) == [True, True, True]
    assert checks(monkeypatch, copied) == [False, False, False]
    os.utime(copied, ns=(2 * 10**9, 2 * 10**9))  # another file, for all that is known
    assert checks(monkeypatch, copied) == [True, True, True]
    assert checks(monkeypatch, copied, verified=True) == [False, False, False]


def test_a_file_that_was_just_written_is_not_remembered(
    copied: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It could be written again, with the same size, before the clock of its file system ticks."""
    clock = copied.stat().st_mtime
    monkeypatch.setattr(checked.time, "time", lambda: clock + checked.SETTLED_SECONDS / 2)
    for _ in range(2):
        assert checks(monkeypatch, copied) == [True, True, True]
    monkeypatch.setattr(checked.time, "time", lambda: clock + checked.SETTLED_SECONDS)
    assert checks(monkeypatch, copied) == [True, True, True]
    assert checks(monkeypatch, copied) == [False, False, False]


def test_a_damaged_memory_is_ignored(copied: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    checks(monkeypatch, copied)
    (memory,) = (tmp_path / "cache" / "checked").iterdir()
    memory.write_bytes(memory.read_bytes()[:-1] + b"]")
    assert checks(monkeypatch, copied) == [True, True, True]
    (tmp_path / "cache" / "checked").chmod(0o755)  # others could have written it
    assert checks(monkeypatch, copied) == [True, True, True]


def test_memories_of_two_readers_are_joined(copied: Path) -> None:
    one, two = (Checked(copied.stat(), "uuid", "t") for _ in range(2))
    one.add("x", 0, 2)
    two.add("x", 2, 3)
    two.add("y", 5, 6)
    one.keep()
    two.keep()
    both = Checked(copied.stat(), "uuid", "t")
    assert both.has("x", 0, 3)
    assert not both.has("x", 0, 4)
    assert both.has("y", 5, 6)
    assert not Checked(copied.stat(), "uuid", "other").has("x", 0, 1)


def test_a_damaged_basket_is_not_remembered(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with fast(copied) as tree:
        place, size = (
            int(values[0]) for values in (tree._branches["v_float"].places, tree._branches["v_float"].sizes)
        )
    flip(copied, (place + size - 1) * 8)  # in its checksum
    with fast(copied) as tree, pytest.raises(DataError, match="v_float"):
        tree.read(["b", "v_float"], 0, 22)
    with fast(copied) as tree, pytest.raises(DataError, match="v_float"):
        tree.read(["b", "v_float"], 0, 22)


def test_a_file_in_the_place_of_another(copied: Path, tmp_path: Path) -> None:
    with fast(copied) as tree:
        other = tmp_path / "other.root"
        other.write_bytes((FILES / "lz4.root").read_bytes())
        other.replace(copied)
        assert tree.read(["b"], 0, 22)["b"].entries == 22
        with pytest.raises(FileChangedError, match="another has taken its place"):
            tree.read(["letters"], 0, 22)


# -- damage -------------------------------------------------------------------------------------------


def flip(path: Path, bit: int) -> None:
    with path.open("r+b") as file:
        file.seek(bit // 8)
        (byte,) = file.read(1)
        file.seek(bit // 8)
        file.write(bytes([byte ^ (1 << bit % 8)]))


def places_of_damage(path: Path) -> dict[str, list[int]]:
    """Return the bytes of a file by what they are part of."""
    with fast(path) as tree:
        record = tree._found.key
        found: dict[str, list[int]] = {
            "file": list(range(64)),
            "tree": list(range(record.position, record.position + record.size)),
            "header": [],
            "block": [],
            "content": [],
            "checksum": [],
        }
        data = path.read_bytes()
        for branch, kind in zip(tree._branches.values(), tree._kinds.values(), strict=True):
            for place, size in zip(branch.places.tolist(), branch.sizes.tolist(), strict=True):
                if kind is None:
                    continue
                header = int.from_bytes(data[place + 14 : place + 16], "big")
                content = place + header
                found["header"] += range(place, content)
                if int.from_bytes(data[place + 6 : place + 10], "big") == size - header:
                    continue
                found["block"] += range(content, content + 9)
                found["content"] += range(content + 9, place + size - 4)
                found["checksum"] += range(place + size - 4, place + size)
    return found


@pytest.mark.parametrize("part", ["file", "tree", "header", "block", "content", "checksum"])
@pytest.mark.parametrize("name", ["zlib", "lz4", "lzma", "zstd", "none"])
def test_flipped_bits_are_found_or_change_nothing(name: str, part: str, tmp_path: Path) -> None:
    path = FILES / f"{name}.root"
    places = places_of_damage(path)[part]
    if not places:
        assert name == "none"
        return
    if name in {"zstd", "none"} and part in {"content", "checksum", "tree"}:
        pytest.skip(f"{name} has no checksum: only that of the file tells")
    with fast(path) as tree:
        names = [branch for branch, kind in tree._kinds.items() if kind is not None]
        right = tree.read(names, 0, 22)
    rng = np.random.default_rng([NAMES.index(name), len(part)])
    damaged = tmp_path / "damaged.root"
    caught = 0
    for _ in range(40):
        damaged.write_bytes(path.read_bytes())
        flip(damaged, int(rng.choice(places)) * 8 + int(rng.integers(8)))
        try:
            with open_tree(damaged, "t") as tree:
                for branch in names:
                    assert_same(tree.read([branch], 0, 22)[branch], right[branch], (branch, name, part))
        except DataError:
            caught += 1
    if part in {"content", "checksum"}:
        assert caught > 30


@pytest.mark.parametrize("name", ["zstd", "none", "embedded"])
def test_bits_that_nothing_tells_of_do_no_harm(name: str, tmp_path: Path) -> None:
    """Without a checksum there may be other numbers; there is no crash and no other error."""
    path = FILES / f"{name}.root"
    content = path.read_bytes()
    rng = np.random.default_rng(5)
    damaged = tmp_path / "damaged.root"
    for _ in range(40):
        changed = bytearray(content)
        for _ in range(int(rng.integers(1, 4))):
            changed[int(rng.integers(100, len(content)))] ^= 1 << int(rng.integers(8))
        damaged.write_bytes(changed)
        try:
            with open_tree(damaged, "t") as tree:
                columns = tree.read(readable(tree), 0, tree.entries)
        except DataError as error:
            assert str(damaged) in str(error)  # noqa: PT017 - either outcome is right, no other is
        else:
            assert all(column.entries == tree.entries for column in columns.values())


@pytest.fixture(scope="module")
def prefix() -> tuple[bytes, int]:
    """The record of a tree up to its branches, and the bytes of its header."""
    with fast(FILES / "none.root") as tree:
        return prefix_of(tree._found.tree.record), tree._found.key.header


def test_branches_within_branches_are_followed(prefix: tuple[bytes, int], tmp_path: Path) -> None:
    record = nested(20, *prefix)
    (branch,) = parse_tree(record, prefix[1]).branches
    for _ in range(19):
        (branch,) = branch.branches
    assert branch.branches == ()
    with_record(FILES / "none.root", tmp_path / "nested.root", record)
    with open_tree(tmp_path / "nested.root", "t") as tree:
        assert list(tree.branches()) == ["b"]


@pytest.mark.parametrize("make", [lambda *of: nested(300, *of), lambda *of: overlapping(14, *of)])
def test_branches_without_end_are_left_to_the_library(
    prefix: tuple[bytes, int], tmp_path: Path, make: Callable[..., bytes]
) -> None:
    """Too deep for the stack, or read again at each depth: 14 levels would be 2**14 branches."""
    record = make(*prefix)
    with pytest.raises(UnknownLayoutError, match=r"64 deep|does not end"):
        parse_tree(record, prefix[1])
    with_record(FILES / "none.root", tmp_path / "hostile.root", record)
    with pytest.raises(DataError, match=r"hostile\.root"), open_tree(tmp_path / "hostile.root", "t") as tree:
        tree.read(["b"], 0, tree.entries)


def test_no_recursion_error_gets_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deep(*_: object) -> None:
        raise RecursionError

    monkeypatch.setattr(reader, "find_tree", deep)
    with open_tree(FILES / "zlib.root") as tree:
        assert not isinstance(tree, FastReader)
        assert tree.read(["b"], 0, 3)["b"].entries == 3


@pytest.mark.parametrize("codec", CODECS)
def test_names_as_long_as_a_header_can_be(codec: str, tmp_path: Path) -> None:
    path = tmp_path / "long.root"
    names = ["x" * 1_100, "y" * 15_000]
    with uproot.recreate(path, compression=CODECS[codec]) as file:
        file.mktree("t", dict.fromkeys(names, np.int32)).extend(
            {name: np.arange(500, dtype=np.int32) for name in names}
        )
    with fast(path) as tree:
        assert all(tree._kinds.values())
        for name in names:
            assert tree.read([name], 3, 500)[name].content.tolist() == list(range(3, 500))


# -- baskets made here --------------------------------------------------------------------------------


def basket(lists: list[bytes], *, table: int, level: int, place: int, claim: int | None = None) -> bytes:
    """Return a basket of vectors of 4-byte numbers, with ``table`` bytes after them.

    ``claim`` is what the last vector tells of its length, if that is wrong.
    """
    entries = [
        (0x40000000 + 6 + len(one)).to_bytes(4, "big") + b"\0\1" + (len(one) // 4).to_bytes(4, "big") + one
        for one in lists
    ]
    data = b"".join(entries)
    if claim is not None:
        at = len(data) - len(lists[-1])
        data = (
            data[: at - 10] + ((0x40000006 + claim * 4) % 2**32).to_bytes(4, "big") + data[at - 6 : at - 4]
            + claim.to_bytes(4, "big") + data[at:]
        )  # fmt: skip
    whole = data + bytes(table)
    packed = zlib.compress(whole, level)
    sizes = b"".join(len(one).to_bytes(3, "little") for one in (packed, whole))
    blocks = b"ZL\x08" + sizes + packed
    if len(blocks) == len(whole):  # that is how one tells that nothing is compressed
        blocks = whole
    texts = b"\7TBasket" + b"\1x" + b"\1t"
    header = 26 + len(texts) + 19
    size = header + len(blocks)
    head = b"".join(
        number.to_bytes(count, "big")
        for number, count in (
            (size, 4),
            (4, 2),
            (len(whole), 4),
            (0, 4),
            (header, 2),
            (0, 2),
            (place, 4),
            (0, 4),
        )
    )
    fields = b"".join(
        number.to_bytes(count, "big")
        for number, count in ((3, 2), (32000, 4), (1000, 4), (len(lists), 4), (header + len(data), 4), (0, 1))
    )
    return head + texts + fields + blocks


def read_made(
    folder: Path, lists: list[bytes], *, check: bool, table: int, level: int, claim: int | None = None
) -> Column:
    path = folder / "made"
    made = basket(lists, table=table, level=level, place=100, claim=claim)
    path.write_bytes(bytes(100) + made)
    edges = np.array([0, len(lists)])
    branch = Branch(
        "TBranchElement", "x", "x", len(lists), 0, len(made), len(made), np.array([100]), np.array([len(made)]),
        edges, (), (), (), 0, unusual=False,
    )  # fmt: skip
    kind = Kind(BranchInfo("x", "list", "uint32", "std::vector<uint32_t>"), VECTORS, 4, 1, edges)
    with path.open("rb") as file:
        return read_column(file.fileno(), b"", Piece(branch, kind, 0, len(lists)), None, check=check)


@given(
    seed=st.integers(0, 1000),
    counts=st.lists(st.sampled_from([0, 1, 2, 3, 8, 40, 30_000]), min_size=1, max_size=9),
    table=st.sampled_from([0, 100, 511, 513, 600, 70_000, 200_000]),
    level=st.sampled_from([0, 1, 9]),
    check=st.booleans(),
    random=st.booleans(),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80)
def test_stopping_early_reads_the_same(
    tmp_path: Path, seed: int, counts: list[int], table: int, level: int, check: bool, random: bool
) -> None:
    """Also where the content is stored in blocks that are refused as a whole."""
    rng = np.random.default_rng(seed)
    numbers = [rng.integers(0, 2**32 if random else 3, size=count, dtype=np.uint32) for count in counts]
    column = read_made(
        tmp_path, [one.astype(">u4").tobytes() for one in numbers], check=check, table=table, level=level
    )
    np.testing.assert_array_equal(column.content, np.concatenate(numbers))
    np.testing.assert_array_equal(column.offsets, np.cumsum([0, *counts]))


@pytest.mark.parametrize("claim", [0, 1, 3, 2**20, 2**31 - 1, 2**32 - 1])
@pytest.mark.parametrize("check", [True, False])
def test_counts_that_do_not_fit_the_content(tmp_path: Path, claim: int, check: bool) -> None:
    with pytest.raises(BasketError, match="counts that do not fit"):
        read_made(tmp_path, [bytes(8), bytes(8)], check=check, table=600, level=1, claim=claim)
