"""A toy analysis and small files in the names of the 2025 release."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from femtobarn.base.records import AnalysisSpec, Settings
from femtobarn.running.engine.inputs import Inputs, gather

from .toys import toy_spec, write_folder


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
        base: dict[str, object] = {"workers": 0, "part_bytes": 20_000, "chunk_entries": 300}
        return Settings.model_validate({**base, **changes})

    return make
