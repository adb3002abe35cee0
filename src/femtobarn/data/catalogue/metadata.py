"""What the metadata service of ATLAS Open Data says of the datasets of a release.

It is asked as the package atlasopenmagic (1.10) asks it: ``/datasets/count?release_name=R`` and, page by page,
``/datasets?release_name=R&skip=N&limit=M``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from femtobarn.data.catalogue.answers import Answer, checked, wrong
from femtobarn.data.catalogue.api import Api
from femtobarn.data.catalogue.model import DEFAULT, Dataset, path_of

PAGE = 1000
MOST_DATASETS = 1_000_000
MOST_PAGES = 2_000
NO_SKIM = "noskim"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the metadata put a file: the skim, and the dataset, which is None for data."""

    skim: str
    dsid: int | None


@dataclass(frozen=True, slots=True)
class Listing:
    """What the metadata say of a release.

    Parameters
    ----------
    datasets
        the simulated datasets that have a cross-section, by id
    places
        the files that are listed, by the path of their address
    without_cross_section
        ids of datasets without one; they are not among ``datasets``
    """

    datasets: tuple[Dataset, ...]
    places: Mapping[str, Place]
    without_cross_section: tuple[int, ...]


def listing(api: Api, release: str) -> Listing:
    """Return what the service says of ``release``.

    A k-factor or filter efficiency that is null is a factor that the cross-section does not need.

    Raises
    ------
    CatalogueError
        if it cannot be asked, or its answers are empty, incomplete or not what they should be
    """
    datasets: dict[int, Dataset] = {}
    without: list[int] = []
    places: dict[str, Place] = {}
    for number, entry in _entries(api, release):
        dsid = int(number) if number.isdecimal() and number.isascii() else None
        places |= _places(entry, dsid)
        if dsid is None:
            continue
        dataset = _dataset(entry, dsid, api.shown)
        if dataset is None:
            without.append(dsid)
        else:
            datasets[dsid] = dataset
    found = tuple(datasets[dsid] for dsid in sorted(datasets))
    return Listing(found, places, tuple(sorted(without)))


def _entries(api: Api, release: str) -> Iterator[tuple[str, Answer]]:
    """Give number and content of every entry, over all pages."""
    where = f"{api.shown}/datasets of {release}"
    total = Answer(api.get("/datasets/count", release_name=release), f"{api.shown}/datasets/count").get(
        "count", int
    )
    if not 0 < total <= MOST_DATASETS:
        wrong(f"{where}: expected some datasets, got a count of {total}")
    seen: set[str] = set()
    for _ in range(MOST_PAGES):
        page = checked(api.get("/datasets", release_name=release, skip=len(seen), limit=PAGE), list, where)
        for value in page:
            entry = Answer(value, f"{where}, number {len(seen)}")
            number = _number(entry)
            if number in seen:
                wrong(f"{where}: expected each dataset once, got {number[:40]!r} again: a page that repeats")
            seen.add(number)
            yield number, entry
        if len(seen) > total or (not page and len(seen) < total):
            wrong(f"{where}: expected {total} datasets, as it counts them, got {len(seen)}")
        if len(seen) == total:
            return
    wrong(f"{where}: expected {total} datasets on at most {MOST_PAGES} pages, got {len(seen)}")


def _number(entry: Answer) -> str:
    given: Any = entry.get("dataset_number", object)
    return (
        str(given)
        if isinstance(given, int) and not isinstance(given, bool)
        else checked(given, str, f"{entry.where}, field 'dataset_number'")
    )


def _dataset(entry: Answer, dsid: int, source: str) -> Dataset | None:
    """Return a dataset; None if it has no cross-section."""
    entry.where = f"{entry.where} (dataset {dsid})"
    name, cross_section = entry.get("physics_short", str), _present(entry, "cross_section_pb")
    weights, events = entry.optional("sumOfWeights", float), entry.optional("nEvents", float)
    factors = {what: entry.optional(what, float) for what in ("kFactor", "genFiltEff")}
    for what, value in {"cross_section_pb": cross_section, "nEvents": events, **factors}.items():
        if value is not None and value < 0:
            wrong(f"{entry.where}: expected {what} of at least 0, got {value:g}")
    if events is not None and events != int(events):
        wrong(f"{entry.where}: expected a whole number of events, got {events!r}")
    if cross_section is None:
        return None
    for factor in factors.values():
        cross_section *= 1.0 if factor is None else factor
    return Dataset(
        dsid=dsid,
        name=name,
        process=entry.optional("process", str) or "",
        keywords=_keywords(entry),
        cross_section_pb=cross_section,
        sum_of_weights=weights,
        n_events=None if events is None else int(events),
        valid_for_variant=(DEFAULT,),
        source=source,
    )


def _present(entry: Answer, name: str) -> float | None:
    """Return a number that may be null, of a field that must be there."""
    return None if entry.get(name, object) is None else entry.get(name, float)


def _keywords(entry: Answer) -> tuple[str, ...]:
    given = entry.optional("keywords", object)
    if isinstance(given, str):
        return tuple(word.strip() for word in given.split(",") if word.strip())
    where = f"{entry.where}, field 'keywords'"
    words = checked([] if given is None else given, list, where)
    return tuple(checked(word, str, where) for word in words)


def _places(entry: Answer, dsid: int | None) -> dict[str, Place]:
    found = {path: Place(NO_SKIM, dsid) for path in _paths(entry)}
    for value in entry.optional("skims", list) or ():
        skim = Answer(value, f"{entry.where}, skim")
        place = Place(skim.get("skim_type", str), dsid)
        found |= dict.fromkeys(_paths(skim), place)
    return found


def _paths(entry: Answer) -> list[str]:
    where = f"{entry.where}, field 'file_list'"
    return [path_of(checked(url, str, where)) for url in entry.optional("file_list", list) or ()]
