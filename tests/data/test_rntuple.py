"""RNTuples through the same interface as trees."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
    TreeMissingError,
)
from femtobarn.data.columns import Column, TreeReader, describe, list_trees, open_tree

from .files import MemorySource

ENTRIES = 70


def values(entries: int = ENTRIES) -> dict[str, ak.Array]:
    rng = np.random.default_rng(5)
    counts = rng.integers(0, 4, entries)
    total = int(counts.sum())

    def lists(content: Any) -> ak.Array:
        return ak.unflatten(ak.Array(content), counts)

    return {
        "weight": ak.Array(rng.random(entries)),
        "run": ak.Array(rng.integers(0, 9, entries).astype(np.uint32)),
        "small": ak.Array(rng.integers(-99, 99, entries).astype(np.int8)),
        "trigger": ak.Array(rng.random(entries) > 0.5),
        "AnalysisMuonsAuxDyn:pt": lists(rng.random(total).astype(np.float32)),
        "AnalysisMuonsAuxDyn:charge": lists(rng.choice([-1, 1], total).astype(np.int16)),
        "flags": lists(rng.random(total) > 0.5),
        "name": ak.Array([f"event {i}" * (i % 3) for i in range(entries)]),
        "corner": ak.to_regular(ak.Array(rng.random((entries, 3)).astype(np.float32))),
        "vertex": ak.zip({"x": ak.Array(rng.random(entries)), "n": lists(rng.random(total))}, depth_limit=1),
        "jet": ak.zip({"pt": lists(rng.random(total)), "flavour": lists(rng.integers(0, 6, total))}),
        "names": lists([f"a{i}" for i in range(total)]),
        "deep": ak.unflatten(lists(rng.random(total)), [2] * (entries // 2)),
    }


def columns(entries: int = ENTRIES) -> dict[str, ak.Array]:
    found = values(entries)
    found["deep"] = ak.concatenate([found["deep"], found["deep"]])
    return found


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rntuple") / "events.root"
    data = columns()
    with uproot.recreate(path) as file:
        out = file.mkrntuple("EventData", {name: array[:20] for name, array in data.items()})
        for start, stop in ((20, 21), (21, 70)):
            out.extend({name: array[start:stop] for name, array in data.items()})
        file.mktree("other", {"x": np.float32}, title="a tree").extend({"x": np.ones(3, dtype=np.float32)})
    return path


@pytest.fixture
def ntuple(path: Path) -> Iterator[TreeReader]:
    with open_tree(path, "EventData") as tree:
        yield tree


def as_list(column: Column, *, text: bool = False) -> list[Any]:
    if column.offsets is None:
        return column.content.tolist()
    parts = [column.content[a:b] for a, b in zip(column.offsets[:-1], column.offsets[1:], strict=True)]
    return [bytes(part).decode() if text else part.tolist() for part in parts]


def test_types_and_shapes(ntuple: TreeReader) -> None:
    infos = ntuple.branches()
    assert {name: (info.shape, info.dtype) for name, info in infos.items()} == {
        "weight": ("scalar", "float64"),
        "run": ("scalar", "uint32"),
        "small": ("scalar", "int8"),
        "trigger": ("scalar", "bool"),
        "AnalysisMuonsAuxDyn:pt": ("list", "float32"),
        "AnalysisMuonsAuxDyn:charge": ("list", "int16"),
        "flags": ("list", "bool"),
        "name": ("string", "uint8"),
        "corner": ("list", "float32"),
        "vertex": ("other", ""),
        "vertex.x": ("scalar", "float64"),
        "vertex.n": ("list", "float64"),
        "jet": ("other", ""),
        "jet.pt": ("list", "float64"),
        "jet.flavour": ("list", "int64"),
        "names": ("other", ""),
        "deep": ("other", ""),
    }
    assert infos["AnalysisMuonsAuxDyn:pt"].typename == "std::vector<float>"


def test_values_equal_those_written(ntuple: TreeReader) -> None:
    data = columns()
    expected = {name: data[name] for name in data if name not in {"vertex", "jet", "names", "deep"}}
    expected |= {f"{name}.{part}": data[name][part] for name, part in (("vertex", "x"), ("vertex", "n"), ("jet", "pt"), ("jet", "flavour"))}  # fmt: skip
    found = ntuple.read(list(expected), 0, ENTRIES)
    for name, column in found.items():
        assert column.content.dtype.name == ntuple.branches()[name].dtype
        assert as_list(column, text=name == "name") == expected[name].to_list(), name


@given(st.tuples(st.integers(0, ENTRIES), st.integers(0, ENTRIES)).map(sorted))
def test_a_partial_range_is_a_slice_of_the_whole(path: Path, limits: list[int]) -> None:
    start, stop = limits
    names = ["weight", "AnalysisMuonsAuxDyn:pt", "name", "corner", "jet.pt", "vertex.n", "trigger"]
    with open_tree(path, "EventData") as tree:
        whole, part = tree.read(names, 0, ENTRIES), tree.read(names, start, stop)
    for name in names:
        assert part[name].content.dtype == whole[name].content.dtype
        assert as_list(part[name]) == as_list(whole[name])[start:stop]


def test_clusters_and_bytes(ntuple: TreeReader) -> None:
    assert ntuple.boundaries().tolist() == [0, 20, 21, 70]
    every = [name for name, info in ntuple.branches().items() if info.shape != "other"]
    assert 0 < ntuple.stored_bytes(["jet.pt"]) < ntuple.stored_bytes(["jet.pt", "jet.flavour"])
    # the two share the pages that count jets
    both = ntuple.stored_bytes(["jet.pt"]) + ntuple.stored_bytes(["jet.flavour"])
    assert ntuple.stored_bytes(["jet.pt", "jet.flavour"]) < both
    assert ntuple.stored_bytes(every) < Path(ntuple.url).stat().st_size


def test_both_kinds_of_tree_are_listed_and_opened(path: Path) -> None:
    assert list_trees(path) == {"EventData": "EventData", "other": "a tree"}
    for name, title in list_trees(path).items():
        with open_tree(path, name) as tree:
            assert tree.title == title
    with open_tree(path, "other") as tree:
        assert tree.read(["x"], 0, 3)["x"].content.tolist() == [1, 1, 1]
    with pytest.raises(TreeMissingError, match="found 2: EventData, other"):
        open_tree(path)
    with pytest.raises(TreeMissingError, match="Did you mean 'EventData'"):
        open_tree(path, "EventDat")


def test_what_cannot_be_read_says_so(ntuple: TreeReader) -> None:
    with pytest.raises(BranchTypeError, match=r"'names' holds std::vector<std::string>"):
        ntuple.read(["names"], 0, 1)
    with pytest.raises(BranchMissingError, match=r"'jet.p'.*Did you mean 'jet.pt'"):
        ntuple.read(["jet.p"], 0, 1)


def test_its_description(path: Path) -> None:
    found = describe(path)
    ntuple, tree = found.trees
    assert [(key.name, key.class_name) for key in found.keys] == [
        ("EventData", "ROOT::RNTuple"),
        ("other", "TTree"),
    ]
    assert (ntuple.kind, tree.kind, ntuple.entries) == ("RNTuple", "TTree", ENTRIES)
    assert (ntuple.clusters.number, ntuple.clusters.smallest, ntuple.clusters.median) == (3, 1, 20)
    assert ntuple.clusters.largest == 49
    branches = {branch.name: branch for branch in ntuple.branches}
    assert branches["weight"].uncompressed == 8 * ENTRIES
    assert branches["trigger"].uncompressed == sum(-(-n // 8) for n in (20, 1, 49))
    assert (branches["weight"].baskets, branches["weight"].compression) == (3, "none")
    assert branches["AnalysisMuonsAuxDyn:pt"].baskets == 5  # offsets in 3 clusters, numbers in 2
    assert branches["vertex"].compressed == 0
    assert ntuple.compressed == sum(branch.compressed for branch in ntuple.branches)
    assert ntuple.ratio > 1


def test_an_empty_one(tmp_path: Path) -> None:
    path = tmp_path / "none.root"
    with uproot.recreate(path) as file:
        file.mkrntuple("n", {"x": np.float32, "v": ak.types.ListType(ak.types.NumpyType("int32"))})
    for place in (path, MemorySource(path.read_bytes())):
        with open_tree(place) as tree:
            assert (tree.entries, tree.boundaries().tolist()) == (0, [0])
            assert [c.entries for c in tree.read(["x", "v"], 0, 0).values()] == [0, 0]
            assert tree.stored_bytes(["x", "v"]) == 0
    assert describe(path).trees[0].clusters.number == 0


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.99])
def test_a_truncated_file(path: Path, tmp_path: Path, kept: float) -> None:
    cut = tmp_path / "cut.root"
    whole = path.read_bytes()
    cut.write_bytes(whole[: int(kept * len(whole))])
    with pytest.raises(DamagedError, match="truncated"):
        open_tree(cut, "EventData")


@pytest.mark.parametrize("seed", range(25))
def test_overwritten_bytes_never_raise_anything_else(path: Path, tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    content = bytearray(path.read_bytes())
    size = int(rng.choice([1, 8, 200]))
    begin = int(rng.integers(100, len(content) - size))
    content[begin : begin + size] = rng.bytes(size)
    damaged = tmp_path / "damaged.root"
    damaged.write_bytes(content)
    try:
        with open_tree(damaged, "EventData") as tree:
            names = [name for name, info in tree.branches().items() if info.shape != "other"]
            tree.read(names, 0, tree.entries)
    except DataError as error:
        assert str(damaged) in str(error)  # noqa: PT017 - either outcome is right, no other is


def test_a_damaged_list_of_pages(path: Path, tmp_path: Path) -> None:
    with uproot.open({str(path): None}) as file:
        links = [record.page_list_link for record in file["EventData"].footer.cluster_group_records]
    whole = bytearray(path.read_bytes())
    place = links[0].locator
    assert place.num_bytes == links[0].env_uncomp_size, "expected an uncompressed list, which uproot believes"
    whole[place.offset + place.num_bytes - 30] ^= 1
    damaged = tmp_path / "damaged.root"
    damaged.write_bytes(whole)
    with pytest.raises(DamagedError, match="list of pages has another checksum"):
        open_tree(damaged, "EventData")
