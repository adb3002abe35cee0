"""Scans in words: what a spectrum is of, how it was made, and what is off or limited."""

from __future__ import annotations

from collections.abc import Iterable

from femtobarn.base.records import Kind
from femtobarn.base.spectra import Letter, OverlapRecord, Quantity, SpectraRecord
from femtobarn.physics.spectra.combinations import Combination, Window

KINDS: dict[Letter, tuple[str, str]] = {
    "e": ("electron", "electrons"),
    "m": ("muon", "muons"),
    "j": ("jet", "jets"),
    "g": ("photon", "photons"),
    "t": ("tau", "taus"),
    "b": ("b jet", "b jets"),
}
"""What each kind of object is called, one and several of them."""

QUANTITIES: dict[Quantity, str] = {
    "mass": "mass",
    "os": "opposite sign",
    "ss": "same sign",
    "met": "with missing momentum",
}

UNSCALED = "simulation is the sum of its event weights; it is not scaled to the data"


def is_unscaled(record: SpectraRecord, kinds: Iterable[Kind]) -> bool:
    """Tell whether there is simulation of these ``kinds`` that is not scaled."""
    return record.output.scale == "none" and "mc" in kinds


def content_of(kinds: Iterable[Kind]) -> str:
    """Return what bins of spectra of ``kinds`` hold."""
    found = set(kinds)
    if "mc" not in found:
        return "entries"
    return "entries, sum of weights" if "data" in found else "sum of weights"


def of_overlap(step: OverlapRecord) -> str:
    """Return what a step of overlap removal takes away: ``"jets within ΔR 0.2 of electrons"``."""
    distance = f"ΔR {step.delta_r:g}"
    if step.sliding:
        distance = f"ΔR min({step.delta_r:g}, 0.04 + {step.sliding:g} GeV / pT)"
    return f"{KINDS[step.remove][1]} within {distance} of {KINDS[step.near][1]}"


def of_combination(combination: Combination) -> str:
    """Return what a spectrum is of: ``"Invariant mass of electrons 1 and 2 and jet 1, by falling pT"``."""
    parts = [_window(w) for w in combination.windows]
    objects = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    words = {
        "mass": f"Invariant mass of {objects}",
        "os": f"Invariant mass of {objects}, leptons of opposite sign",
        "ss": f"Invariant mass of {objects}, leptons of the same sign",
        "met": f"Transverse mass of {objects} and the missing momentum",
    }
    return f"{words[combination.quantity]}; numbered by falling pT"


def _window(window: Window) -> str:
    one, several = KINDS[window.letter]
    first, last = window.start + 1, window.start + window.count
    if window.count == 1:
        return f"{one} {first}"
    return f"{several} {first} {'and' if window.count == 2 else 'to'} {last}"


def mode_of(record: SpectraRecord) -> str:
    """Return in which mode a scan was made: ``"right mode"``, ``"compatible mode"``, or which part is which."""
    exact, compatible = record.combinations.exact_leading, record.processing.mode == "compatible"
    if exact and compatible:
        return "compatible mode"
    if not exact and not compatible:
        return "right mode"
    return (
        "compatible combinations, right processing" if exact else "right combinations, compatible processing"
    )


def limits(
    record: SpectraRecord, *, has_met: bool | None = None, kinds: Iterable[Kind] = ("data", "mc")
) -> tuple[str, ...]:
    """Return what a reader may miss: what is off, what is limited, and how that was decided.

    ``has_met`` tells whether the release has a missing momentum; None: that is not known. ``kinds`` are
    those of which there are spectra.
    """
    return (
        *_about_objects(record),
        *_about_states(record),
        *_about_quantities(record, has_met),
        *_about_processing(record),
        *_about_output(record, kinds),
    )


def _about_objects(record: SpectraRecord) -> list[str]:
    lines = []
    if not record.overlap:
        lines.append("Overlap removal is off: what is reconstructed as two kinds of objects counts as both.")
    if record.tag is None and any(o.letter == "j" for o in record.objects):
        lines.append("b jets are not told from other jets.")
    bare = [
        KINDS[o.letter][1]
        for o in record.objects
        if o.identification is None and not any(v is not None for v in o.isolation.model_dump().values())
    ]
    if bare:
        lines.append(f"Neither identification nor isolation is asked of {_listed(bare)}.")
    return lines


def _about_states(record: SpectraRecord) -> list[str]:
    lines, states, of = [], record.states, record.combinations
    counts = f", {states.least_count} to {states.most_count} of each" if states.most_count < 255 else ""
    lines.append(
        f"Final states have {states.least_kinds} to {states.most_kinds} kinds of objects{counts}; events with others are dropped."
    )
    if record.least_events:
        lines.append(
            f"Final states with fewer than {record.least_events:,} events in the whole input are not written."
        )
    lines.append(
        f"Combinations have {of.least_kinds} to {of.most_kinds} kinds, {of.least_count} to {of.most_count} objects of each, "
        f"and at most {of.most_total} in all"
        + (
            f"; objects up to number {of.subleading + 1} by pT may lead."
            if of.subleading
            else ", the leading ones."
        )
    )
    lines.append(
        "A combination that begins with the leading object of a kind takes all objects of it that the event has (exact_leading)."
        if of.exact_leading
        else "A final state has every combination for which it has enough objects."
    )
    return lines


def _about_quantities(record: SpectraRecord, has_met: bool | None) -> list[str]:
    lines = []
    if "met" not in record.quantities:
        why = ": the release has none" if has_met is False else ""
        lines.append(f"There are no spectra with missing momentum{why}.")
    elif record.met == "objects":
        lines.append(
            "The missing momentum is minus the vector sum of the selected objects, not that of the file."
        )
    if not {"os", "ss"} & set(record.quantities):
        lines.append("Pairs of leptons are not told apart by their signs.")
    return lines


def _about_processing(record: SpectraRecord) -> list[str]:
    one = record.processing
    if one.mode == "compatible":
        return [
            "What is processed begins at the left edge of the rightmost fullest bin and is split at the first empty one: this removes the turn-on, not the peaks of known resonances."
        ]
    if one.mode == "none":
        return ["Nothing is made of the spectra: known resonances are in them."]
    what = {"veto": "emptied", "only": "kept alone", "both": "emptied, and kept alone"}[one.keep]
    names = _listed([w.name for w in one.windows])
    return [f"Bins of known resonances ({names}) are {what} in processed spectra; the full ones have them."]


def _about_output(record: SpectraRecord, kinds: Iterable[Kind]) -> list[str]:
    lines = [f"What is above {record.output.maximum:,g} GeV is in the overflow bin of histograms."]
    if is_unscaled(record, kinds):
        lines.append(f"{UNSCALED[0].upper()}{UNSCALED[1:]}.")
    return lines


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
