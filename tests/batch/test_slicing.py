"""Slices: whole files, every task once, about equal bytes, the same for the same tasks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from femtobarn.base.records import InputFile, Task
from femtobarn.running.executors.batch.slicing import size, sliced


def tasks_of(files: list[tuple[int, int]]) -> list[Task]:
    """Tasks of files with these sizes and numbers of parts."""
    tasks = []
    for i, (length, parts) in enumerate(files):
        file = InputFile(
            name=f"f{i}",
            url=f"/f{i}",
            size=length,
            identity="",
            kind="mc",
            dataset=i,
            period=None,
            process="p",
        )
        tasks += [
            Task(
                id=f"{i}-{part}", analysis="a", release="r", format="f", file=file, part=part, parts=parts,
                chunk_entries=1,
            )
            for part in range(parts)
        ]  # fmt: skip
    return tasks


FILES = st.lists(st.tuples(st.integers(0, 10**9), st.integers(1, 5)), min_size=1, max_size=40)


@given(FILES, st.integers(1, 60))
def test_every_task_is_in_one_slice_with_all_of_its_file(files: list[tuple[int, int]], most: int) -> None:
    tasks = tasks_of(files)
    slices = sliced(tasks, most)
    assert len(slices) == min(most, len(files))
    assert all(slices)
    assert sorted(t.id for s in slices for t in s) == sorted(t.id for t in tasks)
    places = {t.file.name: i for i, s in enumerate(slices) for t in s}
    assert all(places[t.file.name] == i for i, s in enumerate(slices) for t in s)
    order = {t.id: i for i, t in enumerate(tasks)}
    assert all([order[t.id] for t in s] == sorted(order[t.id] for t in s) for s in slices)
    assert sliced(tasks, most) == slices


@given(FILES, st.integers(1, 60))
def test_two_slices_differ_by_no_more_than_the_largest_file(files: list[tuple[int, int]], most: int) -> None:
    tasks = tasks_of(files)
    loads = [size(s) for s in sliced(tasks, most)]
    largest = max(size([t for t in tasks if t.file.name == f"f{i}"]) for i in range(len(files)))
    assert max(loads) - min(loads) <= largest * (1 + 1e-9)


def test_no_task_makes_no_slice() -> None:
    assert sliced([], 8) == ()
