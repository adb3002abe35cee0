"""What the report says of the objects that a scan selects."""

from __future__ import annotations

from femtobarn.base.spectra import ObjectRecord, SpectraRecord
from femtobarn.show.report.html import Html, join, table, tag
from femtobarn.show.report.numbers import NONE
from femtobarn.show.spectra import words


def objects(record: SpectraRecord) -> Html:
    """Return the cuts on each kind of objects, and how overlaps are removed."""
    rows = [
        (
            words.KINDS[o.letter][1],
            o.letter,
            o.collection,
            f"{o.pt_min:g}",
            NONE if o.eta_max is None else f"{o.eta_max:g}",
            _further(o),
            _number(o.least, o.most),
        )
        for o in record.objects
    ]
    if record.tag is not None:
        tag_words = f"jets with {record.tag.discriminant} ≥ {record.tag.threshold:g}"
        rows.append(("b jets", "b", tag_words, NONE, NONE, NONE, _number(record.tag.least, record.tag.most)))
    head = ("objects", "letter", "collection", "pT ≥ [GeV]", "|η| ≤", "also", "in an event")
    parts = [tag("h3", "Objects"), table(head, rows, numeric=(3, 4))]
    if record.overlap:
        steps = ", ".join(words.of_overlap(step) for step in record.overlap)
        parts.append(tag("p", f"Removed where objects overlap, in this order: {steps}.", class_="soft"))
    return join(parts)


def _further(one: ObjectRecord) -> str:
    found = [] if one.crack is None else [f"not {one.crack[0]:g} < |η| < {one.crack[1]:g}"]
    found += [] if one.identification is None else [one.identification]
    found += [
        f"{name} isolation ≤ {limit:g}"
        for name, limit in one.isolation.model_dump().items()
        if limit is not None
    ]
    return ", ".join(found) or NONE


def _number(least: int, most: int | None) -> str:
    if most is None:
        return "any number" if not least else f"{least} or more"
    return f"{least} to {most}" if least != most else f"{least}"
