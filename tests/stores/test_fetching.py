"""Results that were left elsewhere come into the run directory before anybody is told of them."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterable
from pathlib import Path

import pytest

from femtobarn.base.errors import StoreError
from femtobarn.base.records import Notice, Outcome
from femtobarn.running.engine import fetching
from femtobarn.running.engine.fetching import Arrivals, fetch_present, fetched
from femtobarn.running.results.store import FolderStore

from .server import StoreServer

Event = Outcome | Notice | None


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "_BACKOFF", 0.001)


class Events:
    """An executor's generator that says whether it was closed."""

    def __init__(self, events: Iterable[Event]) -> None:
        self.closed = threading.Event()
        self.given = 0
        self._events = events

    def __call__(self) -> Generator[Event]:
        try:
            for event in self._events:
                self.given += 1
                yield event
        finally:
            self.closed.set()


def names(results: Path) -> list[str]:
    return list(FolderStore(results).tasks())


def leave(server: StoreServer, results: Path) -> list[str]:
    for name in names(results):
        server.files[f"/s/{name[:2]}/{name}"] = FolderStore(results).path(name).read_bytes()
    return names(results)


def done(name: str) -> Outcome:
    return Outcome(task=name, processed=True, worker="w7")


def test_each_result_is_here_before_it_is_told(server: StoreServer, results: Path, tmp_path: Path) -> None:
    ids, store = leave(server, results), FolderStore(tmp_path)
    events = Events([None, Notice(words="hello"), *map(done, ids), Outcome(task="x", processed=False)])
    seen = []
    for event in fetched(events(), store, server.url("/s")):
        seen.append(event)
        if isinstance(event, Outcome) and event.processed:
            assert store.has(event.task)
    assert sorted(e.task for e in seen if isinstance(e, Outcome)) == sorted([*ids, "x"])
    assert [e.words for e in seen if isinstance(e, Notice)] == ["hello"]
    assert events.closed.is_set()
    assert all(store.path(i).read_bytes() == FolderStore(results).path(i).read_bytes() for i in ids)
    assert server.methods().count("GET") == len(ids)


@pytest.mark.parametrize("own", [True, False])
def test_nothing_is_fetched_that_is_here(results: Path, tmp_path: Path, *, own: bool) -> None:
    place = tmp_path / "link"
    place.symlink_to(results)
    events = [None, *map(done, names(results))]
    found = list(fetched(Events(events)(), FolderStore(results), str(place) if own else ""))
    assert found == events
    assert fetch_present(FolderStore(results), str(place) if own else "", ["0" * 64]) == set()


