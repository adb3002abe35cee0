"""What the CERN Open Data portal says of the files of a record.

``/records/N`` gives them in ``metadata.files`` and, for large records, in ``metadata._file_indices``. An index
whose files are not written out is at ``/record/N/file_index/KEY`` of the portal itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from femtobarn.base.errors import AddressError
from femtobarn.data.catalogue.answers import Answer, wrong
from femtobarn.data.catalogue.api import Api
from femtobarn.data.storage.urls import parse, shown

HOSTS = frozenset({"eospublic.cern.ch", "opendata.cern.ch"})
"""Where the portal's files are; others are accepted only from the portal's own host."""

LARGEST_FILE = 2**60

_ROOT_FILE = re.compile(r".+\.root(\.\d{1,4})?")
_ADLER = re.compile(r"adler32:([0-9A-Fa-f]{1,8})")


@dataclass(frozen=True, slots=True)
class PortalFile:
    """A file that a record lists.

    Parameters
    ----------
    name, url, size, adler32
        as `CatalogueFile` has them
    online
        whether it can be read at once; else it must first be asked for on the portal
    """

    name: str
    url: str
    size: int
    adler32: str
    online: bool


@dataclass(frozen=True, slots=True)
class RecordFiles:
    """The ROOT files of a record, and how many others it lists."""

    record: int
    title: str
    files: tuple[PortalFile, ...]
    others: int


def record_files(api: Api, record: int) -> RecordFiles:
    """Return the ROOT files of a record; none if it only stands for other records.

    Raises
    ------
    CatalogueError
        if the portal cannot be asked, or its answer is not what it should be
    """
    answer = Answer(api.get(f"/records/{record}"), f"{api.shown}/records/{record}")
    metadata = Answer(answer.get("metadata", dict), answer.where)
    _require_record(answer, metadata, record)
    found: dict[str, PortalFile] = {}
    others = 0
    for entry in _entries(api, metadata, record):
        if (entry.optional("type", str) or "").startswith("index."):
            continue  # the index itself, whose content is read
        file = _file(entry, api)
        if not _ROOT_FILE.fullmatch(file.name):
            others += 1
        elif found.setdefault(file.url, file) != file:
            wrong(f"{entry.where}: expected each file once, got {file.url} twice with other size or checksum")
    return RecordFiles(record, metadata.optional("title", str) or "", tuple(found.values()), others)


def _require_record(answer: Answer, metadata: Answer, record: int) -> None:
    given = metadata.optional("recid", object)
    number = answer.get("id", object) if given is None else given
    if str(number).rpartition("-")[2] != str(record):
        wrong(f"{answer.where}: expected record {record}, got {str(number)[:40]!r}")


def _entries(api: Api, metadata: Answer, record: int) -> Iterator[Answer]:
    for number, value in enumerate(metadata.optional("files", list) or ()):
        yield Answer(value, f"{metadata.where}, file {number}")
    for number, value in enumerate(metadata.optional("_file_indices", list) or ()):
        index = Answer(value, f"{metadata.where}, index {number}")
        if index.optional("files", list) is None:
            key = quote(index.get("key", str), safe="")
            with api.at(api.base.removesuffix("/api")) as site:
                path = f"/record/{record}/file_index/{key}"
                index = Answer(site.get(path), f"{site.shown}{path}")
        files = index.get("files", list)
        told = index.optional("number_files", int)
        if told is not None and told != len(files):
            wrong(f"{index.where}: expected {told} files, as it counts them, got {len(files)}")
        for place, file in enumerate(files):
            yield Answer(file, f"{index.where}, file {place}")


def _file(entry: Answer, api: Api) -> PortalFile:
    uri, size = entry.get("uri", str), entry.get("size", int)
    if not 0 <= size <= LARGEST_FILE:
        wrong(f"{entry.where}: expected bytes from 0 to {LARGEST_FILE}, got {size}")
    checksum = entry.get("checksum", str)
    adler32 = _ADLER.fullmatch(checksum)
    if adler32 is None:
        wrong(f"{entry.where}: expected a checksum adler32:XXXXXXXX, got {checksum[:60]!r}")
    online = entry.optional("availability", str) in {None, "online"}
    url = _safe(uri, entry, api)
    return PortalFile(url.rpartition("/")[2], url, size, adler32[1].lower().zfill(8), online)


def _safe(uri: str, entry: Answer, api: Api) -> str:
    """Return the address of a file, if it is one that may be opened because the portal says so."""
    try:
        address = parse(uri)
    except AddressError as error:
        wrong(f"{entry.where}: {error}")
    own = address.origin == api.address.origin
    known = address.scheme in {"root", "https"} and address.host in HOSTS | {api.address.host}
    if not (own or known):
        wrong(
            f"{entry.where}: expected a root:// or https:// address at {', '.join(sorted(HOSTS))} or the portal "
            f"itself, got {shown(uri)}"
        )
    if address.user or "?" in uri or "#" in uri or uri.endswith("/") or len(uri) > 2000:
        wrong(f"{entry.where}: expected the plain address of a file, got {shown(uri)[:200]}")
    return address.place
