"""Files to read, wherever they are: what their address, their name and the catalogue say of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from urllib.parse import unquote

from femtobarn.base.records import Kind
from femtobarn.data.catalogue import inuse
from femtobarn.data.catalogue.model import CatalogueFile, path_of
from femtobarn.data.catalogue.names import recognise
from femtobarn.data.catalogue.releases import release as release_of


@dataclass(frozen=True, slots=True)
class Remote:
    """A file that was asked for; what is None is not known before it is opened.

    Parameters
    ----------
    name
        logical name: the file's own name
    url
        its address or path
    size, adler32
        bytes and checksum (8 hexadecimal digits)
    release, skim, kind, dsid, period
        what it holds, as `CatalogueFile` says it
    """

    name: str
    url: str
    size: int | None = None
    adler32: str | None = None
    release: str | None = None
    skim: str | None = None
    kind: Kind | None = None
    dsid: int | None = None
    period: str | None = None


def of_file(file: CatalogueFile) -> Remote:
    """Return a published file as one to read."""
    return Remote(
        name=file.name,
        url=file.url,
        size=file.size,
        adler32=file.adler32,
        release=file.release or None,
        skim=file.skim or None,
        kind=file.kind,
        dsid=file.dsid,
        period=file.period,
    )


def at_address(url: str, index: inuse.Index | None = None) -> Remote:
    """Return the file at ``url`` with all that is known of it without asking a server.

    Size and checksum are those of the catalogue where it lists the address, or the same path of another
    server (a mirror): what is read there must be the published file. A name alone says what a file
    holds, and nothing of its bytes. For many addresses give the ``index`` of `inuse.index`.
    """
    file = (index or inuse.index()).at(url)
    if file is None:
        return named(unquote(path_of(url)).rstrip("/").rpartition("/")[2] or url, url)
    return replace(of_file(file), url=url)


def named(name: str, url: str) -> Remote:
    """Return a file with what its name says."""
    said = recognise(name)
    if said is None:
        return Remote(name=name, url=url)
    return Remote(
        name=name,
        url=url,
        release=said.release,
        skim=said.skim,
        kind=said.kind,
        dsid=said.dsid,
        period=said.period,
    )


def wanted(release: str, skim: str, dsids: Iterable[int], periods: Iterable[str]) -> tuple[Remote, ...]:
    """Return the published files of datasets and periods, in the order in which these are given.

    What the skim has no file of is left out: the caller tells what is missing.

    Parameters
    ----------
    release, skim
        where they are
    dsids
        dataset ids of simulation
    periods
        data-taking periods

    Raises
    ------
    UnknownNameError
        if there is no such release or skim
    UsageError
        if only the portal records of the release are known
    """
    files = release_of(release).files(skim)
    found: dict[int | str, list[CatalogueFile]] = {}
    for file in files:
        key = file.dsid if file.dsid is not None else file.period
        if key is not None:
            found.setdefault(key, []).append(file)
    keys: dict[int | str, None] = dict.fromkeys((*dsids, *periods))
    return tuple(of_file(file) for key in keys for file in found.get(key, ()))
