"""What the catalogue knows: datasets, files, records of the portal."""

from __future__ import annotations

import re
from dataclasses import dataclass

from femtobarn.base.records import Kind

DEFAULT = "default"
"""Stands for the skims that no other row of a dataset names."""

_SERVER = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")


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
        simulation of a dataset, or data of a period; ``kind`` is None where nothing tells
    release, skim
        the release and the event preselection; empty where nothing tells
    record
        the record of the CERN Open Data portal that lists it
    """

    name: str
    url: str
    size: int
    adler32: str
    kind: Kind | None
    dsid: int | None
    period: str | None
    release: str
    skim: str
    record: int


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


def path_of(url: str) -> str:
    """Return the path of a URL with single slashes: what an address and its mirrors share."""
    return re.sub(r"/{2,}", "/", _SERVER.sub("", url).partition("?")[0].partition("#")[0])
