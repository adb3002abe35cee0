"""Opening files: those that somebody names, and the events of a file of known format."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from femtobarn.base.records import Access, InputFile
from femtobarn.base.settings import prefixes as allowed_prefixes
from femtobarn.data.columns import list_trees, open_tree
from femtobarn.data.formats.detect import detect_format
from femtobarn.data.formats.skimmed import NAME, TREE, SkimFacts, skim_facts
from femtobarn.data.storage import FileIdentity, identify_remote, opened
from femtobarn.data.storage.urls import is_remote

if TYPE_CHECKING:
    from femtobarn.data.catalogue.resolvers import Remote
    from femtobarn.data.columns import TreeReader
    from femtobarn.data.formats.spec import Format
    from femtobarn.data.storage.source import Source


def open_events(place: str | Path | Source, fmt: Format, *, verified: bool = False) -> TreeReader:
    """Return the open tree with the events of a file. Use the result as a context manager.

    ``verified``: the checksum of the whole file has been compared, so that those of its baskets need not be.

    Raises
    ------
    DataError
        as `femtobarn.data.columns.open_tree`
    """
    if len(fmt.trees) == 1:
        return open_tree(place, fmt.tree, verified=verified)
    return open_tree(place, fmt.tree_in(list_trees(place)), verified=verified)


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
def reached(file: str | Path | Remote, access: Access | None = None) -> Iterator[Path | Source]:
    """Give a file that somebody wants to look at: a path, or an address, which is asked for its size.

    Parameters
    ----------
    access
        how a remote file is read, and what may be opened besides it; None: as the settings of this machine say

    Raises
    ------
    DataError
        if it cannot be had
    """
    from femtobarn.data.catalogue.resolvers import Remote, at_address

    remote = file if isinstance(file, Remote) else at_address(str(file)) if is_remote(str(file)) else None
    if remote is None or not is_remote(remote.url):
        yield Path(file if remote is None else remote.url)  # type: ignore[arg-type] # no Remote is left
        return
    usual = Access(prefixes=allowed_prefixes()) if access is None else access
    own = usual.model_copy(update={"prefixes": (*usual.prefixes, remote.url)})
    asked = None if published_identity(remote) else identify_remote(remote.url, own.prefixes)
    with opened(provisional(remote, asked), own) as got:
        yield got.place


def published_identity(file: Remote) -> FileIdentity | None:
    """Return size and checksum of a file as the catalogue tells them; None if it does not."""
    if file.size is None or file.adler32 is None:
        return None
    return FileIdentity(file.size, f"adler32:{file.adler32}")


def provisional(file: Remote, asked: FileIdentity | None = None) -> InputFile:
    """Return ``file`` as far as it is known before it is opened; ``asked`` is what its server said."""
    identity = FileIdentity(0, "")
    if is_remote(file.url):
        identity = published_identity(file) or asked or identity
    return InputFile(
        name=file.name, url=file.url, size=identity.size, identity=identity.identity, kind="data", process=""
    )
