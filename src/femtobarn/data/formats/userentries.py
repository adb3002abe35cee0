"""The parts of a user's format file, as they are written, before they are a format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import Field, ValidationError

from femtobarn.base.errors import SettingsError, suggestion
from femtobarn.base.record import Record, first_fault

_Entry = TypeVar("_Entry", bound=Record)


class FieldEntry(Record):
    """What is said of a field; see `femtobarn.data.formats.sources.FieldSource`."""

    branch: str | tuple[str, ...] = ()
    type: str | None = None
    unit: str | None = None
    optional: bool = False
    simulation: bool = False
    first: bool = False
    fill: float | None = None
    at_least: int | None = None


class PartEntry(Record):
    """A collection made of the objects of another."""

    of: str
    by: str
    value: int


class JoinEntry(Record):
    """A collection made of the objects of others."""

    members: dict[str, int]
    label: str


class FormatFile(Record):
    """The whole file."""

    release: str
    tree: str | tuple[str, ...]
    tell_tales: tuple[str, ...] = ()
    version: int = 1
    may_lack: tuple[str, ...] = ()
    simulation: tuple[str, ...] = ()
    simulation_bit: tuple[str, ...] = ()
    counters: dict[str, str] = Field(default_factory=dict)
    parts: dict[str, dict[str, Any]] = Field(default_factory=dict)
    joins: dict[str, dict[str, Any]] = Field(default_factory=dict)
    fields: dict[str, Any] = Field(default_factory=dict)


def entry_of(kind: type[_Entry], body: Any, where: str) -> _Entry:
    """Return a part of the file as a record; ``where`` begins messages."""
    label = where.rstrip(". ")
    if not isinstance(body, Mapping):
        msg = f"{label}: expected a table with {_keys(kind)}, got {body!r}. Correct the file."
        raise SettingsError(msg)
    unknown = next((key for key in body if key not in kind.model_fields), None)
    if unknown is not None:
        msg = f"{where}{unknown}: expected one of {_keys(kind)}. {suggestion(unknown, kind.model_fields)}"
        raise SettingsError(msg)
    try:
        return kind.model_validate(dict(body))
    except ValidationError as error:
        fault = first_fault(error)
        given = "" if isinstance(fault.given, Mapping) else f", got {fault.given!r}"
        msg = f"{where}{fault.where}: {fault.what}{given}. Correct the file."
        raise SettingsError(msg) from error


def _keys(kind: type[Record]) -> str:
    return ", ".join(kind.model_fields)
