"""Which table is in use: the one brought up to date on this machine, else the bundled one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from femtobarn.data.catalogue import bundled, stored
from femtobarn.data.catalogue.model import CatalogueFile, Dataset, path_of
from femtobarn.data.catalogue.stored import Stamp

RECORD = "record:"
"""What the names of tables of single records begin with."""


@dataclass(frozen=True, slots=True)
class TableStatus:
    """Which table is in use for a release or a record, and why.

    Parameters
    ----------
    name
        the release, or ``"record:N"``
    origin
        ``"refreshed"``, ``"bundled"`` or, where only portal records are known, ``"none"``
    since
        when it was refreshed, in UTC; None for a bundled one
    sources
        the addresses that were asked
    files, datasets
        how many there are
    ignored
        why a refreshed table that is there is not used; None if there is none such
    """

    name: str
    origin: str
    since: str | None
    sources: tuple[str, ...]
    files: int
    datasets: int
    ignored: str | None


@dataclass(frozen=True, slots=True)
class Index:
    """Published files by name, all editions of each, and by the path of their address."""

    by_name: Mapping[str, tuple[CatalogueFile, ...]]
    by_path: Mapping[str, CatalogueFile]

    def at(self, url: str) -> CatalogueFile | None:
        """Return the published file at ``url``, or at the same path of another server."""
        return self.by_path.get(path_of(url))


def files_of(release: str) -> tuple[CatalogueFile, ...]:
    """Return the files of a release in the order of its table; none where only records are known."""
    own = stored.read(release)
    return bundled.files(release) if own is None else own.files


def datasets_of(release: str) -> tuple[Dataset, ...]:
    """Return the datasets of a release, one for each set of skims with numbers of its own."""
    own = stored.read(release)
    return bundled.datasets(release) if own is None else own.datasets


def by_skim(release: str) -> Mapping[str, tuple[CatalogueFile, ...]]:
    """Return the files of a release by skim."""
    if stored.read(release) is None:
        return bundled.by_skim(release)
    return _by_skim(release, stored.stamp(release))


def by_dataset(release: str) -> Mapping[int, tuple[Dataset, ...]]:
    """Return the rows of each dataset of a release, by dataset id."""
    return _by_dataset(release, stored.stamp(release))


def by_record(record: int) -> tuple[CatalogueFile, ...]:
    """Return the files that a record of the portal lists; none if no table tells of it.

    The table of a release and that of the record itself may both have them: the newer one counts.
    """
    release = next((r.release for r in bundled.records() if r.record == record), "")
    whole = stored.read(release) if release else None
    own = stored.read(f"{RECORD}{record}")
    if own is not None and (whole is None or own.fetched >= whole.fetched):
        return own.files
    return tuple(file for file in files_of(release) if file.record == record) if release else ()


def published(name: str) -> tuple[CatalogueFile, ...]:
    """Return every edition of the file of that name, those of the tables in use first."""
    if stored.names():
        return index().by_name.get(name, ())
    found: dict[tuple[int, str], CatalogueFile] = {}
    for release in bundled.settings():
        for file in bundled.named(release, name):
            found.setdefault((file.size, file.adler32), file)
    return tuple(found.values())


def published_at(url: str) -> CatalogueFile | None:
    """Return the published file at ``url``, or at the same path of another server; None if there is none."""
    return index().at(url)


def index() -> Index:
    """Return all tables in use, for looking up many files."""
    return _indexed(tuple((name, stored.stamp(name)) for name in stored.names()))


def status() -> tuple[TableStatus, ...]:
    """Return which table is in use for each release, and for each record that was brought up to date."""
    found = []
    others = [n for n in stored.names() if n not in bundled.settings()]
    for name in (*bundled.settings(), *others):
        own = stored.read(name)
        known = own is not None or (name in bundled.settings() and bundled.has_files(name))
        found.append(
            TableStatus(
                name=name,
                origin="refreshed" if own is not None else "bundled" if known else "none",
                since=None if own is None else own.fetched,
                sources=() if own is None else own.sources,
                files=len(files_of(name)) if known else 0,
                datasets=len({d.dsid for d in datasets_of(name)}) if known else 0,
                ignored=stored.fault(name),
            )
        )
    return tuple(found)


def in_words(name: str) -> str:
    """Return which table of a release is in use: ``bundled``, ``refreshed`` with its date, or empty."""
    own = stored.read(name)
    if own is not None:
        return f"refreshed {own.fetched}"
    return "bundled" if name in bundled.settings() and bundled.has_files(name) else ""


def forget(name: str) -> bool:
    """Remove what was refreshed of a release or record; return whether there was anything.

    Raises
    ------
    CatalogueError
        if ``name`` could not be the name of a table
    UnwritableError
        if it cannot be removed
    """
    return stored.forget(name)


@lru_cache(maxsize=2)
def _indexed(stamps: tuple[tuple[str, Stamp | None], ...]) -> Index:
    names: dict[str, list[CatalogueFile]] = {}
    paths: dict[str, CatalogueFile] = {}
    for table in _tables([name for name, _ in stamps]):
        for file in table:
            paths.setdefault(path_of(file.url), file)
            known = names.setdefault(file.name, [])
            if all((f.size, f.adler32) != (file.size, file.adler32) for f in known):
                known.append(file)
    return Index({name: tuple(found) for name, found in names.items()}, paths)


def _tables(refreshed: list[str]) -> list[tuple[CatalogueFile, ...]]:
    """Return the tables in use, the newest first, then the bundled ones that they replace."""
    tables = [table for table in map(stored.read, refreshed) if table is not None]
    tables.sort(key=lambda table: table.fetched, reverse=True)
    replaced = {table.name for table in tables}
    releases = sorted(filter(bundled.has_files, bundled.settings()), key=lambda name: name in replaced)
    return [*(table.files for table in tables), *map(bundled.files, releases)]


@lru_cache(maxsize=8)
def _by_skim(release: str, stamp: Stamp | None) -> Mapping[str, tuple[CatalogueFile, ...]]:  # noqa: ARG001 - a replaced table is sorted anew
    found: dict[str, list[CatalogueFile]] = {}
    for file in files_of(release):
        found.setdefault(file.skim, []).append(file)
    return MappingProxyType({skim: tuple(files) for skim, files in found.items()})


@lru_cache(maxsize=8)
def _by_dataset(release: str, stamp: Stamp | None) -> Mapping[int, tuple[Dataset, ...]]:  # noqa: ARG001 - as above
    found: dict[int, list[Dataset]] = {}
    for row in datasets_of(release):
        found.setdefault(row.dsid, []).append(row)
    return MappingProxyType({dsid: tuple(rows) for dsid, rows in sorted(found.items())})
