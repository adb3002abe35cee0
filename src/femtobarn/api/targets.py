"""What ``femtobarn get`` is asked for: analyses, addresses, records, lists."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from femtobarn.api.runs import analyses, find
from femtobarn.api.scans import files_of, scan_of
from femtobarn.api.storage import Wanted

if TYPE_CHECKING:
    from femtobarn.data.catalogue.resolvers import Remote


def wanted_files(targets: Sequence[str], *, release: str | None = None) -> tuple[Wanted, ...]:
    """Return the files that names stand for, each once.

    Parameters
    ----------
    targets
        names of analyses, Python files and configurations of scans, for the published files they read;
        else whatever ``--data`` takes: addresses, ``record:N``, lists, folders
    release
        of which release an analysis is meant; None: its first

    Raises
    ------
    UsageError
        if a name is unknown, or an analysis does not say what it reads
    """
    from femtobarn.running.engine.inputs import catalogue_files
    from femtobarn.running.engine.places import given_files

    found: list[Remote] = []
    for target in targets:
        if target in analyses() or Path(target).suffix == ".py":
            found += catalogue_files(find(target).freeze(release=release))
        elif (scan := scan_of(target)) is not None:
            found += files_of(scan)
        else:
            found += given_files([target])
    return tuple(dict.fromkeys(Wanted(f.name, f.url, f.size, f.adler32) for f in found))
