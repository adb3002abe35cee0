"""Releases: their files, datasets and luminosities, from the tables in use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from femtobarn.base.errors import UnknownNameError, UsageError
from femtobarn.data.catalogue import bundled, inuse
from femtobarn.data.catalogue.luminosity import LuminosityEntry, LuminosityTable
from femtobarn.data.catalogue.model import DEFAULT, CatalogueFile, Dataset, PortalRecord


@dataclass(frozen=True, slots=True)
class Release:
    """A release of open data.

    Parameters
    ----------
    name
        for instance ``"2025e-13tev-beta"``
    title
        what figures call the data
    sqrt_s
        centre-of-mass energy as figures write it
    luminosities
        the published luminosities by period
    """

    name: str
    title: str
    sqrt_s: str
    luminosities: LuminosityTable

    @property
    def skims(self) -> tuple[str, ...]:
        """The names of the event preselections."""
        return tuple(inuse.by_skim(self.name))

    @property
    def datasets(self) -> Mapping[int, Dataset]:
        """The simulated datasets by their id, with the numbers that hold by default."""
        return MappingProxyType(
            {dsid: _default(rows) for dsid, rows in inuse.by_dataset(self.name).items()},
        )

    def dataset(self, dsid: int, skim: str | None = None) -> Dataset:
        """Return a dataset with the numbers that hold for ``skim``.

        Not all events of a dataset went into every skim of 2020, so that its sum of weights may
        differ; without ``skim`` the numbers that hold for most are returned.

        Raises
        ------
        UnknownNameError
            if the release has no such dataset
        """
        known = inuse.by_dataset(self.name)
        rows = known.get(dsid)
        if rows is None:
            what = f"dataset of {self.name}"
            raise UnknownNameError(what, dsid, known)
        return next((row for row in rows if skim in row.valid_for_variant), _default(rows))

    def files(self, skim: str) -> tuple[CatalogueFile, ...]:
        """Return the files of ``skim``: data in order of period, then simulation in order of dataset.

        Raises
        ------
        UnknownNameError
            if the release has no such skim
        UsageError
            if only the portal records of the release are known
        """
        files = inuse.by_skim(self.name)
        if not files:
            msg = (
                f"Expected a table of the files of {self.name}, but none comes with the package, only its portal "
                f"records. Fetch it: femtobarn catalogue refresh {self.name}"
            )
            raise UsageError(msg)
        if skim not in files:
            what = f"skim of {self.name}"
            raise UnknownNameError(what, skim, files)
        return files[skim]

    def data_periods(self, skim: str) -> tuple[str, ...]:
        """Return the periods of which ``skim`` has data, in order of time."""
        return tuple(f.period for f in self.files(skim) if f.period is not None)


def search(words: str, release_name: str | None = None) -> tuple[tuple[str, Dataset], ...]:
    """Return (release, dataset) of every dataset that has all of ``words`` in its id, name, process or keywords.

    Capital letters do not matter. ``release_name`` limits the search to one release.
    """
    wanted = words.casefold().split()
    found = []
    for name in (release_name,) if release_name is not None else releases():
        for dataset in release(name).datasets.values():
            text = " ".join((str(dataset.dsid), dataset.name, dataset.process, *dataset.keywords)).casefold()
            if all(word in text for word in wanted):
                found.append((name, dataset))
    return tuple(found)


def records() -> tuple[PortalRecord, ...]:
    """Return the portal records that are known, by number."""
    return bundled.records()


def releases() -> tuple[str, ...]:
    """Return the names of the releases that are known."""
    return tuple(bundled.settings())


def release(name: str) -> Release:
    """Return the release of that name.

    Raises
    ------
    UnknownNameError
        if there is none
    """
    settings = bundled.settings()
    if name not in settings:
        raise UnknownNameError("release", name, settings)
    table = settings[name]
    entries = tuple(
        LuminosityEntry(frozenset(row["periods"]), float(row["fb"]), row["source"])
        for row in table.get("luminosity", ())
    )
    return Release(name, table["title"], table["sqrt_s"], LuminosityTable(entries))


def known(name: str) -> Release | None:
    """Return the release of that name; None if there is none."""
    return release(name) if name in bundled.settings() else None


def _default(rows: tuple[Dataset, ...]) -> Dataset:
    return next((row for row in rows if DEFAULT in row.valid_for_variant), rows[0])
