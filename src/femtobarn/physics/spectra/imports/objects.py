"""Which objects count: cuts, numbers, b jets; and which take part in combinations."""

from __future__ import annotations

import math
from typing import Any

from femtobarn.data.formats import Format, format_of
from femtobarn.physics.spectra.faults import shown
from femtobarn.physics.spectra.fields import ISOLATION
from femtobarn.physics.spectra.imports.keys import MASSES, PARSING, Keys, Path
from femtobarn.physics.spectra.offered import collections

_NAMES = {
    "electrons": "electron",
    "muons": "muon",
    "jets": "jet",
    "ljets": "jet",
    "bjets": "b_jet",
    "photons": "photon",
    "taus": "tau",
}
_KINDS = ("electron", "muon", "jet", "photon", "tau")
_CUTS, _COUNTS, _TAGS = "kinematic_cuts", "particle_counts", "jet_btagging_thresholds"
_WANTED = (MASSES, "objects_to_calculate")
_DISCRIMINANTS = {"DL1d": "dl1d", "btagDeepFlavB": "deepflav"}
_GLOBAL = ("pt", "eta", "phi")
_LARGE = 1000.0  # GeV; cuts on pt are below


def objects(keys: Keys, release: str) -> dict[str, Any]:
    """Return ``objects``, ``b_tag``, ``overlap_removal`` and ``combinations.kinds`` of our configuration."""
    fmt = format_of(release)
    has = [k for k in _KINDS if collections(k, fmt)]
    tag = _tag(keys, release)
    wanted = _wanted(keys, has, tagged=bool(tag))
    kinds = [k for k in has if k in wanted or k in _mentioned(keys)] or has
    found: dict[str, Any] = {k: _cuts(keys, k, fmt) | _counts(keys, k) for k in kinds}
    for kind in (k for k in _KINDS if k not in has):
        _absent(keys, kind, release)
    result: dict[str, Any] = {"objects": found}
    if tag and "jet" in found:
        _same_cuts(keys, found["jet"], fmt)
        result["b_tag"] = tag | _counts(keys, "b_jet")
    else:
        for path in _paths(keys, "b_jet"):
            keys.not_needed(path, "jets are not tagged")
    result |= _overlap(keys)
    result["combinations"] = {"kinds": wanted or kinds}
    return result


def _mentioned(keys: Keys) -> set[str]:
    """Return the kinds that cuts or counts speak of; cuts on all speak of none."""
    below = [*keys.below(PARSING, _CUTS), *keys.below(PARSING, _COUNTS)]
    return {_NAMES.get(p[2].casefold(), "") for p in below if len(p) > 2}


def _wanted(keys: Keys, has: list[str], *, tagged: bool) -> list[str]:
    """Return the kinds of which masses are computed."""
    names = keys.words(*_WANTED)
    if names is None:
        return []
    found: list[str] = []
    for name in names:
        kind = _NAMES.get(name.casefold())
        if kind is None:
            keys.not_taken(_WANTED, f"{name} is no kind of objects")
        elif kind == "b_jet" and not tagged:
            keys.not_taken(_WANTED, f"{name}: jets are not tagged, so there are none")
        elif kind != "b_jet" and kind not in has:
            keys.not_taken(_WANTED, f"{name}: the release has none")
        elif kind not in found:
            found.append(kind)
    if found:
        keys.note(_WANTED, "combinations.kinds", ", ".join(found))
    return found


def _paths(keys: Keys, kind: str) -> list[Path]:
    """Return the paths of cuts and counts of a kind."""
    below = [*keys.below(PARSING, _CUTS), *keys.below(PARSING, _COUNTS)]
    return [p for p in below if len(p) > 2 and _NAMES.get(p[2].casefold()) == kind]


def _absent(keys: Keys, kind: str, release: str) -> None:
    for path in _paths(keys, kind):
        keys.not_needed(path, f"{release} has none")


