"""Units: energies in GeV, lengths in mm, luminosity in fb^-1; angles are dimensionless.

A unit is a scale times powers of the three base dimensions. Inside femtobarn every number is in
base units; a scale other than 1 exists only where a file or a user writes another one (MeV, cm).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from femtobarn.base.errors import SettingsError, UnitsError, suggestion

_DIMENSIONS = ("GeV", "mm", "fb")


@dataclass(frozen=True, slots=True)
class Unit:
    """A scale times GeV^a mm^b fb^c; ``label`` is how people write it.

    Parameters
    ----------
    scale
        how many base units one of this unit is (MeV: 0.001)
    powers
        exponents of GeV, mm and fb
    label
        the spelling for axes and messages; empty for a plain number
    """

    scale: float = 1.0
    powers: tuple[Fraction, Fraction, Fraction] = (Fraction(0), Fraction(0), Fraction(0))
    label: str = ""

    @property
    def dimensionless(self) -> bool:
        """Whether this is a plain number or an angle."""
        return not any(self.powers)

    def same_dimension(self, other: Unit) -> bool:
        """Tell whether quantities of the two units may be added and compared."""
        return self.powers == other.powers

    def __str__(self) -> str:
        """Return the label, or the base dimensions with their powers."""
        if self.label:
            return self.label
        words = [
            name if power == 1 else f"{name}^{power}"
            for name, power in zip(_DIMENSIONS, self.powers, strict=True)
            if power
        ]
        return " ".join(words) or "1"

    def __mul__(self, other: Unit) -> Unit:
        """Return the unit of a product."""
        powers = _three(a + b for a, b in zip(self.powers, other.powers, strict=True))
        return named(Unit(self.scale * other.scale, powers))

    def __truediv__(self, other: Unit) -> Unit:
        """Return the unit of a quotient."""
        powers = _three(a - b for a, b in zip(self.powers, other.powers, strict=True))
        return named(Unit(self.scale / other.scale, powers))

    def __pow__(self, power: Fraction | int) -> Unit:
        """Return the unit of a power."""
        powers = _three(a * power for a in self.powers)
        return named(Unit(self.scale ** float(power), powers))


def _three(values: Iterable[Fraction]) -> tuple[Fraction, Fraction, Fraction]:
    a, b, c = values
    return a, b, c


def _energy(scale: float, label: str) -> Unit:
    return Unit(scale, (Fraction(1), Fraction(0), Fraction(0)), label)


def _length(scale: float, label: str) -> Unit:
    return Unit(scale, (Fraction(0), Fraction(1), Fraction(0)), label)


ONE = Unit()
RAD = Unit(label="rad")
GEV = _energy(1.0, "GeV")
MM = _length(1.0, "mm")
FB = Unit(1.0, (Fraction(0), Fraction(0), Fraction(1)), "fb")

_KNOWN = {
    "": ONE,
    "1": ONE,
    "rad": RAD,
    "keV": _energy(1e-6, "keV"),
    "MeV": _energy(1e-3, "MeV"),
    "GeV": GEV,
    "TeV": _energy(1e3, "TeV"),
    "um": _length(1e-3, "um"),
    "mm": MM,
    "cm": _length(10.0, "cm"),
    "m": _length(1e3, "m"),
    "fb": FB,
    "pb": Unit(1e3, FB.powers, "pb"),
}
# GeV^2 appears in squared masses; the others follow from products
_KNOWN["GeV^2"] = Unit(1.0, (Fraction(2), Fraction(0), Fraction(0)), "GeV^2")


def named(unit: Unit) -> Unit:
    """Return ``unit`` with its usual label, if it has one."""
    for known in _KNOWN.values():
        if known.scale == unit.scale and known.powers == unit.powers and known is not RAD:
            return known
    return unit


def parse_unit(text: str) -> Unit:
    """Return the unit that ``text`` names (``"GeV"``, ``"mm"``, ``"rad"``, ``""``).

    Raises
    ------
    SettingsError
        if there is no such unit
    """
    try:
        return _KNOWN[text.strip()]
    except KeyError:
        names = [n for n in _KNOWN if n]
        msg = f"There is no unit {text!r}. {suggestion(text, names)}"
        raise SettingsError(msg) from None


def require_same(a: Unit, b: Unit, doing: str) -> None:
    """Raise `UnitsError` unless quantities in ``a`` and ``b`` can be added and compared."""
    if not a.same_dimension(b):
        msg = (
            f"Units do not match: {doing} needs both sides in the same unit, "
            f"but the left is in {a} and the right in {b}. Check which fields were meant."
        )
        raise UnitsError(msg)
