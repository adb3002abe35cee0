"""Shapes and axes of histograms, from their declarations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from femtobarn.base.records import AxisRecord, HistogramRecord

if TYPE_CHECKING:
    import hist


def bins(histogram: HistogramRecord) -> tuple[int, ...]:
    """Return the number of bins of each axis, with underflow and overflow."""
    return tuple(axis.bins + 2 for axis in histogram.axes)


def label(axis: AxisRecord) -> str:
    """Return the label of ``axis`` with its unit."""
    return f"{axis.label} [{axis.unit}]" if axis.label and axis.unit else axis.label


def bare_axis(axis: AxisRecord) -> Any:
    """Return the boost-histogram axis of ``axis``, with flow bins and without labels."""
    import boost_histogram as bh

    if axis.kind == "regular":
        return bh.axis.Regular(axis.bins, axis.edges[0], axis.edges[-1])
    return bh.axis.Variable(list(axis.edges))


def with_sums(histogram: HistogramRecord, sums: NDArray[np.float64]) -> hist.Hist[Any]:
    """Return ``sums`` as a `hist.Hist` with Weight storage, whose axes carry the declared labels.

    Parameters
    ----------
    histogram
        its axes
    sums
        (bins with flow per axis, 2): sums of weights and of squared weights
    """
    import hist

    axes: list[Any] = []
    for i, axis in enumerate(histogram.axes):
        name = "xyzuvw"[i] if i < 6 else f"axis{i}"
        words = label(axis)
        if axis.kind == "regular":
            axes.append(hist.axis.Regular(axis.bins, axis.edges[0], axis.edges[-1], name=name, label=words))
        else:
            axes.append(hist.axis.Variable(list(axis.edges), name=name, label=words))
    result = hist.Hist(*axes, storage=hist.storage.Weight(), name=histogram.name)
    view: Any = result.view(flow=True)
    view["value"], view["variance"] = sums[..., 0], sums[..., 1]
    return result
