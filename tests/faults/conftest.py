"""The samples, made once for all faults."""

from __future__ import annotations

import pytest

from .samples import LARGE, Samples, make_samples


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    """Small files: a few requests each."""
    return make_samples(tmp_path_factory.mktemp("samples"))


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    """The faulty file takes more than one request when it is fetched."""
    return make_samples(tmp_path_factory.mktemp("large"), events=LARGE)
