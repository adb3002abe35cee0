"""Reading the tables in which formats write their fields, one line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypedDict

from femtobarn.base.errors import SettingsError, UnknownNameError
from femtobarn.data.formats.model import FIELDS
from femtobarn.data.formats.spec import BOOLS, FLOATS, INTS, FieldSource

KINDS: Mapping[str, tuple[str, ...]] = {
    "float": FLOATS,
    "int": INTS,
    "bool": BOOLS,
    "flag": BOOLS + INTS,
    "number": INTS + FLOATS,
    "mass": FLOATS,
    "string": ("uint8",),
}
"""What may be written for a type, and the NumPy types it stands for.

``number`` is any number, ``flag`` a decision that may be stored as a number, ``mass`` the mass from
which an energy is computed.
"""


class _Words(TypedDict, total=False):
    optional: bool
    simulation_only: bool
    first: bool
    fill: float
    at_least: int


def parse_fields(
    text: str, alias: Callable[[str], tuple[str, ...]] = lambda name: (name,)
) -> dict[str, FieldSource]:
    """Return the sources that a table gives, one per line.

    A line has five columns between ``|``: the field; its branch, or several by comma; a type of
    `KINDS`; the unit in the file; and words where they apply: ``optional``, ``simulation`` (empty in
    data), ``first`` (of a list), ``fill=0.1`` (the value if the branch is absent) and ``least=3``
    (a decision: at least so much).

    Parameters
    ----------
    text
        the table
    alias
        gives all names under which a branch may be stored

    Raises
    ------
    SettingsError
        if a line is not of this form
    UnknownNameError
        if the event model has no such field
    """
    sources: dict[str, FieldSource] = {}
    for line in text.strip().splitlines():
        columns = [part.strip() for part in line.split("|")]
        if len(columns) != 5 or columns[2] not in KINDS or columns[0] in sources:
            raise _not_a_line(line)
        path, branches, kind, unit, words = columns
        if path not in FIELDS:
            raise UnknownNameError("field of the event model", path, FIELDS)
        names = [name.strip() for name in branches.split(",") if name.strip()]
        sources[path] = FieldSource(
            path=path,
            branches=tuple(stored for name in names for stored in alias(name)),
            kinds=KINDS[kind],
            unit=unit,
            shape="list" if FIELDS[path].collection else "scalar",
            from_mass=kind == "mass",
            **_words(words, line),
        )
    return sources


def _words(text: str, line: str) -> _Words:
    found: _Words = {}
    for word in text.split():
        name, _, value = word.partition("=")
        try:
            if word == "optional":
                found["optional"] = True
            elif word == "simulation":
                found["simulation_only"] = True
            elif word == "first":
                found["first"] = True
            elif name == "fill":
                found["fill"] = float(value)
            elif name == "least":
                found["at_least"] = int(value)
            else:
                raise _not_a_line(line)
        except ValueError as error:
            raise _not_a_line(line) from error
    return found


def _not_a_line(line: str) -> SettingsError:
    return SettingsError(
        f"Format table: expected 'field | branch | type | unit | words' once per field, got {line!r}."
    )
