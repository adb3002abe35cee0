"""What a scan would do, and how much it could find and write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from femtobarn.base.record import Record

if TYPE_CHECKING:
    from femtobarn.base.records import AnalysisSpec, Kind
    from femtobarn.base.spectra import SpectraRecord
    from femtobarn.running.engine.plan import Plan

FILLED = 50
"""Bins of a spectrum that are not empty, for estimates: from a dozen in 10,000 events to hundreds in a release."""

_MOST = 10_000_000  # spectra; if the limits allow more, how many there are is no estimate of anything
_SUMS = 2.0  # bytes for a bin of spectra.npz that is not empty; of simulation three sums
_HISTOGRAM = 500.0  # bytes of a ROOT histogram without any entry, with its name
_COUNT, _WEIGHT = 10.0, 30.0  # bytes for a bin of a ROOT histogram that is not empty
_SHOWN = 8.0  # bytes for a bin in the gallery that is not empty


class Size(Record):
    """How large a file would be: bytes for each spectrum, and if all spectra occur that could (None: no estimate)."""

    file: str
    each: int
    most: int | None


class Extent(Record):
    """How much a scan reads, and could find and write.

    Parameters
    ----------
    files, parts, bytes
        of the input
    fields, branches
        that are read of it
    combinations
        how many there are of each quantity
    final_states
        how many the limits of the scan allow; None if more than could ever occur
    spectra
        how many there are of data, and of simulation, if all of these occur; None if that is no estimate
    sizes
        of the files that are written, roughly: for spectra in which `FILLED` bins are not empty
    """

    files: int
    parts: int
    bytes: int
    fields: tuple[str, ...]
    branches: tuple[str, ...]
    combinations: tuple[tuple[str, int], ...]
    final_states: int | None
    spectra: int | None
    sizes: tuple[Size, ...]


@dataclass(frozen=True, slots=True)
class ScanPlan:
    """The plan of a run, and how much it could find."""

    plan: Plan
    extent: Extent


def plan_of(made: Plan, spec: AnalysisSpec) -> ScanPlan:
    """Return what there is to say of a planned scan."""
    from femtobarn.physics.spectra.combinations import combinations
    from femtobarn.physics.spectra.extent import possible_spectra, possible_states

    record = spec.spectra
    assert record is not None
    counted = Counter(one.quantity for one in combinations(record))
    spectra = possible_spectra(record)
    countable = spectra <= _MOST
    by_process = record.output.files == "process"
    groups: dict[str, Kind] = {f.process if by_process else f.kind: f.kind for f in made.files}
    return ScanPlan(
        made,
        Extent(
            files=len(made.files),
            parts=len(made.tasks),
            bytes=sum(f.size for f in made.files),
            fields=made.fields,
            branches=made.branches,
            combinations=tuple(counted.items()),
            final_states=possible_states(record) if countable else None,
            spectra=spectra if countable else None,
            sizes=tuple(
                Size(file=file, each=round(each), most=round(each * spectra) if countable else None)
                for file, each in estimate(record, groups, FILLED).items()
            ),
        ),
    )


def estimate(record: SpectraRecord, groups: Mapping[str, Kind], filled: float) -> dict[str, float]:
    """Return about how many bytes a spectrum takes in each file.

    Parameters
    ----------
    groups
        what is written to files of its own, and whether it is data
    filled
        bins of a spectrum that are not empty
    """
    found = {"spectra.npz": sum(_SUMS * filled * (1 if kind == "data" else 3) for kind in groups.values())}
    for name, kind in groups.items():
        found[f"{name}.root"] = _HISTOGRAM + filled * (_COUNT if kind == "data" else _WEIGHT)
    if record.processing.mode != "none":
        found |= {f"{name}_processed.root": found[f"{name}.root"] for name in groups}
    if record.output.gallery:
        found["gallery.html"] = _SHOWN * filled * len(groups)
    return found
