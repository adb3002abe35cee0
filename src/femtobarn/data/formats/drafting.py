"""Drafting a format from a file: its branches, and medians of the energies in its first events."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from femtobarn.base.errors import DataError
from femtobarn.data.columns import list_trees, open_tree
from femtobarn.data.formats.draft import draft_format
from femtobarn.data.formats.guess import guess
from femtobarn.data.formats.model import FIELDS

if TYPE_CHECKING:
    from femtobarn.data.columns.interface import BranchInfo, TreeReader
    from femtobarn.data.storage.source import Source

EVENTS = 1000
"""Events whose values are looked at."""


def draft_of(place: str | Path | Source, *, release: str = "my-ntuple") -> str:
    """Return a format file for a ROOT file, as `femtobarn.data.formats.draft.draft_format` drafts it.

    Parameters
    ----------
    place
        the file
    release
        what to call the format

    Raises
    ------
    UnreadableError, NotRootError, DamagedError
        if the file cannot be opened
    FormatError
        if it has no tree
    """
    trees: dict[str, tuple[BranchInfo, ...]] = {}
    medians: dict[str, float] = {}
    for name in list_trees(place):
        with open_tree(place, name) as tree:
            trees[name] = tuple(tree.branches().values())
            medians |= _medians(tree)
    return draft_format(trees, medians, release=release)


def _medians(tree: TreeReader) -> dict[str, float]:
    found = guess(tree.branches().values()).fields
    medians = {}
    for path, info in found.items():
        if path not in FIELDS or FIELDS[path].unit != "GeV":
            continue
        try:
            values = tree.read([info.name], 0, min(EVENTS, tree.entries))[info.name].content
        except DataError:
            continue  # a branch that cannot be decoded says nothing of units; reading it later says why
        finite = np.abs(values[np.isfinite(values)])
        if len(finite):
            medians[info.name] = float(np.median(finite))
    return medians
