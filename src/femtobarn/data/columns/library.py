"""Opening files with uproot, and the trees that are in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import uproot
from uproot.source.file import MultithreadedFileSource

from femtobarn.base.errors import TreeMissingError, suggestion
from femtobarn.data.columns.boundary import boundary
from femtobarn.data.columns.layout import Key
from femtobarn.data.columns.preload import preload
from femtobarn.data.columns.streamed import StreamedFile

TREE = "TTree"
RNTUPLE = "ROOT::RNTuple"

Place: TypeAlias = Path | StreamedFile
"""A file whose header has been checked."""


def name_of(place: Place) -> str:
    """Return what messages call a file."""
    return place.name if isinstance(place, StreamedFile) else str(place)


def open_directory(place: Place) -> Any:
    """Return uproot's top directory of a file; the caller closes it.

    Raises
    ------
    DataError
        if the file cannot be read
    """
    with boundary(name_of(place), "opening it"):
        if isinstance(place, StreamedFile):
            return uproot.open(place, use_threads=False, object_cache=None, array_cache=None)
        # Plain reads instead of uproot's memory map: a mapped file that is truncated while it is read
        # kills the process with SIGBUS, a short read is an error that can be handled. The dict keeps
        # uproot from searching the path for a tree's name after a colon.
        return uproot.open(
            {str(place): None},
            handler=MultithreadedFileSource,
            use_threads=False,
            object_cache=None,
            array_cache=None,
        )


def tree_classes(directory: Any) -> dict[str, str]:
    """Return the class of every TTree and RNTuple by its name, in the order of the file."""
    # keys come with the newest cycle of each name first
    classes: dict[str, str] = {}
    for name, kind in directory.iterclassnames(recursive=True, cycle=False):
        if kind in {TREE, RNTUPLE}:
            classes.setdefault(name, kind)
    return classes


def tree_titles(place: Place) -> dict[str, str]:
    """Return the titles of the trees in the file by their names.

    Raises
    ------
    DataError
        if the file cannot be read
    """
    name = name_of(place)
    if isinstance(place, StreamedFile):
        preload(place, lambda _: ())
    with boundary(name, "listing its trees"), open_directory(place) as directory:
        return {tree: str(directory.key(tree).title()) for tree in tree_classes(directory)}


def choose(name: str, tree: str | None, names: Sequence[str]) -> str:
    """Return the name of the tree that ``tree`` means: itself, or the only one for None.

    Raises
    ------
    TreeMissingError
        if there is no such tree, or None was given and there is not exactly one
    """
    if tree is None:
        if len(names) == 1:
            return names[0]
        msg = (
            f"{name}: expected exactly one tree, found {len(names)}: {', '.join(names) or 'none'}. Name one."
        )
        raise TreeMissingError(msg)
    if tree in names:
        return tree
    there = f"It has: {', '.join(names[:12])}" if names else "It has no tree at all"
    msg = f"{name}: expected a tree {tree!r}. {there}. {suggestion(tree, names)}"
    raise TreeMissingError(msg)


def wanted_keys(keys: Iterable[Key], tree: str | None) -> list[Key]:
    """Return the newest key of the tree that `choose` would give, or none if that is not known yet."""
    newest: dict[str, Key] = {}
    for key in keys:
        if key.class_name in {TREE, RNTUPLE} and (
            key.name not in newest or key.cycle > newest[key.name].cycle
        ):
            newest[key.name] = key
    if tree is None:
        return list(newest.values()) if len(newest) == 1 else []
    return [newest[tree]] if tree in newest else []
