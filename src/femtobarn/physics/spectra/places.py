"""Which records and preselections of a release a scan reads."""

from __future__ import annotations

from femtobarn.base.errors import UsageError, suggestion
from femtobarn.base.records import Kind
from femtobarn.data import catalogue
from femtobarn.data.catalogue.model import PortalRecord
from femtobarn.physics.spectra.config import InputsConfig
from femtobarn.physics.spectra.faults import shown, wrong

_WHOLE = {3860, 80020, 93910}
"""Records that hold others: reading them too would be reading the same twice."""


def kind_of(record: PortalRecord) -> Kind | None:
    """Return what a record of the catalogue holds; None if both, or if it is a whole release."""
    title = record.title.casefold()
    if record.record in _WHOLE:
        return None
    if "simulation" in title or "simulated" in title:
        return "mc"
    if "collision data" in title or "2012 data" in title:
        return "data"
    return "mc" if record.release == "2016e-8tev" else None  # each other one there is one simulated process


def check(inputs: InputsConfig, release: str) -> None:
    """Check that the records and the preselection are those of the release, and of the wanted kind.

    Raises
    ------
    SettingsError
        with the key, if not
    """
    skims = _skims(release)
    if inputs.skim is not None and inputs.skim not in skims:
        near = suggestion(inputs.skim, skims)
        wrong("inputs.skim", f"a preselection of release {release}", shown(inputs.skim), near)
    own = {r.record: r for r in catalogue.records() if r.release == release}
    fitting = _with_files(release, None, inputs.skim) if inputs.skim is not None and inputs.records else None
    for i, number in enumerate(inputs.records, 1):
        where = f"inputs.records[{i}]"
        other = next((r for r in catalogue.records() if r.record == number), None)
        if number not in own and (own or other is not None):
            of = f"one of {other.release}" if other is not None and other.release else "none of it"
            near = suggestion(str(number), map(str, own))
            wrong(where, f"a record of release {release}", f"{number}, which is {of}", near)
        kind = kind_of(own[number]) if number in own else None
        if kind is not None and inputs.kind not in {"both", kind}:
            came = f"{number}, which holds {kind} ({own[number].title})"
            wrong(where, f"a record of {inputs.kind}", came, "Leave it out, or change inputs.kind.")
        if fitting is not None and number not in fitting:
            near = ", ".join(map(str, fitting))
            wrong(where, f"a record with files of {inputs.skim}", str(number), f"They are in {near}.")


def of_release(release: str, kind: Kind | None, skim: str | None) -> tuple[str, ...]:
    """Return ``record:N`` of all records of a release with files of ``kind`` (None: any) and ``skim``.

    Raises
    ------
    UsageError
        if the catalogue has none, or the release has preselections and none is chosen
    """
    skims = _skims(release)
    if len(skims) > 1 and skim is None:
        msg = f"inputs: release {release} has its events in several preselections. Choose one with inputs.skim ({', '.join(skims)}), or name files."
        raise UsageError(msg)
    if skims:
        numbers = _with_files(release, kind, skim or skims[0])
    else:
        known = [r for r in catalogue.records() if r.release == release]
        numbers = [r.record for r in known if (found := kind_of(r)) is not None and kind in {None, found}]
    if not numbers:
        what = "files" if kind is None else f"files of {kind}"
        msg = f"inputs: the catalogue has no {what} of release {release}. Name files or records in inputs, or give --data."
        raise UsageError(msg)
    return tuple(f"record:{n}" for n in numbers)


def _with_files(release: str, kind: Kind | None, skim: str) -> list[int]:
    """Return the records that have files of a preselection."""
    files = catalogue.release(release).files(skim)
    return sorted({f.record for f in files if kind in {None, f.kind}})


def _skims(release: str) -> tuple[str, ...]:
    known = catalogue.known(release)
    return () if known is None else known.skims
