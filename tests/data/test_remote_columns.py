"""Reading from a remote file: few requests, and no changed byte becomes a value."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot
import xxhash
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from femtobarn.base.errors import (
    DamagedError,
    DataError,
    NotRootError,
    TransientDataError,
    TreeMissingError,
    UnavailableError,
    UnreadableError,
)
from femtobarn.data.columns import Column, describe, list_trees, open_tree
from femtobarn.data.columns.baskets import Basket, Page, fetch_checked
from femtobarn.data.columns.layout import (
    CHECKED,
    Key,
    read_blocks,
    read_directory,
    read_key,
    read_keys,
    read_top,
)
from femtobarn.data.columns.streamed import StreamedFile

from .files import MemorySource, events

ALGORITHMS = {
    "zlib": uproot.ZLIB(1),
    "lz4": uproot.LZ4(1),
    "zstd": uproot.ZSTD(1),
    "lzma": uproot.LZMA(1),
    "none": None,
}
SMALL_REAL = (
    "2016e-8tev/4lep/skim.DataEgamma.root",
    "2016e-8tev/exactly2lep/exactly2lep.mc_173046.DYtautauM15to40.root",
    "2020e-13tev/4lep/data_A.4lep.root",
    "2025e-13tev-beta/2J2LMET30/*.root",
    "cms-nanoaod/nano_tt_v12.root",
)
NUMBER = 8  # branches in the tests that change bytes

Content = dict[str, Any]


def flat(column: Column) -> tuple[bytes, str, bytes | None]:
    offsets = None if column.offsets is None else column.offsets.tobytes()
    return column.content.tobytes(), column.content.dtype.name, offsets


def content(place: Any, tree: str, number: int = NUMBER) -> Content:
    """All that a user can see of some branches."""
    with open_tree(place, tree) as reader:
        infos = reader.branches()
        names = [name for name, info in infos.items() if info.shape != "other"]
        names = names[:: max(1, len(names) // number)]
        found: Content = {name: flat(c) for name, c in reader.read(names, 0, reader.entries).items()}
        found |= {f"{name}?": infos[name] for name in names}
        return found | {"#": (reader.entries, reader.boundaries().tolist()), "#uuid": reader.uuid}


@cache
def clean_content(path: Path, tree: str) -> Content:
    return content(path, tree)


@cache
def requests(path: Path, tree: str) -> int:
    source = MemorySource(path.read_bytes())
    content(source, tree)
    return source.transfer.requests


@cache
def tree_of(path: Path) -> str:
    return next(iter(list_trees(path)))


def write_compressed(path: Path, kind: str, *, rntuple: bool = False) -> Path:
    """Baskets that are large enough to be compressed, and small ones."""
    columns = events(400)
    columns["weights"] = np.repeat(np.arange(4.0), 100)
    types = {
        name: values.layout.form.type if isinstance(values, ak.Array) else values.dtype
        for name, values in columns.items()
    }
    with uproot.recreate(path, compression=ALGORITHMS[kind]) as file:
        if rntuple:
            out = file.mkrntuple("analysis", {name: values[:10] for name, values in columns.items()})
        else:
            out = file.mktree("analysis", types, counter_name=lambda counted: f"{counted}_n")
        for start, stop in pairwise([10, 200, 400] if rntuple else [0, 10, 200, 400]):
            out.extend({name: values[start:stop] for name, values in columns.items()})
    return path


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compressed")
    for kind in ALGORITHMS:
        write_compressed(folder / f"{kind}.root", kind)
        write_compressed(folder / f"{kind}-rntuple.root", kind, rntuple=True)
    return folder


WRITTEN = [*(f"{kind}.root" for kind in ALGORITHMS), *(f"{kind}-rntuple.root" for kind in ALGORITHMS)]


def changed(data: bytes, rng: random.Random, at: int) -> bytes:
    """Flip a bit, or overwrite a range, at or from a position."""
    kind, count = rng.choice(["bit", "bit", "zero", "ones", "noise"]), rng.choice([1, 2, 4, 8, 60, 600])
    count = min(count, len(data) - at)
    if kind == "bit":
        new = bytes([data[at] ^ (1 << rng.randrange(8))])
    else:
        new = {"zero": bytes(count), "ones": b"\xff" * count, "noise": rng.randbytes(count)}[kind]
    return data[:at] + new + data[at + len(new) :]


# few requests


@pytest.mark.realdata
def test_twenty_branches_of_a_file_cost_six_requests(realdata: Path) -> None:
    (path,) = realdata.glob("2025e-13tev-beta/exactly4lep/*.root")
    source = MemorySource(path.read_bytes())
    with open_tree(source) as tree:
        described, fetched = len(source.calls), source.transfer.bytes
        names = list(tree.branches())[:20]
        columns = tree.read(names, 0, tree.entries)
        stored = tree.stored_bytes(names)
    assert described <= 4
    assert len(source.calls) <= 6
    assert fetched < 140_000  # of 2.2 MB
    assert source.transfer.bytes - fetched < 1.1 * stored
    with open_tree(path) as tree:
        assert {n: flat(c) for n, c in columns.items()} == {
            n: flat(c) for n, c in tree.read(names, 0, tree.entries).items()
        }


@pytest.mark.realdata
def test_every_kind_of_file_is_read_as_from_disk(realdata: Path) -> None:
    for pattern in (*SMALL_REAL, "2024r-pp/*.root", "cms-nanoaod/nano_dy.root", "cms-nanoaod/agc*.root"):
        (path,) = realdata.glob(pattern)
        source = MemorySource(path.read_bytes(), name=str(path))
        name = next(iter(list_trees(path)))
        before = len(source.calls)
        assert content(source, name, 60) == content(path, name, 60), path
        assert len(source.calls) - before <= 6, path
        assert list_trees(source) == list_trees(path)


@pytest.mark.parametrize("name", WRITTEN)
def test_written_files_are_read_as_from_disk(folder: Path, name: str) -> None:
    source = MemorySource((folder / name).read_bytes())
    assert content(source, "analysis") == content(folder / name, "analysis")
    assert len(source.calls) <= 8
    assert list_trees(MemorySource((folder / name).read_bytes())) == list_trees(folder / name)


@pytest.mark.parametrize("name", WRITTEN)
def test_a_description_is_the_same_from_afar(folder: Path, name: str) -> None:
    source = MemorySource((folder / name).read_bytes(), name=str(folder / name))
    assert describe(source) == describe(folder / name)


def test_a_part_of_the_entries_costs_a_part_of_the_bytes(folder: Path) -> None:
    source = MemorySource((folder / "zlib.root").read_bytes())
    with open_tree(source) as tree, open_tree(folder / "zlib.root") as here:
        whole, part = [], []
        for start, stop, sizes in ((0, 400, whole), (200, 400, part), (0, 0, part)):
            before = source.transfer.bytes
            got, expected = tree.read(["lep_e", "met"], start, stop), here.read(["lep_e", "met"], start, stop)
            assert {n: flat(c) for n, c in got.items()} == {n: flat(c) for n, c in expected.items()}
            sizes.append(source.transfer.bytes - before)
        assert part[1] == 0
        assert 0.3 * whole[0] < part[0] < 0.7 * whole[0]


def test_nothing_is_held_after_reading_and_the_source_stays_open(folder: Path) -> None:
    source = MemorySource((folder / "none.root").read_bytes())
    with open_tree(source) as tree:
        tree.read(list(tree.branches()), 0, 400)
        first = len(source.calls)
        assert not tree._place._kept
        assert not tree._place._seen
        tree.read(["met"], 0, 400)
        assert len(source.calls) == first + 2  # no checksum: asked for twice
    assert not source.closed


def test_trees_in_folders(tmp_path: Path) -> None:
    path = tmp_path / "folders.root"
    with uproot.recreate(path) as file:
        file.mkdir("deep").mkdir("deeper")
        file["histogram"] = np.histogram([1.0, 2.0])
        file.mktree("deep/deeper/t", {"x": np.float32}).extend({"x": np.arange(5, dtype=np.float32)})
    source = MemorySource(path.read_bytes())
    assert list(list_trees(source)) == ["deep/deeper/t"]
    with open_tree(source) as tree:
        assert tree.read(["x"], 1, 3)["x"].content.tolist() == [1, 2]


# what is wrong with a file is said as for one on disk


def test_no_root_file_an_empty_one_and_a_truncated_one(folder: Path) -> None:
    whole = (folder / "zlib.root").read_bytes()
    with pytest.raises(NotRootError, match=r"example\.org.*b'<html>40'"):
        open_tree(MemorySource(b"<html>404</html>"))
    with pytest.raises(NotRootError, match="0 bytes"):
        list_trees(MemorySource(b""))
    with pytest.raises(DamagedError, match="truncated"):
        open_tree(MemorySource(whole[:-1000]))
    with pytest.raises(TreeMissingError, match="Did you mean 'analysis'"):
        open_tree(MemorySource(whole), "analisis")


def test_a_server_that_gives_whole_files_only(folder: Path) -> None:
    source = MemorySource((folder / "zlib.root").read_bytes(), ranges=False)
    with pytest.raises(UnreadableError, match="whole files only"):
        open_tree(source)


@pytest.mark.parametrize("limit", range(6))
def test_errors_of_the_source_come_through(folder: Path, limit: int) -> None:
    def failing(number: int, _offset: int, data: bytes) -> bytes:
        if number >= limit:
            msg = "no right answer"
            raise UnavailableError(msg)
        return data

    with pytest.raises(UnavailableError, match="no right answer"):
        content(MemorySource((folder / "zlib.root").read_bytes(), fault=failing), "analysis")


def test_an_answer_of_another_length_may_pass(folder: Path) -> None:
    source = MemorySource((folder / "zlib.root").read_bytes(), fault=lambda _n, _o, data: data[:-1])
    with pytest.raises(TransientDataError, match="lengths"):
        open_tree(source)


# changed bytes


@pytest.mark.parametrize("name", WRITTEN)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(number=st.integers(0, 10_000), seed=st.integers(0, 2**32))
def test_bytes_that_change_once_give_the_same_or_a_passing_error(
    folder: Path, name: str, number: int, seed: int
) -> None:
    check_changed_once(folder / name, "analysis", number, seed)


@pytest.mark.realdata
@pytest.mark.parametrize("pattern", SMALL_REAL)
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(number=st.integers(0, 10_000), seed=st.integers(0, 2**32))
def test_bytes_of_real_files_that_change_once(realdata: Path, pattern: str, number: int, seed: int) -> None:
    (path,) = realdata.glob(pattern)
    check_changed_once(path, tree_of(path), number, seed)


def check_changed_once(path: Path, tree: str, number: int, seed: int) -> None:
    whole, rng = path.read_bytes(), random.Random(seed)
    clean = clean_content(path, tree)
    chosen = number % requests(path, tree)

    def fault(answer: int, _offset: int, data: bytes) -> bytes:
        return changed(data, rng, rng.randrange(len(data))) if answer == chosen and data else data

    try:
        assert content(MemorySource(whole, fault=fault), tree) == clean
    except TransientDataError as error:
        assert "https://example.org/file.root" in str(error)  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize("name", WRITTEN)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.floats(0, 1, exclude_max=True), seed=st.integers(0, 2**32))
def test_bytes_that_are_changed_for_good_give_the_same_or_an_error(
    folder: Path, name: str, where: float, seed: int
) -> None:
    check_changed_for_good(folder / name, "analysis", where, seed)


@pytest.mark.realdata
@pytest.mark.parametrize("pattern", SMALL_REAL)
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.floats(0, 1, exclude_max=True), seed=st.integers(0, 2**32))
def test_bytes_of_real_files_that_are_changed_for_good(
    realdata: Path, pattern: str, where: float, seed: int
) -> None:
    (path,) = realdata.glob(pattern)
    check_changed_for_good(path, tree_of(path), where, seed)


def check_changed_for_good(path: Path, tree: str, where: float, seed: int) -> None:
    whole = path.read_bytes()
    clean = clean_content(path, tree)
    wrong = changed(whole, random.Random(seed), int(where * len(whole)))
    try:
        got = content(MemorySource(wrong), tree)
    except DataError:
        return
    # the uuid is in the header of the file, which has no checksum
    differing = {name for name in clean if got.get(name) != clean[name]} - {"#uuid"}
    assert not differing or in_content_without_checksum(path, tree, whole, wrong), differing


def in_content_without_checksum(path: Path, tree: str, whole: bytes, wrong: bytes) -> bool:
    """Whether a change lies in a record that only the checksum of the whole file could protect."""
    first = next(i for i, (a, b) in enumerate(zip(whole, wrong, strict=True)) if a != b)
    last = next(i for i in range(len(whole) - 1, -1, -1) if whole[i] != wrong[i])
    return any(start <= last and first < stop for start, stop in without_checksum(path, tree, whole))


def without_checksum(path: Path, tree: str, whole: bytes) -> list[tuple[int, int]]:
    with uproot.open({str(path): None}) as file:
        found = file[tree]
        if isinstance(found, uproot.behaviors.RNTuple.RNTuple):
            pages = [page for cluster in found.page_link_list for column in cluster for page in column.pages]
            records = [(page.locator.offset, page.locator.num_bytes, 0, -1) for page in pages]
        else:
            keys = [file.key(tree)]
            keys += [
                branch.basket_key(number)
                for branch in found.itervalues(recursive=True)
                for number in range(branch.num_baskets - len(branch.embedded_baskets))
            ]
            places = [key.fSeekKey for key in keys]
            records = [
                (at, key.fNbytes, key.fKeylen, key.fObjlen) for at, key in zip(places, keys, strict=True)
            ]
    unsafe = []
    for start, size, header, length in records:
        data = whole[start : start + size]
        if length < 0:  # a page: its length follows from its blocks, if it has any
            safe = data[:2] in {b"ZL", b"L4", b"XZ"}
        else:
            algorithms = read_blocks(data, header, length)
            safe = bool(algorithms) and algorithms <= CHECKED
        if not safe:
            unsafe.append((start, start + size))
    return unsafe


@pytest.mark.parametrize("kind", ["zlib", "lz4", "lzma", "zstd"])
def test_which_algorithms_find_a_flipped_bit(kind: str) -> None:
    raw = np.random.default_rng(1).integers(0, 40, 300).astype(">i4").tobytes()
    packed = uproot.compression.compress(raw, ALGORITHMS[kind])
    wrong = set()
    for bit in range(8 * len(packed)):
        data = bytearray(packed)
        data[bit // 8] ^= 1 << bit % 8
        try:
            read_blocks(bytes(data), 0, len(raw))
            if unpacked(bytes(data), len(raw)) != raw:
                wrong.add(bit)
        except Exception:  # noqa: BLE001 - whatever a decoder raises on damaged data
            continue
    assert bool(wrong) == (kind == "zstd")
    assert read_blocks(packed, 0, len(raw)) == {kind}


def unpacked(data: bytes, length: int) -> bytes:
    class Nowhere:
        file_path = "nowhere"

    chunk = uproot.source.chunk.Chunk.wrap(Nowhere(), np.frombuffer(data, dtype=np.uint8))
    cursor = uproot.source.cursor.Cursor(0)
    return bytes(uproot.compression.decompress(chunk, cursor, {}, len(data), length).raw_data)


def basket(path: Path, branch: str, number: int) -> tuple[int, int]:
    with uproot.open({str(path): "analysis"}) as tree:
        found = tree[branch]
        return int(found.member("fBasketSeek")[number]), int(found.member("fBasketBytes")[number])


def flip(at: int, *, times: int) -> Callable[[int, int, bytes], bytes]:
    """Flip a bit of the byte at a position in the first answers that have it, the file's beginning aside."""
    left = [times]

    def fault(_answer: int, offset: int, data: bytes) -> bytes:
        if not 0 < offset <= at < offset + len(data) or not left[0]:
            return data
        left[0] -= 1
        return data[: at - offset] + bytes([data[at - offset] ^ 4]) + data[at - offset + 1 :]

    return fault


