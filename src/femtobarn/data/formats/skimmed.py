"""The format of skims written by this package: the event model itself, in its own units.

A ROOT skim has one tree ``events`` whose branches are the fields with ``_`` for ``.`` (``lep_pt``, in
GeV). What normalisation needs, also of a file in which no event passed, is in the title of the tree.
"""

from __future__ import annotations

from typing import Literal

from pydantic import ValidationError

from femtobarn.base.errors import DamagedError
from femtobarn.base.record import Record, first_fault
from femtobarn.base.records import FileFacts, Kind
from femtobarn.data.formats.model import COLLECTIONS, FIELDS
from femtobarn.data.formats.spec import BOOLS, FieldSource, Format

NAME = "femtobarn-skim"
TREE = "events"
MARK = "femtobarn skim "
"""How the title of the tree begins; JSON of `SkimFacts` follows."""


class SkimFacts(Record):
    """What a skim says of itself.

    Parameters
    ----------
    version
        of this record
    release, kind, dataset, period
        of the file that was skimmed
    facts
        what that file says of itself; its origin is always there
    """

    version: Literal[1] = 1
    release: str
    kind: Kind
    dataset: int | None
    period: str | None
    facts: FileFacts


def title_of(facts: SkimFacts) -> str:
    """Return the title of the tree of a skim."""
    return MARK + facts.model_dump_json()


def skim_facts(title: str, name: str) -> SkimFacts | None:
    """Return what the title of a tree says of a skim; None if it is no skim.

    Parameters
    ----------
    title
        of the tree
    name
        what messages call the file

    Raises
    ------
    DamagedError
        if it is a skim that does not say what it must
    """
    if not title.startswith(MARK):
        return None
    try:
        found = SkimFacts.model_validate_json(title.removeprefix(MARK))
    except ValidationError as error:
        fault = first_fault(error)
        msg = f"{name}: expected the facts of a skim in the title of its tree, but they cannot be read ({fault.where}: {fault.what}). Write the skim again."
        raise DamagedError(msg) from error
    if found.facts.origin is None:
        msg = f"{name}: expected a skim that says where its events are from, but it does not. Write the skim again."
        raise DamagedError(msg)
    return found


def branch_of(path: str) -> str:
    """Return the branch of a field."""
    return path.replace(".", "_")


def _sources() -> dict[str, FieldSource]:
    kinds = {"bool": BOOLS, "int": ("int64",), "float": ("float64",), "string": ("uint8",)}
    return {
        path: FieldSource(
            path=path,
            branches=(branch_of(path),),
            kinds=kinds[field.kind],
            unit=field.unit,
            shape="list" if field.collection else "scalar",
        )
        for path, field in FIELDS.items()
        if field.kind != "string"
    }


FORMAT = Format(
    release=NAME,
    tree=TREE,
    fields=_sources(),
    counters={name: f"n_{name}" for name in COLLECTIONS},
)
