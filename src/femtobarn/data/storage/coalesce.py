"""Near ranges of bytes as one request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

GAP = 64 * 1024
"""Bytes between two ranges that are rather read and thrown away than left out by another request."""

LARGEST = 16 * 1024 * 1024
"""Bytes of one request."""


@dataclass(frozen=True, slots=True)
class Group:
    """Ranges that are read as one.

    Parameters
    ----------
    offset, count
        the bytes to read
    members
        positions, in the list that was given, of the ranges in it
    """

    offset: int
    count: int
    members: tuple[int, ...]


def coalesce(
    ranges: Sequence[tuple[int, int]], *, gap: int = GAP, largest: int = LARGEST
) -> tuple[Group, ...]:
    """Return the requests for ``ranges``, in order of their place in the file.

    Parameters
    ----------
    ranges
        pairs (offset, count), in any order, also overlapping or empty
    gap
        ranges at most so far apart come into one group
    largest
        bytes of a group, unless a single range is larger

    Returns
    -------
    tuple of Group
        each range that is not empty is a member of exactly one
    """
    order = sorted((number for number, (_, count) in enumerate(ranges) if count), key=ranges.__getitem__)
    groups: list[Group] = []
    start = stop = 0
    members: list[int] = []
    for number in order:
        offset, count = ranges[number]
        end = max(stop, offset + count)
        if members and offset - stop <= gap and end - start <= largest:
            stop = end
            members.append(number)
            continue
        if members:
            groups.append(Group(start, stop - start, tuple(members)))
        start, stop, members = offset, offset + count, [number]
    if members:
        groups.append(Group(start, stop - start, tuple(members)))
    return tuple(groups)
