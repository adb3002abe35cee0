"""From what was measured to the whole 2024 release: core hours, and bytes read and written."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from benchmarks.scale import extrapolation
from benchmarks.scale.extrapolation import Estimate, MissingError
from benchmarks.scale.results import Results as ScaleResults
from benchmarks.spectra.fits import by_events, costs, power
from benchmarks.spectra.results import Growth, GrowthRow

COMBINATIONS = 186
"""Of the production configuration."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a scan of a release would take.

    Parameters
    ----------
    columns, whole
        the estimate if the needed columns are read over the network, and if files are
    event, value, opening
        CPU seconds of an event, of a value, and of opening a file of the release beyond one of the input
    values_per_event
        masses of an event
    spectra_bytes, exponent
        of the merged sums: if they keep growing with events as they do between the largest sizes measured
    """

    columns: Estimate
    whole: Estimate
    event: float
    value: float
    opening: float
    values_per_event: float
    spectra_bytes: float
    exponent: float


def plan(growth: Growth, scale: ScaleResults) -> Plan:
    """Return the plan for the release that the catalogue calls by `extrapolation.RECORD`.

    Raises
    ------
    MissingError
        if something was not measured from which it follows
    """
    rows = by_events(growth.rows).get(COMBINATIONS, ())
    if len(rows) < 2:
        raise MissingError(f"the growth of {COMBINATIONS} combinations with events is needed")
    largest, what = rows[-1], extrapolation.release()
    one = costs(growth)
    per_event = largest.values / largest.events
    beyond = growth.opening.seconds[1] - growth.opening.seconds[0]
    known = extrapolation.costs_of(scale, 1e6 * (one.event + one.value * per_event))
    found = dataclasses.replace(
        known,
        overhead=known.overhead + beyond,
        merge=growth.merging,
        bytes_per_event=largest.bytes_read / largest.events,
        partial_bytes=largest.partials / largest.tasks,
    )
    exponent = _exponent(rows)
    return Plan(
        columns=extrapolation.estimate(what, found, whole=False),
        whole=extrapolation.estimate(what, found, whole=True),
        event=one.event,
        value=one.value,
        opening=beyond,
        values_per_event=per_event,
        spectra_bytes=largest.sums * (what.events / largest.events) ** exponent,
        exponent=exponent,
    )


def _exponent(rows: tuple[GrowthRow, ...]) -> float:
    last = rows[-2:]
    return power(last, [row.sums for row in last])
