"""processed.npz: what was made of full spectra, written and read."""

from __future__ import annotations

import heapq
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from femtobarn.base.errors import RunDirectoryError
from femtobarn.base.record import Record
from femtobarn.base.records import Kind
from femtobarn.base.spectra import SpectraRecord
from femtobarn.physics.spectra.combinations import Combination, combinations
from femtobarn.physics.spectra.sums import SpectraSums
from femtobarn.running.results import files
from femtobarn.running.results.spectra import archive, dense
from femtobarn.running.results.spectra.dense import Binning, Spectrum
from femtobarn.running.results.spectra.reader import Spectra

PROCESSED = "processed.npz"

_RECORD, _SUMMARY = "record.json", "summary.json"
_LONGEST = 1 << 24


class WindowUse(Record):
    """What a window of a known resonance is to the spectra of a group.

    Parameters
    ----------
    lower, upper
        GeV, at edges of bins
    spectra
        how many have it
    entries
        how many of their values are in it
    """

    group: str
    name: str
    centre: float
    half_width: float
    lower: float
    upper: float
    spectra: int
    entries: int


class Made(Record):
    """What was made of the spectra of a group: how many of a variant, and how many values they hold."""

    group: str
    variant: str
    spectra: int
    entries: int


class ProcessingSummary(Record):
    """What was made of all spectra, and in which mode."""

    mode: str
    made: tuple[Made, ...] = ()
    windows: tuple[WindowUse, ...] = ()


class Processed(Mapping[str, tuple[Spectrum, ...]]):
    """What was made of the spectra of each group; they are made dense when asked for.

    Parameters
    ----------
    path
        of the archive
    record
        the scan
    summary
        what was made, in numbers
    tables
        by group its kind, and which variants it has in which table of the archive
    """

    def __init__(
        self,
        path: Path,
        record: SpectraRecord,
        summary: ProcessingSummary,
        tables: Mapping[str, tuple[Kind, Sequence[tuple[str, int]]]],
    ) -> None:
        self._path, self._tables = path, tables
        self.record, self.summary = record, summary

    def __iter__(self) -> Iterator[str]:
        """Give the groups."""
        return iter(self._tables)

    def __len__(self) -> int:
        """Return the number of groups."""
        return len(self._tables)

    def __getitem__(self, group: str) -> tuple[Spectrum, ...]:
        """Return all spectra of a group; KeyError if there is none."""
        return tuple(self.spectra(group))

    def spectra(self, group: str) -> Iterator[Spectrum]:
        """Give the spectra of a group, one at a time: by state, then by combination, then by variant.

        Raises
        ------
        KeyError
            if there is no such group
        RunDirectoryError
            if they cannot be read
        """
        found = combinations(self.record)
        places = {one: i for i, one in enumerate(found)}
        kind, variants = self._tables[group]
        each = [self._variant(group, kind, variant, table, found) for variant, table in variants]
        yield from heapq.merge(*each, key=lambda s: (s.state, places[s.combination]))

    def _variant(
        self, group: str, kind: Kind, variant: str, table: int, found: tuple[Combination, ...]
    ) -> Iterator[Spectrum]:
        with _reading(self._path) as source:
            sums = archive.get(source, archive.NAMES, f"table/{table}")
        kept = np.ones(len(sums.states), np.bool_)
        binning = Binning.of(self.record)
        yield from dense.spectra(sums, found, binning, kept, group=group, kind=kind, variant=variant)


def write_processed(
    folder: Path,
    spectra: Spectra,
    summary: ProcessingSummary,
    tables: Mapping[tuple[str, str], SpectraSums],
) -> Path:
    """Write sums by group and variant; equal sums give equal bytes."""
    names = [(group, spectra.group(group).kind, variant) for group, variant in tables]
    with files.archive(folder / PROCESSED, compress=True) as target:
        files.add_bytes(target, _RECORD, spectra.record.model_dump_json().encode())
        files.add_bytes(target, _SUMMARY, summary.model_dump_json().encode())
        for i, label in enumerate(("groups", "kinds", "variants")):
            files.add_array(target, label, np.array([name[i] for name in names], dtype=np.str_))
        for i, sums in enumerate(tables.values()):
            archive.add(target, sums, f"table/{i}")
    return folder / PROCESSED


def read_processed(folder: Path) -> Processed:
    """Return what was made of the spectra of a scan: by group, its spectra in all variants.

    Raises
    ------
    RunDirectoryError
        if nothing was made, or it cannot be read
    """
    path = folder / PROCESSED
    tables: dict[str, tuple[Kind, list[tuple[str, int]]]] = {}
    with _reading(path) as source:
        record = SpectraRecord.model_validate_json(files.get_bytes(source, _RECORD, most=_LONGEST))
        summary = ProcessingSummary.model_validate_json(files.get_bytes(source, _SUMMARY, most=_LONGEST))
        labels = [files.get_array(source, label) for label in ("groups", "kinds", "variants")]
    for i, (group, kind, variant) in enumerate(zip(*labels, strict=True)):
        known: Kind = "data" if kind == "data" else "mc"
        tables.setdefault(str(group), (known, []))[1].append((str(variant), i))
    return Processed(path, record, summary, tables)


@contextmanager
def _reading(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as source:
            yield source
    except FileNotFoundError as error:
        msg = f"Expected processed spectra in {path}, but there are none. Run the stage process first."
        raise RunDirectoryError(msg) from error
    except files.DAMAGE as error:
        msg = f"Expected processed spectra in {path}, but they cannot be read ({type(error).__name__}). Run the stage process again."
        raise RunDirectoryError(msg) from error
