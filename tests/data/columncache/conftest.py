from __future__ import annotations

from pathlib import Path

import pytest

from femtobarn.data.columncache import ColumnCache


@pytest.fixture
def cache(tmp_path: Path) -> ColumnCache:
    return ColumnCache(tmp_path / "cache" / "columns", limit_bytes=10**8)
