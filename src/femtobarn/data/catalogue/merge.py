"""One table out of what the portal, the metadata service and the names of files say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from femtobarn.base.records import Kind
from femtobarn.data.catalogue import bundled
from femtobarn.data.catalogue.changes import same
from femtobarn.data.catalogue.metadata import NO_SKIM, Place
from femtobarn.data.catalogue.model import DEFAULT, CatalogueFile, Dataset, path_of
from femtobarn.data.catalogue.names import RecognisedName, recognise
from femtobarn.data.catalogue.portal import PortalFile, RecordFiles


def classified(
    release: str, records: Sequence[RecordFiles], places: Mapping[str, Place], *, keep_unknown: bool
) -> tuple[tuple[CatalogueFile, ...], int]:
    """Return the files of records with what they hold, in the order of tables, and how many were left out.

    What a file holds is what its name says, else where the metadata list it, else what the title of the
    record says.

    Parameters
    ----------
    release
        the release of the records; empty if none of ours
    records
        a file that several list belongs to the first of them
    places
        where the metadata list files, by the path of their address
    keep_unknown
        keep also files whose names are not those of the release
    """
    found: dict[str, CatalogueFile] = {}
    left_out: set[str] = set()
    for record in records:
        for file in record.files:
            said = recognise(file.name)
            if said is not None and (release and said.release != release):
                said = None
            if said is None and not keep_unknown:
                left_out.add(file.url)
            else:
                place = places.get(path_of(file.url))
                found.setdefault(path_of(file.url), _file(file, record, release, said, place))
    return tuple(sorted(found.values(), key=_order)), len(left_out)


def merged(old: Iterable[Dataset], new: Iterable[Dataset]) -> tuple[Dataset, ...]:
    """Return ``new``, with what only the rows in use know.

    The metadata give one row per dataset, which holds by default: rows for skims with numbers of their
    own stay, and so do words that the metadata lack and numbers that differ only by rounding.
    """
    kept: dict[int, list[Dataset]] = {}
    for row in old:
        kept.setdefault(row.dsid, []).append(row)
    made: list[Dataset] = []
    for row in new:
        own = kept.get(row.dsid, [])
        default = next((r for r in own if DEFAULT in r.valid_for_variant), None)
        made.append(row if default is None else _onto(default, row))
        made += [r for r in own if r is not default]
    return tuple(sorted(made, key=lambda row: (row.dsid, row.valid_for_variant)))


def _onto(old: Dataset, new: Dataset) -> Dataset:
    if same(old.cross_section_pb, new.cross_section_pb):
        new = replace(new, cross_section_pb=old.cross_section_pb)
    if same(old.sum_of_weights, new.sum_of_weights):
        new = replace(new, sum_of_weights=old.sum_of_weights)
    return replace(
        new,
        process=new.process or old.process,
        keywords=new.keywords or old.keywords,
        valid_for_variant=old.valid_for_variant,
    )


def _file(
    file: PortalFile, record: RecordFiles, release: str, said: RecognisedName | None, place: Place | None
) -> CatalogueFile:
    kind: Kind | None
    if said is not None:
        kind, dsid, period, skim, release = said.kind, said.dsid, said.period, said.skim, said.release
    elif place is not None:
        kind, dsid, period, skim = ("data" if place.dsid is None else "mc"), place.dsid, None, place.skim
    else:
        kind, dsid, period, skim = _of_title(record.title), None, None, NO_SKIM
    if said is None and (not release or bundled.has_files(release)):
        release, skim = "", ""  # of another format than the ntuples of the release, or of none we know
    return CatalogueFile(
        name=file.name,
        url=file.url,
        size=file.size,
        adler32=file.adler32,
        kind=kind,
        dsid=dsid,
        period=period,
        release=release,
        skim=skim,
        record=record.record,
    )


def _of_title(title: str) -> Kind | None:
    if re.search(r"\bMC\b|\bsimulat", title):
        return "mc"
    return "data" if re.search(r"\bdata\b.*\bsample\b|\bcollision data\b", title) else None


def _order(file: CatalogueFile) -> tuple[str, bool, int, str, str]:
    return (file.skim, file.kind != "data", file.dsid or 0, file.period or "", file.url)
