"""A scan as it is shown: its spectra, what was made of them, what the run was and cost."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from femtobarn.base.records import RunInfo
from femtobarn.running.results.directory import RunDirectory
from femtobarn.running.results.metrics import Metrics
from femtobarn.running.results.reader import RunResults
from femtobarn.running.results.spectra.processed import PROCESSED, read_processed
from femtobarn.running.results.spectra.reader import Spectra
from femtobarn.running.results.spectra.stages import Book
from femtobarn.running.results.spectra.summary import summarise_scan
from femtobarn.running.results.spectra.summary_records import ScanSummary
from femtobarn.show.spectra.catalogue import Made


@dataclass(frozen=True, slots=True, eq=False)
class ShownScan:
    """What figures and reports of a scan need.

    Parameters
    ----------
    info, metrics
        of its run
    spectra
        full spectra
    processed
        by group what was made of them; empty if nothing was
    summary
        its numbers
    """

    info: RunInfo
    metrics: Metrics
    spectra: Spectra
    processed: Made
    summary: ScanSummary

    @classmethod
    def load(cls, out: Path | str) -> ShownScan:
        """Return the scan in the run directory ``out``.

        Raises
        ------
        RunDirectoryError
            if it holds no finished scan
        """
        directory = RunDirectory(Path(out))
        results = RunResults.load(directory.path)
        spectra = Spectra.load(directory.path)
        made = (directory.spectra / PROCESSED).is_file()
        processed = read_processed(directory.spectra) if made else None
        metrics = results.metrics()
        summary = summarise_scan(
            results.info,
            spectra,
            metrics,
            results.ledger(),
            Book(directory.path, directory.spectra).stages,
            cutflow=results.short_cutflow(),
            processing=None if processed is None else processed.summary,
        )
        return cls(results.info, metrics, spectra, {} if processed is None else processed, summary)
