"""Telling the format of a file from what is in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from femtobarn.base.errors import FormatError
from femtobarn.data.columns import list_trees, open_tree
from femtobarn.data.formats.registry import format_of, formats

if TYPE_CHECKING:
    from femtobarn.data.formats.spec import Format


def detect_format(url: str | Path) -> Format:
    """Return the format of the file, from its tree and the branches that tell formats apart.

    Raises
    ------
    UnreadableError, NotRootError, DamagedError
        if the file cannot be opened
    FormatError
        if it is of no known format
    """
    trees = list_trees(url)
    reasons = []
    for name in formats():
        fmt = format_of(name)
        if fmt.tree not in trees:
            reasons.append(f"{name} needs a tree {fmt.tree!r}")
            continue
        with open_tree(url, fmt.tree) as tree:
            missing = [branch for branch in fmt.tell_tales if branch not in tree.branches()]
        if not missing:
            return fmt
        reasons.append(f"{name} needs the branch {missing[0]!r} in tree {fmt.tree!r}")
    msg = (
        f"{url}: expected a file of a known release, but it has {_listed(list(trees))}: "
        f"{'; '.join(reasons)}. "
        "Give files of one of these releases, or register a format for this one."
    )
    raise FormatError(msg)


def _listed(trees: list[str]) -> str:
    if not trees:
        return "no tree"
    shown = ", ".join(repr(name) for name in trees[:6])
    return f"the tree{'s' if len(trees) > 1 else ''} {shown}{', ...' if len(trees) > 6 else ''}"
