"""What a format is: where in a release's files each field of the event model is, and in which unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Literal

from femtobarn.base.canonical import digest
from femtobarn.base.errors import SettingsError, UnknownNameError
from femtobarn.base.units import parse_unit
from femtobarn.data.formats.model import COLLECTIONS, FIELDS

FLOATS = ("float32", "float64")
INTS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
BOOLS = ("bool",)

_KINDS: Mapping[str, tuple[str, ...]] = {
    "float": FLOATS,
    "int": INTS,
    "bool": BOOLS,
    "number": INTS + FLOATS,
    "string": ("uint8",),
}


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
    """

    path: str
    branches: tuple[str, ...]
    kinds: tuple[str, ...]
    unit: str = ""
    shape: Literal["scalar", "list"] = "scalar"
    optional: bool = False
    simulation_only: bool = False


@dataclass(frozen=True)
class Format:
    """The ntuple format of one release.

    Parameters
    ----------
    release
        name of the release
    tree
        name of the tree with the events
    fields
        the source of every field by its path
    counters
        per collection the branch that holds the number of its objects; used to check the lists
    tell_tales
        branches that together tell this format from others with the same tree name
    version
        raised when the meaning of a field changes without a change of its source
    """

    release: str
    tree: str
    fields: Mapping[str, FieldSource]
    counters: Mapping[str, str] = field(default_factory=dict)
    tell_tales: tuple[str, ...] = ()
    version: int = 1

    def __post_init__(self) -> None:
        """Check the format against the event model and make it immutable.

        Raises
        ------
        UnknownNameError
            if it has a field or collection that the event model lacks
        SettingsError
            if a source contradicts the event model
        """
        for path, source in self.fields.items():
            _check(path, source)
        for collection in self.counters:
            if collection not in COLLECTIONS:
                raise UnknownNameError("collection of the event model", collection, COLLECTIONS)
        object.__setattr__(self, "fields", MappingProxyType(dict(self.fields)))
        object.__setattr__(self, "counters", MappingProxyType(dict(self.counters)))

    def __reduce__(self) -> tuple[type[Format], tuple[object, ...]]:
        """Let processes hand formats to each other; read-only views cannot be pickled themselves."""
        content = (dict(self.fields), dict(self.counters), self.tell_tales, self.version)
        return Format, (self.release, self.tree, *content)

    def __hash__(self) -> int:
        """Hash what equality compares; a mapping has no hash of its own."""
        return hash(self.digest)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of everything this format says, as 64 hexadecimal digits."""
        sources = {
            path: [list(s.branches), list(s.kinds), s.unit, s.shape, s.optional, s.simulation_only]
            for path, s in self.fields.items()
        }
        content = [
            self.release,
            self.tree,
            sources,
            dict(self.counters),
            list(self.tell_tales),
            self.version,
        ]
        return digest(content)


def _check(path: str, source: FieldSource) -> None:
    if path not in FIELDS:
        raise UnknownNameError("field of the event model", path, FIELDS)
    model = FIELDS[path]
    shape = "list" if model.collection else "scalar"
    if source.path != path or source.shape != shape or not source.branches or not source.kinds:
        msg = (
            f"Format field {path!r}: expected a source of the same path and shape {shape!r} with at least "
            f"one branch and type, got {source}. Correct the format file."
        )
        raise SettingsError(msg)
    if not parse_unit(source.unit).same_dimension(parse_unit(model.unit)):
        msg = (
            f"Format field {path!r}: expected a unit of the kind of {model.unit or 'a plain number'!r}, "
            f"got {source.unit!r}. Correct the format file."
        )
        raise SettingsError(msg)


def parse_fields(text: str) -> dict[str, FieldSource]:
    """Return the sources that a table gives, one per line.

    A line has five columns between ``|``: the field; its branch, or several by comma; ``float``,
    ``int``, ``bool``, ``number`` (int or float) or ``string``; the unit in the file; and the words
    ``optional`` and ``simulation`` where they apply.

    Raises
    ------
    SettingsError
        if a line is not of this form
    """
    sources: dict[str, FieldSource] = {}
    for line in text.strip().splitlines():
        columns = [part.strip() for part in line.split("|")]
        if len(columns) != 5 or columns[2] not in _KINDS or columns[0] in sources:
            msg = (
                f"Format table: expected 'field | branch | type | unit | words' once per field, got {line!r}."
            )
            raise SettingsError(msg)
        path, branches, kind, unit, words = columns
        model = FIELDS.get(path)
        if model is None:
            raise UnknownNameError("field of the event model", path, FIELDS)
        sources[path] = FieldSource(
            path=path,
            branches=tuple(name.strip() for name in branches.split(",")),
            kinds=_KINDS[kind],
            unit=unit,
            shape="list" if model.collection else "scalar",
            optional="optional" in words.split(),
            simulation_only="simulation" in words.split(),
        )
    return sources
