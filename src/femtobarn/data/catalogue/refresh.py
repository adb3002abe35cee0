"""Bringing a release or a record up to date from the portal and the metadata service."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from femtobarn.base.atomic import remove_temporaries
from femtobarn.base.errors import CatalogueError, UnknownNameError
from femtobarn.base.settings import cache_folder, metadata_api, portal_api
from femtobarn.data.catalogue import bundled, inuse, stored
from femtobarn.data.catalogue.api import Api
from femtobarn.data.catalogue.changes import Changes, compare
from femtobarn.data.catalogue.merge import classified, merged
from femtobarn.data.catalogue.metadata import Listing, listing
from femtobarn.data.catalogue.model import CatalogueFile, Dataset, path_of
from femtobarn.data.catalogue.portal import RecordFiles, record_files
from femtobarn.data.storage.locks import locked
from femtobarn.data.storage.network import Network
from femtobarn.data.storage.private import private_folder

FEWEST = 10
"""A new table may have this many times fewer entries than the old one; fewer must be asked for."""

LOCK_SECONDS = 60.0

_RECORD = re.compile(r"record:([1-9]\d{0,11})")

Progress = Callable[[str, int, int], None]
"""Called with what is asked for, how much is done, and how much there is to do."""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a refresh did.

    Parameters
    ----------
    table
        the new table, which is in use from now on
    changes
        how it differs from the one that was in use
    notes
        what else the user should know, in words
    """

    table: stored.Stored
    changes: Changes
    notes: tuple[str, ...]


def refresh(
    name: str,
    *,
    accept_fewer: bool = False,
    network: Network | None = None,
    progress: Progress | None = None,
) -> Refreshed:
    """Fetch the table of a release or record, and use it from now on.

    The addresses are those of the settings ``FEMTOBARN_PORTAL_API`` and ``FEMTOBARN_METADATA_API``. Whatever
    goes wrong, the table that was in use stays as it is.

    Parameters
    ----------
    name
        a release, or ``"record:N"``
    accept_fewer
        take also a table that has more than `FEWEST` times fewer entries, or lost all files of a record
    network
        how servers are asked; by default as the environment says

    Raises
    ------
    UnknownNameError
        if there is no such release
    CatalogueError
        if the servers gave no answer that makes a table
    UnwritableError
        if the cache cannot be written
    """
    record = _RECORD.fullmatch(name)
    if record is None and name not in bundled.settings():
        raise UnknownNameError("release", name, (*bundled.settings(), "record:NUMBER"))
    network = Network.from_environment() if network is None else network
    tell = progress or (lambda *_: None)
    fetch = _fetched_release if record is None else _fetched_record
    files, datasets, sources, notes = fetch(name, network, tell)
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    table = stored.Stored(name, now, sources, files, datasets)
    private_folder(cache_folder())
    private_folder(stored.folder())
    with locked(stored.folder() / "lock", waiting=_impatient):
        remove_temporaries([stored.folder()])
        old_files = inuse.files_of(name) if record is None else inuse.by_record(int(record[1]))
        old_datasets = inuse.datasets_of(name) if record is None else ()
        if not accept_fewer:
            _require_enough(name, old_files, files, old_datasets, datasets)
        changes = compare((old_files, old_datasets), (files, datasets))
        stored.write(table)
    return Refreshed(table, changes, notes)


_Fetched = tuple[tuple[CatalogueFile, ...], tuple[Dataset, ...], tuple[str, ...], tuple[str, ...]]


def _fetched_record(name: str, network: Network, tell: Progress) -> _Fetched:
    number = int(name.partition(":")[2])
    tell(name, 0, 1)
    with Api(portal_api(), "FEMTOBARN_PORTAL_API", network) as portal:
        found = record_files(portal, number)
        source = f"{portal.shown}/records/{number}"
    release = next((r.release for r in bundled.records() if r.record == number), "")
    files, _ = classified(release, [found], {}, keep_unknown=True)
    if not files:
        msg = f"Expected ROOT files in {source} ({found.title or 'no title'}), got none and {found.others} others. A record that only stands for others has none: refresh those, or the release."
        raise CatalogueError(msg)
    tell(name, 1, 1)
    return files, (), (source,), _notes([found], 0, None)


