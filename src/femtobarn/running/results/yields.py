"""Events that pass the selections under every variation, and what variations change of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from femtobarn.base.errors import ResultsError
from femtobarn.base.records import AnalysisSpec, CutflowRow, VariationRecord, YieldRow
from femtobarn.running.results.systematics import systematic_band

VariedYields: TypeAlias = Mapping[tuple[str, str], NDArray[np.float64] | None]
"""By selection and simulated process: nominal yield, then that of each variation; None if not scaled."""


class YieldWithErrors(YieldRow):
    """One line of yields.csv.

    ``syst_down`` and ``syst_up`` are the distances, 0 or more, to the lower and upper end of the
    systematic error; None for data, without variations, and where the yield is not known.
    """

    syst_down: float | None = None
    syst_up: float | None = None


@dataclass(frozen=True, slots=True)
class Effect:
    """What the directions of one variation change of the simulation that passes a selection.

    Parameters
    ----------
    selection, name
        which selection, which variation
    nominal
        the nominal yield of all processes together
    up, down
        yield minus ``nominal`` in that direction; None if it is not declared
    """

    selection: str
    name: str
    nominal: float
    up: float | None
    down: float | None

    @property
    def largest(self) -> float:
        """The larger of the absolute shifts."""
        return max(abs(shift) for shift in (self.up, self.down, 0.0) if shift is not None)


def varied_yields(
    spec: AnalysisSpec, cutflow: Iterable[CutflowRow], luminosity: float | None
) -> VariedYields:
    """Return the yields of simulation after the last cut, at ``luminosity`` fb^-1, under all variations.

    Raises
    ------
    ResultsError
        if the cutflow does not hold every variation of every simulated file
    """
    last = {s.name: len(s.cuts) for s in spec.selections}
    place = {key: i for i, key in enumerate(spec.variation_keys)}
    simulated = {p.name for p in spec.inputs.processes if p.role != "data"}
    sums: dict[tuple[str, str], NDArray[np.float64] | None] = {}
    counts: dict[tuple[str, str], NDArray[np.int64]] = {}
    for row in cutflow:
        if row.process not in simulated or row.step != last.get(row.selection):
            continue
        index = place.get(row.variation)
        if index is None:
            continue
        key = (row.selection, row.process)
        counts.setdefault(key, np.zeros(len(place), dtype=np.int64))[index] += 1
        total = sums.setdefault(key, np.zeros(len(place)))
        if row.norm is None or luminosity is None:
            sums[key] = None
        elif total is not None:
            total[index] += luminosity * row.norm * row.sumw
    for (selection, process), seen in counts.items():
        if not np.all(seen == seen[0]):
            lacking = spec.variation_keys[int(np.argmin(seen))]
            msg = (
                f"Expected every variation of every file of {process} in the cutflow of selection "
                f"{selection}, but {lacking!r} is there for {seen.min()} of {seen.max()} files. Run the "
                "same command again to write it anew."
            )
            raise ResultsError(msg)
    return sums


def systematic_errors(
    variations: Sequence[VariationRecord], values: NDArray[np.float64] | None
) -> tuple[float, float] | None:
    """Return the systematic error of a yield downwards and upwards; None without variations or a yield."""
    if values is None or not variations:
        return None
    band = systematic_band(variations, values)
    return float(band.down), float(band.up)


def in_total(yields: VariedYields, selection: str) -> NDArray[np.float64] | None:
    """Return the sum over processes: a variation acts on all of them at once. None if one is not scaled."""
    parts = [values for (own, _), values in yields.items() if own == selection]
    known = [values for values in parts if values is not None]
    return np.asarray(np.sum(known, axis=0)) if parts and len(known) == len(parts) else None


def _up_and_down(shifts: Mapping[str, float]) -> tuple[float | None, float | None]:
    """Return the shifts of ``up`` and ``down``; of alternatives with other names the greatest and the least."""
    if shifts.keys() <= {"up", "down"}:
        return shifts.get("up"), shifts.get("down")
    return max(shifts.values()), min(shifts.values())


def effects(spec: AnalysisSpec, yields: VariedYields, selection: str) -> tuple[Effect, ...]:
    """Return what each variation changes of all simulation in ``selection``, the largest change first."""
    total = in_total(yields, selection)
    if total is None or not spec.variations:
        return ()
    nominal = float(total[0])
    shifts: dict[str, dict[str, float]] = {}
    for variation, value in zip(spec.variations, total[1:], strict=True):
        shifts.setdefault(variation.name, {})[variation.direction] = float(value) - nominal
    found = [Effect(selection, name, nominal, *_up_and_down(own)) for name, own in shifts.items()]
    return tuple(sorted(found, key=lambda effect: -effect.largest))  # stable: ties as declared
