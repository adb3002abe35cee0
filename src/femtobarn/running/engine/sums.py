"""The sums of one task, added event by event in their order: chunks leave no trace in the result."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from femtobarn.base.errors import NotFiniteError
from femtobarn.base.records import AnalysisSpec, Kind
from femtobarn.running.results import shapes
from femtobarn.running.results.partial import Array, HistogramKey


class Filled(Protocol):
    """Values, one array per axis, and weights of what goes into a histogram."""

    @property
    def values(self) -> tuple[NDArray[np.float64], ...]:
        """One flat array per axis."""
        ...

    @property
    def weight(self) -> NDArray[np.float64]:
        """As long as the values."""
        ...


class Evaluated(Protocol):
    """The outcome of a chunk of events, as `femtobarn.physics.language.evaluate.evaluate` returns it."""

    def passed(self, variation: str, selection: str) -> NDArray[np.int64]:
        """Return per event the number of cuts passed before the first failed one."""
        ...

    def weight(self, variation: str) -> NDArray[np.float64]:
        """Return the weight of each event."""
        ...

    def fill(self, variation: str, selection: str, histogram: str) -> Filled:
        """Return what goes into a histogram."""
        ...


class Accumulator:
    """Histograms and cutflow of one task.

    Every addition is to one running sum per bin, in the order of events, so that the bits do not depend
    on how events are grouped in chunks.

    Parameters
    ----------
    spec
        the analysis
    kind
        data have the nominal variation only
    """

    def __init__(self, spec: AnalysisSpec, kind: Kind) -> None:
        import boost_histogram as bh

        self._variations = spec.variation_keys if kind == "mc" else spec.variation_keys[:1]
        self._histograms: dict[HistogramKey, list[Any]] = {}
        for record in spec.histograms:
            axes = [shapes.bare_axis(axis) for axis in record.axes]
            for selection in record.selections:
                self._histograms[selection, record.name] = [
                    bh.Histogram(*axes, storage=bh.storage.Weight()) for _ in self._variations
                ]
        # per number of cuts passed; the sums after each step follow at the end
        self._exclusive = {
            s.name: np.zeros((len(self._variations), len(s.cuts) + 1, 3)) for s in spec.selections
        }

    def add(self, chunk: Evaluated) -> None:
        """Add the events of a chunk."""
        for v, variation in enumerate(self._variations):
            weight = chunk.weight(variation)
            bad = int(np.count_nonzero(~np.isfinite(weight)))
            if bad:
                msg = (
                    f"{bad} of {len(weight)} events have a weight that is infinite or not a number ({variation}): "
                    "one of them would spoil every sum. Check the weights of the analysis."
                )
                raise NotFiniteError(msg)
            for selection, sums in self._exclusive.items():
                passed = chunk.passed(variation, selection)
                terms: tuple[float | NDArray[np.float64], ...] = (1.0, weight, weight * weight)
                for column, term in enumerate(terms):
                    np.add.at(sums[v, :, column], passed, term)
            for (selection, name), histograms in self._histograms.items():
                filled = chunk.fill(variation, selection, name)
                histograms[v].fill(*filled.values, weight=filled.weight)

    def histograms(self) -> dict[HistogramKey, Array]:
        """Return the sums by selection and name: (variations, bins with flow per axis, 2)."""
        result: dict[HistogramKey, Array] = {}
        for key, histograms in self._histograms.items():
            views = [h.view(flow=True) for h in histograms]
            result[key] = np.stack([np.stack([v["value"], v["variance"]], axis=-1) for v in views])
        return result

    def cutflow(self) -> dict[str, Array]:
        """Return the sums after each step by selection: (variations, steps, 3)."""
        return {
            name: np.ascontiguousarray(np.cumsum(sums[:, ::-1], axis=1)[:, ::-1])
            for name, sums in self._exclusive.items()
        }
