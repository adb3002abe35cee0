"""The tables of a run directory: ledger, cutflow and yields, and their files."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from femtobarn.base.atomic import write_text
from femtobarn.base.errors import RunDirectoryError
from femtobarn.base.records import (
    NOMINAL,
    AnalysisSpec,
    CutflowRow,
    InputFile,
    Luminosity,
    Record,
    YieldRow,
    first_fault,
)
from femtobarn.running.results.merge import Merged

Row = TypeVar("Row", bound=Record)

ALL_EVENTS = "all events"
"""The name of step 0 of every cutflow."""

_COLUMN_OF_FIELD = {"yield_": "yield"}


def cutflow_rows(
    spec: AnalysisSpec,
    inputs: Sequence[InputFile],
    merged: Merged,
    factors: Mapping[int, float | None],
) -> tuple[CutflowRow, ...]:
    """Return the cutflow of every file, in the order of the plan; data have the nominal one only.

    ``factors`` gives by dataset what scales to 1 fb^-1.
    """
    rows: list[CutflowRow] = []
    for file in inputs:
        for selection in spec.selections:
            sums = merged.cutflow.get(file.name, {}).get(selection.name)
            if sums is None:
                continue
            cuts = (ALL_EVENTS, *(cut.name for cut in selection.cuts))
            rows += [
                CutflowRow(
                    process=file.process,
                    dsid=file.dataset,
                    file=file.name,
                    selection=selection.name,
                    variation=variation,
                    step=step,
                    cut=cut,
                    raw=int(sums[v, step, 0]),
                    sumw=float(sums[v, step, 1]),
                    sumw2=float(sums[v, step, 2]),
                    norm=factors.get(file.dataset)
                    if file.kind == "mc" and file.dataset is not None
                    else None,
                )
                for v, variation in enumerate(spec.variation_keys[: len(sums)])
                for step, cut in enumerate(cuts)
            ]
    return tuple(rows)


def yield_rows(
    spec: AnalysisSpec, cutflow: Iterable[CutflowRow], luminosity: Luminosity, *, complete: bool
) -> tuple[YieldRow, ...]:
    """Return the events that pass each selection by process, simulation at the luminosity of the result.

    Where that is not known the nominal luminosity of the analysis is used; without either, or where a
    dataset cannot be scaled, the yield of simulation is None.
    """
    scale = luminosity.value if luminosity.value is not None else luminosity.nominal
    last = {s.name: len(s.cuts) for s in spec.selections}
    found: dict[tuple[str, str], list[CutflowRow]] = {}
    for row in cutflow:
        if row.variation == NOMINAL and row.step == last[row.selection]:
            found.setdefault((row.selection, row.process), []).append(row)
    roles = {p.name: p.role for p in spec.inputs.processes}
    result: list[YieldRow] = []
    for selection in last:
        for process, role in roles.items():
            rows = found.get((selection, process))
            if rows is None:
                continue
            raw = sum(r.raw for r in rows)
            value: float | None
            error: float | None
            if role == "data":
                value, error = float(raw), math.sqrt(raw)
            else:
                value, error = _scaled(rows, scale)
            result.append(
                YieldRow(
                    selection=selection,
                    process=process,
                    role=role,
                    raw=raw,
                    yield_=value,
                    stat_error=error,
                    complete=complete,
                )
            )
    return tuple(result)


def write_rows(path: Path, kind: type[Row], rows: Iterable[Row]) -> None:
    """Write ``rows`` of one kind of record as CSV, one column per field, in one step."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    fields = tuple(kind.model_fields)
    writer.writerow([_COLUMN_OF_FIELD.get(f, f) for f in fields])
    for row in rows:
        writer.writerow([_cell(getattr(row, f)) for f in fields])
    write_text(path, text.getvalue())


def read_rows(path: Path, kind: type[Row]) -> tuple[Row, ...]:
    """Read what `write_rows` wrote.

    Raises
    ------
    RunDirectoryError
        if the file is absent or does not have these columns
    """
    field_of_column = {_COLUMN_OF_FIELD.get(f, f): f for f in kind.model_fields}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            _check_columns(list(reader.fieldnames or ()), list(field_of_column))
            return tuple(
                kind.model_validate({field_of_column[c]: _value(c, v) for c, v in row.items()})
                for row in reader
            )
    except (OSError, KeyError, TypeError, ValidationError) as error:
        msg = (
            f"Expected a table of {', '.join(field_of_column)} in {path}, but it cannot be read "
            f"({_words(error)}). Run the same command again to write it anew."
        )
        raise RunDirectoryError(msg) from error


def _check_columns(found: list[str], wanted: list[str]) -> None:
    if found != wanted:
        raise KeyError(f"its columns are {', '.join(found) or 'none'}")


def _words(error: Exception) -> str:
    if isinstance(error, ValidationError):
        fault = first_fault(error)
        return f"{fault.where}: {fault.what}"
    return str(error.args[0]) if error.args else type(error).__name__


def _scaled(rows: Sequence[CutflowRow], luminosity: float | None) -> tuple[float | None, float | None]:
    if luminosity is None:
        return None, None
    value = variance = 0.0
    for row in rows:
        if row.norm is None:
            return None, None
        value += luminosity * row.norm * row.sumw
        variance += (luminosity * row.norm) ** 2 * row.sumw2
    return value, math.sqrt(variance)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, float) else str(value)


_TEXT = frozenset({"reason", "worker", "task", "file", "process", "selection", "variation", "cut", "role"})


def _value(column: str, cell: str) -> str | None:
    return None if cell == "" and column not in _TEXT else cell