def test_a_header_that_was_changed_on_the_way_is_asked_for_again(folder: Path) -> None:
    path = folder / "zlib.root"
    start, _ = basket(path, "lep_e", 1)
    source = MemorySource(path.read_bytes(), fault=flip(start + 7, times=1))
    assert content(source, "analysis", 100) == content(path, "analysis", 100)


def test_a_damaged_header_names_file_branch_and_basket(folder: Path) -> None:
    path = folder / "zlib.root"
    start, _ = basket(path, "lep_e", 1)
    with pytest.raises(DamagedError, match=r"example\.org/file\.root: .*basket 1 of branch 'lep_e'"):
        content(MemorySource(path.read_bytes(), fault=flip(start + 7, times=1000)), "analysis", 100)


@pytest.mark.parametrize("kind", ["zlib", "lz4", "lzma", "zstd", "none"])
def test_changed_content_is_a_passing_fault_or_damage(folder: Path, kind: str) -> None:
    path = folder / f"{kind}.root"
    start, size = basket(path, "weights", 1)
    whole = path.read_bytes()
    middle = start + (read_key(whole, start)[0].header + size) // 2
    with pytest.raises(TransientDataError, match="different ones"):
        content(MemorySource(whole, fault=flip(middle, times=1)), "analysis", 100)
    if kind in CHECKED:
        with pytest.raises(DamagedError, match="'weights'"):
            content(MemorySource(whole, fault=flip(middle, times=1000)), "analysis", 100)


