"""Which data exist: releases, datasets, files, sizes, checksums, cross-sections, luminosities."""

from __future__ import annotations

from femtobarn.data.catalogue.inuse import by_record, published, published_at
from femtobarn.data.catalogue.luminosity import LuminosityEntry, LuminosityTable
from femtobarn.data.catalogue.model import CatalogueFile, Dataset, PortalRecord
from femtobarn.data.catalogue.names import RecognisedName, recognise
from femtobarn.data.catalogue.releases import Release, known, records, release, releases, search

__all__ = [
    "CatalogueFile",
    "Dataset",
    "LuminosityEntry",
    "LuminosityTable",
    "PortalRecord",
    "RecognisedName",
    "Release",
    "by_record",
    "known",
    "published",
    "published_at",
    "recognise",
    "records",
    "release",
    "releases",
    "search",
]
