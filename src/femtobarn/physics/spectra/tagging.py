"""Which jets are b jets: what ``b_tag`` of a configuration says, as a record."""

from __future__ import annotations

from collections.abc import Sequence

from femtobarn.base.errors import suggestion
from femtobarn.base.spectra import ObjectRecord, TagRecord
from femtobarn.data.formats import Format
from femtobarn.data.formats.model import FIELDS
from femtobarn.physics.spectra.config import TagConfig
from femtobarn.physics.spectra.faults import ordered, shown, wrong
from femtobarn.physics.spectra.fields import DL1D
from femtobarn.physics.spectra.offered import discriminants
from femtobarn.physics.spectra.presets import TAGGERS, Tagger

_FIELD = Tagger("", {})
"""A field has no working points of which we know."""


def tag_record(tag: TagConfig, objects: Sequence[ObjectRecord], fmt: Format) -> TagRecord:
    """Return which jets are b jets.

    Parameters
    ----------
    tag
        what the configuration says
    objects
        of the scan
    fmt
        of the release

    Raises
    ------
    SettingsError
        if there are no jets, the release lacks the discriminant, or it is not said which it is
    """
    jets = next((o.collection for o in objects if o.letter == "j"), None)
    if jets is None:
        wrong("b_tag", "objects.jet with it, of which b jets are made", "none", "Add objects.jet.")
    ordered("b_tag", "least", tag.least, "most", tag.most)
    tagger = _tagger(tag)
    discriminant = _discriminant(tag, tagger, jets, fmt)
    fraction = tag.charm_fraction
    if fraction is not None and discriminant != "dl1d":
        wrong("b_tag.charm_fraction", "it for dl1d only", f"it for {discriminant}", "Leave it out.")
    return TagRecord(
        discriminant=discriminant,
        threshold=_threshold(tag, tagger),
        charm_fraction=tagger.charm_fraction if fraction is None else fraction,
        least=tag.least,
        most=tag.most,
    )


def _tagger(tag: TagConfig) -> Tagger:
    if tag.tagger is not None and tag.field is not None:
        wrong("b_tag", "either a tagger or a field", "both", "Leave one of them out.")
    if tag.field is not None:
        return _FIELD
    if tag.tagger is None:
        wrong("b_tag", "either a tagger or a field", "neither", f"Taggers are {', '.join(TAGGERS)}.")
    if tag.tagger not in TAGGERS:
        near = suggestion(tag.tagger, TAGGERS)
        wrong("b_tag.tagger", f"one of {', '.join(TAGGERS)}", shown(tag.tagger), near)
    return TAGGERS[tag.tagger]


def _threshold(tag: TagConfig, tagger: Tagger) -> float:
    points = ", ".join(tagger.points) or "none is known of a field"
    if tag.working_point is None and tag.threshold is not None:
        return tag.threshold
    if tag.working_point is None or tag.threshold is not None:
        came = "neither" if tag.working_point is None else "both"
        wrong("b_tag", f"either a working_point ({points}) or a threshold", came, "Give one of them.")
    if tag.working_point not in tagger.points:
        wrong(
            "b_tag.working_point",
            f"the name of one ({points})",
            shown(tag.working_point),
            "Give a threshold instead.",
        )
    return tagger.points[tag.working_point]


def _discriminant(tag: TagConfig, tagger: Tagger, jets: str, fmt: Format) -> str:
    """Return ``dl1d``, or the field; an error if the release has not what it is made of."""
    if tagger.discriminant == "dl1d":
        missing = [f for f in DL1D if f not in FIELDS or not fmt.offers(f)]
        if missing or jets != "jet":
            lacks = ", ".join(missing) or f"{jets}.dl1d_pb"
            wrong(
                "b_tag.tagger", f"one of which {fmt.release} has the numbers", "'dl1d'", f"It lacks {lacks}."
            )
        return "dl1d"
    name = tagger.discriminant or str(tag.field)
    known = discriminants(jets, fmt)
    if name not in known:
        key = "tagger" if tag.field is None else "field"
        came = shown(tag.tagger if tag.field is None else tag.field)
        near = suggestion(name, known)
        wrong(f"b_tag.{key}", f"a discriminant of {jets} in {fmt.release}", came, near)
    return f"{jets}.{name}"
