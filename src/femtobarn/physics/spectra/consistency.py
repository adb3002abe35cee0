"""What the parts of a scan must be for each other."""

from __future__ import annotations

from collections import Counter

from femtobarn.base.errors import SettingsError
from femtobarn.base.spectra import SpectraRecord
from femtobarn.physics.spectra.fields import tag_fields


def require_consistent(record: SpectraRecord) -> None:
    """Check that a scan means something.

    Raises
    ------
    SettingsError
        if a kind of objects is there twice, or b is one of its own; if what is tagged are not its jets; if
        overlap is with itself or of b jets
    """
    collections = {o.letter: o.collection for o in record.objects}
    repeated = [letter for letter, n in Counter(o.letter for o in record.objects).items() if n > 1]
    if repeated or "b" in collections or not collections:
        found = " ".join(o.letter for o in record.objects) or "none"
        msg = f"A scan has one kind of objects or more, of e m j g t each at most once, but got {found}. b jets are made of jets: give a tag."
        raise SettingsError(msg)
    if record.tag is not None:
        tagged = {field.partition(".")[0] for field in tag_fields(record.tag)}
        if tagged != {collections.get("j")}:
            msg = (
                f"A tag tells b jets from others of the scan ({collections.get('j', 'it has no jets')}), but got "
                f"{record.tag.discriminant}, which is of {' '.join(tagged)}. Add these as j, or leave out the tag."
            )
            raise SettingsError(msg)
    for step in record.overlap:
        if step.remove == step.near or "b" in {step.remove, step.near}:
            msg = f"A step of overlap removal compares two kinds of e m j g t, where j are all jets, but got {step.remove} near {step.near}. Give others, or leave it out."
            raise SettingsError(msg)
