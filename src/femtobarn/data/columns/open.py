"""Opening a file: what is wrong with it is found and named here, before its trees are looked at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from femtobarn.data.storage import local_path, read_header, require_regular, unusable
from femtobarn.data.storage.header import parse_header

if TYPE_CHECKING:
    from femtobarn.data.columns.interface import TreeReader
    from femtobarn.data.columns.library import Place
    from femtobarn.data.storage.source import Source


def open_tree(place: str | Path | Source, tree: str | None = None, *, verified: bool = False) -> TreeReader:
    """Open a tree (TTree or RNTuple) for reading. Use the result as a context manager.

    Parameters
    ----------
    place
        path or ``file://`` URL of a ROOT file, or a remote file, which stays open when the tree is closed
    tree
        its name; None for the only tree of the file
    verified
        whether the checksum of the whole local file is known to be right: then the checksums within it
        need not be looked at

    Raises
    ------
    UnreadableError, NotRootError, DamagedError
        if the file is absent, not ROOT, or not whole
    TransientDataError, UnavailableError
        if a remote file came in different versions, or not at all
    TreeMissingError
        if there is no such tree, or None was given and there is not exactly one
    """
    found = checked(place)
    if isinstance(found, Path):
        from femtobarn.data.columns.fast.reader import open_fast

        reader = open_fast(found, tree, verified=verified)
        if reader is not None:
            return reader
    from femtobarn.data.columns.readers import open_reader  # here, because it loads uproot

    return open_reader(found, tree)


def list_trees(place: str | Path | Source) -> dict[str, str]:
    """Return the title of every tree of the file by its name, in the order of the file.

    Raises
    ------
    DataError
        as `open_tree`
    """
    found = checked(place)
    if isinstance(found, Path):
        from femtobarn.data.columns.fast.reader import titles_fast

        titles = titles_fast(found)
        if titles is not None:
            return titles
    from femtobarn.data.columns.library import tree_titles  # here, because it loads uproot

    return tree_titles(found)


def checked(place: str | Path | Source) -> Place:
    """Return a file whose header has been checked, for what reads it on.

    Raises
    ------
    DataError
        as `open_tree`
    """
    if isinstance(place, str | Path):
        return _checked_local(place)
    from femtobarn.data.columns.streamed import StreamedFile

    file = StreamedFile(place)
    with file.blaming():
        parse_header(file.head(), file.size, file.name)
    return file


def _checked_local(place: str | Path) -> Path:
    path = local_path(place)
    try:
        require_regular(path)
        with path.open("rb") as file:
            read_header(file, str(path))
    except OSError as error:
        raise unusable(str(path), error) from error
    return path
