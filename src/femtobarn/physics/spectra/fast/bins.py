"""The bins that are not empty: a table that grows."""

from __future__ import annotations

import numpy as np

from femtobarn.physics.spectra.fast.native import kernel
from femtobarn.physics.spectra.sums import Numbers, Sums

_FIRST = 12


class Bins:
    """Sums by the number of a bin.

    Parameters
    ----------
    columns
        how many sums a bin has

    Attributes
    ----------
    bits
        the table has 2**bits places
    table
        (places, 1 + columns) uint64: number of a bin and one, 0 if free; sums, as doubles
    """

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self.bits = _FIRST
        self.table = self._made(self.bits)

    @property
    def most(self) -> int:
        """How many places may be taken: in a full table the search for one is long."""
        return len(self.table) * 3 // 4

    def hold(self, bins: int) -> None:
        """Make room for so many bins."""
        bits = self.bits
        while (1 << bits) * 3 // 4 < bins:
            bits += 1
        if bits > self.bits:
            table = self._made(bits)
            kernel("move")(self.table.ctypes.data, self.bits, table.ctypes.data, bits, self._columns)
            self.bits, self.table = bits, table

    def content(self) -> tuple[Numbers, Sums]:
        """Return the numbers of the bins, and their sums, in no order."""
        taken = self.table[self.table[:, 0] != 0]
        sums: Sums = np.ascontiguousarray(taken[:, 1:]).view(np.float64)
        return taken[:, 0] - np.uint64(1), sums

    def _made(self, bits: int) -> Numbers:
        return np.zeros((1 << bits, 1 + self._columns), np.uint64)
