"""Spectra as ROOT histograms under the names that BumpNet reads: full ones, and beside them processed ones.

All edges are multiples of the width, so histograms of any two runs can be added. What lies below 0 is in the
underflow bin, what lies above in the overflow bin: nothing is lost. Sums of masses, from which ROOT has
means, are those of the centres of bins. Equal spectra give equal bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from femtobarn.base.atomic import replacing
from femtobarn.base.errors import RunDirectoryError
from femtobarn.base.records import Kind
from femtobarn.base.spectra import SpectraRecord
from femtobarn.physics.spectra.sums import LAST_BIN, STATE_SHIFT
from femtobarn.running.results.names import safe_names
from femtobarn.running.results.spectra.dense import Binning, Spectrum
from femtobarn.running.results.spectra.histogram import Contents, Template
from femtobarn.running.results.spectra.naming import combination_name
from femtobarn.running.results.spectra.processing import Processed, read_processed
from femtobarn.running.results.spectra.rootfile import RootFile, streamers_of

if TYPE_CHECKING:
    from femtobarn.running.results.spectra.reader import Spectra

EXACT = 1 << 24
"""The largest number up to which 32-bit floats count by ones."""

_MARK = "\0"


def write_root_files(spectra: Spectra, folder: Path) -> tuple[Path, ...]:
    """Write ``<group>.root`` for each group, and ``<group>_processed.root`` if the scan processes spectra.

    Each file appears complete. Histograms of a pair have the same name; if a file holds more than one
    variant, the second has a suffix: ``_only``, ``_outliers``.

    Parameters
    ----------
    spectra
        of the scan
    folder
        of the scan in its run directory; what exports with other settings wrote is removed

    Raises
    ------
    RunDirectoryError
        if spectra are to be processed and were not, or otherwise
    UnwritableError
        if the files cannot be written
    """
    record = spectra.record
    processed = _processed(record, folder)
    names = _file_names(spectra.groups)
    written: list[Path] = []
    for group in spectra.groups:
        kind = spectra.group(group).kind
        path = folder / names[group, False]
        _write(path, record, kind, ((s.name, s) for s in spectra.spectra(group)))
        written.append(path)
        if processed is not None:
            path = folder / names[group, True]
            _write(path, record, kind, _named(record, processed.spectra(group)))
            written.append(path)
    for old in _earlier(spectra, folder) - set(written):
        old.unlink(missing_ok=True)
    return tuple(written)


def _file_names(groups: Sequence[str]) -> dict[tuple[str, bool], str]:
    """Return the name of the file of each group, and of that of its processed spectra; all differ."""
    # the mark becomes _processed; unlike that it is in no name
    words = {
        (group, processed): f"{group}{_MARK + 'processed' if processed else ''}"
        for processed in (False, True)
        for group in groups
    }
    stems = safe_names(words.values())
    return {key: f"{stems[word]}.root" for key, word in words.items()}


def _earlier(spectra: Spectra, folder: Path) -> set[Path]:
    """Return where exports of the same run write, whatever their settings; other files are the user's."""
    processes = [process for group in spectra.groups for process in spectra.group(group).processes]
    groupings = (("data", "mc"), processes, spectra.groups)
    return {folder / name for groups in groupings for name in _file_names(groups).values()}


def inexact(spectra: Spectra) -> tuple[str, ...]:
    """Return in words which files hold counts that their bins cannot."""
    if spectra.record.output.storage == "TH1D":
        return ()
    words: list[str] = []
    for group in spectra.groups:
        largest = _largest(spectra, group) if spectra.group(group).kind == "data" else 0
        if largest > EXACT:
            words.append(
                f"{group}: a bin holds {largest:,} values, but TH1F counts exactly up to {EXACT:,} only: set storage: TH1D"
            )
    return tuple(words)


