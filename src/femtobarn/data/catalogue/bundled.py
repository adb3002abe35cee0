"""The tables that come with the package, built by ``scripts/build_catalogue.py``; read when first asked for."""

from __future__ import annotations

import csv
import gzip
import io
import math
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

from femtobarn.data.catalogue.model import CatalogueFile, Dataset, PortalRecord

_FILES = "skim,kind,dsid,period,url,size,adler32,record"


@cache
def settings() -> Mapping[str, Any]:
    """Return titles, energies and luminosities of the releases, by name."""
    return MappingProxyType(tomllib.loads(_table("releases.toml").read_text(encoding="utf-8")))


def has_files(release: str) -> bool:
    """Return whether the files of ``release`` are bundled; of some only the portal records are."""
    return bool(_table(f"files_{release}.csv.gz").is_file())


@cache
def records() -> tuple[PortalRecord, ...]:
    """Return the portal records that are known, by number."""
    return tuple(
        PortalRecord(
            record=int(row["record"]),
            release=row["release"],
            title=row["title"],
            events=_number(row["events"]),
            files=_number(row["files"]),
            size=_number(row["size"]),
            doi=row["doi"],
            licence=row["licence"],
        )
        for row in _rows("records.csv.gz")
    )


@cache
def datasets(release: str) -> tuple[Dataset, ...]:
    """Return the datasets of ``release``, one for each set of skims with numbers of its own."""
    if not has_files(release):
        return ()
    found = []
    for row in _rows(f"datasets_{release}.csv.gz"):
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
        found.append(dataset)
    return tuple(found)


@cache
def files(release: str) -> tuple[CatalogueFile, ...]:
    """Return the files of ``release``: by skim, data in order of period, then simulation by dataset."""
    if not has_files(release):
        return ()
    return tuple(_file(release, row) for row in csv.reader(_lines(release)))


@cache
def by_skim(release: str) -> Mapping[str, tuple[CatalogueFile, ...]]:
    """Return the files of ``release`` by skim; those of a skim are made when they are asked for."""
    lines: dict[str, list[str]] = {}
    for line in _lines(release) if has_files(release) else ():
        lines.setdefault(line.partition(",")[0], []).append(line)
    return _Skims(release, lines)


def named(release: str, name: str) -> tuple[CatalogueFile, ...]:
    """Return the files of that name of ``release``, in the order of its table."""
    if not has_files(release):
        return ()
    return tuple(_file(release, row) for row in csv.reader(_lines_by_name(release).get(name, ())))


class _Skims(Mapping[str, tuple[CatalogueFile, ...]]):
    """Files by skim, from the lines of a table."""

    def __init__(self, release: str, lines: Mapping[str, list[str]]) -> None:
        self._release, self._lines = release, lines
        self._made: dict[str, tuple[CatalogueFile, ...]] = {}

    def __getitem__(self, skim: str) -> tuple[CatalogueFile, ...]:
        if skim not in self._made:
            self._made[skim] = tuple(_file(self._release, row) for row in csv.reader(self._lines[skim]))
        return self._made[skim]

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines)

    def __len__(self) -> int:
        return len(self._lines)


def _file(release: str, row: Sequence[str]) -> CatalogueFile:
    skim, kind, dsid, period, url, size, adler32, record = row
    return CatalogueFile(
        name=url.rsplit("/", 1)[-1],
        url=url,
        size=int(size),
        adler32=adler32,
        kind="data" if kind == "data" else "mc",
        dsid=_number(dsid),
        period=period or None,
        release=release,
        skim=skim,
        record=int(record),
    )


@cache
def _lines_by_name(release: str) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in _lines(release):
        found.setdefault(line.rpartition("/")[2].partition(",")[0], []).append(line)
    return found


@cache
def _lines(release: str) -> tuple[str, ...]:
    """Return the lines of the table of files: one for each file, in columns of `_FILES`."""
    head, *lines = _text(f"files_{release}.csv.gz").splitlines()
    assert head == _FILES
    return tuple(lines)


def _number(text: str) -> int | None:
    return int(text) if text else None


def _table(name: str) -> Any:
    return resources.files("femtobarn.data.catalogue").joinpath("tables", name)


def _rows(name: str) -> Iterator[dict[str, str]]:
    yield from csv.DictReader(io.StringIO(_text(name)))


def _text(name: str) -> str:
    return gzip.decompress(_table(name).read_bytes()).decode()
