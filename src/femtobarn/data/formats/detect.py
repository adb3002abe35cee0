"""Telling the format of a file from what is in it."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from femtobarn.base.errors import FormatError
from femtobarn.data.columns import list_trees, open_tree
from femtobarn.data.formats import skimmed
from femtobarn.data.formats.registry import format_of, formats, handed_in

if TYPE_CHECKING:
    from femtobarn.data.formats.spec import Format
    from femtobarn.data.storage.source import Source


def detect_format(place: str | Path | Source) -> Format:
    """Return the format of the file, from its tree and the branches that tell formats apart.

    Formats that were handed in are tried before those of the package: they were meant for such files.

    Raises
    ------
    UnreadableError, NotRootError, DamagedError
        if the file cannot be opened
    FormatError
        if it is of no known format
    """
    trees = list_trees(place)
    if trees.get(skimmed.TREE, "").startswith(skimmed.MARK):
        return skimmed.FORMAT
    branches: dict[str, Collection[str]] = {}
    reasons = []
    for name in dict.fromkeys((*handed_in(), *formats())):
        fmt = format_of(name)
        tree = next((t for t in fmt.trees if t in trees), None)
        if tree is None:
            reasons.append(f"{name} needs a tree {' or '.join(repr(t) for t in fmt.trees)}")
            continue
        if tree not in branches:
            with open_tree(place, tree) as opened:
                branches[tree] = tuple(opened.branches())
        missing = [t for t in fmt.tell_tales if not any(b in branches[tree] for b in t.split("|"))]
        if not missing:
            return fmt
        wanted = " or ".join(repr(b) for b in missing[0].split("|"))
        reasons.append(f"{name} needs the branch {wanted} in tree {tree!r}")
    where = place if isinstance(place, str | Path) else place.name
    msg = (
        f"{where}: expected a file of a known release, but it has {_listed(list(trees))}: "
        f"{'; '.join(reasons)}. "
        "Give files of one of these releases, or write a format file for this one: femtobarn inspect FILE --draft OUT.toml."
    )
    raise FormatError(msg)


def _listed(trees: list[str]) -> str:
    if not trees:
        return "no tree"
    shown = ", ".join(repr(name) for name in trees[:6])
    return f"the tree{'s' if len(trees) > 1 else ''} {shown}{', ...' if len(trees) > 6 else ''}"
