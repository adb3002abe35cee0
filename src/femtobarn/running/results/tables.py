"""The tables of a run directory: ledger, cutflow and yields, and their files."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from femtobarn.base.atomic import write_text
from femtobarn.base.errors import RunDirectoryError
from femtobarn.base.record import Record, first_fault
from femtobarn.base.records import NOMINAL, AnalysisSpec, CutflowRow, InputFile, Luminosity
from femtobarn.running.results.cutflow import Cutflow, FileCutflow
from femtobarn.running.results.merge import Merged
from femtobarn.running.results.yields import YieldWithErrors, systematic_errors, varied_yields

Row = TypeVar("Row", bound=Record)

_COLUMN_OF_FIELD = {"yield_": "yield"}


def cutflow_rows(
    spec: AnalysisSpec,
    inputs: Sequence[InputFile],
    merged: Merged,
    factors: Mapping[int, float | None],
) -> Cutflow:
    """Return the cutflow of every file, in the order of the plan; data have the nominal one only.

    ``factors`` gives by dataset what scales to 1 fb^-1.
    """
    parts = []
    for file in inputs:
        norm = factors.get(file.dataset) if file.kind == "mc" and file.dataset is not None else None
        for selection in spec.selections:
            sums = merged.cutflow.get(file.name, {}).get(selection.name)
            if sums is not None:
                parts.append(FileCutflow(file, selection, spec.variation_keys[: len(sums)], sums, norm))
    return Cutflow(tuple(parts))


def yield_rows(
    spec: AnalysisSpec,
    cutflow: Cutflow | Sequence[CutflowRow],
    luminosity: Luminosity,
    *,
    complete: bool,
) -> tuple[YieldWithErrors, ...]:
    """Return the events that pass each selection by process, simulation at the luminosity of the result.

    Where that is not known the nominal luminosity of the analysis is used; without either, or where a
    dataset cannot be scaled, the yield of simulation is None. Systematic errors are those of
    `femtobarn.running.results.systematics.systematic_band`.

    Raises
    ------
    ResultsError
        if the cutflow lacks a variation of a file
    """
    scale = luminosity.value if luminosity.value is not None else luminosity.nominal
    last = {s.name: len(s.cuts) for s in spec.selections}
    found: dict[tuple[str, str], list[CutflowRow]] = {}
    rows_needed = tuple(cutflow.short()) if isinstance(cutflow, Cutflow) else cutflow
    for row in rows_needed:
        if row.variation == NOMINAL and row.step == last[row.selection]:
            found.setdefault((row.selection, row.process), []).append(row)
    roles = {p.name: p.role for p in spec.inputs.processes}
    varied = varied_yields(spec, rows_needed, scale)
    result: list[YieldWithErrors] = []
    for selection in last:
        for process, role in roles.items():
            rows = found.get((selection, process))
            if rows is None:
                continue
            raw = sum(r.raw for r in rows)
            value: float | None
            error: float | None
            systematic = systematic_errors(spec.variations, varied.get((selection, process)))
            if role == "data":
                value, error = float(raw), math.sqrt(raw)
            else:
                value, error = _scaled(rows, scale)
            result.append(
                YieldWithErrors(
                    selection=selection,
                    process=process,
                    role=role,
                    raw=raw,
                    yield_=value,
                    stat_error=error,
                    complete=complete,
                    syst_down=None if systematic is None else systematic[0],
                    syst_up=None if systematic is None else systematic[1],
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


def read_rows(
    path: Path, kind: type[Row], wanted: Callable[[Sequence[str]], bool] | None = None
) -> tuple[Row, ...]:
    """Read what `write_rows` wrote; of many rows, those whose cells are ``wanted``.

    Raises
    ------
    RunDirectoryError
        if the file is absent or does not have these columns
    """
    field_of_column = {_COLUMN_OF_FIELD.get(f, f): f for f in kind.model_fields}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.reader(file)
            columns = next(reader, [])
            _check_columns(columns, list(field_of_column))
            return tuple(
                kind.model_validate(
                    {field_of_column[c]: _value(c, v) for c, v in zip(columns, row, strict=True)}
                )
                for row in reader
                if wanted is None or wanted(row)
            )
    except (OSError, KeyError, IndexError, TypeError, ValueError, csv.Error) as error:
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
    if isinstance(error, UnicodeDecodeError):
        return "it is not text"
    if isinstance(error, IndexError | ValueError):
        return "a row does not have as many cells as there are columns"
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
