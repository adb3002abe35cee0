"""Which fields of the event model a scan reads."""

from __future__ import annotations

from femtobarn.base.records import Kind
from femtobarn.base.spectra import ObjectRecord, SpectraRecord

FOUR = ("pt", "eta", "phi", "e")
"""What is read of every object."""

DL1D = ("jet.dl1d_pb", "jet.dl1d_pc", "jet.dl1d_pu")
"""Probabilities of b, c and light jets that the tagger DL1d gives."""

_ISOLATION = {"track": "ptcone", "calorimeter": "etcone", "relative": "rel_iso"}


def scanned_fields(record: SpectraRecord, kind: Kind) -> tuple[str, ...]:
    """Return what is read of data or simulation, without repetition."""
    found: list[str] = []
    for one in record.objects:
        found += [f"{one.collection}.{name}" for name in (*FOUR, *_more(one, record))]
    if record.tag is not None:
        found += DL1D if record.tag.discriminant == "dl1d" else [record.tag.discriminant]
    if "met" in record.quantities and record.met == "file":
        found += ["met.pt", "met.phi"]
    found += record.weight if kind == "mc" else ()
    return tuple(dict.fromkeys(found))


def isolation_fields(one: ObjectRecord) -> dict[str, float]:
    """Return the fields of a collection that limit its isolation, and the limits; ``rel_iso`` is relative already."""
    limits = one.isolation.model_dump()
    return {name: limits[key] for key, name in _ISOLATION.items() if limits[key] is not None}


def _more(one: ObjectRecord, record: SpectraRecord) -> tuple[str, ...]:
    signed = one.letter in {"e", "m"} and not {"os", "ss"}.isdisjoint(record.quantities)
    decided = () if one.identification is None else (one.identification,)
    return (*decided, *isolation_fields(one), *(("charge",) if signed else ()))
