"""What is asked of a tree, checked before anything is read."""

from __future__ import annotations

from collections.abc import Mapping

from femtobarn.base.errors import BranchMissingError, BranchTypeError, UsageError, suggestion
from femtobarn.data.columns.interface import BranchInfo


def require_range(url: str, start: int, stop: int, entries: int) -> None:
    """Check that a range of entries is within a tree.

    Raises
    ------
    UsageError
        if it is not
    """
    if not 0 <= start <= stop <= entries:
        msg = f"{url}: expected a range of entries within 0 to {entries}, got {start} to {stop}."
        raise UsageError(msg)


def require_branch(url: str, tree: str, name: str, infos: Mapping[str, BranchInfo]) -> BranchInfo:
    """Return what is known of a branch that can be read.

    Raises
    ------
    BranchMissingError
        if the tree has no such branch; the message gives the nearest
    BranchTypeError
        if it holds neither numbers, lists of numbers, nor strings
    """
    if name not in infos:
        msg = f"{url}: tree {tree!r} has no branch {name!r}. {suggestion(name, infos)}"
        raise BranchMissingError(msg)
    info = infos[name]
    if info.shape == "other":
        msg = (
            f"{url}: branch {name!r} holds {info.typename}, but only numbers, lists of numbers "
            "and strings can be read. Choose another branch."
        )
        raise BranchTypeError(msg)
    return info
