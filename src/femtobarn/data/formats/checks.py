"""What formats must satisfy: the event model's fields, shapes, units and collections."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from femtobarn.base.errors import SettingsError, UnknownNameError
from femtobarn.base.units import parse_unit
from femtobarn.data.formats.model import COLLECTIONS, FIELDS
from femtobarn.data.formats.sources import FieldSource, Join, Part


def check_source(path: str, source: FieldSource, others: Mapping[str, FieldSource]) -> None:
    """Check the source of the field ``path`` against the event model, and that ``others`` has what it needs."""
    if path not in FIELDS:
        raise UnknownNameError("field of the event model", path, FIELDS)
    model = FIELDS[path]
    shape = "list" if model.collection else "scalar"
    named = bool(source.branches) or source.fill is not None
    if source.path != path or source.shape != shape or not named or not source.kinds:
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
    misplaced = (
        (source.from_mass and path != f"{model.collection}.e")
        or (source.at_least is not None and model.kind != "bool")
        or (source.first and shape == "list")
        or (source.fill is not None and model.kind == "string")
    )
    if misplaced:
        msg = (
            f"Format field {path!r}: expected 'mass' for an energy of objects, 'at_least' for a decision, 'first' for "
            f"one value per event, 'fill' for a number or decision, got {source}. Correct the format file."
        )
        raise SettingsError(msg)
    if source.fill is not None and not (
        math.isfinite(source.fill) and _whole_enough(source.fill, model.kind)
    ):
        msg = f"Format field {path!r}: expected a finite 'fill' that fits a field of kind {model.kind}, got {source.fill}. Correct the format file."
        raise SettingsError(msg)
    kin = [f"{model.collection}.pt", f"{model.collection}.eta"] if source.from_mass else []
    kin += [f"{model.collection}.pt"] if source.fill is not None and shape == "list" else []
    for needed in kin:
        if needed not in others:
            msg = f"Format field {path!r}: expected the format to have {needed} too, which it is made of. Add it."
            raise SettingsError(msg)


def _whole_enough(value: float, kind: str) -> bool:
    return kind == "float" or (value.is_integer() and abs(value) < 2**53)


def check_collections(
    release: str,
    sources: Mapping[str, FieldSource],
    parts: Mapping[str, Part],
    joins: Mapping[str, Join],
    named: Iterable[str],
) -> None:
    """Check what a format says of collections; ``named`` are others that must exist."""
    members = [m for join in joins.values() for m, _ in join.members]
    wholes = [part.of for part in parts.values()]
    for collection in (*named, *parts, *joins, *members, *wholes):
        if collection not in COLLECTIONS:
            raise UnknownNameError("collection of the event model", collection, COLLECTIONS)
    direct = {FIELDS[path].collection for path in sources}
    for collection in (*parts, *joins):
        if collection in direct:
            msg = (
                f"Format {release!r}: expected the collection {collection!r} either in the files or made of "
                "others, got both. Remove one."
            )
            raise SettingsError(msg)
    for collection in (*members, *wholes):
        if f"{collection}.pt" not in sources:
            msg = (
                f"Format {release!r}: expected the field '{collection}.pt', of whose collection another is made, "
                "but there is no source of it. Add it."
            )
            raise SettingsError(msg)
    for part in parts.values():
        own = [path for path in sources if FIELDS[path].collection == part.of]
        if part.by not in own:
            raise UnknownNameError(f"field of {part.of!r} in the files of {release}", part.by, own)
    for collection, join in joins.items():
        if any(abs(value) >= 2**63 for _, value in join.members):
            msg = f"Format {release!r}: expected numbers of 64 bits to tell the members of {collection!r} apart, got {join}. Correct it."
            raise SettingsError(msg)
        if FIELDS.get(join.label) is None or FIELDS[join.label].collection != collection:
            raise UnknownNameError(
                f"field of {collection!r}",
                join.label,
                [p for p, f in FIELDS.items() if f.collection == collection],
            )
