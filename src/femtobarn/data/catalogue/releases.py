"""Releases: their files, datasets and luminosities, from the tables bundled with the package.

The tables are built by ``scripts/build_catalogue.py`` and read when first asked for.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Literal

from femtobarn.base.errors import UnknownNameError
from femtobarn.data.catalogue.luminosity import LuminosityEntry, LuminosityTable

DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Dataset:
    """A simulated dataset.

    Parameters
    ----------
    dsid, name
        dataset id and short name
    process
        the process, or the group of processes, in words
    keywords
        what else describes it
    cross_section_pb
        cross-section times k-factor times filter efficiency, in pb
    sum_of_weights
        sum of the generator weights of all events before any preselection; None if not published
    n_events
        number of these events; None if not published
    valid_for_variant
        the skims for which the numbers are valid; ``"default"`` stands for those not named elsewhere
    source
        where the numbers are from
    """

    dsid: int
    name: str
    process: str
    keywords: tuple[str, ...]
    cross_section_pb: float
    sum_of_weights: float | None
    n_events: int | None
    valid_for_variant: tuple[str, ...]
    source: str


@dataclass(frozen=True, slots=True)
class CatalogueFile:
    """A published file.

    Parameters
    ----------
    name
        logical name: the file's own name
    url, size, adler32
        where it is, its bytes and its checksum (8 hexadecimal digits)
    kind, dsid, period
        simulation of a dataset, or data of a period
    """

    name: str
    url: str
    size: int
    adler32: str
    kind: Literal["data", "mc"]
    dsid: int | None
    period: str | None


@dataclass(frozen=True, slots=True)
class PortalRecord:
    """A record of the CERN Open Data portal.

    Parameters
    ----------
    record, title, doi, licence
        its number, title, identifier and licence
    release
        the release it belongs to; empty if none of those named here
    events, files, size
        what it holds; None where the portal does not say; ``size`` in bytes
    """

    record: int
    release: str
    title: str
    events: int | None
    files: int | None
    size: int | None
    doi: str
    licence: str


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
        return tuple(_files(self.name))

    @property
    def datasets(self) -> Mapping[int, Dataset]:
        """The simulated datasets by their id, with the numbers that hold by default."""
        return MappingProxyType(
            {dsid: _default(rows) for dsid, rows in _datasets(self.name).items()},
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
        rows = _datasets(self.name).get(dsid)
        if rows is None:
            what = f"dataset of {self.name}"
            raise UnknownNameError(what, dsid, _datasets(self.name))
        return next((row for row in rows if skim in row.valid_for_variant), _default(rows))

    def files(self, skim: str) -> tuple[CatalogueFile, ...]:
        """Return the files of ``skim``: data in order of period, then simulation in order of dataset.

        Raises
        ------
        UnknownNameError
            if the release has no such skim
        """
        files = _files(self.name)
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


@cache
def records() -> tuple[PortalRecord, ...]:
    """Return the portal records that are known, by number."""

    def number(text: str) -> int | None:
        return int(text) if text else None

    return tuple(
        PortalRecord(
            record=int(row["record"]),
            release=row["release"],
            title=row["title"],
            events=number(row["events"]),
            files=number(row["files"]),
            size=number(row["size"]),
            doi=row["doi"],
            licence=row["licence"],
        )
        for row in _rows("records.csv.gz")
    )


def releases() -> tuple[str, ...]:
    """Return the names of the releases that are known."""
    return tuple(_settings())


def release(name: str) -> Release:
    """Return the release of that name.

    Raises
    ------
    UnknownNameError
        if there is none
    """
    settings = _settings()
    if name not in settings:
        raise UnknownNameError("release", name, settings)
    table = settings[name]
    entries = tuple(
        LuminosityEntry(frozenset(row["periods"]), float(row["fb"]), row["source"])
        for row in table["luminosity"]
    )
    return Release(name, table["title"], table["sqrt_s"], LuminosityTable(entries))


def _default(rows: tuple[Dataset, ...]) -> Dataset:
    return next((row for row in rows if DEFAULT in row.valid_for_variant), rows[0])


def _table(name: str) -> Any:
    return resources.files("femtobarn.data.catalogue").joinpath("tables", name)


@cache
def _settings() -> Mapping[str, Any]:
    return MappingProxyType(tomllib.loads(_table("releases.toml").read_text(encoding="utf-8")))


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = gzip.decompress(_table(name).read_bytes()).decode()
    yield from csv.DictReader(io.StringIO(text))


@cache
def _datasets(name: str) -> Mapping[int, tuple[Dataset, ...]]:
    found: dict[int, list[Dataset]] = {}
    for row in _rows(f"datasets_{name}.csv.gz"):
        weights = float(row["sum_of_weights"])
        dataset = Dataset(
            dsid=int(row["dsid"]),
            name=row["name"],
            process=row["process"],
            keywords=tuple(k for k in re.split(r"[;,] *", row["keywords"]) if k),
            cross_section_pb=float(row["cross_section_pb"]),
            sum_of_weights=None if math.isnan(weights) else weights,
            n_events=int(float(row["n_events"])) if row["n_events"] else None,
            valid_for_variant=tuple(row["variants"].split(";")),
            source=row["source"],
        )
        found.setdefault(dataset.dsid, []).append(dataset)
    return MappingProxyType({dsid: tuple(rows) for dsid, rows in sorted(found.items())})


@cache
def _files(name: str) -> Mapping[str, tuple[CatalogueFile, ...]]:
    found: dict[str, list[CatalogueFile]] = {}
    for row in _rows(f"files_{name}.csv.gz"):
        file = CatalogueFile(
            name=row["url"].rsplit("/", 1)[-1],
            url=row["url"],
            size=int(row["size"]),
            adler32=row["adler32"],
            kind="data" if row["kind"] == "data" else "mc",
            dsid=int(row["dsid"]) if row["dsid"] else None,
            period=row["period"] or None,
        )
        found.setdefault(row["skim"], []).append(file)
    return MappingProxyType({skim: tuple(files) for skim, files in found.items()})
