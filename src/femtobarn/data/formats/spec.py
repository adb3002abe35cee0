"""What a format is: where in a release's files each field of the event model is, and in which unit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from types import MappingProxyType
from typing import Any

from femtobarn.base.canonical import digest
from femtobarn.base.errors import TreeMissingError, UnknownNameError, suggestion
from femtobarn.data.formats.checks import check_collections, check_source
from femtobarn.data.formats.model import FIELDS
from femtobarn.data.formats.sources import BOOLS, FLOATS, INTS, FieldSource, Join, Part

__all__ = ["BOOLS", "FLOATS", "INTS", "FieldSource", "Format", "Join", "Part"]


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
        by its path the source of every field that is in the files
    counters
        per collection the branch that holds the number of its objects; used to check the lists
    tell_tales
        branches that together tell this format from others with the same tree name; ``"a|b"``: either
    version
        raised when the meaning of a field changes without a change of its source
    more_trees
        other names under which the tree may be stored
    may_lack
        collections that a file may lack as a whole; they are then empty in every event
    parts, joins
        per collection how it is made of others
    simulation
        branches that only simulation has
    simulation_bit
        accepted names of a branch whose lowest bit is set in simulated events and not in data
    """

    release: str
    tree: str
    fields: Mapping[str, FieldSource]
    counters: Mapping[str, str] = field(default_factory=dict)
    tell_tales: tuple[str, ...] = ()
    version: int = 1
    more_trees: tuple[str, ...] = ()
    may_lack: tuple[str, ...] = ()
    parts: Mapping[str, Part] = field(default_factory=dict)
    joins: Mapping[str, Join] = field(default_factory=dict)
    simulation: tuple[str, ...] = ()
    simulation_bit: tuple[str, ...] = ()

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
            check_source(path, source, self.fields)
        check_collections(self.release, self.fields, self.parts, self.joins, (*self.counters, *self.may_lack))
        for name in ("fields", "counters", "parts", "joins"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def __reduce__(self) -> tuple[type[Format], tuple[object, ...]]:
        """Let processes hand formats to each other; read-only views cannot be pickled themselves."""
        return Format, tuple(_plain(getattr(self, f.name)) for f in fields(self))

    def __hash__(self) -> int:
        """Hash what equality compares; a mapping has no hash of its own."""
        return hash(self.digest)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of everything this format says, as 64 hexadecimal digits."""
        return digest([_listed(getattr(self, f.name)) for f in fields(self)])

    @property
    def trees(self) -> tuple[str, ...]:
        """The names under which the tree may be stored."""
        return (self.tree, *self.more_trees)

    def tree_in(self, names: Iterable[str]) -> str:
        """Return which of the trees of a file holds the events.

        Raises
        ------
        TreeMissingError
            if none does
        """
        there = tuple(names)
        for name in self.trees:
            if name in there:
                return name
        wanted = " or ".join(repr(name) for name in self.trees)
        msg = (
            f"Expected a tree {wanted} ({self.release}), but the file has "
            f"{', '.join(repr(n) for n in there[:6]) or 'no tree'}. {suggestion(self.tree, there)}"
        )
        raise TreeMissingError(msg)

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """All fields that this format offers, those made of others included, in the order of the model."""
        return tuple(path for path in FIELDS if self.offers(path))

    def offers(self, path: str) -> bool:
        """Tell whether a field can be read from files of this format that lack nothing."""
        if path in self.fields:
            return True
        collection, _, name = path.partition(".")
        if (part := self.parts.get(collection)) is not None:
            return f"{part.of}.{name}" in self.fields
        if (join := self.joins.get(collection)) is not None:
            return path == join.label or all(f"{m}.{name}" in self.fields for m, _ in join.members)
        return False

    def needs(self, path: str) -> tuple[str, ...]:
        """Return the fields of the files that a field is made of; itself if the files have it.

        Raises
        ------
        UnknownNameError
            if the format does not offer it
        """
        if not self.offers(path):
            raise UnknownNameError(f"field of {self.release}", path, self.paths)
        collection, _, name = path.partition(".")
        if path in self.fields:
            source = self.fields[path]
            if source.from_mass:
                return (f"{collection}.pt", f"{collection}.eta", path)
            if source.fill is not None and source.shape == "list":
                return (f"{collection}.pt", path)
            return (path,)
        if collection in self.parts:
            part = self.parts[collection]
            return tuple(dict.fromkeys((*self.needs(f"{part.of}.{name}"), part.by)))
        join = self.joins[collection]
        wanted = "pt" if path == join.label else name
        return tuple(n for member, _ in join.members for n in self.needs(f"{member}.{wanted}"))

    def branches(self, path: str) -> tuple[str, ...]:
        """Return the names of the branches that are read for a field, accepted alternatives joined by ``|``.

        Raises
        ------
        UnknownNameError
            if the format does not offer it
        """
        sources = (self.fields[need] for need in self.needs(path))
        return tuple("|".join(source.branches) for source in sources if source.branches)


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value


def _listed(value: Any) -> Any:
    """Return a value as lists, dicts, numbers and text, of which the digest is taken."""
    if isinstance(value, Mapping):
        return {key: _listed(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_listed(item) for item in value]
    if isinstance(value, FieldSource | Part | Join):
        return [_listed(getattr(value, f.name)) for f in fields(value)]
    return value
