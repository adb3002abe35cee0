"""Files for scans, and executors that fill them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conformance.conftest import engine as engine  # noqa: PLC0414 - a fixture
from tests.conformance.conftest import engine_of as engine_of  # noqa: PLC0414 - a fixture

from .events import write_folder


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five files: three of data, two of simulation; never changed by a test."""
    return write_folder(tmp_path_factory.mktemp("spectra") / "data")
