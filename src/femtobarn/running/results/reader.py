"""Results of a run, read from its directory; simulation is scaled when it is read."""

from __future__ import annotations

import html
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from femtobarn.base.errors import (
    LuminosityUnknownError,
    ResultsError,
    RunDirectoryError,
    SettingsError,
    UnknownNameError,
)
from femtobarn.base.records import (
    NOMINAL,
    AnalysisSpec,
    CutflowRow,
    HistogramRecord,
    LedgerRow,
    Luminosity,
    RunInfo,
)
from femtobarn.running.results import files, shapes, tables
from femtobarn.running.results.choice import choose
from femtobarn.running.results.cutflow import needed
from femtobarn.running.results.directory import RunDirectory
from femtobarn.running.results.metrics import Metrics
from femtobarn.running.results.partial import Array
from femtobarn.running.results.scaling import Member, Scale
from femtobarn.running.results.yields import YieldWithErrors

if TYPE_CHECKING:
    import hist

_REMEMBERED = 256 * 1024**2  # bytes of a histogram that are kept for the next question


@dataclass(frozen=True)
class RunResults:
    """The results of a run. `load` makes one; histograms are read when asked for.

    Parameters
    ----------
    path
        the run directory
    info
        where the results come from and whether they are complete
    luminosity
        to which simulation is scaled, in fb^-1
    """

    path: Path
    info: RunInfo
    luminosity: Luminosity

    @classmethod
    def load(cls, out: Path | str) -> RunResults:
        """Return the results in the run directory ``out``.

        Raises
        ------
        RunDirectoryError
            if it is not the directory of a finished run
        """
        path = Path(out)
        info = RunDirectory(path).read_info()
        return cls(path, info, info.luminosity)

    def __repr__(self) -> str:
        """Return analysis, release, completeness and folder."""
        state = "complete" if self.info.complete else "incomplete"
        return f"<{self.spec.name} on {self.spec.release}, {self.info.mode}, {state}: {self.path}>"

    @property
    def spec(self) -> AnalysisSpec:
        """The analysis that was run."""
        return self.info.analysis

    @property
    def selections(self) -> tuple[str, ...]:
        """The names of the selections."""
        return tuple(s.name for s in self.spec.selections)

    @property
    def histogram_names(self) -> tuple[str, ...]:
        """The names of the histograms."""
        return tuple(h.name for h in self.spec.histograms)

    def with_luminosity(self, value: float) -> RunResults:
        """Return the same results with simulation scaled to ``value`` fb^-1.

        Raises
        ------
        SettingsError
            unless ``value`` is a positive, finite number
        """
        if not (np.isfinite(value) and value > 0):
            msg = (
                f"A luminosity is a positive number of fb^-1, but {value!r} was given. Give one such as 36.6."
            )
            raise SettingsError(msg)
        given = Luminosity(value=float(value), nominal=self.luminosity.nominal, source="given")
        return replace(self, luminosity=given)

    def histogram(
        self,
        name: str,
        selection: str,
        *,
        process: str | Sequence[str] | None = None,
        datasets: Sequence[int] | None = None,
        files: Sequence[str] | None = None,
        variation: str = NOMINAL,
        luminosity: float | None = None,
    ) -> hist.Hist[Any]:
        """Return one histogram with flow bins: simulation scaled, data as counts.

        Parameters
        ----------
        name, selection
            which histogram after which selection
        process, datasets, files
            what is summed: processes, dataset ids of simulation, and data periods or logical file
            names. Without any of them: all of the simulation, or the data if there is no simulation
        variation
            ``"nominal"``, or for instance ``"lepton scale:up"``; data are the same in all
        luminosity
            fb^-1; None: that of the results

        Returns
        -------
        hist.Hist
            with Weight storage: sums and variances

        Raises
        ------
        UnknownNameError
            for a name that these results do not have
        LuminosityUnknownError
            if simulation is asked for and the luminosity is not known
        ResultsError
            if data and simulation would be added, or a dataset cannot be scaled
        """
        record = self._record(name, selection)
        keys = self.spec.variation_keys
        if variation not in keys:
            raise UnknownNameError("variation", variation, keys)
        index = keys.index(variation)
        total = np.zeros((*shapes.bins(record), 2))
        for factor, sums in self._scaled(record, selection, process, datasets, files, luminosity):
            total += sums[index] * np.array([factor, factor**2])
        return shapes.with_sums(record, total)

    def varied_values(
        self,
        name: str,
        selection: str,
        *,
        process: str | Sequence[str] | None = None,
        datasets: Sequence[int] | None = None,
        files: Sequence[str] | None = None,
        luminosity: float | None = None,
    ) -> Array:
        """Return the bin contents of one histogram under every variation at once.

        Parameters and errors are those of `histogram`.

        Returns
        -------
        numpy.ndarray
            (variations, bins of each axis), without flow bins; the first is the nominal, then as in
            ``spec.variation_keys``
        """
        record = self._record(name, selection)
        total = np.zeros((len(self.spec.variation_keys), *(axis.bins for axis in record.axes)))
        inner: tuple[slice | int, ...] = (slice(None), *(slice(1, -1) for _ in record.axes), 0)
        for factor, sums in self._scaled(record, selection, process, datasets, files, luminosity):
            total += factor * sums[inner]
        return total

    def _scaled(
        self,
        record: HistogramRecord,
        selection: str,
        process: str | Sequence[str] | None,
        datasets: Sequence[int] | None,
        wanted_files: Sequence[str] | None,
        luminosity: float | None,
    ) -> Iterator[tuple[float, Array]]:
        """Give the factor and the sums (variations, bins with flow, 2) of all that a request names."""
        sums, stored = self._sums(record, selection)
        scale = Scale(self.info)
        members = [scale.member(record.keep, key) for key in stored]
        for i in choose(members, self.spec, process, datasets, wanted_files):
            factor = self._factor(members[i], luminosity)
            if factor is not None:
                yield factor, sums[i]

    def yields(self) -> tuple[YieldWithErrors, ...]:
        """Return the events that pass each selection by process, at `luminosity`."""
        return tables.yield_rows(
            self.spec, self.short_cutflow(), self.luminosity, complete=self.info.complete
        )

    def cutflow(self) -> tuple[CutflowRow, ...]:
        """Return the events after each cut, raw and weighted, by file."""
        return self._cutflow

    def short_cutflow(self) -> tuple[CutflowRow, ...]:
        """Return the nominal rows of `cutflow`, and those of every variation after the last cut."""
        return self._short_cutflow

    def ledger(self) -> tuple[LedgerRow, ...]:
        """Return what became of every task and every given file."""
        return tables.read_rows(RunDirectory(self.path).ledger, LedgerRow)

    def metrics(self) -> Metrics:
        """Return what the run cost."""
        path = RunDirectory(self.path).metrics
        try:
            return Metrics.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            msg = f"Expected the costs of the run in {path}, but they cannot be read. Run the command again."
            raise RunDirectoryError(msg) from error

    @cached_property
    def _cutflow(self) -> tuple[CutflowRow, ...]:
        return tables.read_rows(RunDirectory(self.path).cutflow, CutflowRow)

    @cached_property
    def _short_cutflow(self) -> tuple[CutflowRow, ...]:
        last = {s.name: str(len(s.cuts)) for s in self.spec.selections}
        return tables.read_rows(
            RunDirectory(self.path).cutflow, CutflowRow, lambda cells: needed(cells, last)
        )

    def _record(self, name: str, selection: str) -> HistogramRecord:
        record = {h.name: h for h in self.spec.histograms}.get(name)
        if record is None:
            raise UnknownNameError("histogram", name, self.histogram_names)
        if selection not in record.selections:
            raise UnknownNameError(f"selection of histogram {name!r}", selection, record.selections)
        return record

    def _sums(self, record: HistogramRecord, selection: str) -> tuple[Array, tuple[str, ...]]:
        path = RunDirectory(self.path).histograms
        member = f"{selection}/{record.name}"
        try:
            state = path.stat()
            key = (member, state.st_mtime_ns, state.st_size)
            if key in self._read_last:
                return self._read_last[key]
            with zipfile.ZipFile(path) as source:
                sums = files.get_array(source, member)
                keys = files.get_array(source, f"{member}/keys")
        except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
            msg = (
                f"Expected the histogram {member} in {path}, but it cannot be read "
                f"({type(error).__name__}: {error}). Run the same command again to write it anew."
            )
            raise RunDirectoryError(msg) from error
        found = (sums, tuple(str(k) for k in keys))
        self._read_last.clear()
        if sums.nbytes <= _REMEMBERED:
            self._read_last[key] = found
        return found

    @cached_property
    def _read_last(self) -> dict[tuple[str, int, int], tuple[Array, tuple[str, ...]]]:
        """The histogram that was read last: a figure asks for it once for each process."""
        return {}

    def _factor(self, member: Member, luminosity: float | None) -> float | None:
        """Return what scales ``member``; None if nothing of it was processed."""
        if not member.events:
            return None
        if member.data:
            return 1.0
        value = luminosity if luminosity is not None else self.luminosity.value
        if value is None:
            msg = (
                f"Simulation ({member.process}) cannot be scaled: the luminosity of the data is not known "
                f"({self.luminosity.note}). Give one, for instance luminosity=10.0 or --luminosity 10."
            )
            raise LuminosityUnknownError(msg)
        if member.factor is None:
            notes = [n.note for n in self.info.normalisations if n.dataset in member.datasets and n.note]
            msg = (
                f"{member.process} ({member.key}) cannot be scaled to a luminosity: "
                f"{'; '.join(notes) or 'cross-section or sum of weights is not known'}. "
                "Choose other processes or datasets."
            )
            raise ResultsError(msg)
        return value * member.factor

    def _repr_html_(self) -> str:
        """Return what a notebook shows: title, completeness and yields."""
        info = self.info
        status = (
            "complete"
            if info.complete
            else f"incomplete: {info.files_processed} of {info.files_wanted} files"
        )
        value = self.luminosity.value
        facts = [
            self.spec.release,
            f"{info.events_processed:,} events",
            status,
            "luminosity not known" if value is None else f"{value:.4g} fb⁻¹",
        ]
        if info.simulated:
            facts.append("simulated demo data")
        if info.mode != "physics":
            facts.append(f"{info.mode} mode")
        head = ("selection", "process", "raw", "yield", "± stat", "syst up", "syst down")
        shown = len(head) if self.spec.variations else len(head) - 2
        rows = [
            (
                row.selection,
                row.process,
                f"{row.raw:,}",
                "unknown" if row.yield_ is None else f"{row.yield_:,.2f}",
                "" if row.stat_error is None else f"{row.stat_error:,.2f}",
                "" if row.syst_up is None else f"+{row.syst_up:,.2f}",
                "" if row.syst_down is None else f"−{row.syst_down:,.2f}",
            )
            for row in self.yields()
        ]
        body = "".join(f"<tr>{_cells(row[:shown])}</tr>" for row in rows)
        heads = "".join(f"<th>{name}</th>" for name in head[:shown])
        return (
            f"<div><strong>{html.escape(self.spec.title)}</strong><br>{html.escape(' · '.join(facts))}"
            f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
        )


def _cells(row: Iterable[str]) -> str:
    return "".join(f"<td>{html.escape(cell)}</td>" for cell in row)
