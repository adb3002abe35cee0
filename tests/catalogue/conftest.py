"""A cache of its own for every test, and stand-ins for the two services."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from femtobarn.data.storage.network import Network

from .services import Services, serve


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache; no server is known unless a test starts one."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("FEMTOBARN_CACHE", str(folder))
    for name in ("FEMTOBARN_PORTAL_API", "FEMTOBARN_METADATA_API"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    return folder


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    made = Services()
    stop = serve(made)
    monkeypatch.setenv("FEMTOBARN_PORTAL_API", f"{made.base}/api")
    monkeypatch.setenv("FEMTOBARN_METADATA_API", f"{made.base}/")
    yield made
    stop()


@pytest.fixture
def network() -> Network:
    return Network(timeout=2.0, attempts=3, backoff=0.001)
