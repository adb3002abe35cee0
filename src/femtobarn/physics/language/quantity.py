"""Numbers with a unit, for users to write: ``20 * GeV``."""

from __future__ import annotations

from typing import Any

import numpy as np

from femtobarn.base.units import Unit, parse_unit


class Quantity:
    """A number with a unit: ``20 * GeV``. Made by multiplying a number by a unit."""

    __slots__ = ("unit", "value")
    __array_ufunc__ = None  # NumPy numbers leave multiplication to this class

    def __init__(self, value: float, unit: Unit) -> None:
        self.value, self.unit = float(value), unit

    def __mul__(self, other: Any) -> Any:
        """Return the quantity scaled by a number, or the product with a unit or an expression."""
        if isinstance(other, bool | int | float | np.number):
            return Quantity(self.value * float(other), self.unit)
        if isinstance(other, Quantity):
            return Quantity(self.value * other.value, self.unit * other.unit)
        return NotImplemented

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        """Return the quantity divided by a number or by another quantity."""
        if isinstance(other, bool | int | float | np.number):
            return Quantity(self.value / float(other), self.unit)
        if isinstance(other, Quantity):
            return Quantity(self.value / other.value, self.unit / other.unit)
        return NotImplemented

    def __neg__(self) -> Quantity:
        """Return the quantity with the other sign."""
        return Quantity(-self.value, self.unit)

    def __repr__(self) -> str:
        """Return value and unit."""
        return f"{self.value:g} {self.unit}"

    @property
    def base_value(self) -> float:
        """The value in base units."""
        return self.value * self.unit.scale


keV, MeV, GeV, TeV = (Quantity(1.0, parse_unit(u)) for u in ("keV", "MeV", "GeV", "TeV"))  # noqa: N816
um, mm, cm = (Quantity(1.0, parse_unit(u)) for u in ("um", "mm", "cm"))