def test_offsets_that_do_not_ascend_are_found_even_if_they_always_come_so(folder: Path) -> None:
    path = folder / "none.root"
    start, size = basket(path, "lep_e", 1)
    with pytest.raises(DamagedError, match=r"basket 1 of branch 'lep_e' has offsets that do not ascend"):
        content(
            MemorySource(path.read_bytes(), fault=flip(start + size - 40 + 1, times=1000)), "analysis", 100
        )


def test_two_baskets_in_one_place_are_no_hang(folder: Path, tmp_path: Path) -> None:
    path = folder / "none.root"
    first, second = (struct.pack(">q", basket(path, "lep_e", number)[0]) for number in (0, 1))
    whole = path.read_bytes()
    assert whole.count(first + second) == 1
    wrong = tmp_path / "twice.root"
    wrong.write_bytes(whole.replace(first + second, first + first))
    for place in (wrong, MemorySource(wrong.read_bytes())):
        with pytest.raises(DamagedError, match="two baskets are in one place"):
            content(place, "analysis", 100)


# parts


@given(st.binary(max_size=200), st.integers(0, 60), st.integers(0, 400))
@example(b"ZL\x08" + bytes([1, 0, 0, 9, 0, 0]) + b"x", 0, 9)
def test_any_bytes_are_blocks_or_an_error(data: bytes, at: int, length: int) -> None:
    try:
        algorithms = read_blocks(data, at, length)
    except ValueError:
        return
    assert algorithms or len(data) - at == length


