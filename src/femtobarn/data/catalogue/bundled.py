"""The tables that come with the package, built by ``scripts/build_catalogue.py``; read when first asked for."""

from __future__ import annotations

import csv
import gzip
import io
import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

from femtobarn.data.catalogue.model import CatalogueFile, Dataset, PortalRecord


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
    return tuple(
        CatalogueFile(
            name=row["url"].rsplit("/", 1)[-1],
            url=row["url"],
            size=int(row["size"]),
            adler32=row["adler32"],
            kind="data" if row["kind"] == "data" else "mc",
            dsid=_number(row["dsid"]),
            period=row["period"] or None,
            release=release,
            skim=row["skim"],
            record=int(row["record"]),
        )
        for row in _rows(f"files_{release}.csv.gz")
    )


def _number(text: str) -> int | None:
    return int(text) if text else None


def _table(name: str) -> Any:
    return resources.files("femtobarn.data.catalogue").joinpath("tables", name)


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = gzip.decompress(_table(name).read_bytes()).decode()
    yield from csv.DictReader(io.StringIO(text))
