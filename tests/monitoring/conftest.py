"""Runs that can be looked at on their way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from tests.running.conftest import folder, inputs, spec
from tests.running.shelf import ShelfExecutor

from femtobarn.base.records import Settings
from femtobarn.running.engine import executor as executors

from .gate import PATIENCE, GatedExecutor

__all__ = ["folder", "inputs", "spec"]


OnItsWay = Callable[[Callable[[], object]], AbstractContextManager[None]]


@pytest.fixture
def settings() -> Callable[..., Settings]:
    def make(**changes: object) -> Settings:
        base: dict[str, object] = {"workers": 0, "part_bytes": 8_000, "chunk_entries": 300}
        return Settings.model_validate({**base, **changes})

    return make


@pytest.fixture(autouse=True)
def _executors(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, kind in (("gated", GatedExecutor), ("shelf", ShelfExecutor)):
        monkeypatch.setitem(executors._BUILT_IN, name, f"{kind.__module__}:{kind.__name__}")
    GatedExecutor.close()
    ShelfExecutor.clear()
    yield
    GatedExecutor.gate.set()
    ShelfExecutor.clear()


@pytest.fixture
def on_its_way() -> OnItsWay:
    """Run something in a thread that comes to the gate; the gate opens when the block ends."""

    @contextmanager
    def at_the_gate(doing: Callable[[], object]) -> Iterator[None]:
        failed: list[BaseException] = []

        def work() -> None:
            try:
                doing()
            except BaseException as error:  # noqa: BLE001 - told to the test
                failed.append(error)
            finally:
                GatedExecutor.reached.set()

        thread = threading.Thread(target=work)
        thread.start()
        try:
            assert GatedExecutor.reached.wait(PATIENCE)
            assert not failed, failed
            yield
        finally:
            GatedExecutor.gate.set()
            thread.join(PATIENCE)
        assert not thread.is_alive()
        if failed and not (isinstance(failed[0], SystemExit) and not failed[0].code):
            raise failed[0]

    return at_the_gate


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"
