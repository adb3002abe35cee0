"""Columns of a chunk in, sums of a scan out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from femtobarn.base.records import Kind
from femtobarn.base.spectra import SpectraRecord
from femtobarn.physics.spectra.sums import SpectraSums

if TYPE_CHECKING:
    from femtobarn.data.formats.convert import RawColumn


class SpectraEvaluation:
    """The sums of one task, chunk by chunk.

    Parameters
    ----------
    record
        the scan
    kind
        data are counted, simulated events weighed
    """

    def __init__(self, record: SpectraRecord, kind: Kind) -> None:
        raise NotImplementedError

    def add(self, columns: Mapping[str, RawColumn], entries: int) -> None:
        """Add the events of a chunk."""
        raise NotImplementedError

    def cutflow(self) -> dict[str, NDArray[np.float64]]:
        """Return the sums after each step of `steps.steps`: ``final states`` -> (1, steps + 1, 3)."""
        raise NotImplementedError

    def histograms(self) -> dict[tuple[str, str], NDArray[np.float64]]:
        """Return nothing: a scan has spectra in place of histograms."""
        return {}

    def spectra(self) -> SpectraSums:
        """Return the sums of all chunks."""
        raise NotImplementedError
