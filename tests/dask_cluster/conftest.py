"""The toy analysis over five small files of several parts each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.running.toys import toy_spec, write_folder

from femtobarn.base.records import AnalysisSpec, Settings
from femtobarn.running.engine.inputs import Inputs, gather
from femtobarn.running.engine.run import run
from femtobarn.running.executors.local import LocalExecutor


@pytest.fixture(scope="session")
def spec() -> AnalysisSpec:
    return toy_spec()


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two data periods and three datasets; never changed by a test."""
    return write_folder(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def inputs(spec: AnalysisSpec, folder: Path) -> Inputs:
    return gather(spec, folder)


@pytest.fixture
def settings() -> Callable[..., Settings]:
    def make(**changes: object) -> Settings:
        base: dict[str, object] = {"workers": 0, "part_bytes": 8_000, "chunk_entries": 300, "figures": False}
        return Settings.model_validate({**base, **changes})

    return make


@pytest.fixture(scope="session")
def local(spec: AnalysisSpec, inputs: Inputs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run directory of the same plan, done in this process."""
    out = tmp_path_factory.mktemp("local") / "out"
    settings = Settings(workers=0, part_bytes=8_000, chunk_entries=300, figures=False)
    run(spec, inputs, settings, out, runner=LocalExecutor(0))
    return out
