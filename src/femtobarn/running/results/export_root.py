"""histograms.root: what ROOT users open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import uproot
from uproot.writing import identify

from femtobarn.base.atomic import replacing
from femtobarn.base.records import HistogramRecord, RunInfo
from femtobarn.running.results import shapes
from femtobarn.running.results.merge import Merged, Sums
from femtobarn.running.results.names import safe_names
from femtobarn.running.results.partial import Array
from femtobarn.running.results.scaling import Scale

_MOST_AXES = 3  # TH3D is ROOT's largest


def write_root(path: Path, info: RunInfo, merged: Merged) -> None:
    """Write ``selection/variation/process/name`` as TH1D, TH2D or TH3D with variances, in one step.

    Simulation is at the luminosity of the result (else the nominal one of the analysis); without
    either, and for processes that cannot be scaled, simulation is left out. Data are counts, under the
    nominal variation only.
    """
    spec = info.analysis
    luminosity = info.luminosity.value if info.luminosity.value is not None else info.luminosity.nominal
    scale = Scale(info)
    selections = safe_names(s.name for s in spec.selections)
    variations = safe_names(spec.variation_keys)
    processes = safe_names(p.name for p in spec.inputs.processes)
    names = safe_names(h.name for h in spec.histograms)
    with replacing(path) as temporary, uproot.recreate(temporary) as target:
        for record in spec.histograms:
            if len(record.axes) > _MOST_AXES:
                continue
            for selection in record.selections:
                sums = merged.histograms[selection, record.name]
                for process, values in _by_process(record, sums, scale, luminosity):
                    data = spec.process(process).role == "data"
                    shown = spec.variation_keys[:1] if data else spec.variation_keys
                    for variation, histogram in zip(shown, _histograms(record, values), strict=False):
                        where = (
                            f"{selections[selection]}/{variations[variation]}/"
                            f"{processes[process]}/{names[record.name]}"
                        )
                        target[where] = histogram


def _histograms(record: HistogramRecord, values: Array) -> Iterator[Any]:
    """Give what uproot writes for each of ``values`` (variations, bins with flow, 2)."""
    if len(record.axes) != 1:
        yield from (shapes.with_sums(record, v) for v in values)
        return
    # a TH1D is made from its arrays: with hundreds of variations, histogram objects take most of the time
    axis = record.axes[0]
    regular = axis.kind == "regular"
    edges = np.linspace(axis.edges[0], axis.edges[-1], axis.bins + 1) if regular else np.array(axis.edges)
    centres = (edges[1:] + edges[:-1]) / 2
    root_axis = identify.to_TAxis(
        fName="xaxis",
        fTitle=shapes.label(axis),
        fNbins=axis.bins,
        fXmin=edges[0],
        fXmax=edges[-1],
        fXbins=None if regular else edges,
    )
    inside = values[:, 1:-1]
    totals = inside.sum(axis=1)
    moments = [(inside[..., 0] * centres**power).sum(axis=1) for power in (1, 2)]
    for v, sums in enumerate(values):
        yield identify.to_TH1x(
            fName=None,
            fTitle=record.name,
            data=sums[:, 0].astype(">f8"),
            fEntries=sums[:, 0].sum(),
            fTsumw=totals[v, 0],
            fTsumw2=totals[v, 1],
            fTsumwx=moments[0][v],
            fTsumwx2=moments[1][v],
            fSumw2=sums[:, 1].astype(">f8"),
            fXaxis=root_axis,
        )


def _by_process(
    record: HistogramRecord, sums: Sums, scale: Scale, luminosity: float | None
) -> Iterator[tuple[str, Array]]:
    """Give for each process its sums (variations, bins with flow, 2) at ``luminosity``."""
    totals: dict[str, Array | None] = {}
    for i, key in enumerate(sums.keys):
        member = scale.member(record.keep, key)
        if not member.events:
            continue
        factor: float | None = 1.0
        if not member.data:
            factor = None if luminosity is None or member.factor is None else luminosity * member.factor
        so_far = totals.get(member.process, np.zeros_like(sums.array[0]))
        if factor is None or so_far is None:
            totals[member.process] = None
        else:
            totals[member.process] = so_far + sums.array[i] * np.array([factor, factor**2])
    for process, total in totals.items():
        if total is not None:
            yield process, total
