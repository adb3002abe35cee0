"""Single values as Parquet: all of them, in the order of the plan, whole or not there."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from femtobarn.base.errors import RunDirectoryError, SettingsError
from femtobarn.base.records import InputFile, Kind
from femtobarn.base.spectra import SpectraRecord
from femtobarn.physics.spectra import states
from femtobarn.physics.spectra.combinations import combinations
from femtobarn.physics.spectra.sums import SpectraSums
from femtobarn.running.results.spectra import spool, values
from femtobarn.running.results.spectra.reader import Group
from femtobarn.running.results.spectra.values import VALUES, read_values, state_values, values_of

from .made import STATES, WITH_VALUES, givens, sums_of
from .toys import scan
from .toys import sums as made_up

FOUND = combinations(WITH_VALUES)


def sums(record: SpectraRecord, kind: Kind = "data", seed: int = 1) -> SpectraSums:
    return made_up(record, kind, seed=seed, events=25)


def file(process: str, kind: Kind, name: str = "a.root") -> InputFile:
    return InputFile(name=name, url=name, size=1, identity="", kind=kind, process=process)


def keep(folder: Path, parts: Sequence[tuple[str, Kind, SpectraSums]]) -> None:
    with values_of(WITH_VALUES, folder) as take:
        assert take is not None
        for process, kind, one in parts:
            take(file(process, kind), one)


def group(kind: Kind, *processes: str, factors: tuple[float, ...] = ()) -> Group:
    return Group(kind, kind, processes, factors or (1.0,) * len(processes))


@given(
    parts=st.lists(st.tuples(st.sampled_from(["a", "b", "data"]), givens(WITH_VALUES)), max_size=6),
    buffered=st.sampled_from([1, 20, 10_000]),
    rows=st.sampled_from([1, 7, 10_000]),
)
@settings(max_examples=40, deadline=None)
def test_what_is_read_is_what_was_given(
    tmp_path_factory: pytest.TempPathFactory,
    parts: list[tuple[str, dict[tuple[int, int], list[tuple[float, float]]]]],
    buffered: int,
    rows: int,
) -> None:
    folder = tmp_path_factory.mktemp("values")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool, "BUFFERED", buffered)
        patch.setattr(values, "ROWS", rows)
        kinds: dict[str, Kind] = {"a": "mc", "b": "mc", "data": "data"}
        keep(folder, [(p, kinds[p], sums_of(WITH_VALUES, kinds[p], v, {})) for p, v in parts])
    for one in (group("data", "data"), group("mc", "a", "b", factors=(2.0, 0.5)), group("mc", "b")):
        for state in STATES:
            expected: dict[str, list[tuple[float, float]]] = {}
            for process, given_ in parts:
                if process in one.processes:
                    factor = one.factors[one.processes.index(process)]
                    for (where, combination), pairs in given_.items():
                        if where == state:
                            weights = [1.0 if one.kind == "data" else w * factor for _, w in pairs]
                            name = FOUND[combination].name
                            expected.setdefault(name, []).extend(
                                (v, w) for (v, _), w in zip(pairs, weights, strict=True)
                            )
            found = {n: list(zip(v, w, strict=True)) for n, v, w in state_values(folder, one, state)}
            assert found == expected
            assert list(found) == sorted(found)
            for name in (FOUND[0].name, FOUND[40].name):
                combination = next(c for c in FOUND if c.name == name)
                masses, weights_ = read_values(folder, one, state, combination)
                assert list(zip(masses, weights_, strict=True)) == expected.get(name, [])


def test_other_programs_read_them_by_partition(tmp_path: Path) -> None:
    data, mc = sums(WITH_VALUES), sums(WITH_VALUES, "mc", seed=2)
    keep(tmp_path, [("data", "data", data), ("345060", "mc", mc)])
    whole = ds.dataset(tmp_path / VALUES, partitioning="hive")
    assert whole.schema.names == ["combination", "process", "mass", "weight", "kind", "final_state"]
    assert whole.count_rows() == sum(round(one.sums[:, 0].sum()) for one in (data, mc))
    code = next(row for row in mc.states.tolist() if states.counts(row)["e"] >= 2 and states.counts(row)["j"])
    chosen = (
        (ds.field("kind") == "mc")
        & (ds.field("final_state") == states.name(code))
        & (ds.field("combination") == "e0e1")
    )
    table = whole.to_table(filter=chosen)
    masses, weights = read_values(
        tmp_path, group("mc", "345060"), code, next(c for c in FOUND if c.name == "e0e1")
    )
    assert table.num_rows == len(masses) > 0
    assert table["mass"].to_pylist() == masses.tolist()
    assert table["weight"].to_pylist() == weights.tolist()
    assert set(table["process"].to_pylist()) == {"345060"}


def test_one_file_for_each_final_state_and_rows_by_combination(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(values, "ROWS", 30)
    one = sums(WITH_VALUES)
    keep(tmp_path, [("data", "data", one)] * 20)
    files = sorted((tmp_path / VALUES).rglob("*.*"))
    assert one.values is not None
    assert len(files) == len(np.unique(one.values.keys >> np.uint64(40)))
    metadata = pq.ParquetFile(max(files, key=lambda f: f.stat().st_size)).metadata
    limits = [metadata.row_group(i).column(0).statistics for i in range(metadata.num_row_groups)]
    assert len(limits) > 3
    assert all(a.max <= b.min for a, b in pairwise(limits))


def test_equal_plans_give_equal_bytes(tmp_path: Path) -> None:
    parts: list[tuple[str, Kind, SpectraSums]] = [
        ("a", "mc", sums(WITH_VALUES, "mc", seed=i)) for i in (1, 2)
    ]
    for out in ("one", "two"):
        keep(tmp_path / out, parts)
    first, second = (
        {f.relative_to(tmp_path / out): f.read_bytes() for f in (tmp_path / out).rglob("*.parquet")}
        for out in ("one", "two")
    )
    assert first == second != {}


def test_memory_and_open_files_do_not_grow_with_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "BUFFERED", 500)
    one = sums(WITH_VALUES)
    handles: list[int] = []
    waiting: list[int] = []
    with values_of(WITH_VALUES, tmp_path) as take:
        assert take is not None
        for _ in range(12):
            take(file("data", "data"), one)
            handles.append(len(list(Path("/proc/self/fd").iterdir())))
            waiting.append(sum(f.stat().st_size for f in tmp_path.rglob("values.spool")))
    assert len(set(handles)) == 1
    assert waiting[-1] > waiting[0]  # what was given is on disk, not in memory
    assert [p.name for p in tmp_path.iterdir()] == [VALUES]


def test_a_run_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    keep(tmp_path, [("data", "data", sums(WITH_VALUES))])
    before = {f: f.read_bytes() for f in (tmp_path / VALUES).rglob("*.parquet")}

    def fail() -> None:
        with values_of(WITH_VALUES, tmp_path) as take:
            assert take is not None
            take(file("data", "data"), sums(WITH_VALUES, seed=2))
            msg = "in the middle"
            raise RuntimeError(msg)

    with pytest.raises(RuntimeError, match="in the middle"):
        fail()
    assert {f: f.read_bytes() for f in (tmp_path / VALUES).rglob("*.parquet")} == before
    assert [p.name for p in tmp_path.iterdir()] == [VALUES]


def test_what_a_killed_run_left_is_removed_and_never_read(tmp_path: Path) -> None:
    left = tmp_path / ".values.abc.tmp" / VALUES / "kind=data"
    left.mkdir(parents=True)
    with pytest.raises(SettingsError, match="Set values: true and run the scan again"):
        read_values(tmp_path, group("data", "data"), STATES[0], FOUND[0])
    keep(tmp_path, [("data", "data", sums(WITH_VALUES))])
    assert [p.name for p in tmp_path.iterdir()] == [VALUES]


def test_values_of_an_earlier_run_go_when_none_are_kept(tmp_path: Path) -> None:
    keep(tmp_path, [("data", "data", sums(WITH_VALUES))])
    with values_of(scan(), tmp_path) as take:
        assert take is None
    assert list(tmp_path.iterdir()) == []
    with values_of(None, tmp_path / "no scan") as take:
        assert take is None
    assert not (tmp_path / "no scan").exists()


def test_damaged_values_are_told_with_their_place(tmp_path: Path) -> None:
    one = sums(WITH_VALUES)
    keep(tmp_path, [("data", "data", one)])
    for path in (tmp_path / VALUES).rglob("*.parquet"):
        path.write_bytes(path.read_bytes()[:-8])
    state = int(one.states[-1])
    with pytest.raises(RunDirectoryError, match=r"part-0.parquet, but they cannot be read \(Arrow"):
        read_values(tmp_path, group("data", "data"), state, FOUND[0])


def test_no_flipped_bit_gives_other_values(tmp_path: Path) -> None:
    one = sums(WITH_VALUES)
    keep(tmp_path, [("data", "data", one)])
    path = max((tmp_path / VALUES).rglob("*.parquet"), key=lambda f: f.stat().st_size)
    state = next(s for s in one.states.tolist() if states.name(s) in str(path))

    def read() -> list[tuple[str, list[float], list[float]]]:
        found = state_values(tmp_path, group("data", "data"), state)
        return [(name, v.tolist(), w.tolist()) for name, v, w in found]

    good, expected = path.read_bytes(), read()
    told = 0
    for place in range(4, len(good), 7):
        damaged = bytearray(good)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        try:
            assert read() == expected  # a bit that nothing reads
        except RunDirectoryError:
            told += 1
    assert told > len(good) / 7 / 2
