"""Which data exist: releases, datasets, files, sizes, checksums, cross-sections, luminosities."""

from __future__ import annotations

from femtobarn.data.catalogue.luminosity import LuminosityEntry, LuminosityTable
from femtobarn.data.catalogue.names import RecognisedName, recognise
from femtobarn.data.catalogue.releases import CatalogueFile, Dataset, Release, release, releases

__all__ = [
    "CatalogueFile",
    "Dataset",
    "LuminosityEntry",
    "LuminosityTable",
    "RecognisedName",
    "Release",
    "recognise",
    "release",
    "releases",
]
