from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from femtobarn.data.columns import TreeReader, open_tree

from .files import events, write


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("small") / "small.root", events(), chunks=3)


@pytest.fixture
def opened(small: Path) -> Iterator[TreeReader]:
    with open_tree(small, "analysis") as tree:
        yield tree
