"""From results to what a figure shows."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from femtobarn.base.errors import ResultsError, UnknownNameError
from femtobarn.base.records import AxisRecord, FigureRecord, InputRow, ProcessRecord
from femtobarn.show.figures.axes import axis_label, edges_of, energy_of, events_label
from femtobarn.show.figures.inputs import chosen_inputs, parts
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
    chosen = chosen_inputs(results, record)
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
    layers: list[_Simulated] = []
    for process, rows in simulated:
        try:
            layers.append(_simulated(results, record, process, rows, scale, varied=len(axes) == 1))
        except ResultsError as error:
            notes.append(textwrap.shorten(f"{process.name} not drawn: {error}", 160, placeholder=" …"))
    if not chosen:
        notes.append("nothing of what this figure shows has been processed")

    common = _Common(results, record, axes, scale, tuple(notes))
    if len(axes) == 2:
        return common.heat(counts, [layer.nominal for layer in layers])
    return common.stack(counts, layers, data_label=_data_label(data_processes))


@dataclass(frozen=True, slots=True)
class _Simulated:
    """A simulated process as it is drawn; ``varied`` (variations, bins) is None if nothing is varied."""

    process: ProcessRecord
    nominal: hist.Hist[Any]
    varied: Floats | None


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
        simulation: Sequence[_Simulated],
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
            Layer(
                process=s.process.name,
                label=s.process.label or s.process.name,
                colour=s.process.colour,
                role=s.process.role,
                values=_values(s.nominal),
                variances=_variances(s.nominal),
                varied=s.varied,
            )
            for s in simulation
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
            variations=self.results.spec.variations if layers else (),
        )


def _histogram(
    results: Results,
    record: FigureRecord,
    process: ProcessRecord,
    rows: Sequence[InputRow],
    luminosity: float | None,
) -> hist.Hist[Any]:
    datasets, files = parts(record, process, rows)
    return results.histogram(
        record.histogram,
        record.selection,
        process=process.name,
        datasets=datasets,
        files=files,
        luminosity=luminosity,
    )


def _simulated(
    results: Results,
    record: FigureRecord,
    process: ProcessRecord,
    rows: Sequence[InputRow],
    luminosity: float | None,
    *,
    varied: bool,
) -> _Simulated:
    nominal = _histogram(results, record, process, rows, luminosity)
    if not (varied and results.spec.variations):
        return _Simulated(process, nominal, None)
    datasets, files = parts(record, process, rows)
    values = results.varied_values(
        record.histogram,
        record.selection,
        process=process.name,
        datasets=datasets,
        files=files,
        luminosity=luminosity,
    )
    return _Simulated(process, nominal, values[1:])


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
