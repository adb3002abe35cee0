"""Faults that take seconds, and those of the real XRootD server: `make test-services`."""

from __future__ import annotations

from pathlib import Path

import pytest

from .cells import Cell, cells
from .samples import Samples
from .trial import attempt

pytestmark = pytest.mark.services
CELLS = [cell for cell in cells() if cell.services]


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_the_same_bits_or_the_reason(cell: Cell, samples: Samples, large: Samples, tmp_path: Path) -> None:
    attempt(cell, large if cell.large else samples, tmp_path / "stage")
