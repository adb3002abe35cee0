"""Every fault of an http server in a run from end to end: the same bits, or the ledger says what failed."""

from __future__ import annotations

from pathlib import Path

import pytest

from .cells import Cell, cells
from .samples import Samples
from .trial import attempt

CELLS = [cell for cell in cells() if not cell.services]


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_the_same_bits_or_the_reason(cell: Cell, samples: Samples, tmp_path: Path) -> None:
    attempt(cell, samples, tmp_path / "stage")
