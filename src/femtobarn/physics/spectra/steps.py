"""The steps by which a scan drops events: the cuts of its one selection."""

from __future__ import annotations

from femtobarn.base.records import CutRecord, SelectionRecord
from femtobarn.base.spectra import Letter, SpectraRecord
from femtobarn.physics.spectra.states import MOST

SELECTION = "final states"
"""Name of the selection of a scan."""

WORDS: dict[Letter, str] = {
    "e": "electrons",
    "m": "muons",
    "j": "jets",
    "g": "photons",
    "t": "taus",
    "b": "b jets",
}


def limits(record: SpectraRecord) -> dict[Letter, tuple[int, int | None]]:
    """Return by kind how many objects an event may have, where that is limited, in the order of the steps."""
    found = {o.letter: (o.least, o.most) for o in record.objects}
    if record.tag is not None:
        found["b"] = (record.tag.least, record.tag.most)
    return {x: found[x] for x in record.letters if found[x] != (0, None)}


def selection(record: SpectraRecord) -> SelectionRecord:
    """Return the steps: a limit for each kind that has one, then the limits of final states."""
    cuts = [_words(letter, *given) for letter, given in limits(record).items()]
    states = record.states
    kinds = f"{states.least_kinds} to {states.most_kinds} kinds of objects"
    counts = f", {states.least_count} to {states.most_count} of each" if states.most_count < MOST else ""
    return SelectionRecord(
        name=SELECTION, cuts=tuple(CutRecord(name=c, node=0) for c in (*cuts, kinds + counts))
    )


def _words(letter: Letter, least: int, most: int | None) -> str:
    what = WORDS[letter]
    if most is None:
        return f"{least} or more {what}"
    return f"{least} {what}" if least == most else f"{least} to {most} {what}"
