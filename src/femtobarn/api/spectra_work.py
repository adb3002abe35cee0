"""What the stages of a scan do that read no events: each from the files of the one before."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from femtobarn.api.spectra_notes import counted
from femtobarn.base.errors import NothingToDoError, SettingsError
from femtobarn.running.results.directory import RunDirectory

if TYPE_CHECKING:
    from femtobarn.base.records import RunInfo
    from femtobarn.base.spectra import SpectraRecord
    from femtobarn.running.results.reader import RunResults
    from femtobarn.running.results.spectra.processed import Processed
    from femtobarn.running.results.spectra.reader import Spectra
    from femtobarn.running.results.spectra.stages import Stages

FIGURES = "figures"
"""Folder of the figures of a scan, beside its spectra."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a stage did: words for people, and its files."""

    words: str
    files: tuple[Path, ...] = ()


class Work:
    """The later stages of a filled scan.

    Parameters
    ----------
    directory
        of the run
    info
        what run.json says
    record
        the scan
    figures
        whether figures are drawn
    """

    def __init__(
        self, directory: RunDirectory, info: RunInfo, record: SpectraRecord, *, figures: bool
    ) -> None:
        self.directory, self.info, self.record, self.figures = directory, info, record, figures
        self._folder = directory.spectra

    @cached_property
    def results(self) -> RunResults:
        """The run as any other."""
        from femtobarn.running.results.reader import RunResults

        return RunResults(self.directory.path, self.info, self.info.luminosity)

    def process(self) -> Done:
        """Make of the full spectra what the scan says."""
        from femtobarn.running.results.spectra.processed import PROCESSED
        from femtobarn.running.results.spectra.processing import process

        found, kept = self._kept()
        made = process(self._spectra, self._folder).made
        variants = dict.fromkeys(one.variant for one in made)
        numbers = {v: sum(one.spectra for one in made if one.variant == v) for v in variants}
        words = [self._words(found, kept), *(f"{variant}: {number:,}" for variant, number in numbers.items())]
        return Done("; ".join(words), (self._folder / PROCESSED,))

    def export(self, stages: Stages) -> Done:
        """Write ROOT files and the summary; ``stages`` are those that are done."""
        from femtobarn.running.results.spectra.root import write_root_files
        from femtobarn.running.results.spectra.summary import summarise_scan, write_summary

        self._kept()
        paths = write_root_files(self._spectra, self._folder)
        summary = summarise_scan(
            self.info,
            self._spectra,
            self.results.metrics(),
            self.results.ledger(),
            stages,
            cutflow=self.results.short_cutflow(),
            processing=self._processed.summary,
        )
        paths = (*paths, write_summary(summary, self._folder))
        return Done(", ".join(p.name for p in paths), paths)

    def show(self) -> Done:
        """Draw figures, write gallery and report."""
        from femtobarn.show.report import write_report

        paths: list[Path] = []
        words = []
        if self.figures:
            from femtobarn.show.spectra.figures import draw_scan

            paths += draw_scan(self.directory.path, self._folder / FIGURES)
            words.append(counted(len(paths), "figure"))
        if self.record.output.gallery:
            from femtobarn.show.spectra.gallery import write_gallery

            page, title = self._folder / "gallery.html", self.info.analysis.title
            paths.append(write_gallery(self._spectra, self._processed, page, title=title))
            words.append(page.name)
        paths.append(write_report(self.results, self.directory.path, drawn=()))
        return Done(", ".join((*words, "report.html")), tuple(paths))

    def tell_costs(self, stages: Stages) -> None:
        """Let the summary know what the stages cost that ended when it was written, or after that."""
        from femtobarn.running.results.spectra.summary import read_summary, with_costs, write_summary

        write_summary(with_costs(read_summary(self._folder), stages), self._folder)

    @cached_property
    def _spectra(self) -> Spectra:
        """The spectra, with what is kept of them."""
        from femtobarn.running.results.spectra.reader import Spectra

        return Spectra.load(self.directory.path)

    @cached_property
    def _processed(self) -> Processed:
        """What was made of the spectra."""
        from femtobarn.running.results.spectra.processed import read_processed

        return read_processed(self._folder)

    def _kept(self) -> tuple[set[int], set[int]]:
        """Return the final states that were found, and those that are kept.

        Raises
        ------
        NothingToDoError
            if none are
        """
        rows = [row for group in self._spectra.groups for row in self._spectra.states(group)]
        found, kept = {row.state for row in rows}, {row.state for row in rows if row.kept}
        least = self.record.least_events
        if not found:
            msg = f"No spectrum can be made: none of {self.info.events_processed:,} events passes the limits of objects and final states. Widen them in the configuration; {self.directory.cutflow} tells where events are lost."
            raise NothingToDoError(msg)
        if not kept:
            most = max(row.events for row in rows)
            msg = f"No spectrum is left: none of {len(found):,} final states has min_events = {least:,} events; the most are {most:,}. Lower final_states.min_events, or read more files."
            raise NothingToDoError(msg)
        if not any(next(self._spectra.spectra(group), None) for group in self._spectra.groups):
            msg = f"No spectrum can be made: none of the combinations applies to any of the {len(kept):,} final states that are kept. Widen combinations in the configuration."
            raise NothingToDoError(msg)
        return found, kept

    def _words(self, found: set[int], kept: set[int]) -> str:
        """Say how many final states have spectra, and why others have none."""
        import numpy as np

        from femtobarn.physics.spectra.sums import STATE_SHIFT

        filled: set[int] = set()
        for group in self._spectra.groups:
            sums = self._spectra.sums[group]
            filled.update(sums.states[np.unique(sums.cells >> np.uint64(STATE_SHIFT))].tolist())
        without, few = len(kept - filled), len(found) - len(kept)
        words = [f"spectra of {counted(len(kept & filled), 'final state')}"]
        words += [f"{without:,} without any combination"] if without else []
        least = self.record.least_events
        words += [f"{few:,} with fewer than {counted(least, 'event')}"] if few else []
        return ", ".join(words)


def draw(results: RunResults, luminosity: float | None) -> tuple[Path, ...]:
    """Draw the figures of a scan again; return the paths of the PNG files.

    Raises
    ------
    SettingsError
        for another luminosity: what is drawn are the spectra as they were exported
    """
    from femtobarn.show.spectra.figures import draw_scan

    refuse_luminosity(luminosity)
    folder = RunDirectory(results.path).spectra / FIGURES
    return tuple(path for path in draw_scan(results.path, folder) if path.suffix == ".png")


def refuse_luminosity(luminosity: float | None) -> None:
    """Raise `SettingsError` for another luminosity than that of the exported spectra."""
    if luminosity is not None:
        msg = "Figures and report of a scan show its spectra as they were exported, at no other luminosity. Give it where they are filled: femtobarn spectra run --luminosity."
        raise SettingsError(msg)
