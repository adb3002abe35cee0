"""Which files: release, records, data or simulation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from femtobarn.base.errors import SettingsError
from femtobarn.base.text import visible
from femtobarn.data import catalogue
from femtobarn.data.formats import formats
from femtobarn.physics.spectra.imports.keys import NOT_TAKEN, PARSING, Keys

_CMS = {30529, 30530, 30562, 30563}
"""Records of CMS NanoAOD that the program knows."""

_YEARS = (PARSING, "release_years")
_RECORDS = (PARSING, "specific_record_ids")
_NO_SKIM = "noskim"


def inputs(keys: Keys, name: str, asked: str | None) -> tuple[str, dict[str, Any]]:
    """Return the release and ``inputs`` of our configuration.

    Raises
    ------
    SettingsError
        if nothing tells the release, or it is none we know
    """
    found: dict[str, Any] = {}
    records = _records(keys)
    kind = _kind(keys)
    release = _release(keys, name, asked, records, found, kind)
    if records:
        found["records"] = records
        keys.note(_RECORDS, "inputs.records", ", ".join(map(str, records)))
    known = catalogue.known(release)
    if known is not None and _NO_SKIM in known.skims and not records:
        found["skim"] = _NO_SKIM
        keys.note(_YEARS, "inputs.skim", f"{_NO_SKIM}: the whole of the release")
    elif skims := to_choose(release, found):
        words = (
            f"{release} has its events in several preselections: write inputs.skim, one of {', '.join(skims)}"
        )
        keys.note(_YEARS, NOT_TAKEN, words)
    found["kind"] = kind[0]
    return release, found


def to_choose(release: str, inputs: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the preselections of a release of which ``inputs`` must name one and do not."""
    known = catalogue.known(release)
    if known is None or len(known.skims) < 2 or "skim" in inputs or "records" in inputs:
        return ()
    return known.skims


def _kind(keys: Keys) -> list[str]:
    """Return data or mc, in a list that may still change."""
    simulated = keys.switch(PARSING, "parse_mc")
    found = "mc" if simulated else "data"
    if simulated is not None:
        keys.note((PARSING, "parse_mc"), "inputs.kind", f"{found}: both are never read together")
    return [found]


def _records(keys: Keys) -> list[int]:
    given = keys.raw(*_RECORDS)
    if given is None or given == []:
        keys.not_needed(_RECORDS, "it has no value")
        return []
    values = given if isinstance(given, list) else [given]
    if not all(isinstance(v, int) and not isinstance(v, bool) and 0 < v < 10**12 for v in values):
        keys.note(_RECORDS, NOT_TAKEN, "expected numbers of records")
        return []
    return list(dict.fromkeys(values))


def _release(
    keys: Keys, name: str, asked: str | None, records: list[int], found: dict[str, Any], kind: list[str]
) -> str:
    years = keys.words(*_YEARS) or []
    plain = [y.removesuffix("_mc") for y in years]
    if years and years[0].endswith("_mc"):
        if keys.raw(PARSING, "parse_mc") is False:
            keys.not_taken((PARSING, "parse_mc"), f"data are asked for, but release_years say mc: {years[0]}")
        kind[0] = "mc"
        keys.note(_YEARS, "inputs.kind", f"mc: {years[0]}")
    mixed = [y for y in years[1:] if y.endswith("_mc") != years[0].endswith("_mc")]
    if mixed:
        keys.note(
            _YEARS,
            NOT_TAKEN,
            f"a scan made of this file is of {kind[0]}: make another for {', '.join(mixed)}",
        )
    release = asked or _of_records(records) or (plain[0] if plain else None)
    if release is None:
        msg = f"{name}: expected a release in {PARSING}.release_years, or records whose release is known, got neither. Say it: femtobarn spectra import-config --release NAME ({', '.join(formats())})"
        raise SettingsError(msg)
    if release not in formats():
        msg = f"{name}: expected one of the releases {', '.join(formats())}, got {visible(release)!r}. Say another: femtobarn spectra import-config --release NAME"
        raise SettingsError(msg)
    if plain:
        if release in plain:
            keys.note(_YEARS, "release", release)
        others = [y for y in dict.fromkeys(plain) if y != release]
        if others:
            keys.note(_YEARS, NOT_TAKEN, f"a scan is of one release: make another for {', '.join(others)}")
    if catalogue.known(release) is None and not records:
        found["files"] = ["data/*.root"]
        keys.note(
            _YEARS,
            "inputs.files",
            "data/*.root: there is no list of files of this release; say where they are",
        )
    return release


def _of_records(records: list[int]) -> str | None:
    """Return the release of the first record, if it is known."""
    if not records:
        return None
    known = next((r.release for r in catalogue.records() if r.record == records[0]), "")
    return known or ("cms-nanoaod" if records[0] in _CMS else None)