@given(st.binary(max_size=120))
def test_any_bytes_are_a_key_or_an_error(data: bytes) -> None:
    try:
        _, end = read_key(data, 0)
    except (ValueError, IndexError, struct.error):
        return
    assert 29 <= end <= len(data)


def test_the_checksum_of_a_page_is_compared() -> None:
    body = np.arange(100, dtype="<f4").tobytes()
    digest = xxhash.xxh3_64_intdigest(body).to_bytes(8, "little")
    page = Page("x", 3, 0, len(body) + 8, len(body), checksum=True)
    assert page.check(body + digest)
    bare = replace(page, size=len(body), checksum=False)
    assert not bare.check(body)
    with pytest.raises(ValueError, match="another checksum"):
        page.check(body[:-1] + b"\x01" + digest)
    source = MemorySource(bytes(500), fault=lambda _n, _o, _d: body[:-1] + b"\x01" + digest)
    with pytest.raises(DamagedError, match="page 3 of field 'x' has another checksum"):
        fetch_checked(StreamedFile(source), [page])


@pytest.mark.parametrize("place", [(-1, 5), (0, -1), (95, 6), (0, 1 << 31)])
def test_ranges_outside_the_file_are_not_asked_for(place: tuple[int, int]) -> None:
    source = MemorySource(bytes(100))
    file = StreamedFile(source)
    with pytest.raises(DamagedError, match="expected parts of its 100 bytes"):
        file.fetch([place])
    with pytest.raises(DamagedError):
        fetch_checked(file, [Basket("x", 0, *place, entries=1)])
    assert source.calls == []


