"""How the columns of fields lie in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Source:
    """What the numbers of a column are, and what brings them to base units.

    Parameters
    ----------
    dtype
        NumPy's name of their type (``"float32"``)
    divide, multiply
        what a number is divided or multiplied by; None: nothing
    """

    dtype: str
    divide: float | None = None
    multiply: float | None = None

    def text(self) -> list[Any]:
        """Return it for a digest."""
        return [self.dtype, repr(self.divide), repr(self.multiply)]