def test_from_a_folder_that_machines_share(results: Path, tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    assert fetch_present(store, str(results), [*names(results), "ab" + "0" * 30]) == set(names(results))
    assert list(store.tasks()) == names(results)
    assert fetch_present(store, str(tmp_path / "none"), names(results)) == set()


def test_a_result_that_is_half_written_is_asked_for_until_it_is_whole(
    server: StoreServer, results: Path, tmp_path: Path
) -> None:
    name = leave(server, results)[0]
    path = f"/s/{name[:2]}/{name}"
    whole = server.files[path]

    def writing(request: object) -> None:
        server.files[path] = whole if server.methods().count("GET") > 3 else whole[:-100]

    server.script = writing
    (outcome,) = fetched(Events([done(name)])(), FolderStore(tmp_path), server.url("/s"))
    assert outcome == done(name)
    assert FolderStore(tmp_path).has(name)


def test_what_is_damaged_absent_or_of_another_task_has_failed(
    server: StoreServer, results: Path, tmp_path: Path
) -> None:
    one, two, *_ = leave(server, results)
    server.files[f"/s/{one[:2]}/{one}"] = b"not a result"
    server.files[f"/s/{two[:2]}/{two}"] = FolderStore(results).path(one).read_bytes()
    absent = "ab" + "0" * 62
    store = FolderStore(tmp_path)
    found = {
        o.task: o
        for o in fetched(Events(map(done, (one, two, absent)))(), store, server.url("/s"))
        if isinstance(o, Outcome)
    }
    assert [o.processed for o in found.values()] == [False] * 3
    assert found[absent].reason == f"w7 left its result in {server.url('/s')}, but: there is none"
    assert "cannot be read" in found[one].reason
    assert f"it holds that of {one}" in found[two].reason
    assert list(store.tasks()) == []
    assert fetch_present(store, server.url("/s"), [one, two, absent]) == set()


def test_a_server_that_fails_fails_the_tasks_and_says_why(
    server: StoreServer, results: Path, tmp_path: Path
) -> None:
    name = leave(server, results)[0]
    server.script = lambda _: 500
    (outcome,) = fetched(Events([done(name)])(), FolderStore(tmp_path), server.url("/s"))
    assert isinstance(outcome, Outcome)
    assert not outcome.processed
    assert "8 attempts): the server failed (HTTP 500)" in outcome.reason
    with pytest.raises(StoreError, match="the server failed"):
        fetch_present(FolderStore(tmp_path), server.url("/s"), names(results))


def test_closing_closes_the_executor_and_gives_up_waiting(
    server: StoreServer, results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEMTOBARN_TIMEOUT", "0.3")
    name = leave(server, results)[0]
    server.script = lambda _: "hang"
    events = Events([done(name), *[None] * 10])
    run = fetched(events(), FolderStore(tmp_path), server.url("/s"))
    assert next(run) is None
    run.close()
    assert events.closed.is_set()
    assert not [t for t in threading.enumerate() if t.name.startswith("femtobarn-fetch")]
    assert len(server.log) <= 1  # it was not asked again


def test_an_error_of_the_executor_comes_through(server: StoreServer, tmp_path: Path) -> None:
    def broken() -> Generator[Event]:
        yield None
        msg = "the broker is gone"
        raise StoreError(msg)

    run = fetched(broken(), FolderStore(tmp_path), server.url("/s"))
    assert next(run) is None
    with pytest.raises(StoreError, match="the broker is gone"):
        next(run)


def test_who_tells_of_many_waits_for_those_that_are_fetched(
    server: StoreServer, results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "_TICK", 0.01)
    monkeypatch.setenv("FEMTOBARN_CONNECTIONS", "2")
    ids = leave(server, results)
    gate = threading.Event()

    def held(_: object) -> None:
        gate.wait(20)

    server.script = held
    events = Events(map(done, ids))
    run = fetched(events(), FolderStore(tmp_path), server.url("/s"))
    assert len(ids) > 10
    for _ in range(3):
        assert next(run) is None
    assert events.given == 8  # four for each connection
    gate.set()
    assert len([e for e in run if e is not None]) == len(ids)


def test_what_is_there_is_found_by_lists_also_if_they_lack_some(
    server: StoreServer, results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = leave(server, results)
    folder = ids[0][:2]
    many = [*ids, *(f"{folder}{'f' * 30}{i:032}" for i in range(40))]
    assert fetch_present(FolderStore(tmp_path / "a"), server.url("/s"), many) == set(ids)
    asked = sum(r.method == "GET" and r.path.startswith(f"/s/{folder}/") for r in server.log)
    assert asked < 20
    server.hidden = set(server.files)  # as a server that leads to others, which have them
    assert fetch_present(FolderStore(tmp_path / "b"), server.url("/s"), many) == set(ids)
    with StoreServer() as front:  # and here the sample finds none of them
        front.script = lambda r: server.url(r.path) if r.method == "GET" else None
        monkeypatch.setenv("FEMTOBARN_PREFIXES", server.base)
        many = [*ids, *(f"{folder}{i:062}" for i in range(40))]
        assert fetch_present(FolderStore(tmp_path / "d"), front.url("/s"), many) == set(ids)
    server.lists = False
    assert fetch_present(FolderStore(tmp_path / "c"), server.url("/s"), many) == set(ids)


def test_arrivals_rest_between_looks_and_tell_of_servers_that_fail(
    server: StoreServer, results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = leave(server, results)
    arrivals = Arrivals(FolderStore(tmp_path), server.url("/s"))
    first = list(arrivals.look(ids[:2]))
    assert [o.task for o in first if isinstance(o, Outcome)] == ids[:2]
    assert all(isinstance(o, Outcome) and o.processed and o.worker == "here" for o in first)
    asked = len(server.log)
    assert list(arrivals.look(ids)) == []
    assert len(server.log) == asked
    monkeypatch.setattr(fetching, "_RESTING", 0.0)
    server.script = lambda _: 403
    (told,) = Arrivals(FolderStore(tmp_path), server.url("/s")).look(ids)
    assert isinstance(told, Notice)
    assert "permission denied" in told.words
