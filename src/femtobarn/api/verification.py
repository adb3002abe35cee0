"""Files of this machine compared with the catalogue, or with what was fetched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Literal

from femtobarn.base.errors import DataError, NothingToDoError, UsageError
from femtobarn.data.catalogue import CatalogueFile, recognise, release
from femtobarn.data.storage import Cache, Entry, find_root_files, verify_file

_NO_SIZE = -1  # that of no file: nothing is known of it

State = Literal["same", "another edition", "truncated", "damaged", "not in the catalogue", "unreadable"]


@dataclass(frozen=True, slots=True)
class Verified:
    """What a file on this machine is, compared with the catalogue or with what was fetched."""

    path: Path
    state: State
    words: str

    @property
    def right(self) -> bool:
        """Whether it is the published file, or another whole edition of it."""
        return self.state in {"same", "another edition"}


def verify(
    paths: Sequence[str | Path] = (), *, progress: Callable[[str, int, int], None] | None = None
) -> tuple[Verified, ...]:
    """Compare files with the catalogue, by their names; without ``paths`` what the cache holds.

    Parameters
    ----------
    paths
        files, and folders with files
    progress
        told the name of a file, and how many of how many files are done

    Raises
    ------
    NothingToDoError
        if there is no ROOT file
    UsageError
        if a folder does not exist
    """
    checks: list[tuple[Path, Callable[[], Verified]]]
    if paths:
        files = [f for p in paths for f in (find_root_files(p) if Path(p).is_dir() else [Path(p)])]
        if not files:
            msg = f"Expected ROOT files (*.root) in {', '.join(map(str, paths))}, but there are none."
            raise NothingToDoError(msg)
        checks = [(path, partial(_verify, path)) for path in files]
    else:
        kept = Cache.from_environment()
        checks = [(e.path, partial(_verify_cached, kept, e)) for e in kept.entries()]
    found = []
    for number, (path, check) in enumerate(checks):
        if progress is not None:
            progress(path.name, number, len(checks))
        found.append(check())
    return tuple(found)


def _verify(path: Path) -> Verified:
    try:
        known = _published(path.name)
        if known is None:
            return _unknown(path)
        verdict = verify_file(path, known.size, known.adler32)
        return Verified(path, verdict.state, str(verdict))
    except DataError as error:
        return Verified(path, "unreadable", str(error))


def _unknown(path: Path) -> Verified:
    """Return what a file is of whose name the catalogue has none: its own header is all that tells."""
    verdict = verify_file(path, _NO_SIZE, "")
    found = f"{verdict.size} bytes with adler32:{verdict.adler32}"
    if verdict.state == "another edition":
        words = f"no file of this name is; whole by its own header, {found}"
        return Verified(path, "not in the catalogue", words)
    return Verified(
        path, verdict.state, f"not a whole ROOT file, {found}; no file of this name is in the catalogue"
    )


def _verify_cached(kept: Cache, entry: Entry) -> Verified:
    if kept.verify(entry):
        return Verified(entry.path, "same", f"same ({entry.info.size} bytes, adler32:{entry.info.adler32})")
    words = f"its bytes are no longer those with adler32:{entry.info.adler32}; it is fetched again when it is used"
    return Verified(entry.path, "damaged", words)


def _published(name: str) -> CatalogueFile | None:
    said = recognise(name)
    if said is None:
        return None
    try:
        return _by_name(said.release, said.skim).get(name)
    except UsageError:  # only the portal records of that release are known
        return None


@cache
def _by_name(release_name: str, skim: str) -> dict[str, CatalogueFile]:
    return {file.name: file for file in release(release_name).files(skim)}
