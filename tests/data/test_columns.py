from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections import Counter
from itertools import pairwise
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st

from femtobarn.base.errors import (
    BranchMissingError,
    BranchTypeError,
    DamagedError,
    DataError,
    NotRootError,
    TreeMissingError,
    UnreadableError,
    UsageError,
)
from femtobarn.data.columns import Column, TreeReader, describe, list_trees, open_tree

from .files import MemorySource


def as_awkward(column: Column) -> ak.Array:
    if column.offsets is None:
        return ak.Array(column.content)
    return ak.unflatten(column.content, np.diff(column.offsets))


@pytest.mark.realdata
def test_every_branch_of_the_real_files_equals_plain_uproot(realdata: Path) -> None:
    seen = 0
    for path in sorted(realdata.glob("**/*.root")):
        for name in list_trees(path):
            assert_equals_plain_uproot(path, name)
            seen += 1
    assert seen == 22


def assert_equals_plain_uproot(path: Path, name: str) -> None:
    with open_tree(path, name) as tree, uproot.open({str(path): name}) as plain:
        infos = tree.branches()
        known = {branch.name: branch for branch in reversed(list(plain.itervalues(recursive=True)))}
        assert set(infos) == set(known)
        assert tree.entries == plain.num_entries
        readable = [branch for branch, info in infos.items() if info.shape != "other"]
        for branch, column in tree.read(readable, 0, tree.entries).items():
            expected = known[branch].array()
            assert column.content.dtype == np.dtype(infos[branch].dtype)
            assert column.content.dtype.isnative
            if infos[branch].shape == "string":
                assert bytes(column.content[: column.offsets[1]]).decode() == expected[0]
                assert column.entries == tree.entries
            else:
                values = ak.from_regular(expected, axis=None)
                assert ak.array_equal(as_awkward(column), values, dtype_exact=True, equal_nan=True), (
                    path,
                    branch,
                )


@pytest.mark.realdata
def test_what_of_physlite_can_be_read(realdata: Path) -> None:
    with open_tree(realdata / "2024r-pp/PHYSLITE_example.root", "CollectionTree") as tree:
        infos = tree.branches()
        shapes = Counter(info.shape for info in infos.values())
        pt = tree.read(["AnalysisMuonsAuxDyn.pt"], 0, 100)["AnalysisMuonsAuxDyn.pt"]
    assert infos["AnalysisMuonsAuxDyn.pt"].typename == "std::vector<float>"
    assert (shapes["scalar"] + shapes["list"] + shapes["string"], shapes["other"]) == (729, 764)
    assert pt.entries == 100
    assert (pt.content > 1000).all()  # MeV


@pytest.mark.realdata
def test_baskets_in_many_clusters_and_their_bytes(realdata: Path) -> None:
    (path,) = realdata.glob("2025e-13tev-beta/exactly4lep/*periodD*.root")
    with open_tree(path, "analysis") as tree:
        boundaries = tree.boundaries()
        assert boundaries[:5].tolist() == [0, 9, 37, 42, 58]
        assert (len(boundaries), boundaries[-1]) == (62, 3424)
        assert 0 < tree.stored_bytes(["lep_pt"]) < tree.stored_bytes(list(tree.branches())) < 2_219_662
        assert tree.stored_bytes(["met", "met"]) == tree.stored_bytes(["met"])
        cut = [0, 1, 9, 10, 58, 59, 3000, 3424]
        names = ["category", "lep_pt", "trigE"]
        full = tree.read(names, 0, tree.entries)
        for start, stop in pairwise(cut):
            for name, column in tree.read(names, start, stop).items():
                assert_is_slice(full[name], column, start, stop)


@pytest.mark.realdata
def test_embedded_baskets_have_bytes(realdata: Path) -> None:
    path = realdata / "2020e-13tev/4lep/data_D.4lep.root"
    with open_tree(path) as tree:
        assert 0.5 * path.stat().st_size < tree.stored_bytes(list(tree.branches())) < path.stat().st_size


@pytest.mark.realdata
def test_nested_vectors_are_listed_and_refused(realdata: Path) -> None:
    with open_tree(realdata / "2024r-pp/PHYSLITE_example.root", "CollectionTree") as tree:
        other = next(info for info in tree.branches().values() if info.shape == "other")
        with pytest.raises(BranchTypeError, match="only numbers, lists of numbers and strings"):
            tree.read([other.name], 0, 1)