def test_what_was_not_foreseen_is_asked_for_twice() -> None:
    whole = bytes(range(250)) * 1000
    source = MemorySource(whole)
    file = StreamedFile(source)
    file.seek(1000)
    assert file.read(40) == whole[1000:1040]
    assert file.read(60_000) == whole[1040:61040]
    assert len(source.calls) == 2
    file.seek(len(whole) - 10)
    assert file.read(50) == whole[-10:]
    assert file.read(50) == b""
    unsteady = StreamedFile(MemorySource(whole, fault=lambda n, _o, data: data if n else bytes(len(data))))
    with pytest.raises(TransientDataError, match="different ones"):
        unsteady.read(10)


def test_records_of_a_file_above_two_gigabytes() -> None:
    """Positions have 64 bits there: ROOT adds 1,000,000 to the file's version and 1,000 to a record's."""
    far = 5_000_000_000
    head = struct.pack(
        ">4siiqqiiiBiqi", b"root", 1_063_400, 100, far + 900, far, 50, 1, 58, 8, 101, far + 600, 90
    )
    top = read_top(head)
    assert (top.directory, top.info, top.info_size) == (158, far + 600, 90)
    directory = struct.pack(">hIIiiqqq", 1005, 1, 1, 120, 58, 100, 0, far + 400)
    assert read_directory(bytes(3) + directory, 3) == (far + 400, 120, 3 + len(directory))
    texts = b"".join(bytes([len(text)]) + text for text in (b"TTree", b"mini", b"a title"))
    key = struct.pack(">ihiIhhqq", 500, 1004, 900, 1, 60, 2, far, 100) + texts
    found, end = read_key(key, 0)
    assert found == Key(500, 900, 60, 2, far, "TTree", "mini", "a title")
    assert end == len(key)
    listed = struct.pack(">ihiIhhqq", 200, 1004, 1, 1, 34 + 3, 1, far, 100) + bytes(3)
    assert read_keys(listed + struct.pack(">i", 2) + key + key) == [found, found]
    with pytest.raises((struct.error, IndexError, ValueError)):
        read_keys(listed + struct.pack(">i", 3) + key + key)
