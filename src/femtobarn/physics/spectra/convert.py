"""From a configuration to the record of a scan: names looked up, defaults filled in, contradictions found."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

from femtobarn.base.errors import suggestion
from femtobarn.base.spectra import (
    IN_ORDER,
    CombinationsRecord,
    IsolationRecord,
    Letter,
    ObjectRecord,
    OutputRecord,
    OverlapRecord,
    ProcessingRecord,
    Quantity,
    SpectraRecord,
    StatesRecord,
    WindowRecord,
)
from femtobarn.data.formats import Format, format_of
from femtobarn.data.formats.model import FIELDS
from femtobarn.physics.spectra.config import (
    ObjectConfig,
    OverlapConfig,
    ProcessingConfig,
    ScanConfig,
    WindowConfig,
)
from femtobarn.physics.spectra.faults import ordered, shown, wrong
from femtobarn.physics.spectra.fields import isolation_fields
from femtobarn.physics.spectra.offered import collections, decisions
from femtobarn.physics.spectra.presets import KINDS, WINDOWS, recommended
from femtobarn.physics.spectra.sums import LAST_BIN
from femtobarn.physics.spectra.tagging import tag_record

MAXIMUM = 14_000.0
"""Upper edge of written histograms in GeV, if none is given; the next multiple of the width above it."""


def record_of(config: ScanConfig) -> SpectraRecord:
    """Return the scan that a configuration describes.

    Raises
    ------
    SettingsError
        if two keys contradict each other, or the release has not what is asked for
    UnknownNameError
        if the release has no format that is known
    """
    fmt = format_of(config.release)
    compatible = config.mode == "compatible"
    given = {name: one for name, one in config.objects if one is not None}
    if not given:
        wrong(
            "objects",
            "at least one kind of objects",
            "none",
            f"Add one of {', '.join(dict(config.objects))}.",
        )
    objects = tuple(_object(name, one, fmt) for name, one in given.items())
    tag = None if config.b_tag is None else tag_record(config.b_tag, objects, fmt)
    letters = tuple(o.letter for o in objects) + (() if tag is None else ("b",))
    processing = _processing(config.post_processing, compatible=compatible)
    needs_values = processing.mode == "compatible"
    if needs_values and config.values is False:
        wrong(
            "values",
            "true, since post_processing.mode: compatible looks at single values",
            "false",
            "Leave it out, or take another mode.",
        )
    record = SpectraRecord(
        objects=objects,
        tag=tag,
        overlap=_overlap(config, letters),
        states=_states(config),
        combinations=_combinations(config, letters),
        quantities=_quantities(config.quantities),
        met=config.met,
        width=config.width,
        weight=_weight(config, fmt),
        values=needs_values if config.values is None else config.values,
        least_events=config.final_states.min_events,
        processing=processing,
        output=_output(config),
    )
    _needs(record, fmt)
    return record


def _object(name: str, one: ObjectConfig, fmt: Format) -> ObjectRecord:
    where, collection = f"objects.{name}", one.collection or name
    offered = collections(name, fmt)
    if collection not in offered:
        key = where if one.collection is None else f"{where}.collection"
        wrong(
            key,
            f"a collection of {name} objects that {fmt.release} has",
            shown(collection),
            suggestion(collection, offered) if one.collection else f"Leave {where} out.",
        )
    known = decisions(collection, fmt)
    if one.identification is not None and one.identification not in known:
        wrong(
            f"{where}.identification",
            f"a decision of {collection} in {fmt.release}",
            shown(one.identification),
            suggestion(one.identification, known),
        )
    if one.crack is not None and not one.crack[0] < one.crack[1]:
        wrong(f"{where}.crack", "two ascending numbers", str(list(one.crack)), "Turn them round.")
    ordered(where, "least", one.least, "most", one.most)
    found = ObjectRecord(
        letter=KINDS[name],
        collection=collection,
        isolation=IsolationRecord(**one.isolation.model_dump()),
        **one.model_dump(exclude={"collection", "isolation"}),
    )
    limits = one.isolation.model_dump()
    fields = isolation_fields(found)
    for limit, field in zip((k for k in limits if limits[k] is not None), fields, strict=True):
        if not fmt.offers(f"{collection}.{field}"):
            wrong(
                f"{where}.isolation.{limit}",
                f"a release that has {collection}.{field}",
                fmt.release,
                "Leave it out, or choose another kind of isolation.",
            )
    return found


def _overlap(config: ScanConfig, letters: tuple[Letter, ...]) -> tuple[OverlapRecord, ...]:
    given = config.overlap_removal
    if given is None:
        given = config.mode == "right"
    if isinstance(given, bool):
        return recommended(letters) if given else ()
    return tuple(_step(f"overlap_removal[{i}]", step, letters) for i, step in enumerate(given, 1))


def _step(where: str, step: OverlapConfig, letters: tuple[Letter, ...]) -> OverlapRecord:
    for key, name in (("remove", step.remove), ("near", step.near)):
        _there(f"{where}.{key}", name, letters)
    if step.remove == step.near:
        wrong(where, "two kinds", f"{step.remove} twice", "Every object is near itself.")
    return OverlapRecord(
        remove=KINDS[step.remove], near=KINDS[step.near], delta_r=step.delta_r, sliding=step.sliding
    )


def _there(where: str, name: str, letters: Iterable[Letter]) -> None:
    if KINDS[name] not in letters:
        key = "b_tag" if name == "b_jet" else f"objects.{name}"
        wrong(where, f"a kind of the scan ({', '.join(_names(letters))})", name, f"Add {key}.")


def _names(letters: Iterable[Letter]) -> list[str]:
    return [name for name, letter in KINDS.items() if letter in letters]


def _states(config: ScanConfig) -> StatesRecord:
    one = config.final_states
    ordered("final_states", "least_kinds", one.least_kinds, "most_kinds", one.most_kinds)
    ordered("final_states", "least_count", one.least_count, "most_count", one.most_count)
    return StatesRecord(**one.model_dump(exclude={"min_events"}))


def _combinations(config: ScanConfig, letters: tuple[Letter, ...]) -> CombinationsRecord:
    one = config.combinations
    kinds = _names(letters) if one.kinds is None else _once("combinations.kinds", one.kinds)
    for i, name in enumerate(kinds, 1):
        _there(f"combinations.kinds[{i}]", name, letters)
    ordered("combinations", "least_kinds", one.least_kinds, "most_kinds", one.most_kinds)
    ordered("combinations", "least_count", one.least_count, "most_count", one.most_count)
    exact = config.mode == "compatible" if one.applicability is None else one.applicability == "exact_leading"
    return CombinationsRecord(
        letters=tuple(KINDS[name] for name in kinds),
        exact_leading=exact,
        **one.model_dump(exclude={"kinds", "applicability"}),
    )


def _quantities(given: tuple[Quantity, ...]) -> tuple[Quantity, ...]:
    if not given:
        wrong("quantities", "at least one of mass, os, ss, met", "none", "Leave it out for mass.")
    _once("quantities", given)
    return given


def _weight(config: ScanConfig, fmt: Format) -> tuple[str, ...]:
    factors = [p for p in fmt.paths if p.startswith("mc.") and FIELDS[p].collection is None]
    for i, path in enumerate(config.weight, 1):
        if path not in factors:
            wrong(f"weight[{i}]", f"a weight that {fmt.release} has", shown(path), suggestion(path, factors))
    return _once("weight", config.weight)


def _processing(one: ProcessingConfig, *, compatible: bool) -> ProcessingRecord:
    mode = one.mode or ("compatible" if compatible else "windows")
    for key in ("width", "cutoff", "pair_cutoff"):
        if mode != "compatible" and getattr(one, key) is not None:
            wrong(f"post_processing.{key}", "it with mode: compatible only", f"mode: {mode}", "Leave it out.")
    if mode != "windows" and (one.windows is not None or one.keep != "veto"):
        key = "keep" if one.windows is None else "windows"
        wrong(f"post_processing.{key}", "it with mode: windows only", f"mode: {mode}", "Leave it out.")
    windows: tuple[WindowRecord, ...] = ()
    if mode == "windows":
        given = tuple(WINDOWS) if one.windows is None else one.windows
        windows = tuple(_window(f"post_processing.windows[{i}]", w) for i, w in enumerate(given, 1))
        _once("post_processing.windows", [w.name for w in windows])
        if not windows:
            wrong("post_processing.windows", "at least one window", "none", "Write mode: none for none.")
    return ProcessingRecord(mode=mode, windows=windows, **one.model_dump(exclude={"mode", "windows"}))


def _window(where: str, given: str | WindowConfig) -> WindowRecord:
    if isinstance(given, str):
        plain = re.sub(r"[^A-Za-z0-9]", "", given)  # J/psi, Upsilon(1S)
        if plain not in WINDOWS:
            wrong(
                where,
                f"one of {', '.join(WINDOWS)}, or a window in full",
                shown(given),
                suggestion(plain, WINDOWS),
            )
        return WINDOWS[plain]
    for letters in given.particles:
        if not re.fullmatch(IN_ORDER, letters) or not letters:
            wrong(
                f"{where}.particles", "letters in the order e m j g t b", shown(letters), "For instance eemm."
            )
    if given.half_width >= given.centre:
        wrong(f"{where}.half_width", "less than the centre", f"{given.half_width:g}", "Give it in GeV.")
    return WindowRecord(**given.model_dump())


def _output(config: ScanConfig) -> OutputRecord:
    one, width = config.output, config.width
    given = MAXIMUM if one.maximum is None else one.maximum
    steps = given / width
    if steps > LAST_BIN - 1:
        most = f"{LAST_BIN - 1:,} bins of {width:g} GeV"
        wrong("output.maximum", f"at most {most}", f"{given:g} GeV", "Take wider bins, or a smaller maximum.")
    whole = round(steps)
    if whole < 1 or abs(steps - whole) > 1e-9 * whole:
        whole = max(1, math.ceil(steps))
        if one.maximum is not None:
            near = " or ".join(dict.fromkeys(f"{n * width:g}" for n in (max(1, whole - 1), whole)))
            wrong("output.maximum", f"a multiple of the width {width:g} GeV", f"{given:g}", f"Take {near}.")
    return OutputRecord(maximum=whole * width, **one.model_dump(exclude={"maximum"}))


def _needs(record: SpectraRecord, fmt: Format) -> None:
    """Raise for quantities of which the scan or the release lacks what they are made of."""
    signed = {o.letter for o in record.objects if o.letter in {"e", "m"}} & set(record.combinations.letters)
    for quantity in ("os", "ss"):
        if quantity in record.quantities and not signed:
            wrong(
                "quantities",
                f"electrons or muons in combinations for {quantity}",
                "none",
                "Add them, or leave it out.",
            )
    if "met" in record.quantities and record.met == "file" and not fmt.offers("met.pt"):
        wrong("met", f"objects, since {fmt.release} has no missing momentum", "file", "Write met: objects.")


def _once(where: str, names: Sequence[str]) -> tuple[str, ...]:
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        wrong(where, "each once", f"{twice[0]} again", "Leave it out.")
    return tuple(names)