def _fetched_release(name: str, network: Network, tell: Progress) -> _Fetched:
    # records that stand for others come last: a file belongs to the smallest record that lists it
    records = sorted(
        (r for r in bundled.records() if r.release == name), key=lambda r: (r.files or 0, r.record)
    )
    tell("metadata", 0, len(records) + 1)
    with Api(metadata_api(), "FEMTOBARN_METADATA_API", network) as service:
        said = listing(service, name)
        sources = [service.shown]
    found: list[RecordFiles] = []
    with Api(portal_api(), "FEMTOBARN_PORTAL_API", network) as portal:
        sources.append(portal.shown)
        for done, record in enumerate(records, 1):
            tell(f"record {record.record}", done, len(records) + 1)
            found.append(record_files(portal, record.record))
    files, unknown = classified(name, found, said.places, keep_unknown=not bundled.has_files(name))
    for what, got in (("file", files), ("dataset with a cross-section", said.datasets)):
        if not got:
            msg = f"Expected at least one {what} of {name} from {' and '.join(sources)}, got none. The tables stay as they are. Try again later."
            raise CatalogueError(msg)
    today = datetime.now(UTC).date().isoformat()
    new = tuple(replace(d, source=f"{d.source}, {today}") for d in said.datasets)
    tell("done", len(records) + 1, len(records) + 1)
    datasets = merged(inuse.datasets_of(name), new)
    return files, datasets, tuple(sources), _notes(found, unknown, (files, said))


def _require_enough(
    name: str,
    old_files: tuple[CatalogueFile, ...],
    files: tuple[CatalogueFile, ...],
    old_datasets: tuple[Dataset, ...],
    datasets: tuple[Dataset, ...],
) -> None:
    counts: Mapping[str, tuple[int, int]] = {
        "files": (len(old_files), len(files)),
        "datasets": (len({d.dsid for d in old_datasets}), len({d.dsid for d in datasets})),
    }
    lost = {f.record for f in old_files} - {f.record for f in files}
    reasons = [
        f"{after} {what} where there were {before}"
        for what, (before, after) in counts.items()
        if after * FEWEST < before
    ]
    if lost:
        reasons.append(f"no file of record {', '.join(map(str, sorted(lost)[:5]))}")
    if reasons:
        msg = f"Expected a table of {name} like the one in use, got {' and '.join(reasons)}. The table stays as it is. If that is right, give --accept-fewer."
        raise CatalogueError(msg)


def _notes(
    found: list[RecordFiles], unknown: int, release: tuple[tuple[CatalogueFile, ...], Listing] | None
) -> tuple[str, ...]:
    others = sum(r.others for r in found)
    offline = sum(not f.online for r in found for f in r.files)
    notes = [
        (others, "files are no ROOT files: left out"),
        (offline, "files are not online: ask for them on the portal before they can be read"),
        (unknown, "ROOT files have names that the release does not use: left out"),
    ]
    if release is not None:
        files, said = release
        listed = {path_of(f.url) for f in files}
        missing = sum(path not in listed for path in said.places)
        notes.append(
            (missing, "files of the metadata are in no record: left out, since no checksum is known")
        )
        notes.append((len(said.without_cross_section), "datasets have no cross-section: left out"))
    return tuple(f"{count} {words}" for count, words in notes if count)


def _impatient(seconds: float) -> None:
    if seconds > LOCK_SECONDS:
        msg = f"Expected another refresh to end, but it holds its lock for {seconds:.0f} s. Look for a stopped process, and try again."
        raise CatalogueError(msg)
