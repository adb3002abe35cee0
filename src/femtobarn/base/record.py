"""What all records are: frozen, closed, strict; and what is wrong with one, in words."""

from __future__ import annotations

from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError


class Fault(NamedTuple):
    """The first thing wrong with a record: ``where`` is the dotted path, ``what`` the rule, ``given`` the value."""

    where: str
    what: str
    given: Any


def first_fault(error: ValidationError) -> Fault:
    """Return the first thing that pydantic found wrong, for a message without its jargon."""
    first = error.errors()[0]
    return Fault(".".join(str(part) for part in first["loc"]), first["msg"], first["input"])


class Record(BaseModel):
    """Base of all records: frozen, closed, and strict about names."""

    # validators are built when a record is first made: most processes need few of them
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings", defer_build=True)