def assert_is_slice(full: Column, part: Column, start: int, stop: int) -> None:
    assert part.entries == stop - start
    assert part.content.dtype == full.content.dtype
    if full.offsets is None:
        np.testing.assert_array_equal(part.content, full.content[start:stop])
        assert part.offsets is None
        return
    assert part.offsets is not None
    assert part.offsets.dtype == np.int64
    first, last = full.offsets[start], full.offsets[stop]
    np.testing.assert_array_equal(part.offsets, full.offsets[start : stop + 1] - first)
    np.testing.assert_array_equal(part.content, full.content[first:last])


@given(st.tuples(st.integers(0, 50), st.integers(0, 50)).map(sorted))
def test_a_partial_range_is_a_slice_of_the_whole(small: Path, limits: list[int]) -> None:
    start, stop = limits
    names = ["lep_pt", "lep_e", "lep_type", "lep_isLooseID", "jet_jvt", "met", "trigE", "eventNumber"]
    with open_tree(small) as tree:
        full = tree.read(names, 0, tree.entries)
        for name, column in tree.read(names, start, stop).items():
            assert_is_slice(full[name], column, start, stop)


def test_c_arrays_and_types(opened: TreeReader, small: Path) -> None:
    infos = opened.branches()
    assert [(infos[n].shape, infos[n].dtype) for n in ("met", "lep_e", "lep_type", "jet_jvt", "trigE")] == [
        ("scalar", "float32"),
        ("list", "float64"),
        ("list", "int32"),
        ("list", "bool"),
        ("scalar", "bool"),
    ]
    with uproot.open({str(small): "analysis"}) as plain:
        for name, column in opened.read(list(infos), 0, opened.entries).items():
            assert ak.array_equal(as_awkward(column), plain[name].array(), dtype_exact=True)
    assert opened.boundaries().tolist() == [0, 16, 33, 50]
    assert list_trees(small) == {"analysis": "analysis"}


def test_fixed_arrays_are_lists_of_one_length(tmp_path: Path) -> None:
    path = tmp_path / "fixed.root"
    values = np.arange(12, dtype=np.float32).reshape(4, 3)
    with uproot.recreate(path) as file:
        out = file.mktree("t", {"x": np.dtype((np.float32, (3,)))})
        out.extend({"x": values})
    with open_tree(path) as tree:
        column = tree.read(["x"], 1, 3)["x"]
        assert tree.branches()["x"].shape == "list"
    assert column.content.tolist() == [3, 4, 5, 6, 7, 8]
    assert column.offsets is not None
    assert column.offsets.tolist() == [0, 3, 6]


def test_a_name_with_a_colon_is_a_path(small: Path, tmp_path: Path) -> None:
    path = tmp_path / "odd:name #1.root"
    path.write_bytes(small.read_bytes())
    with open_tree(path) as tree:
        assert tree.entries == 50
    with open_tree(f"file://{small}") as tree:
        assert tree.entries == 50


def test_no_tree_of_that_name_names_those_there_are(small: Path) -> None:
    with pytest.raises(TreeMissingError, match=r"'analisis'.*It has: analysis.*Did you mean 'analysis'"):
        open_tree(small, "analisis")


def test_a_missing_branch_names_the_nearest(opened: TreeReader) -> None:
    with pytest.raises(BranchMissingError, match=r"'lep_ptt'.*Did you mean 'lep_pt'"):
        opened.read(["met", "lep_ptt"], 0, 1)


@pytest.mark.parametrize(("start", "stop"), [(-1, 3), (3, 2), (0, 51)])
def test_a_range_outside_the_tree_is_refused(opened: TreeReader, start: int, stop: int) -> None:
    with pytest.raises(UsageError, match="within 0 to 50"):
        opened.read(["met"], start, stop)


def test_an_empty_file_and_a_text_file(tmp_path: Path) -> None:
    empty, text = tmp_path / "empty.root", tmp_path / "text.root"
    empty.touch()
    text.write_text("<html>404</html>")
    with pytest.raises(NotRootError, match="expected a ROOT file, found 0 bytes"):
        open_tree(empty)
    with pytest.raises(NotRootError, match=r"begins with b'<html>40'"):
        list_trees(text)


