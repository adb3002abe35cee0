"""Opening a file: what is wrong with it is found and named here, before its trees are looked at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from femtobarn.data.storage import local_path, read_header, require_regular, unusable

if TYPE_CHECKING:
    from femtobarn.data.columns.interface import TreeReader


def open_tree(url: str | Path, tree: str | None = None) -> TreeReader:
    """Open a tree for reading. Use the result as a context manager.

    Parameters
    ----------
    url
        path or ``file://`` URL of a ROOT file
    tree
        its name; None for the only tree of the file

    Raises
    ------
    UnreadableError, NotRootError, DamagedError
        if the file is absent, not ROOT, or not whole
    TreeMissingError
        if there is no such tree, or None was given and there is not exactly one
    """
    from femtobarn.data.columns.uproot_reader import UprootReader  # here, because it loads uproot

    path = _check(url)
    return UprootReader(str(path), tree)


def list_trees(url: str | Path) -> dict[str, str]:
    """Return the title of every tree of the file by its name, in the order of the file.

    Raises
    ------
    UnreadableError, NotRootError, DamagedError
        as `open_tree`
    """
    from femtobarn.data.columns.uproot_reader import tree_titles  # here, because it loads uproot

    path = _check(url)
    return tree_titles(str(path))


def _check(url: str | Path) -> Path:
    path = local_path(url)
    try:
        require_regular(path)
        with path.open("rb") as file:
            read_header(file, str(path))
    except OSError as error:
        raise unusable(str(path), error) from error
    return path
