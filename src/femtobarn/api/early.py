"""Starting worker processes before it is known what they will do: they load what they need while a run is planned."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from glob import has_magic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from femtobarn.base.records import Settings
    from femtobarn.running.executors.nursery import Nursery


@contextmanager
def nursery_for(settings: Settings, places: Sequence[str | Path]) -> Iterator[Nursery | None]:
    """Give what workers of this machine come from, already on its way; None if the run needs none.

    None is started for a place that is missing, since such a run ends before it begins.
    """
    if settings.executor != "local" or settings.workers < 1 or not all(map(_seems_there, places)):
        yield None
        return
    from femtobarn.running.executors.nursery import Nursery

    nursery = Nursery()
    try:
        yield nursery
    finally:
        nursery.close()


def _seems_there(place: str | Path) -> bool:
    """Return whether a place could stand for files; what has a colon may be an address or a name."""
    text = os.fspath(place)
    return ":" in text or has_magic(text) or os.path.lexists(text)