def _counts(keys: Keys, kind: str) -> dict[str, int]:
    """Return how many objects of a kind an event may have."""
    found: dict[str, int] = {}
    where = "b_tag" if kind == "b_jet" else f"objects.{kind}"
    for path in (p for p in _paths(keys, kind) if p[1] == _COUNTS):
        if len(path) == 3 and keys.has(*path):
            keys.not_taken(path, f"expected min and max, got {shown(keys.raw(*path))}")
        ours = {"min": "least", "max": "most"}.get(path[-1]) if len(path) == 4 else None
        value = keys.whole(*path) if ours else None
        if ours is None or value is None:
            continue
        if value <= 255:
            found[ours] = value
            keys.note(path, f"{where}.{ours}", str(value))
        elif ours == "most":
            keys.not_needed(path, "no event has so many")
        else:
            keys.not_taken(path, "at most 255 objects can be asked for")
    return found


def _cuts(keys: Keys, kind: str, fmt: Format) -> dict[str, Any]:
    """Return the cuts on objects of a kind: its own, else those on all."""
    paths = [p for p in _paths(keys, kind) if p[1] == _CUTS]
    if not paths:
        paths = [p for p in keys.below(PARSING, _CUTS) if len(p) > 2 and p[2] in _GLOBAL]
    scale = _scale(kind, fmt)
    found: dict[str, Any] = {}
    for path in paths:
        inner = path[3:] if path[2] not in _GLOBAL else path[2:]
        if inner in {("pt_min",), ("pt", "min")}:
            _pt(keys, path, kind, scale, found)
        elif inner in {("eta_max",), ("eta", "max")}:
            _eta(keys, path, kind, found)
        elif inner == ("eta", "min"):
            _eta_min(keys, path)
        elif inner == ("rel_isolation_max",):
            _isolation(keys, path, kind, fmt, found)
        elif inner and inner[0].startswith("phi"):
            _phi(keys, path)
    return found


def _scale(kind: str, fmt: Format) -> float:
    """Return what a pt in the unit of the files is multiplied with to be in GeV."""
    field = fmt.needs(f"{collections(kind, fmt)[0]}.pt")[0]
    return 0.001 if fmt.fields[field].unit == "MeV" else 1.0


def _pt(keys: Keys, path: Path, kind: str, scale: float, found: dict[str, Any]) -> None:
    value = keys.number(*path, least=0)
    if value is None:
        return
    found["pt_min"] = round(value * scale, 9)
    words = f"{found['pt_min']:g} GeV"
    if scale != 1.0:
        words += f", of {value:g} MeV"
    if scale != 1.0 and 0 < value < 1000:
        words += f": if {value:g} GeV were meant, write {value:g}"
    if scale == 1.0 and value > _LARGE:
        words += f": if {value:g} MeV were meant, write {value / 1000:g}"
    keys.note(path, f"objects.{kind}.pt_min", words)


def _eta(keys: Keys, path: Path, kind: str, found: dict[str, Any]) -> None:
    value = keys.number(*path, least=0)
    if value is None:
        return
    found["eta_max"] = value
    keys.note(path, f"objects.{kind}.eta_max", f"{value:g}")


def _eta_min(keys: Keys, path: Path) -> None:
    value, largest = keys.number(*path), keys.raw(*path[:-1], "max")
    if value is None:
        return
    if isinstance(largest, int | float) and value == -largest:
        keys.not_needed(path, "eta_max is of absolute eta")
    else:
        keys.not_taken(path, "cuts are on absolute eta")


def _isolation(keys: Keys, path: Path, kind: str, fmt: Format, found: dict[str, Any]) -> None:
    value = keys.number(*path, least=0)
    if value is None:
        return
    if kind != "electron":
        keys.not_needed(path, "that program cuts on the isolation of electrons only")
        return
    offered = [name for name in ("track", "relative") if fmt.offers(f"electron.{ISOLATION[name]}")]
    if not offered:
        keys.not_taken(path, f"{fmt.release} has no isolation of electrons")
        return
    found["isolation"] = {offered[0]: value}
    keys.note(path, f"objects.electron.isolation.{offered[0]}", f"{value:g}")


