"""The cutflow of each process: what every cut leaves, in events and in percent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from femtobarn.base.records import NOMINAL, CutflowRow, ProcessRecord


@dataclass(frozen=True, slots=True)
class CutStep:
    """What is left after one cut; ``weighted`` is None if the normalisation is not known."""

    step: int
    cut: str
    raw: int
    weighted: float | None


@dataclass(frozen=True, slots=True)
class ProcessCutflow:
    """The steps of one process in one selection, in order."""

    selection: str
    process: str
    steps: tuple[CutStep, ...]


def by_process(
    rows: Iterable[CutflowRow], processes: Iterable[ProcessRecord], luminosity: float | None
) -> tuple[ProcessCutflow, ...]:
    """Sum the nominal ``rows`` over files; simulation is weighted to ``luminosity`` fb^-1."""
    roles = {p.name: p.role for p in processes}
    sums: dict[tuple[str, str], dict[int, CutStep]] = {}
    for row in rows:
        if row.variation != NOMINAL:
            continue
        steps = sums.setdefault((row.selection, row.process), {})
        here: float | None = float(row.raw)
        if roles.get(row.process) != "data":
            here = None if row.norm is None or luminosity is None else row.sumw * row.norm * luminosity
        before = steps.get(row.step)
        if before is None:
            steps[row.step] = CutStep(row.step, row.cut, row.raw, here)
        else:
            both = None if here is None or before.weighted is None else before.weighted + here
            steps[row.step] = CutStep(row.step, before.cut, before.raw + row.raw, both)
    order = list(roles)
    found = sorted(
        sums.items(), key=lambda item: order.index(item[0][1]) if item[0][1] in roles else len(order)
    )
    selections = list(dict.fromkeys(selection for selection, _ in sums))
    return tuple(
        ProcessCutflow(selection, process, tuple(steps[i] for i in sorted(steps)))
        for wanted in selections
        for (selection, process), steps in found
        if selection == wanted
    )
