"""Looking at a file: ``fb.inspect`` says what it is, and drafts a format for one that is not known."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from femtobarn.api.inspection import Candidate, EventModel, Inspection, Lacking, Published
from femtobarn.api.look import existing
from femtobarn.base.errors import BranchMissingError, FormatError
from femtobarn.data.storage.urls import is_remote, shown

if TYPE_CHECKING:
    from femtobarn.data.catalogue import CatalogueFile, RecognisedName
    from femtobarn.data.columns import BranchInfo, TreeReader
    from femtobarn.data.columns.describe import FileDescription
    from femtobarn.data.formats import FileFacts, Format
    from femtobarn.data.formats.opening import Recognised
    from femtobarn.data.storage.source import Source

CHECKED_BYTES = 64 * 1024 * 1024
"""Up to this size a file of this machine is compared with the catalogue by its checksum."""

_MOST_CANDIDATES = 3
_LOOKED_AT = 1000  # values from which the unit of a branch is guessed


def inspect(file: str | Path) -> Inspection:
    """Return what a ROOT file is, what it is made of, and what the event model finds in it.

    It works for any ROOT file; at most the first event is read.

    Parameters
    ----------
    file
        a path, or an http(s) or root address

    Raises
    ------
    UsageError
        if it is a path where there is nothing
    DataError
        if the file cannot be had, is no ROOT file, or is damaged
    """
    from femtobarn.data.catalogue import recognise
    from femtobarn.data.columns import describe
    from femtobarn.data.formats.opening import reached

    given = existing(file)
    address = shown(str(given)) if is_remote(given) else None
    name = Path(address or given).name
    with reached(given) as place:
        content = describe(place)
        known = _recognised(place)
        named = recognise(name)
        events, facts = (None, None) if known is None else _events(place, known.format)
        if facts is not None and facts.simulated_demo:
            published = Published("not known", "none: demo data has the names of published files")
        else:
            published = _published(place, content.size, _editions(name, address))
    release = None if known is None else known.release
    return Inspection(
        name=name,
        place=address or str(given),
        content=content,
        format=None if known is None else known.format.release,
        release=release,
        named=named,
        dataset_name=_dataset_name(release, named, facts),
        facts=facts,
        skim=None if known is None else known.skim,
        published=published,
        events=events,
        candidates=_candidates(content) if known is None else (),
        warnings=_warnings(release, named, facts),
    )


def draft(file: str | Path, *, release: str = "my-ntuple") -> str:
    """Return a format file (TOML) for an ntuple, as far as names, types and first values tell.

    Parameters
    ----------
    file
        a path, or an http(s) or root address
    release
        what to call the format

    Raises
    ------
    UsageError, DataError
        as `inspect`
    FormatError
        if the file has no tree
    """
    from femtobarn.data.columns import list_trees, open_tree
    from femtobarn.data.formats.draft import draft_format
    from femtobarn.data.formats.opening import reached

    branches: dict[str, tuple[BranchInfo, ...]] = {}
    medians: dict[str, float] = {}
    with reached(existing(file)) as place:
        for name in list_trees(place):
            with open_tree(place, name) as tree:
                branches[name] = tuple(tree.branches().values())
                medians |= _medians(tree)
    return draft_format(branches, medians, release=release)


def _recognised(place: Path | Source) -> Recognised | None:
    from femtobarn.data.formats.opening import recognise_content

    try:
        return recognise_content(place)
    except FormatError:
        return None


def _events(place: Path | Source, fmt: Format) -> tuple[EventModel, FileFacts | None]:
    """Return what the event model finds, and what the file says of itself."""
    from femtobarn.data.formats.model import FIELDS
    from femtobarn.data.formats.opening import open_events
    from femtobarn.data.formats.reader import EventReader

    with open_events(place, fmt) as tree:
        reader = EventReader(tree, fmt)
        found: list[str] = []
        empty: list[str] = []
        lacking: list[Lacking] = []
        for path in fmt.paths:
            try:
                branches = reader.resolve([path])[path]
            except FormatError as error:
                lacking.append(_lacking(fmt, path, tree, error))
            else:
                (found if branches or FIELDS[path].collection is None else empty).append(path)
        model = EventModel(tree.tree, tuple(found), tuple(empty), tuple(lacking), reader.filled())
        try:
            return model, reader.facts()
        except FormatError:
            return model, None


def _lacking(fmt: Format, path: str, tree: TreeReader, error: FormatError) -> Lacking:
    from femtobarn.data.formats.skimmed import NAME as SKIM

    there = tree.branches()
    absent = isinstance(error, BranchMissingError)
    sources = [fmt.fields[need] for need in fmt.needs(path)]
    gone = [s for s in sources if s.fill is None and not any(branch in there for branch in s.branches)]
    # a skim has the columns that were asked for
    optional = absent and (fmt.release == SKIM or all(s.optional for s in gone))
    return Lacking(
        path, fmt.branches(path), optional, "" if absent else str(error).removeprefix(f"{tree.url}: ")
    )


def _editions(name: str, address: str | None) -> tuple[CatalogueFile, ...]:
    from femtobarn.data.catalogue import published, published_at

    exact = None if address is None else published_at(address)
    return published(name) if exact is None else (exact,)


def _published(place: Path | Source, size: int, editions: tuple[CatalogueFile, ...]) -> Published:
    """Compare a file with the published ones of its name; a large one by its size only."""
    from femtobarn.data.storage.verify import verify_file

    if not editions:
        return Published("not known", "no published file of this name is known")
    nearest = next((edition for edition in editions if edition.size == size), editions[0])
    if isinstance(place, Path) and size <= CHECKED_BYTES:
        verdict = verify_file(place, nearest.size, nearest.adler32)
        return Published(verdict.state, str(verdict))
    if nearest.size != size:
        words = f"another edition: the published file has {nearest.size} bytes, this one {size}"
        return Published("another edition", words)
    return Published(
        "not compared", f"the size is that of the published file ({size} bytes), checksum not computed"
    )


def _dataset_name(release: str | None, named: RecognisedName | None, facts: FileFacts | None) -> str:
    from femtobarn.data.catalogue import known

    listed = None if release is None else known(release)
    dsid = None if facts is None else facts.dataset
    if dsid is None and named is not None:
        dsid = named.dsid
    if listed is None or dsid is None or dsid not in listed.datasets:
        return ""
    return listed.datasets[dsid].name


def _warnings(release: str | None, named: RecognisedName | None, facts: FileFacts | None) -> tuple[str, ...]:
    if named is None:
        return ()
    found = []
    if release is not None and release != named.release:
        found.append(f"the name is one of {named.release}, the content is of {release}")
    if facts is not None and facts.kind is not None and facts.kind != named.kind:
        words = {"data": "data", "mc": "simulation"}
        found.append(f"the name is one of {words[named.kind]}, the content is {words[facts.kind]}")
    if facts is not None and named.dsid is not None and facts.dataset not in {None, named.dsid}:
        found.append(f"the name is that of dataset {named.dsid}, the content is of {facts.dataset}")
    return tuple(found)


def _candidates(content: FileDescription) -> tuple[Candidate, ...]:
    """Return the formats that come nearest to an unknown ntuple."""
    from femtobarn.data.formats import format_of, formats

    trees = {tree.name: frozenset(branch.name for branch in tree.branches) for tree in content.trees}
    found = [_candidate(format_of(name), trees) for name in formats()] if trees else []
    near = sorted((c for c in found if c.found), key=lambda c: c.found / c.fields, reverse=True)
    return tuple(near[:_MOST_CANDIDATES])


def _candidate(fmt: Format, trees: Mapping[str, frozenset[str]]) -> Candidate:
    sources = [source for source in fmt.fields.values() if source.branches]

    def there(tree: str) -> int:
        return sum(any(branch in trees[tree] for branch in source.branches) for source in sources)

    own = [tree for tree in fmt.trees if tree in trees]
    tree = max(own or trees, key=there)
    missing = [tell for tell in fmt.tell_tales if not any(b in trees[tree] for b in tell.split("|"))]
    lacking = [] if own else [f"the tree {' or '.join(map(repr, fmt.trees))}"]
    lacking += [f"the branch {' or '.join(map(repr, tell.split('|')))}" for tell in missing]
    return Candidate(fmt.release, tree, there(tree), len(sources), tuple(lacking))


def _medians(tree: TreeReader) -> dict[str, float]:
    """Return the median of the first values of branches that may hold energies."""
    import numpy as np

    from femtobarn.data.formats.guess import guess
    from femtobarn.data.formats.model import FIELDS

    guessed = guess(tree.branches().values()).fields
    names = [info.name for path, info in guessed.items() if path not in FIELDS or FIELDS[path].unit == "GeV"]
    medians = {}
    for name, column in tree.read(names, 0, min(tree.entries, _LOOKED_AT)).items():
        values = column.content[:_LOOKED_AT].astype(np.float64)
        usable = values[np.isfinite(values) & (values > 0)]
        if len(usable):
            medians[name] = float(np.median(usable))
    return medians
