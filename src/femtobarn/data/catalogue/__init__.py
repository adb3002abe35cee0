"""Which data exist: releases, datasets, files, sizes, checksums, cross-sections, luminosities."""

from __future__ import annotations

from femtobarn.data.catalogue.luminosity import LuminosityEntry, LuminosityTable
from femtobarn.data.catalogue.names import RecognisedName, recognise
from femtobarn.data.catalogue.releases import (
    CatalogueFile,
    Dataset,
    PortalRecord,
    Release,
    records,
    release,
    releases,
    search,
)

__all__ = [
    "CatalogueFile",
    "Dataset",
    "LuminosityEntry",
    "LuminosityTable",
    "PortalRecord",
    "RecognisedName",
    "Release",
    "recognise",
    "records",
    "release",
    "releases",
    "search",
]
