"""Whether a remote file is fetched whole and kept, or read in parts over the network."""

from __future__ import annotations

from typing import Literal

from femtobarn.base import settings
from femtobarn.base.records import Policy

How = Literal["cache", "stream"]

MOST_OF_A_FILE = 0.5
"""A run that needs more than this part of a file does as well to fetch all of it."""


def decide(
    policy: Policy,
    *,
    size: int,
    cached: bool,
    seen: bool,
    share: float | None,
    small: int | None = None,
    largest: int | None = None,
) -> How:
    """Return how a remote file is read.

    Parameters
    ----------
    policy
        ``cache`` and ``stream`` decide alone; ``auto`` looks at the file
    size
        bytes of the file
    cached
        whether it is in the cache
    seen
        whether an earlier run has read it
    share
        which part of its bytes the run needs (0 to 1), None if that is not known
    small
        up to this many bytes a file is always cached; by default ``FEMTOBARN_CACHE_SMALL``
    largest
        above this many bytes a file is not cached for being used again; by default
        ``FEMTOBARN_CACHE_LARGEST``
    """
    if policy != "auto":
        return policy
    if cached or size <= (settings.cache_small() if small is None else small):
        return "cache"
    worthwhile = seen or (share is not None and share > MOST_OF_A_FILE)
    if worthwhile and size <= (settings.cache_largest() if largest is None else largest):
        return "cache"
    return "stream"
