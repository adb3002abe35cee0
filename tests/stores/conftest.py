"""The toy analysis, and stores to leave its results in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.running.conftest import folder, inputs, settings, spec
from tests.running.toys import job

from femtobarn.data.storage import attempts
from femtobarn.running.executors.local import LocalExecutor

from .server import StoreServer

__all__ = ["folder", "inputs", "settings", "spec"]

PART_BYTES = 8_000


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "_pause", lambda *_: 0.0)


@pytest.fixture
def server() -> Iterator[StoreServer]:
    with StoreServer() as running:
        yield running


@pytest.fixture(scope="session")
def results(spec, inputs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with results of the toy analysis; never changed by a test."""
    from femtobarn.base.records import Settings
    from femtobarn.running.engine.plan import make_plan
    from femtobarn.running.results.store import FolderStore

    place = tmp_path_factory.mktemp("results")
    plan = make_plan(spec, inputs, Settings(part_bytes=PART_BYTES, chunk_entries=300), histogram_limit=2**30)
    for outcome in LocalExecutor(0).run(job(spec), plan.tasks, FolderStore(place)):
        assert outcome
    return place
