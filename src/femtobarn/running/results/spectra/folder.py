"""The folder of a scan in its run directory: sums, what is made of them, files for others."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from femtobarn.base.errors import RunDirectoryError
from femtobarn.base.spectra import SpectraRecord
from femtobarn.physics.spectra.combinations import combinations
from femtobarn.physics.spectra.sums import SpectraSums
from femtobarn.running.results import files
from femtobarn.running.results.spectra import archive

SUMS = "spectra.npz"
"""The sums of all spectra, by process: the truth."""


def write_sums(folder: Path, record: SpectraRecord, by_process: Mapping[str, SpectraSums]) -> None:
    """Write the sums of each process; equal sums give equal bytes.

    ``process/<i>/states``, ``events``, ``cells`` (as steps from one to the next) and ``sums`` are as in
    `SpectraSums`; ``processes`` and ``combinations`` are the names that number them.
    """
    folder.mkdir(exist_ok=True)
    with files.archive(folder / SUMS, compress=True) as target:
        files.add_array(target, "width", np.array(record.width))
        files.add_array(target, "processes", np.array(list(by_process), dtype=np.str_))
        files.add_array(
            target, "combinations", np.array([c.name for c in combinations(record)], dtype=np.str_)
        )
        for i, sums in enumerate(by_process.values()):
            archive.add(target, sums, f"process/{i}")


def each(folder: Path) -> Iterator[tuple[str, SpectraSums]]:
    """Give each process and its sums, in the order in which they were written; one is in memory at a time.

    Raises
    ------
    RunDirectoryError
        if there are none, or they are damaged
    """
    path = folder / SUMS
    try:
        with zipfile.ZipFile(path) as source:
            for i, process in enumerate(files.get_array(source, "processes")):
                yield str(process), archive.get(source, archive.NAMES, f"process/{i}")
    except FileNotFoundError as error:
        msg = f"Expected the spectra of a scan in {path}, but there are none. Run the scan first."
        raise RunDirectoryError(msg) from error
    except files.DAMAGE as error:
        msg = f"Expected the spectra of a scan in {path}, but it cannot be read ({type(error).__name__}: {error}). Run the scan again: finished tasks are not repeated."
        raise RunDirectoryError(msg) from error


def read_sums(folder: Path) -> dict[str, SpectraSums]:
    """Return the sums of each process.

    Raises
    ------
    RunDirectoryError
        if there are none, or they are damaged
    """
    return dict(each(folder))


def remove_spectra(folder: Path) -> None:
    """Remove what an earlier run left, so that nothing stale can be taken for new."""
    shutil.rmtree(folder, ignore_errors=True)
