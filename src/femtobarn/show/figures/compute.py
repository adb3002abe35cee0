"""From results to what a figure shows."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from femtobarn.base.errors import ResultsError, UnknownNameError
from femtobarn.base.records import AxisRecord, FigureRecord, InputRow, ProcessRecord
from femtobarn.data.catalogue import known
from femtobarn.show.figures.model import FigureData, Floats, HeatPanel, Layer, Points
from femtobarn.show.results_like import Results
from femtobarn.show.statistics import garwood
from femtobarn.show.wording import completeness, event_source, mode_words

if TYPE_CHECKING:
    import hist

LUMINOSITY_UNKNOWN = "luminosity of these data is not known: simulation not drawn; give --luminosity"


def compute(results: Results, record: FigureRecord, luminosity: float | None = None) -> FigureData:
    """Return what the figure ``record`` shows of ``results``.

    Simulation is scaled to, in this order: ``luminosity`` or that given by the user; without data, the
    figure's own, else that of the results; with data, the figure's own if all data that the analysis
    wants have been processed, else that of the data processed. If none is known, data are drawn alone
    and the figure says so.

    Raises
    ------
    UnknownNameError
        if the histogram or a process does not exist
    ResultsError
        if the histogram has more than two axes
    """
    declared = {h.name: h for h in results.spec.histograms}
    if record.histogram not in declared:
        raise UnknownNameError("histogram", record.histogram, declared)
    axes = declared[record.histogram].axes
    if len(axes) > 2:
        msg = (
            f"Figures have one or two axes; the histogram {record.histogram!r} of figure {record.name!r} has "
            f"{len(axes)}. Declare a histogram of fewer axes for it."
        )
        raise ResultsError(msg)

    notes: list[str] = list(completeness(results.info))
    notes += mode_words(results.info)
    chosen = _chosen(results, record)
    data_processes = [(p, rows) for p, rows in chosen if p.role == "data"]
    simulated = [(p, rows) for p, rows in chosen if p.role != "data"]
    scale = _luminosity(results, record, luminosity, data=[r for _, rows in data_processes for r in rows])
    if scale is None and simulated:
        if data_processes:
            notes.append(LUMINOSITY_UNKNOWN)
            simulated = []
        else:
            scale = 1.0
            notes.append("no luminosity is declared: simulation is scaled to 1 fb⁻¹")

    counts = [_histogram(results, record, p, rows, None) for p, rows in data_processes]
    layers: list[tuple[ProcessRecord, hist.Hist[Any]]] = []
    for process, rows in simulated:
        try:
            layers.append((process, _histogram(results, record, process, rows, scale)))
        except ResultsError as error:
            notes.append(textwrap.shorten(f"{process.name} not drawn: {error}", 160, placeholder=" …"))
    if not chosen:
        notes.append("nothing of what this figure shows has been processed")

    common = _Common(results, record, axes, scale, tuple(notes))
    if len(axes) == 2:
        return common.heat(counts, [h for _, h in layers])
    return common.stack(counts, layers, data_label=_data_label(data_processes))


class _Common:
    """What one- and two-dimensional figures share."""

    def __init__(
        self,
        results: Results,
        record: FigureRecord,
        axes: tuple[AxisRecord, ...],
        luminosity: float | None,
        notes: tuple[str, ...],
    ) -> None:
        self.results, self.record, self.axes = results, record, axes
        self.luminosity, self.notes = luminosity, notes

    def heat(self, data: Sequence[hist.Hist[Any]], simulation: Sequence[hist.Hist[Any]]) -> FigureData:
        panels = []
        if data:
            panels.append(HeatPanel("Data", _sum(data)))
        if simulation:
            panels.append(HeatPanel("Simulation", _sum(simulation)))
        if not panels:
            panels.append(HeatPanel("", np.zeros((self.axes[0].bins, self.axes[1].bins))))
        return self._figure(
            x_label=axis_label(self.axes[0]),
            y_label=axis_label(self.axes[1]),
            y_edges=edges_of(self.axes[1]),
            panels=tuple(panels),
        )

    def stack(
        self,
        data: Sequence[hist.Hist[Any]],
        simulation: Sequence[tuple[ProcessRecord, hist.Hist[Any]]],
        data_label: str,
    ) -> FigureData:
        points = None
        if data:
            counts = _sum(data)
            if self.record.style == "notebook":
                down = up = np.sqrt(np.clip(counts, 0, None))
            else:
                limits = np.array([garwood(max(0, round(n))) for n in counts]).reshape(-1, 2)
                down, up = np.clip(counts - limits[:, 0], 0, None), np.clip(limits[:, 1] - counts, 0, None)
            points = Points(data_label, counts, down, up)
        layers = [
            Layer(p.name, p.label or p.name, p.colour, p.role, _values(h), _variances(h))
            for p, h in simulation
        ]
        layers.sort(key=lambda layer: layer.role == "signal")  # stable: the order of processes stays
        return self._figure(
            x_label=axis_label(self.axes[0]),
            y_label=events_label(self.axes[0]),
            data=points,
            layers=tuple(layers),
        )

    def _figure(
        self,
        *,
        x_label: str,
        y_label: str,
        data: Points | None = None,
        layers: tuple[Layer, ...] = (),
        y_edges: Floats | None = None,
        panels: tuple[HeatPanel, ...] = (),
    ) -> FigureData:
        record, info = self.record, self.results.info
        return FigureData(
            name=record.name,
            style=record.style,
            size=record.size,
            headroom=record.headroom,
            log=record.log,
            log_x=record.log_x and edges_of(self.axes[0])[0] > 0,
            text=record.text,
            edges=edges_of(self.axes[0]),
            x_label=x_label,
            y_label=y_label,
            data=data,
            layers=layers,
            source=event_source(info),
            energy=energy_of(info.release),
            luminosity=self.luminosity,
            notes=self.notes,
            y_edges=y_edges,
            panels=panels,
        )


def _chosen(results: Results, record: FigureRecord) -> list[tuple[ProcessRecord, list[InputRow]]]:
    """Return the processes of the figure, each with its inputs that are drawn; none without any."""
    processes = {p.name: p for p in results.spec.inputs.processes}
    for name in record.processes or ():
        if name not in processes:
            raise UnknownNameError("process", name, processes)
    wanted = []
    for process in processes.values():
        # data belong to a figure of processes, unless it names single datasets
        if record.processes is not None and process.name not in record.processes and process.role != "data":
            continue
        rows = [
            row
            for row in results.info.inputs
            if row.process == process.name and row.contributes and _drawn(record, process, row)
        ]
        if rows:
            wanted.append((process, rows))
    return wanted


def _drawn(record: FigureRecord, process: ProcessRecord, row: InputRow) -> bool:
    in_files = record.files is not None and (row.name in record.files or (row.period or "") in record.files)
    in_datasets = record.datasets is not None and row.dataset in record.datasets
    if process.role == "data":
        return in_files or (record.files is None and record.datasets is None)
    if record.datasets is not None:
        return in_datasets
    return in_files or record.files is None


def _histogram(
    results: Results,
    record: FigureRecord,
    process: ProcessRecord,
    rows: Sequence[InputRow],
    luminosity: float | None,
) -> hist.Hist[Any]:
    datasets = None
    files = None
    if process.role != "data" and record.datasets is not None:
        datasets = sorted({row.dataset for row in rows if row.dataset is not None})
    elif record.files is not None:
        files = [f for f in record.files if any(f in {row.name, row.period} for row in rows)]
    return results.histogram(
        record.histogram,
        record.selection,
        process=process.name,
        datasets=datasets,
        files=files,
        luminosity=luminosity,
    )


def _luminosity(
    results: Results, record: FigureRecord, given: float | None, data: Sequence[InputRow]
) -> float | None:
    if given is not None:
        return given
    known = results.luminosity
    if not data:
        if record.luminosity is not None:
            return record.luminosity
        return known.value if known.value is not None else known.nominal
    if known.source == "given":
        return known.value
    if record.luminosity is not None and (record.files is not None or _all_data(results)):
        return record.luminosity
    in_run = [row for row in results.info.inputs if row.contributes and _is_data(results, row)]
    return known.value if len(data) == len(in_run) else None


def _is_data(results: Results, row: InputRow) -> bool:
    return any(p.name == row.process and p.role == "data" for p in results.spec.inputs.processes)


def _all_data(results: Results) -> bool:
    """Tell whether every data period that the analysis wants has been processed to its last event."""
    rows = [row for row in results.info.inputs if _is_data(results, row)]
    if any(row.status != "processed" or row.events_processed != row.entries for row in rows):
        return False
    have = {row.period for row in rows}
    return all(set(p.periods) <= have for p in results.spec.inputs.processes if p.role == "data")


def _data_label(processes: Sequence[tuple[ProcessRecord, Sequence[InputRow]]]) -> str:
    labels = [p.label or p.name for p, _ in processes]
    return labels[0] if len(labels) == 1 else "Data"


def _values(h: hist.Hist[Any]) -> Floats:
    return np.asarray(h.values(), dtype=np.float64)


def _variances(h: hist.Hist[Any]) -> Floats:
    variances = h.variances()
    if variances is None:
        msg = (
            f"Simulation is drawn with errors, but the histogram {h.name!r} has no squared weights. "
            "Fill it with Weight storage."
        )
        raise ResultsError(msg)
    return np.asarray(variances, dtype=np.float64)


def _sum(histograms: Sequence[hist.Hist[Any]]) -> Floats:
    return np.asarray(np.sum([_values(h) for h in histograms], axis=0), dtype=np.float64)


def edges_of(axis: AxisRecord) -> Floats:
    """Return the bin edges of ``axis``, shape (bins + 1)."""
    if axis.kind == "variable":
        return np.asarray(axis.edges, dtype=np.float64)
    return np.linspace(axis.edges[0], axis.edges[-1], axis.bins + 1)


def axis_label(axis: AxisRecord) -> str:
    """Return label and unit: ``"mass [GeV]"``."""
    if not axis.unit or axis.unit == "1" or axis.label.rstrip().endswith("]"):
        return axis.label
    return f"{axis.label} [{axis.unit}]"


def events_label(axis: AxisRecord) -> str:
    """Return ``"Events / 2.5 GeV"``, or ``"Events / bin"`` where bins differ in width."""
    widths = np.diff(edges_of(axis))
    if not np.allclose(widths, widths[0], rtol=1e-9):
        return "Events / bin"
    unit = "" if axis.unit == "1" else axis.unit
    if not unit and np.isclose(widths[0], 1):
        return "Events"
    return f"Events / {widths[0]:.4g} {unit}".rstrip()


def energy_of(release: str) -> str:
    """Return the collision energy of a release, or that in its name: ``"13 TeV"``; empty if it has none."""
    published = known(release)
    if published is not None:
        return published.sqrt_s
    found = re.search(r"(\d+(?:p\d+)?)tev", release.casefold())
    return f"{found[1].replace('p', '.')} TeV" if found else ""
