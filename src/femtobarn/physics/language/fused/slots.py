"""What the compiled loop is given: pointers, in the order in which the code asked for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb
from typing import Any

from femtobarn.physics.language.fused.terms import Term


@dataclass(frozen=True, slots=True)
class Slot:
    """One pointer.

    Parameters
    ----------
    role
        what it points to: ``content``, ``offsets``, ``external``, ``scratch``, ``table``, ...
    what
        which of these, as JSON
    """

    role: str
    what: tuple[Any, ...]


def capacity_rule(axis: Term) -> tuple[Any, ...]:
    """Return how many objects a collection can have at most, given those of the files."""
    if axis.op == "objects":
        return ("objects", axis.params[0])
    return (axis.op, *(capacity_rule(a) for a in axis.args if a.sort == "axis"), *axis.params)


def capacity(rule: Sequence[Any], most: Mapping[str, int]) -> int:
    """Return the greatest number of objects; ``most`` is that of each collection."""
    op = rule[0]
    if op == "objects":
        return most[rule[1]]
    first = capacity(rule[1], most)
    if op == "slice":
        start, stop = rule[2:]
        return max((first if stop is None else min(first, int(stop))) - int(start), 0)
    if op == "head":
        return min(first, int(rule[2]))
    if op == "combinations":
        return comb(first, int(rule[2]))
    if op == "cross":
        return first * capacity(rule[2], most)
    return first  # filter, order