def _phi(keys: Keys, path: Path) -> None:
    value = keys.number(*path)
    if value is None:
        return
    if abs(value) >= math.pi - 1e-3:
        keys.not_needed(path, "it is all of phi")
    else:
        keys.not_taken(path, "there are no cuts on phi")


def _tag(keys: Keys, release: str) -> dict[str, Any]:
    """Return ``b_tag`` without its counts; nothing if jets are not tagged."""
    on = keys.switch(PARSING, "enable_jet_tagging")
    own = "deepflav" if release.startswith("cms") else "dl1d"
    older = keys.raw(PARSING, "jet_btag_field")
    thresholds: dict[Path, str] = {p: p[-1] for p in keys.below(PARSING, _TAGS) if len(p) == 3}
    if keys.has(PARSING, "jet_btag_threshold"):
        thresholds[PARSING, "jet_btag_threshold"] = older if isinstance(older, str) else ""
    else:
        keys.not_needed((PARSING, "jet_btag_threshold"), "it has no value")
    found: dict[str, Any] = {}
    for path, name in thresholds.items():
        tagger = _DISCRIMINANTS.get(name)
        if not on:
            keys.not_needed(path, "jets are not tagged")
        elif tagger is None:
            keys.not_taken(path, f"{name or 'no discriminant'} is none we know")
        elif tagger != own:
            keys.not_needed(path, f"{release} has another discriminant")
        elif (value := keys.number(*path)) is not None:
            found = {"tagger": tagger, "threshold": value}
            keys.note(path, "b_tag", f"{tagger}, {value:g}")
    if on is not None:
        switch = (PARSING, "enable_jet_tagging")
        if on and not found:
            keys.not_taken(switch, f"no threshold of {own} is given")
        else:
            keys.note(switch, "b_tag" if on else "not needed", "" if on else "jets are not tagged")
    keys.not_needed((PARSING, "jet_btag_field"), "it goes with its threshold")
    keys.not_needed((PARSING, _TAGS), "it has no value")
    return found


def _same_cuts(keys: Keys, jets: dict[str, Any], fmt: Format) -> None:
    """Say of cuts on b jets whether they are those on jets, which hold for both here."""
    for path in (p for p in _paths(keys, "b_jet") if p[1] == _CUTS):
        value = keys.number(*path)
        if value is None:
            continue
        if path[3:] in {("pt_min",), ("pt", "min")}:
            same = math.isclose(
                value * _scale("jet", fmt), jets.get("pt_min", 0.0), rel_tol=1e-12, abs_tol=1e-12
            )
        elif path[3:] in {("eta_max",), ("eta", "max")}:
            same = value == jets.get("eta_max")
        else:
            same = False
        if same:
            keys.not_needed(path, "it is that of jets, which holds for b jets")
        else:
            keys.not_taken(path, "b jets have the cuts of jets")


def _overlap(keys: Keys) -> dict[str, Any]:
    on = keys.switch(PARSING, "enable_overlap_removal")
    path = (PARSING, "enable_overlap_removal")
    if on is None and isinstance(keys.raw(PARSING, "overlap_removal"), bool):
        path = (PARSING, "overlap_removal")
        on = keys.switch(*path)
    for other in (p for p in keys.below(PARSING, "overlap_removal") if p != path):
        if on:
            keys.not_taken(other, "the steps are the recommended ones; write others into overlap_removal")
        else:
            keys.not_needed(other, "overlaps are not removed")
    if on is None:
        return {}
    keys.note(path, "overlap_removal", "true: the recommended steps" if on else "false")
    return {"overlap_removal": on}
