"""A scan as an analysis that the engine runs."""

from __future__ import annotations

from femtobarn.base.errors import SettingsError
from femtobarn.base.records import AnalysisSpec, InputsRecord
from femtobarn.base.spectra import SpectraRecord
from femtobarn.data.formats import format_of
from femtobarn.physics.spectra.combinations import combinations
from femtobarn.physics.spectra.consistency import require_consistent
from femtobarn.physics.spectra.fields import scanned_fields
from femtobarn.physics.spectra.steps import selection


def spec_of(
    record: SpectraRecord, release: str, *, name: str, title: str, skim: str | None = None
) -> AnalysisSpec:
    """Return the analysis that scans files of ``release``.

    Raises
    ------
    SettingsError
        if the release lacks a field that the scan reads, the scan contradicts itself or has no combination
    UnknownNameError
        if there is no such release
    """
    require_consistent(record)
    combinations(record)
    known = format_of(release).paths
    missing = [f for f in scanned_fields(record, "mc") if f not in known]
    if missing:
        msg = f"Release {release} has no {', '.join(missing)}, which the scan {name} reads. Leave out the objects, cuts or quantities that need it."
        raise SettingsError(msg)
    return AnalysisSpec(
        name=name,
        title=title,
        release=release,
        mode="physics",
        nodes=(),
        selections=(selection(record),),
        histograms=(),
        spectra=record,
        inputs=InputsRecord(release=release, skim=skim),
    )
