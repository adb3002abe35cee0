"""Which inputs of a run a figure shows."""

from __future__ import annotations

from collections.abc import Sequence

from femtobarn.base.errors import UnknownNameError
from femtobarn.base.records import FigureRecord, InputRow, ProcessRecord
from femtobarn.show.results_like import Results


def chosen_inputs(results: Results, record: FigureRecord) -> list[tuple[ProcessRecord, list[InputRow]]]:
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


def parts(
    record: FigureRecord, process: ProcessRecord, rows: Sequence[InputRow]
) -> tuple[list[int] | None, list[str] | None]:
    """Return the datasets and the files of ``process`` to which the figure is restricted."""
    datasets = None
    files = None
    if process.role != "data" and record.datasets is not None:
        datasets = sorted({row.dataset for row in rows if row.dataset is not None})
    elif record.files is not None:
        files = [f for f in record.files if any(f in {row.name, row.period} for row in rows)]
    return datasets, files
