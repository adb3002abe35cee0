"""Final states as numbers: eight bits for the count of each kind of object, e first."""

from __future__ import annotations

from collections.abc import Mapping

from femtobarn.base.spectra import LETTERS, Letter

BITS = 8
MOST = (1 << BITS) - 1
"""The largest count; events with more objects of a kind cannot be coded."""


def shift(letter: Letter) -> int:
    """Return by how many bits the count of a kind is shifted."""
    return BITS * (len(LETTERS) - 1 - LETTERS.index(letter))


def code(counts: Mapping[Letter, int]) -> int:
    """Return the code of a final state; kinds that are not given do not occur."""
    return sum(n << shift(letter) for letter, n in counts.items())


def counts(state: int) -> dict[Letter, int]:
    """Return the count of each kind, in the order of `LETTERS`."""
    return {letter: (state >> shift(letter)) & MOST for letter in LETTERS}


def name(state: int) -> str:
    """Return how a final state is written: ``2e_0m_3j_0g_0t_0b``."""
    return "_".join(f"{n}{letter}" for letter, n in counts(state).items())


def category(state: int) -> str:
    """Return how BumpNet writes it: ``2ex_0mx_3jx_0gx_0tx_0bx``."""
    return "_".join(f"{n}{letter}x" for letter, n in counts(state).items())
