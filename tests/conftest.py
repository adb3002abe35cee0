"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def realdata() -> Path:
    """The folder of real open data beside the checkout, or skip."""
    named = os.environ.get("FEMTOBARN_REALDATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real open data in {folder} (set FEMTOBARN_REALDATA to its folder)")
    return folder
