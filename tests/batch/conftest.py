"""A run that is sliced, and the same run done here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.running.toys import RELEASE

from femtobarn.base.records import AnalysisSpec, Settings
from femtobarn.running.engine.inputs import Inputs, gather
from femtobarn.running.engine.run import run
from femtobarn.running.executors.batch import element, systems
from femtobarn.running.executors.local import LocalExecutor

from .desk import Desk, in_this_process
from .wide import wide_analysis, write_wide


@pytest.fixture(scope="session")
def spec() -> AnalysisSpec:
    return wide_analysis().freeze(release=RELEASE)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two data periods and eight datasets; never changed by a test."""
    return write_wide(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def inputs(spec: AnalysisSpec, folder: Path) -> Inputs:
    return gather(spec, folder)


@pytest.fixture
def settings() -> Callable[..., Settings]:
    def make(options: dict[str, str] | None = None, **changes: object) -> Settings:
        base: dict[str, object] = {"workers": 0, "part_bytes": 8_000, "chunk_entries": 300, "figures": False}
        if options is not None:
            base |= {"executor": "batch", "executor_options": tuple(options.items())}
        return Settings.model_validate({**base, **changes})

    return make


@pytest.fixture(scope="session")
def local(spec: AnalysisSpec, inputs: Inputs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run directory of the same plan, done here."""
    out = tmp_path_factory.mktemp("local") / "out"
    settings = Settings(workers=0, part_bytes=8_000, chunk_entries=300, figures=False)
    run(spec, inputs, settings, out, runner=LocalExecutor(0))
    return out


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A batch system in this process, under the name of Slurm."""
    made = Desk()
    monkeypatch.setitem(systems.SYSTEMS, "slurm", made.system)
    monkeypatch.setattr(element, "LocalExecutor", in_this_process)
    return made
