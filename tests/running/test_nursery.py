"""Worker processes are copies of one that has loaded what they need, and nothing of them stays behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from femtobarn.base.errors import RunError
from femtobarn.base.settings import default_settings
from femtobarn.running.executors import nursery as module
from femtobarn.running.executors.early import nursery_for
from femtobarn.running.executors.nursery import Child, Nursery


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    made = Nursery()
    yield made
    made.close()


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_worker_ends_with_its_input(nursery: Nursery) -> None:
    child = nursery.start(0)
    child.stdin.close()
    assert child.stdout.read() == b""
    assert child.epitaph() == "worker died (exit code 0)"
    assert gone(child.pid)
    child.close()


def test_workers_do_not_hold_the_pipes_of_others(nursery: Nursery) -> None:
    first, second = nursery.start(0), nursery.start(1)
    first.stdin.close()
    assert first.stdout.read() == b""  # would wait for ever if the second held its other end
    first.close()
    assert not gone(second.pid)
    second.stdin.close()
    second.close()
    assert gone(second.pid)


def test_how_a_worker_died_is_told(nursery: Nursery) -> None:
    child = nursery.start(3)
    child.kill()
    assert child.stdout.read() == b""
    assert child.epitaph() == "worker died (signal 9)"
    child.kill()  # has no effect on whoever has its number now
    child.close()


def test_the_last_words_of_a_worker_are_told(nursery: Nursery) -> None:
    child = nursery.start(0)
    child.stdin.write(b"\0" * 7 + b"\2{}")  # a message, but no task
    child.stdin.flush()
    assert child.stdout.read() == b""
    assert child.epitaph().startswith("worker died (exit code 1): ")
    child.close()


def test_a_nursery_that_was_killed_is_replaced(nursery: Nursery) -> None:
    old = nursery.start(0)
    nursery._mother.kill()
    nursery._mother.wait()
    new = nursery.start(1)
    assert new.pid != old.pid
    for child in (old, new):
        child.stdin.close()
        assert child.stdout.read() == b""
    assert old.epitaph() == "worker died"  # nobody knows how
    assert new.epitaph() == "worker died (exit code 0)"
    for child in (old, new):
        child.close()


def test_what_keeps_workers_from_starting_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "numpy.py"
    broken.write_text("raise ImportError('no numpy here')")
    plain = module.environment()
    monkeypatch.setattr(
        module,
        "environment",
        lambda: {**plain, "PYTHONPATH": f"{tmp_path}{os.pathsep}{plain['PYTHONPATH']}"},
    )
    made = Nursery()
    with pytest.raises(RunError, match="no numpy here"):
        made.start(0)
    made.close()


def test_an_interrupt_of_the_terminal_leaves_workers_to_be_ended_in_order(nursery: Nursery) -> None:
    child = nursery.start(0)
    os.kill(nursery._mother.pid, signal.SIGINT)
    other: Child = nursery.start(1)  # it answers still
    for one in (child, other):
        one.stdin.close()
        one.close()


def test_closing_ends_it_and_may_be_repeated() -> None:
    made = Nursery()
    made.close()
    made.close()
    assert made._mother.poll() is not None


def test_it_starts_early_only_where_a_run_can_follow(tmp_path: Path) -> None:
    usual = default_settings().model_copy(update={"workers": 2})
    with nursery_for(usual, [tmp_path]) as made:
        assert made is not None
        process = made._mother
        assert process.poll() is None
    assert process.poll() is not None
    with nursery_for(usual, [tmp_path, tmp_path / "nope"]) as made:
        assert made is None
    with nursery_for(usual.model_copy(update={"workers": 0}), [tmp_path]) as made:
        assert made is None
    with nursery_for(usual.model_copy(update={"executor": "elsewhere"}), [tmp_path]) as made:
        assert made is None
    with nursery_for(usual, ["record:1", "https://example.org/a.root", str(tmp_path / "*.root")]) as made:
        assert made is not None
