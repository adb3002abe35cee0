"""Starting worker processes before it is known what they will do: they load what they need while a run is planned."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from glob import has_magic
from itertools import pairwise
from typing import TYPE_CHECKING

from femtobarn.base.errors import RunError

if TYPE_CHECKING:
    from pathlib import Path

    from femtobarn.base.records import Settings
    from femtobarn.running.executors.nursery import Nursery

_ready: list[Nursery] = []


def begin(words: Sequence[str]) -> None:
    """Start what workers come from if a command line looks like a run on this machine, before it is read."""
    if not words or words[0] != "run":
        return
    pairs = list(pairwise(words))
    values = dict(pairs)
    places = [place for option, place in pairs if option == "--data"]
    here = values.get("--workers") != "0" and values.get("--executor", "local") == "local"
    if here and places and not {"--help", "-h"} & set(words) and all(map(_seems_there, places)):
        from femtobarn.running.executors.nursery import Nursery

        with suppress(RunError):  # the run itself will say so
            _ready.append(Nursery())


@contextmanager
def nursery_for(settings: Settings, places: Sequence[str | Path]) -> Iterator[Nursery | None]:
    """Give what workers of this machine come from, already on its way; None if the run needs none.

    None is started for a place that is missing, since such a run ends before it begins.
    """
    ready = _ready.pop() if _ready else None
    if settings.executor != "local" or settings.workers < 1 or not all(map(_seems_there, places)):
        if ready is not None:
            ready.close()
        yield None
        return
    from femtobarn.running.executors.nursery import Nursery

    nursery = ready or Nursery()
    try:
        yield nursery
    finally:
        nursery.close()


def _seems_there(place: str | Path) -> bool:
    """Return whether a place could stand for files; what has a colon may be an address or a name."""
    text = os.fspath(place)
    return ":" in text or has_magic(text) or os.path.lexists(text)
