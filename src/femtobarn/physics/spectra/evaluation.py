"""Columns of a chunk in, sums of a scan out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from femtobarn.base.errors import DataError, NotFiniteError
from femtobarn.base.records import Kind
from femtobarn.base.spectra import SpectraRecord
from femtobarn.physics.spectra.fast.filling import Chunk, CrowdedError, Filling
from femtobarn.physics.spectra.given import Given
from femtobarn.physics.spectra.selection import objects_of
from femtobarn.physics.spectra.states import MOST
from femtobarn.physics.spectra.steps import SELECTION, selection
from femtobarn.physics.spectra.sums import SpectraSums, columns, renumbered

if TYPE_CHECKING:
    from femtobarn.data.formats.convert import RawColumn

Floats = NDArray[np.float64]


class SpectraEvaluation:
    """The sums of one task, chunk by chunk.

    Every sum is one running sum over the events in their order, so that chunks leave no trace.

    Parameters
    ----------
    record
        the scan
    kind
        data are counted, simulated events weighed
    """

    def __init__(self, record: SpectraRecord, kind: Kind) -> None:
        self._record, self._kind = record, kind
        self._filling = Filling(record, columns(kind), steps=len(selection(record).cuts))
        self._events = 0
        self._invalid: dict[str, None] = {}

    def add(self, columns: Mapping[str, RawColumn], entries: int) -> None:
        """Add the events of a chunk.

        Raises
        ------
        NotFiniteError
            if a weight is infinite or not a number
        DataError
            if an event that is to be kept has too many objects of a kind
        """
        record, given = self._record, Given(columns, entries)
        objects = tuple(objects_of(one, record, given) for one in record.objects)
        asked = "met" in record.quantities and record.met == "file"
        met = (given.per_event("met.pt"), given.per_event("met.phi")) if asked else None
        chunk = Chunk(objects, self._weights(given), met)
        try:
            self._filling.add(chunk)
        except CrowdedError as error:
            msg = (
                f"Event {self._events + error.event} of those read (the first is 0) has more than {MOST} objects of a "
                "kind: expected a number that a final state can have. Limit their number, or raise their least pt; "
                "or the file is damaged."
            )
            raise DataError(msg) from None
        self._events += entries
        named = zip(record.objects, objects, strict=True)
        self._invalid |= {one.collection: None for one, found in named if found.invalid}

    def cutflow(self) -> dict[str, Floats]:
        """Return the sums after each step of `steps.selection`: ``final states`` -> (1, steps + 1, 3)."""
        sums = np.cumsum(self._filling.exclusive[np.newaxis, ::-1], axis=1)[:, ::-1]
        return {SELECTION: np.ascontiguousarray(sums)}

    def histograms(self) -> dict[tuple[str, str], Floats]:
        """Return nothing: a scan has spectra in place of histograms."""
        return {}

    def spectra(self) -> SpectraSums:
        """Return the sums of all chunks."""
        states = self._filling.states
        order = np.argsort(states.codes)
        places = np.empty(len(order), np.int64)
        places[order] = np.arange(len(order))
        cells, sums = self._filling.bins.content()
        cells = renumbered(cells, places)
        ascending = np.argsort(cells)
        return SpectraSums(
            states.codes[order],
            states.events[order],
            cells[ascending],
            sums[ascending],
            self._filling.singles.content(places) if self._record.values else None,
        )

    def notes(self) -> tuple[str, ...]:
        """Return what a reader of the sums must know of the events."""
        words = "objects whose four-vector is not finite, or absurdly large, were left out"
        return tuple(f"{collection}: {words}" for collection in self._invalid)

    def _weights(self, given: Given) -> Floats:
        weights = np.ones(given.entries)
        for path in self._record.weight if self._kind == "mc" else ():
            weights = weights * given.per_event(path)
        bad = int(np.count_nonzero(~np.isfinite(weights)))
        if bad:
            msg = (
                f"{bad} of {len(weights)} events have a weight that is infinite or not a number: "
                "one of them would spoil every sum. Check the weights of the scan."
            )
            raise NotFiniteError(msg)
        return weights
