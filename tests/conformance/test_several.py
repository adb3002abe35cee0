"""Several executors at once: every task has exactly one outcome, whatever they do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.servers.daemons import until

from femtobarn.base.errors import ExecutorError, SettingsError, UnknownNameError
from femtobarn.base.records import Notice, Outcome, Settings, Task
from femtobarn.running.engine.executor import executor
from femtobarn.running.executors.local import LocalExecutor
from femtobarn.running.executors.several import SeveralExecutor
from femtobarn.running.executors.sharing import Shares
from femtobarn.running.results.store import FolderStore

from .fakes import Scripted, Stuck, done, failed, tasks

JOB: Any = None  # the fakes look at no job
STORE = FolderStore(Path("/nowhere"))
ACTIONS = ("ok", "fail", "lose", "twice", "tick", "late", "raise")


def outcomes(engines: dict[str, Any], todo: list[Task]) -> dict[str, Outcome]:
    found: dict[str, Outcome] = {}
    for event in SeveralExecutor(engines).run(JOB, todo, STORE):
        if isinstance(event, Outcome):
            assert event.task not in found
            found[event.task] = event
    return found


scripts = st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=12)


@given(scripts=st.lists(scripts, min_size=1, max_size=4), parts=st.lists(st.integers(1, 4), max_size=8))
@settings(max_examples=150, deadline=None)
def test_each_task_has_one_outcome_or_all_gave_up(scripts: list[list[str]], parts: list[int]) -> None:
    engines = {f"e{i}": Scripted(f"e{i}", script) for i, script in enumerate(scripts)}
    todo = tasks(*parts)
    found, words = {}, None
    try:
        found = outcomes(engines, todo)
    except ExecutorError as error:
        words = str(error)
    if words is not None:
        assert all(engine.broke and f"{name}: {name} is gone" in words for name, engine in engines.items())
        return
    assert sorted(found) == sorted(t.id for t in todo)
    for outcome in found.values():
        said = [engine.told.get(outcome.task, []) for engine in engines.values()]
        if outcome.processed:
            assert any(any(words) for words in said)
        elif "ended without it" in outcome.reason:
            assert not any(said)
        else:
            assert outcome.reason == f"{outcome.worker} cannot"
    for engine in engines.values():
        given_to = [one for call in engine.calls for one in call]
        assert len(given_to) == len(set(given_to))


@given(parts=st.lists(st.integers(1, 5), max_size=20), count=st.integers(1, 4))
def test_first_shares_are_whole_files_and_all_of_them(parts: list[int], count: int) -> None:
    names = [f"e{i}" for i in range(count)]
    todo = tasks(*parts)
    shares = Shares(names, todo).first()
    assert sorted(t.id for share in shares.values() for t in share) == [t.id for t in todo]
    owners = {(t.file.name, name) for name, share in shares.items() for t in share}
    assert len(owners) == len(parts)
    files = [sum(1 for _, owner in owners if owner == name) for name in names]
    assert not parts or max(files) - min(files) <= max(parts)


def test_equal_files_are_shared_equally() -> None:
    shares = Shares(["a", "b", "c"], tasks(*[2] * 9)).first()
    assert [len(share) for share in shares.values()] == [6, 6, 6]


def test_who_has_finished_takes_the_later_half_of_the_slowest() -> None:
    shares = Shares(["quick", "slow"], todo := tasks(*[2] * 8))
    first = shares.first()
    for one in first["quick"]:
        assert shares.ended("quick", done(one)) == done(one)
    assert shares.over("quick", alive=True) == []
    taken = shares.more("quick")
    assert taken == first["slow"][4:]
    assert shares.ended("slow", done(taken[0], "slow")) is not None
    assert shares.ended("quick", done(taken[0], "quick")) is None  # the first one counted
    assert len(taken) == 4
    assert not shares.settled
    assert len(todo) == 16


def test_a_failure_counts_only_when_nobody_else_has_the_task() -> None:
    shares = Shares(["a", "b"], todo := tasks(1, 1))
    first = shares.first()
    assert shares.ended("a", done(first["a"][0])) is not None
    shares.over("a", alive=True)
    (again,) = shares.more("a")
    assert again == first["b"][0]
    assert shares.ended("b", failed(again, "b")) is None
    assert shares.ended("a", failed(again, "a")) == failed(again, "a")
    assert shares.settled
    with pytest.raises(KeyError):
        shares.ended("a", Outcome(task="stranger", processed=True))
    assert len(todo) == 2


def test_tasks_of_one_that_gave_up_go_to_the_other_and_it_is_told() -> None:
    bad = Scripted("bad", ["ok", "raise"])

    class Patient(Scripted):
        def run(self, *given: Any) -> Any:
            until(lambda: bad.broke, 20, "the other did not break")  # else there may be nothing left for it
            return super().run(*given)

    both = {"bad": bad, "good": Patient("good")}
    events = list(SeveralExecutor(both).run(JOB, todo := tasks(*[1] * 10), STORE))
    found = [e for e in events if isinstance(e, Outcome)]
    assert sorted(o.task for o in found) == [t.id for t in todo]
    assert all(o.processed for o in found)
    words = [e.words for e in events if isinstance(e, Notice)]
    assert words == ["bad gave up, the others take its tasks: bad is gone"]


def test_a_defect_of_one_is_told_as_a_reason() -> None:
    class Defect:
        def run(self, *_: object) -> Any:
            yield None
            msg = "a defect"
            raise RuntimeError(msg)

    with pytest.raises(
        ExecutorError, match=r"None of the executors.*x: RuntimeError: a defect; y: y is gone"
    ):
        outcomes({"x": Defect(), "y": Scripted("y", ["raise"])}, tasks(1, 1, 1))


def test_one_that_hangs_does_not_hold_the_run_and_is_closed_where_it_was_begun() -> None:
    stuck, good = Stuck(), Scripted("good")
    found = outcomes({"stuck": stuck, "good": good}, todo := tasks(*[2] * 6))
    assert {o.worker for o in found.values()} == {"good"}
    assert len(found) == len(todo)
    assert [what for what, _ in stuck.threads] == ["run", "closed"]
    assert len({thread for _, thread in stuck.threads}) == 1


def test_closing_ends_all_of_them() -> None:
    one, other = Stuck(), Stuck()
    run = SeveralExecutor({"one": one, "other": other}).run(JOB, tasks(1, 1), STORE)
    assert next(run) is None
    assert one.began.wait(10)
    assert other.began.wait(10)
    run.close()
    assert [what for what, _ in one.threads] == ["run", "closed"]
    assert [what for what, _ in other.threads] == ["run", "closed"]


def test_an_outcome_of_another_run_is_a_defect() -> None:
    class Stranger:
        def run(self, *_: object) -> Any:
            yield Outcome(task="stranger", processed=True)

    with pytest.raises(UnknownNameError, match="stranger"):
        outcomes({"x": Stranger()}, tasks(1))


def made(settings_of: Callable[..., Settings], name: str, *options: tuple[str, str]) -> Any:
    return executor(settings_of(executor=name, executor_options=options, workers=2))


def plain(**changes: object) -> Settings:
    return Settings.model_validate({"part_bytes": 1000, "chunk_entries": 10, **changes})


def test_names_and_options() -> None:
    for name in ("local+", "+", "local+local"):
        with pytest.raises(SettingsError, match="different names joined by"):
            made(plain, name)
    with pytest.raises(UnknownNameError, match="'nope' is not a known executor"):
        made(plain, "local+nope")
    with pytest.raises(SettingsError, match=r"must say which of local, batch it is for: local\.jobs"):
        made(plain, "local+batch", ("jobs", "3"))
    with pytest.raises(UnknownNameError, match="'size' is not a known option of executor local"):
        made(plain, "local+batch", ("local.size", "3"))


def test_the_local_one_of_several_keeps_results_in_the_run_directory() -> None:
    both = SeveralExecutor.from_settings(plain(executor="local", store="https://store.example/x"))
    assert isinstance(both._engines["local"], LocalExecutor)
