"""A real broker with a run on it, and nothing left of it afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.running.conftest import folder
from tests.servers.rabbitmq import RabbitMQ

from .stage import Stage

__all__ = ["folder"]


@pytest.fixture
def stage(broker: RabbitMQ, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    made = Stage(tmp_path, folder, broker.url, monkeypatch)
    try:
        yield made
    finally:
        made.close()
