"""The small pieces: what came back, versions, slots, units."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.running.toys import job

from femtobarn.base.records import AnalysisSpec, Outcome, Settings, Task
from femtobarn.running.engine.inputs import Inputs
from femtobarn.running.engine.plan import make_plan
from femtobarn.running.engine.task import run_task
from femtobarn.running.executors.dask.arrival import outcomes_of
from femtobarn.running.executors.dask.executor import units_of
from femtobarn.running.executors.dask.remote import whole
from femtobarn.running.executors.dask.slots import Slots
from femtobarn.running.executors.dask.versions import MUST_AGREE, difference, own_versions, refusal
from femtobarn.running.results.folding import fold_name
from femtobarn.running.results.partial import to_bytes
from femtobarn.running.results.store import FolderStore

Make = Callable[..., Settings]
Answer = tuple[str, bytes]


@pytest.fixture(scope="module")
def parts(spec: AnalysisSpec, inputs: Inputs) -> tuple[tuple[Task, ...], list[Answer]]:
    """The tasks of one file, and what a worker returns for them."""
    settings = Settings(workers=0, part_bytes=20_000, chunk_entries=300)
    tasks = make_plan(spec, inputs, settings).by_file[0]
    assert len(tasks) > 1
    made = [to_bytes(run_task(job(spec), task)) for task in tasks]
    told = [Outcome(task=task.id, processed=True).model_dump_json() for task in tasks]
    return tasks, list(zip(told, made, strict=True))


def took(tasks: tuple[Task, ...], data: object, store: FolderStore, *, folded: bool = True) -> list[Outcome]:
    return list(outcomes_of(tasks, data, store, folded=folded, elsewhere=False))


def test_parts_are_folded_and_stored_as_one(
    parts: tuple[tuple[Task, ...], list[Answer]], tmp_path: Path
) -> None:
    tasks, answers = parts
    store = FolderStore(tmp_path)
    assert all(outcome.processed for outcome in took(tasks, whole(*answers), store))
    assert list(store.tasks()) == [fold_name([task.id for task in tasks])]


def test_one_failed_part_leaves_the_others_as_they_are(
    parts: tuple[tuple[Task, ...], list[Answer]], tmp_path: Path
) -> None:
    tasks, answers = parts
    store = FolderStore(tmp_path)
    bad = Outcome(task=tasks[1].id, processed=False, reason="a broken basket").model_dump_json()
    outcomes = took(tasks, whole(answers[0], (bad, b""), *answers[2:]), store)
    assert [o.reason for o in outcomes if not o.processed] == ["a broken basket"]
    assert set(store.tasks()) == {task.id for task in tasks} - {tasks[1].id}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda told, data: None,
        lambda told, data: (told, data),
        lambda told, data: (told[1:], data, ()),
        lambda told, data: (told, data[:-30], ()),
        lambda told, data: (told, b"", ()),
        lambda told, data: (("{}",) * len(told), data, ()),
        lambda told, data: ((7,) * len(told), data, ()),
        lambda told, data: (told[::-1], data, ()),
        lambda told, data: (told, data, (b"x",) * len(told)),
        lambda told, data: (told, data, (7, 8)),
        lambda told, data: ("x", data),
    ],
)
def test_whatever_comes_is_a_failed_line(
    parts: tuple[tuple[Task, ...], list[Answer]], tmp_path: Path, spoil: Callable[..., object]
) -> None:
    tasks, answers = parts
    store = FolderStore(tmp_path)
    told, data, _ = whole(*answers)
    outcomes = took(tasks, spoil(told, data), store)
    assert [o.task for o in outcomes] == [task.id for task in tasks]
    assert not any(o.processed for o in outcomes)
    assert all(o.reason for o in outcomes)
    assert list(store.tasks()) == []


def test_the_fold_of_other_parts_is_refused(
    parts: tuple[tuple[Task, ...], list[Answer]], tmp_path: Path
) -> None:
    tasks, answers = parts
    told, _, _ = whole(*answers)
    _, less, _ = whole(*answers[:-1], answers[0])
    outcomes = took(tasks, (told, less, ()), FolderStore(tmp_path))
    assert {o.processed for o in outcomes} == {False}


def test_a_file_is_folded_only_if_all_its_parts_are_there(spec: AnalysisSpec, inputs: Inputs) -> None:
    settings = Settings(workers=0, part_bytes=20_000, chunk_entries=300)
    first, second, *_ = make_plan(spec, inputs, settings).by_file
    given = [*first[1:], *second]
    assert units_of(given, fold=True) == [*((task,) for task in first[1:]), second]
    assert units_of(given, fold=False) == [(task,) for task in given]


@pytest.mark.parametrize("name", MUST_AGREE)
def test_versions_that_must_agree(name: str) -> None:
    ours = dict(own_versions())
    assert refusal("worker w", ours, ours) == ""
    told = refusal("worker w", {**ours, name: "0"}, ours)
    assert told == f"worker w has {name} 0 (here: {ours[name]})"


def test_versions_that_may_differ_are_told() -> None:
    ours = dict(own_versions())
    other = {**ours, "numpy": "1.0"}
    assert refusal("w", other, ours) == ""
    assert difference("w", other, ours) == f"w has numpy 1.0 (here: {ours['numpy']})"


def test_slots() -> None:
    async def play() -> list[str]:
        slots, seen = Slots(), []

        async def use(name: str) -> None:
            await slots.take()
            seen.append(name)

        waiting = [asyncio.create_task(use(name)) for name in "abc"]
        await asyncio.sleep(0)
        assert seen == []
        slots.resize(2)
        await asyncio.wait(waiting[:2])
        seen.append("|")
        free = asyncio.create_task(slots.some_free())
        slots.give()
        await waiting[2]
        assert not free.done()
        slots.resize(3)
        await free
        waiting.append(asyncio.create_task(use("d")))
        waiting[-1].cancel()
        await asyncio.wait(waiting)
        await asyncio.wait_for(slots.some_free(), 5)
        return seen

    assert asyncio.run(play()) == ["a", "b", "|", "c"]
