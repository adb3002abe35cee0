"""Which fields of the event model a scan reads."""

from __future__ import annotations

from femtobarn.base.records import Kind
from femtobarn.base.spectra import Letter, ObjectRecord, SpectraRecord, TagRecord

FOUR = ("pt", "eta", "phi", "e")
"""What is read of every object."""

DL1D = ("jet.dl1d_pb", "jet.dl1d_pc", "jet.dl1d_pu")
"""Probabilities of b, c and light jets that the tagger DL1d gives."""

SIGNED: frozenset[Letter] = frozenset({"e", "m"})
"""Kinds whose charges decide about signs."""

ISOLATION = {"track": "ptcone", "calorimeter": "etcone", "relative": "rel_iso"}
"""Kinds of isolation, and the fields of objects that tell of them."""


def scanned_fields(record: SpectraRecord, kind: Kind) -> tuple[str, ...]:
    """Return what is read of data or simulation, without repetition."""
    found: list[str] = []
    for one in record.objects:
        found += [f"{one.collection}.{name}" for name in (*FOUR, *_more(one, record))]
    if record.tag is not None:
        found += tag_fields(record.tag)
    if "met" in record.quantities and record.met == "file":
        found += ["met.pt", "met.phi"]
    found += record.weight if kind == "mc" else ()
    return tuple(dict.fromkeys(found))


def tag_fields(tag: TagRecord) -> tuple[str, ...]:
    """Return the fields of jets by which they are tagged."""
    return DL1D if tag.discriminant == "dl1d" else (tag.discriminant,)


def isolation_fields(one: ObjectRecord) -> dict[str, float]:
    """Return the fields of a collection that limit its isolation, and the limits; ``rel_iso`` is relative already."""
    limits = one.isolation.model_dump()
    return {name: limits[key] for key, name in ISOLATION.items() if limits[key] is not None}


def _more(one: ObjectRecord, record: SpectraRecord) -> tuple[str, ...]:
    signed = one.letter in SIGNED and not {"os", "ss"}.isdisjoint(record.quantities)
    decided = () if one.identification is None else (one.identification,)
    return (*decided, *isolation_fields(one), *(("charge",) if signed else ()))
