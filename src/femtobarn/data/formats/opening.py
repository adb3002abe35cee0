"""Opening files: those that somebody names, and the events of a file of known format."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from femtobarn.base.records import Access, InputFile
from femtobarn.base.settings import prefixes as allowed_prefixes
from femtobarn.data.catalogue.resolvers import at_address
from femtobarn.data.columns import list_trees, open_tree
from femtobarn.data.formats.detect import detect_format
from femtobarn.data.formats.skimmed import NAME, TREE, SkimFacts, skim_facts
from femtobarn.data.storage import FileIdentity, identify_remote, opened
from femtobarn.data.storage.urls import is_remote

if TYPE_CHECKING:
    from femtobarn.data.columns import TreeReader
    from femtobarn.data.formats.spec import Format
    from femtobarn.data.storage.source import Source


def open_events(place: str | Path | Source, fmt: Format) -> TreeReader:
    """Return the open tree with the events of a file. Use the result as a context manager.

    Raises
    ------
    DataError
        as `femtobarn.data.columns.open_tree`
    """
    if len(fmt.trees) == 1:
        return open_tree(place, fmt.tree)
    return open_tree(place, fmt.tree_in(list_trees(place)))


@dataclass(frozen=True, slots=True)
class Recognised:
    """What a file is.

    Parameters
    ----------
    format
        how its events are stored
    release
        of which release they are; a skim has its own format
    skim
        what it says of itself, if it is a skim
    """

    format: Format
    release: str
    skim: SkimFacts | None


def recognise_content(place: str | Path | Source) -> Recognised:
    """Return what a file is, from what is in it.

    Raises
    ------
    DataError
        as `femtobarn.data.formats.detect.detect_format`
    """
    fmt = detect_format(place)
    if fmt.release != NAME:
        return Recognised(fmt, fmt.release, None)
    where = str(place) if isinstance(place, str | Path) else place.name
    skim = skim_facts(list_trees(place)[TREE], where)
    return Recognised(fmt, fmt.release if skim is None else skim.release, skim)


@contextmanager
def reached(file: str | Path) -> Iterator[Path | Source]:
    """Give a file that somebody wants to look at: a path, or an address, which is asked for its size.

    Raises
    ------
    DataError
        if it cannot be had
    """
    text = str(file)
    if not is_remote(text):
        yield Path(file)
        return
    remote = at_address(text)
    prefixes = (*allowed_prefixes(), text)
    if remote.size is not None and remote.adler32 is not None:
        identity = FileIdentity(remote.size, f"adler32:{remote.adler32}")
    else:
        identity = identify_remote(text, prefixes)
    known = InputFile(
        name=remote.name,
        url=text,
        size=identity.size,
        identity=identity.identity,
        kind="data",
        process="",
    )
    with opened(known, Access(prefixes=prefixes)) as got:
        yield got.place
