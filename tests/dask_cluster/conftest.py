"""The toy analysis over five small files of several parts each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.running.conftest import folder, inputs, spec

from femtobarn.base.records import AnalysisSpec, Settings
from femtobarn.running.engine.inputs import Inputs
from femtobarn.running.engine.run import run
from femtobarn.running.executors.local import LocalExecutor

__all__ = ["folder", "inputs", "spec"]


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
