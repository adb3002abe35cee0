"""The cutflow of a run as arrays: with many variations it has many rows, most of which nobody asks for."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from femtobarn.base.records import NOMINAL, CutflowRow, InputFile, SelectionRecord
from femtobarn.running.results.partial import Array

ALL_EVENTS = "all events"
"""The name of step 0 of every cutflow."""

COLUMNS = tuple(CutflowRow.model_fields)


@dataclass(frozen=True, eq=False, slots=True)
class FileCutflow:
    """The cutflow of one file in one selection.

    Parameters
    ----------
    file, selection
        whose it is
    variations
        the variations of ``sums``: data have the nominal one only
    sums
        (variations, steps, 3): events, weights and squared weights after each step
    norm
        the factor to 1 fb^-1; None for data, and where it is unknown
    """

    file: InputFile
    selection: SelectionRecord
    variations: tuple[str, ...]
    sums: Array
    norm: float | None

    @property
    def cuts(self) -> tuple[str, ...]:
        """The names of the steps."""
        return (ALL_EVENTS, *(cut.name for cut in self.selection.cuts))

    def row(self, variation: int, step: int) -> CutflowRow:
        """Return one row, by the number of its variation and step."""
        raw, sumw, sumw2 = self.sums[variation, step].tolist()
        return CutflowRow(
            process=self.file.process,
            dsid=self.file.dataset,
            file=self.file.name,
            selection=self.selection.name,
            variation=self.variations[variation],
            step=step,
            cut=self.cuts[step],
            raw=int(raw),
            sumw=sumw,
            sumw2=sumw2,
            norm=self.norm,
        )


@dataclass(frozen=True, eq=False, slots=True)
class Cutflow:
    """The cutflow of all files, in the order of the plan; iterating gives its rows."""

    parts: Sequence[FileCutflow]

    def __len__(self) -> int:
        """Return the number of rows."""
        return sum(len(p.variations) * len(p.cuts) for p in self.parts)

    def __iter__(self) -> Iterator[CutflowRow]:
        """Give all rows."""
        for part in self.parts:
            for variation in range(len(part.variations)):
                for step in range(len(part.cuts)):
                    yield part.row(variation, step)

    def short(self) -> Iterator[CutflowRow]:
        """Give the nominal rows, and those of every variation after the last cut: all that yields need."""
        for part in self.parts:
            last = len(part.cuts) - 1
            for step in range(last):
                yield part.row(0, step)
            for variation in range(len(part.variations)):
                yield part.row(variation, last)

    def text(self) -> str:
        """Return cutflow.csv, equal to what a writer of rows gives."""
        lines = [",".join(COLUMNS) + "\n"]
        for part in self.parts:
            file = part.file
            dataset = "" if file.dataset is None else str(file.dataset)
            before = _cells(file.process, dataset, file.name, part.selection.name)
            after = "" if part.norm is None else repr(part.norm)
            cuts = [f"{step},{_cells(cut)}" for step, cut in enumerate(part.cuts)]
            for variation, steps in zip(part.variations, part.sums.tolist(), strict=True):
                start = f"{before},{_cells(variation)},"
                lines += [
                    f"{start}{cut},{raw:.0f},{sumw!r},{sumw2!r},{after}\n"
                    for cut, (raw, sumw, sumw2) in zip(cuts, steps, strict=True)
                ]
        return "".join(lines)


def needed(row: Sequence[str], last: dict[str, str]) -> bool:
    """Tell whether the cells of a row belong to `Cutflow.short`; ``last`` is the last step by selection."""
    return row[_VARIATION] == NOMINAL or row[_STEP] == last.get(row[_SELECTION])


_SELECTION, _VARIATION, _STEP = (COLUMNS.index(c) for c in ("selection", "variation", "step"))


def _cells(*values: str) -> str:
    """Return ``values`` as cells of a table, quoted where that is needed."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(values)  # cells with either of them are quoted
    return text.getvalue()[:-2]
