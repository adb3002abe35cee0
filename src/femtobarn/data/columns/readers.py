"""Which reader a tree needs."""

from __future__ import annotations

from contextlib import nullcontext

from femtobarn.data.columns.boundary import boundary
from femtobarn.data.columns.library import (
    RNTUPLE,
    Place,
    choose,
    name_of,
    open_directory,
    tree_classes,
    wanted_keys,
)
from femtobarn.data.columns.preload import preload
from femtobarn.data.columns.reader import Reader
from femtobarn.data.columns.rntuple_reader import RNTupleReader
from femtobarn.data.columns.streamed import StreamedFile
from femtobarn.data.columns.uproot_reader import UprootReader


def open_reader(place: Place, tree: str | None) -> Reader:
    """Open a tree of a file whose header has been checked.

    Parameters
    ----------
    place
        the file
    tree
        name of the tree; None for the only one

    Raises
    ------
    DataError
        as `femtobarn.data.columns.open_tree`
    """
    streamed = place if isinstance(place, StreamedFile) else None
    with nullcontext() if streamed is None else streamed.blaming():
        if streamed is not None:
            preload(streamed, lambda keys: wanted_keys(keys, tree))
        directory = open_directory(place)
        try:
            with boundary(name_of(place), "reading its directory"):
                classes = tree_classes(directory)
            name = choose(name_of(place), tree, list(classes))
            kind = RNTupleReader if classes[name] == RNTUPLE else UprootReader
            reader: Reader = kind(place, directory, name)
            if streamed is not None:
                reader.branches()  # while the description is here
        except BaseException:
            directory.close()
            raise
    if streamed is not None:
        streamed.release()
    return reader
