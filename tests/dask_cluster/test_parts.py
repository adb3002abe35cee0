"""The small pieces: what came back, versions, slots, units."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest.mock import AsyncMock, Mock

import pytest
from tests.running.toys import job

from femtobarn.base.records import AnalysisSpec, Outcome, Settings, Task
from femtobarn.running.engine.inputs import Inputs
from femtobarn.running.engine.plan import make_plan
from femtobarn.running.engine.task import run_task
from femtobarn.running.executors.dask import queues
from femtobarn.running.executors.dask.arrival import outcomes_of
from femtobarn.running.executors.dask.begun import MOST, Begun
from femtobarn.running.executors.dask.care import Care
from femtobarn.running.executors.dask.executor import units_of
from femtobarn.running.executors.dask.remote import whole
from femtobarn.running.executors.dask.slots import Slots
from femtobarn.running.executors.dask.versions import MUST_AGREE, difference, own_versions, refusal
from femtobarn.running.results.folding import fold_name
from femtobarn.running.results.partial import from_bytes, to_bytes
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


def renamed(data: bytes, name: str, **changes: object) -> bytes:
    """A result that says of itself what it is not."""
    partial = from_bytes(data)
    header = partial.header.model_copy(update={"task": name, **changes})
    return to_bytes(replace(partial, header=header))


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
    store = FolderStore(tmp_path)
    told, data, _ = whole(*answers)
    _, less, _ = whole(*answers[:-1], answers[0])
    ids = [task.id for task in tasks]
    for other in (less, renamed(less, fold_name(ids)), renamed(data, fold_name(ids), parts=())):
        outcomes = took(tasks, (told, other, ()), store)
        assert {o.processed for o in outcomes} == {False}
        assert list(store.tasks()) == []
        assert store.present(ids) == set()


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


def test_a_task_that_is_begun_again_and_again_is_cancelled() -> None:
    client, notices = Mock(cancel=AsyncMock()), []
    begun = Begun(client, "topic", notices.append)
    future = Mock(key=("femtobarn-part-x", 1, "file.root", "2"))

    async def say(*words: object) -> None:
        for word in words:
            await begun.heard((0.0, word))

    begun.listen()
    client.subscribe_topic.assert_called_once_with("topic", begun.heard)
    begun.watch("one", future)
    asyncio.run(say(*["one"] * MOST, *["other"] * 9, 7, ["one"]))
    assert begun.too_often("one") == begun.too_often("other") == ""
    assert [notice.words.split(",")[0] for notice in notices] == [
        "file.root part 2 is begun for the 3rd time"
    ]
    client.cancel.assert_not_called()
    asyncio.run(say("one", "one"))
    client.cancel.assert_awaited_once_with([future])
    assert "options lifetime and walltime" in begun.too_often("one")
    begun.watch("one", future)
    assert begun.too_often("one") == ""
    begun.forget("one")
    asyncio.run(say(*["one"] * 9))
    assert begun.too_often("one") == ""


def test_jobs_that_never_became_workers_are_replaced_but_not_for_ever() -> None:
    names = ["c-0", "c-1", "c-2"]
    workers = {name: Mock(job_id=str(number)) for number, name in enumerate(names)}
    scheduler = Mock(workers={"tcp://x:1": Mock()})
    scheduler.workers["tcp://x:1"].name = "c-0-3"  # one of several processes of a job
    cluster = Mock(workers=workers, scheduler=scheduler)
    cluster.loop.add_callback.side_effect = lambda function, *words: function(*words)
    queue: list[set[str] | None] = [{"1"}]
    care = Care(cluster, 1, lambda: queue[0])
    assert care.look() == ""
    queue[0] = None  # no answer is no reason
    assert care.look() == ""
    queue[0] = {"1"}
    assert care.look() == ""
    assert care.look() == "1 jobs ended before they became workers (2); they are replaced."
    assert set(workers) == {"c-0", "c-1"}
    for again, number in enumerate("789"):
        workers["c-2"] = Mock(job_id=number)
        assert care.look() == ""
        assert ("for the last time" in care.look()) == (again == 1)
    assert "c-2" in workers


@pytest.mark.parametrize(
    ("system", "said", "numbers"),
    [
        ("slurm", "12\n13\n", {"12", "13"}),
        ("pbs", "Job id  User\n------\n12.server  me  long  x  --  1  1  --  01:00  Q  --\n", {"12"}),
        ("htcondor", "12.0 1\n13.0 2\n", {"12.0", "13.0"}),
        ("slurm", "", set()),
    ],
)
def test_numbers_of_jobs_in_the_queue(
    monkeypatch: pytest.MonkeyPatch, system: str, said: str, numbers: set[str]
) -> None:
    monkeypatch.setattr(queues, "answer", lambda words: said)
    assert queues.in_queue(system, "femtobarn-1") == numbers


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
