"""Results of a run, read from its directory; simulation is scaled when it is read."""

from __future__ import annotations

import html
import zipfile
from collections.abc import Iterable, Mapping, Sequence
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
    YieldRow,
)
from femtobarn.running.results import files, shapes, tables
from femtobarn.running.results.directory import RunDirectory
from femtobarn.running.results.metrics import Metrics
from femtobarn.running.results.partial import Array
from femtobarn.running.results.scaling import Member, Scale

if TYPE_CHECKING:
    import hist


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
        sums, stored = self._sums(record, selection)
        scale = Scale(self.info)
        members = [scale.member(record.keep, key) for key in stored]
        chosen = _choose(members, self.spec, process, datasets, files)
        total = np.zeros(sums.shape[2:])
        for i in chosen:
            factor = self._factor(members[i], luminosity)
            if factor is not None:
                total += sums[i, keys.index(variation)] * np.array([factor, factor**2])
        return shapes.with_sums(record, total)

    def yields(self) -> tuple[YieldRow, ...]:
        """Return the events that pass each selection by process, at `luminosity`."""
        return tables.yield_rows(self.spec, self.cutflow(), self.luminosity, complete=self.info.complete)

    def cutflow(self) -> tuple[CutflowRow, ...]:
        """Return the events after each cut, raw and weighted, by file."""
        return self._cutflow

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
            with zipfile.ZipFile(path) as source:
                sums = files.get_array(source, member)
                keys = files.get_array(source, f"{member}/keys")
        except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
            msg = (
                f"Expected the histogram {member} in {path}, but it cannot be read "
                f"({type(error).__name__}: {error}). Run the same command again to write it anew."
            )
            raise RunDirectoryError(msg) from error
        return sums, tuple(str(k) for k in keys)

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
        head = ("selection", "process", "raw", "yield", "± stat")
        rows = [
            (
                row.selection,
                row.process,
                f"{row.raw:,}",
                "unknown" if row.yield_ is None else f"{row.yield_:,.2f}",
                "" if row.stat_error is None else f"{row.stat_error:,.2f}",
            )
            for row in self.yields()
        ]
        body = "".join(f"<tr>{_cells(row)}</tr>" for row in rows)
        heads = "".join(f"<th>{name}</th>" for name in head)
        return (
            f"<div><strong>{html.escape(self.spec.title)}</strong><br>{html.escape(' · '.join(facts))}"
            f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
        )


def _cells(row: Iterable[str]) -> str:
    return "".join(f"<td>{html.escape(cell)}</td>" for cell in row)


def _choose(
    members: Sequence[Member],
    spec: AnalysisSpec,
    process: str | Sequence[str] | None,
    datasets: Sequence[int] | None,
    wanted_files: Sequence[str] | None,
) -> list[int]:
    """Return the indices of the members that the request names.

    ``datasets`` restrict simulation and ``wanted_files`` restrict data (or single files of either);
    with one of them alone, the other kind is left out.
    """
    every = range(len(members))
    if process is not None:
        names = (process,) if isinstance(process, str) else tuple(process)
        known = [p.name for p in spec.inputs.processes]
        for name in names:
            if name not in known:
                raise UnknownNameError("process", name, known)
        chosen = [i for i in every if members[i].process in names]
    elif datasets is None and wanted_files is None:
        simulated = [i for i in every if not members[i].data]
        chosen = simulated or list(every)
    else:
        chosen = list(every)
    if datasets is not None or wanted_files is not None:
        by_dataset = _index(members, lambda m: tuple(str(d) for d in m.datasets))
        by_file = _index(members, lambda m: (*m.periods, *m.files))
        keep = _named("dataset", [str(d) for d in datasets or ()], by_dataset)
        keep |= _named("data period or file", list(wanted_files or ()), by_file)
        chosen = [i for i in chosen if i in keep]
        _require_whole([members[i] for i in chosen], datasets or (), wanted_files or ())
    if len({members[i].data for i in chosen}) > 1:
        msg = (
            "Data and simulation were asked for in one histogram, but their sum has no meaning. "
            "Ask for them one after the other, with process=."
        )
        raise ResultsError(msg)
    return chosen


def _require_whole(members: Sequence[Member], datasets: Sequence[int], names: Sequence[str]) -> None:
    """Refuse a request for a part of what a histogram keeps as one sum."""
    for member in members:
        pairs = ((member.datasets, datasets), (member.periods, names), (member.files, names))
        if not any(own and set(own) <= set(asked) for own, asked in pairs):
            msg = (
                f"This histogram keeps one sum for all of {member.key}, so a part of it cannot be shown. "
                "Ask for all of its datasets or files, or declare the histogram with keep='file'."
            )
            raise ResultsError(msg)


def _index(members: Sequence[Member], labels: Any) -> Mapping[str, list[int]]:
    found: dict[str, list[int]] = {}
    for i, member in enumerate(members):
        for label in labels(member):
            found.setdefault(label, []).append(i)
    return found


def _named(what: str, names: Sequence[str], known: Mapping[str, Sequence[int]]) -> set[int]:
    for name in names:
        if name not in known:
            raise UnknownNameError(what, name, known)
    return {i for name in names for i in known[name]}