@pytest.mark.parametrize("kept", [0.01, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file(small: Path, tmp_path: Path, kept: float) -> None:
    content = small.read_bytes()
    path = tmp_path / "cut.root"
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(DamagedError, match=r"truncated|ends within its header"):
        open_tree(path)


@pytest.mark.parametrize("length", [5, 30, 62])
def test_a_file_that_ends_in_its_header(small: Path, tmp_path: Path, length: int) -> None:
    path = tmp_path / "cut.root"
    path.write_bytes(small.read_bytes()[:length])
    with pytest.raises(DamagedError, match="ends within its header"):
        open_tree(path)


@pytest.mark.parametrize("seed", range(8))
def test_overwritten_bytes_never_raise_anything_else(small: Path, tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    content = bytearray(small.read_bytes())
    begin = int(rng.integers(100, len(content) - 400))
    content[begin : begin + 400] = bytes(400)
    path = tmp_path / "damaged.root"
    path.write_bytes(content)
    try:
        with open_tree(path) as tree:
            tree.read(list(tree.branches()), 0, tree.entries)
    except DataError as error:
        assert str(path) in str(error)  # noqa: PT017 - either outcome is right, no other is


def test_damaged_content_is_found_when_it_is_read(small: Path, tmp_path: Path) -> None:
    with uproot.open({str(small): "analysis"}) as plain:
        seek = plain["lep_pt"].member("fBasketSeek")[0]
        key_length = plain["lep_pt"].basket_key(0).fKeylen
    content = bytearray(small.read_bytes())
    content[seek + key_length : seek + key_length + 40] = bytes(40)
    path = tmp_path / "damaged.root"
    path.write_bytes(content)
    with open_tree(path) as tree:
        assert tree.read(["met"], 0, 50)["met"].entries == 50
        with pytest.raises(DamagedError, match="'lep_pt'"):
            tree.read(["lep_pt"], 0, 50)


def test_a_file_cut_while_it_is_open_is_an_error_and_no_signal(small: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.root"
    path.write_bytes(small.read_bytes())
    with open_tree(path) as tree:
        os.truncate(path, 150)
        with pytest.raises(DamagedError):
            tree.read(["lep_pt"], 0, 50)


def test_a_file_that_vanishes_while_it_is_open_is_read_on(small: Path, tmp_path: Path) -> None:
    path = tmp_path / "gone.root"
    path.write_bytes(small.read_bytes())
    with open_tree(path) as tree:
        path.unlink()
        assert tree.read(["lep_pt"], 0, 50)["lep_pt"].entries == 50
    with pytest.raises(UnreadableError, match="there is no such file"):
        open_tree(path)


def test_a_folder_and_a_remote_address(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="folder"):
        open_tree(tmp_path)
    with pytest.raises(UnreadableError, match="https://"):
        open_tree("https://example.org/a.root")


def test_a_file_of_another_user(small: Path, tmp_path: Path) -> None:
    path = tmp_path / "secret.root"
    path.write_bytes(small.read_bytes())
    path.chmod(0)
    if os.geteuid() != 0:
        with pytest.raises(UnreadableError, match="permission denied"):
            open_tree(path)
        return
    os.seteuid(65534)  # as root every file can be read: look as nobody
    try:
        with pytest.raises(UnreadableError, match="permission denied"):
            open_tree(path)
    finally:
        os.seteuid(0)


def test_no_entries_read_as_empty_columns(tmp_path: Path) -> None:
    path = tmp_path / "none.root"
    with uproot.recreate(path) as file:
        file.mktree("t", {"x": np.float32, "n": np.int64, "v": "var * bool"})
    with open_tree(path) as tree:
        columns = tree.read(["x", "n", "v"], 0, 0)
        assert tree.boundaries().tolist() == [0]
        assert tree.stored_bytes(["x", "v"]) >= 0
    assert [columns[name].content.dtype.name for name in ("x", "n", "v")] == ["float32", "int64", "bool"]
    assert columns["v"].offsets is not None
    assert columns["v"].offsets.tolist() == [0]


def test_the_library_stays_quiet(small: Path) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with open_tree(small) as tree:
            tree.read(list(tree.branches()), 0, 50)
    assert caught == []


def test_importing_loads_nothing_heavy() -> None:
    code = (
        "import sys, femtobarn, femtobarn.data.columns, femtobarn.data.formats, femtobarn.data.catalogue;"
        "print(sorted({'uproot', 'awkward', 'numba', 'matplotlib', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.realdata
def test_the_description_of_a_real_file(realdata: Path) -> None:
    (path,) = realdata.glob("2025e-13tev-beta/exactly4lep/*periodD*.root")
    found = describe(path)
    assert (found.name, found.size, found.root_version) == (str(path), 2_219_662, "6.34/00")
    assert (found.algorithm, found.level) == ("zlib", 1)
    assert [(key.name, key.class_name, key.cycle) for key in found.keys] == [("analysis", "TTree", 1)]
    (tree,) = found.trees
    assert (tree.name, tree.title, tree.kind, tree.entries) == ("analysis", "analysis", "TTree", 3424)
    assert (tree.clusters.number, tree.clusters.smallest, tree.clusters.largest) == (61, 5, 228)
    # the sums that ROOT itself keeps in the tree
    assert (tree.compressed, tree.uncompressed) == (2_162_119, 5_312_934)
    assert tree.ratio == pytest.approx(2.457, abs=0.001)
    branches = {branch.name: branch for branch in tree.branches}
    assert len(branches) == 117
    assert (branches["lep_pt"].typename, branches["lep_pt"].baskets) == ("RVec<float>", 61)
    assert (branches["category"].shape, branches["category"].compression) == ("string", "zlib")
    assert branches["met_mpx"].compression == "none"


@pytest.mark.realdata
def test_every_real_file_has_a_description(realdata: Path) -> None:
    for path in realdata.glob("**/*.root"):
        found = describe(path)
        assert [tree.name for tree in found.trees] == list(list_trees(path))
        for tree in found.trees:
            with open_tree(path, tree.name) as reader:
                assert [branch.name for branch in tree.branches] == list(reader.branches())
            assert 0 < tree.compressed < found.size
            assert all(branch.compression for branch in tree.branches if branch.baskets)
            filled = [branch for branch in tree.branches if branch.baskets and tree.entries]
            assert all(branch.uncompressed > 0 for branch in filled), path


def test_the_description_of_a_file_without_trees(tmp_path: Path) -> None:
    path = tmp_path / "histograms.root"
    with uproot.recreate(path, compression=uproot.ZSTD(3)) as file:
        file["one"] = np.histogram([1.0, 2.0])
        file["deep/two"] = np.histogram([1.0, 2.0])
    found = describe(path)
    assert found.trees == ()
    assert [(key.name, key.class_name) for key in found.keys] == [
        ("one", "TH1D"),
        ("deep", "TDirectory"),
        ("deep/two", "TH1D"),
    ]
    assert (found.algorithm, found.level) == ("zstd", 3)
    assert list_trees(path) == {}
    with pytest.raises(TreeMissingError, match="It has no tree at all"):
        describe(path, "mini")


@pytest.mark.parametrize("kind", ["zlib", "lz4", "zstd", "lzma", "none"])
def test_the_description_of_compression_and_folders(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "deep.root"
    compression = {
        "zlib": uproot.ZLIB(4),
        "lz4": uproot.LZ4(4),
        "zstd": uproot.ZSTD(4),
        "lzma": uproot.LZMA(4),
        "none": None,
    }[kind]
    with uproot.recreate(path, compression=compression) as file:
        out = file.mktree("deep/t", {"x": np.float64, "n": np.int8}, title="far down")
        out.extend({"x": np.zeros(1000), "n": np.zeros(1000, dtype=np.int8)})
        out.extend({"x": np.zeros(10), "n": np.zeros(10, dtype=np.int8)})
        file.mktree("empty", {"x": np.float64})
    found = describe(path)
    assert (found.algorithm, found.level) == (kind, 0 if kind == "none" else 4)
    tree, empty = found.trees
    assert (tree.name, tree.title, tree.entries) == ("deep/t", "far down", 1010)
    assert (tree.clusters.number, tree.clusters.smallest, tree.clusters.largest) == (2, 10, 1000)
    assert [branch.compression for branch in tree.branches] == [kind, kind]
    assert (tree.ratio > 3) == (kind != "none")
    assert (empty.entries, empty.clusters.number, empty.ratio) == (0, 0, 1.0)
    assert empty.branches[0].compression == ""
    assert describe(path, "empty").trees == (empty,)


def test_the_description_of_a_branch_with_a_long_name(tmp_path: Path) -> None:
    path = tmp_path / "long.root"
    name = "x" * 3000
    with uproot.recreate(path, compression=uproot.LZ4(1)) as file:
        file.mktree("t", {name: np.float64}).extend({name: np.zeros(1000)})
    for place in (path, MemorySource(path.read_bytes())):
        (branch,) = describe(place).trees[0].branches
        assert (branch.name, branch.compression) == (name, "lz4")


def test_the_description_of_damaged_files(small: Path, tmp_path: Path) -> None:
    whole = small.read_bytes()
    for size in (0, 10, 100, 1000, len(whole) - 5):
        path = tmp_path / "cut.root"
        path.write_bytes(whole[:size])
        with pytest.raises((DamagedError, NotRootError), match=r"cut\.root"):
            describe(path)
    with pytest.raises(UnreadableError, match="there is no such file"):
        describe(tmp_path / "none.root")
