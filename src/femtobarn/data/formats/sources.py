"""Where a field of the event model comes from: a branch, a part of a collection, or several joined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FLOATS = ("float32", "float64")
INTS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
BOOLS = ("bool",)


@dataclass(frozen=True, slots=True)
class FieldSource:
    """Where a field of the event model is in the files of a release.

    Parameters
    ----------
    path
        the field, for instance ``"lep.pt"``
    branches
        accepted names; the first that a file has is used
    kinds
        accepted NumPy types of the numbers in the file
    unit
        unit in the file, as `femtobarn.base.units.parse_unit` reads it
    shape
        one value per event, or one per object of the field's collection
    optional
        whether a file of the release may lack it
    simulation_only
        whether its lists are left empty in data; they are then read as False, 0 or not-a-number, one
        for each object
    fill
        the value, in base units, that is taken if a file has none of ``branches``; None: it must have one
    at_least
        for a decision that the file holds as a number: True from here on
    first
        the branch holds a list per event, of which the first number counts
    from_mass
        the branch holds the mass; the field, an energy, follows from it, pt and eta
    """

    path: str
    branches: tuple[str, ...]
    kinds: tuple[str, ...]
    unit: str = ""
    shape: Literal["scalar", "list"] = "scalar"
    optional: bool = False
    simulation_only: bool = False
    fill: float | None = None
    at_least: int | None = None
    first: bool = False
    from_mass: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """A collection that is made of the objects of another with a certain value.

    Parameters
    ----------
    of
        the other collection, for instance ``"lep"``
    by
        its field that tells them apart, for instance ``"lep.type"``
    value
        what it must be, for instance 11
    """

    of: str
    by: str
    value: int


@dataclass(frozen=True, slots=True)
class Join:
    """A collection that holds the objects of others, one after the other in each event.

    Parameters
    ----------
    members
        the others, in order, and the value of ``label`` for their objects
    label
        the field of the joined collection that tells them apart, for instance ``"lep.type"``
    """

    members: tuple[tuple[str, int], ...]
    label: str