def _largest(spectra: Spectra, group: str) -> int:
    """Return the largest count of the bins that are written: what is above the axis is one of them."""
    sums = spectra.sums[group]
    kept = spectra.kept(group)[(sums.cells >> np.uint64(STATE_SHIFT)).astype(np.intp)]
    cells, counts = sums.cells[kept], sums.sums[kept, 0]
    if not len(cells):
        return 0
    bins = cells & np.uint64(LAST_BIN)
    written = cells - bins + np.minimum(bins, np.uint64(Binning.of(spectra.record).bins + 1))
    starts = np.flatnonzero(np.concatenate([[True], written[1:] != written[:-1]]))
    return int(np.add.reduceat(counts, starts).max())


def _processed(record: SpectraRecord, folder: Path) -> Processed | None:
    """Return what was made of the spectra; None if nothing is to be."""
    if record.processing.mode == "none":
        return None
    processed = read_processed(folder)
    if _made_of(processed.record) != _made_of(record):
        msg = f"Expected processed spectra of this scan in {folder}, but they were made with other settings. Run the stage process again."
        raise RunDirectoryError(msg)
    return processed


def _made_of(record: SpectraRecord) -> list[Any]:
    """Return what decides processed spectra."""
    output = record.output
    after = (record.least_events, record.processing, output.files, output.scale, output.maximum)
    return [record.content(), *after]


def _named(record: SpectraRecord, spectra: Iterable[Spectrum]) -> Iterator[tuple[str, Spectrum]]:
    """Give the processed spectra that are written, and their names."""
    plain = {"veto", "main", "only" if record.processing.keep == "only" else ""}
    for spectrum in spectra:
        if spectrum.variant in plain:
            yield spectrum.name, spectrum
        elif spectrum.variant != "outliers" or record.output.outliers:
            yield f"{spectrum.name}_{spectrum.variant}", spectrum


def _write(path: Path, record: SpectraRecord, kind: Kind, spectra: Iterable[tuple[str, Spectrum]]) -> None:
    histograms = _Histograms(record, weighted=kind == "mc")
    directory = ""
    with replacing(path) as temporary, RootFile(temporary, path.name, histograms.streamers()) as target:
        for name, spectrum in spectra:
            if record.output.layout == "directories" and spectrum.final_state != directory:
                directory = spectrum.final_state
                target.enter(directory)
            target.add(record.output.storage, name, _title(spectrum), histograms.of(name, spectrum))


def _title(spectrum: Spectrum) -> str:
    return f"{combination_name(spectrum.combination)} in {spectrum.final_state}"


class _Histograms:
    """Makes ROOT's histograms of spectra.

    Parameters
    ----------
    record
        how they are written
    weighted
        whether their values have weights
    """

    def __init__(self, record: SpectraRecord, *, weighted: bool) -> None:
        self._filled = record.output.axis == "filled"
        self._binning = Binning.of(record)
        self._weighted = weighted
        y = f"{'weight' if weighted else 'values'} / {record.width:g} GeV"
        self._templates = {
            transverse: Template(
                record.output.storage,
                weighted=weighted,
                x="transverse mass [GeV]" if transverse else "mass [GeV]",
                y=y,
            )
            for transverse in (False, True)
        }

    def streamers(self) -> tuple[bytes, int]:
        """Return what readers need to know of their class."""
        return streamers_of([self._templates[False].model])

    def of(self, name: str, spectrum: Spectrum) -> bytes:
        """Return the histogram of a spectrum."""
        first, bins = 0, self._binning.bins
        if self._filled:
            first, bins = spectrum.first, max(1, len(spectrum.sums))
        sums = np.zeros((bins + 2, len(spectrum.below)))
        start = 1 + spectrum.first - first
        sums[start : start + len(spectrum.sums)] = spectrum.sums
        sums[0], sums[-1] = spectrum.below, spectrum.above
        values, variances, centres = spectrum.values, spectrum.variances, spectrum.centres
        return self._templates[spectrum.combination.quantity == "met"].make(
            Contents(
                name=name,
                title=_title(spectrum),
                lower=first * spectrum.width,
                upper=(first + bins) * spectrum.width,
                values=sums[:, 1 if self._weighted else 0],
                variances=sums[:, 2] if self._weighted else None,
                entries=float(spectrum.entries),
                statistics=(
                    float(values.sum()),
                    float(variances.sum()),
                    float(values @ centres),
                    float(values @ centres**2),
                ),
            )
        )
