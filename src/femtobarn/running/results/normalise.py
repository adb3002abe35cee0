"""What scales simulation to a luminosity, and which luminosity the data have.

Simulation: the factor to 1 fb^-1 is cross-section / sum of weights. The sum is that of the whole
dataset, as the file says or the catalogue does, times the fraction of the dataset's events that were
processed; it is never taken from events that survived a selection. Some files of the 2020 release
say that their sum of weights is 1: a placeholder, which is replaced and reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from femtobarn.base.errors import UnknownNameError
from femtobarn.base.records import (
    AnalysisSpec,
    FileFacts,
    InputFile,
    Luminosity,
    Normalisation,
    UnseenFile,
)

_FB_PER_PB = 1000.0


@dataclass(frozen=True, slots=True)
class FileUse:
    """How much of a file is in the results.

    Parameters
    ----------
    file
        the file
    facts
        what it says of itself; None if it was never opened
    processed
        the number of its events whose sums are in the results
    estimated
        whether that number is an estimate: of a part of a skim nobody knows how many events it stands for
    """

    file: InputFile
    facts: FileFacts | None
    processed: int
    estimated: bool = False

    @property
    def whole(self) -> bool:
        """Whether all its events were processed."""
        return self.facts is not None and self.processed == self.facts.entries


@dataclass(frozen=True, slots=True)
class _Published:
    """What the catalogue says of a dataset."""

    cross_section: float | None
    sum_of_weights: float | None


def fraction_processed(uses: Sequence[FileUse], unseen: Sequence[UnseenFile] = ()) -> tuple[float, bool]:
    """Return the fraction of events that were processed, and whether that is exact.

    The number of events of a file that was not opened is estimated from its size.
    """
    opened = [u for u in uses if u.facts is not None]
    processed = sum(u.processed for u in opened)
    entries = sum(u.facts.entries for u in opened if u.facts is not None)
    rest = sum(u.file.size for u in uses if u.facts is None) + sum(u.size for u in unseen)
    if not rest:
        return (processed / entries if entries else 1.0), not any(u.estimated for u in uses)
    size = sum(u.file.size for u in opened)
    if not entries or not size:
        return 0.0, False
    return processed / (entries + entries * rest / size), False


def normalisations(
    spec: AnalysisSpec, uses: Sequence[FileUse], unseen: Sequence[UnseenFile]
) -> tuple[Normalisation, ...]:
    """Return how each simulated dataset among ``uses`` is scaled to 1 fb^-1, in the order of the plan."""
    datasets: dict[int, list[FileUse]] = {}
    for use in uses:
        if use.file.kind == "mc" and use.file.dataset is not None:
            datasets.setdefault(use.file.dataset, []).append(use)
    return tuple(
        _normalise(spec, dsid, members, [u for u in unseen if u.dataset == dsid])
        for dsid, members in datasets.items()
    )


def _normalise(
    spec: AnalysisSpec, dsid: int, uses: Sequence[FileUse], unseen: Sequence[UnseenFile]
) -> Normalisation:
    notes: list[str] = []
    opened = [u for u in uses if u.facts is not None]
    facts = [u.facts for u in opened if u.facts is not None and u.facts.entries > 0]
    published = _published(spec, dsid)

    cross_section, xs_source = _agreed([f.cross_section for f in facts]), "file"
    if cross_section is None or cross_section <= 0:
        said = "nothing" if cross_section is None else f"{cross_section:g} fb"
        cross_section, xs_source = published.cross_section, "catalogue"
        if facts and cross_section is not None:
            notes.append(
                f"dataset {dsid}: the file says {said} of the cross-section; "
                f"{cross_section:g} fb of the catalogue is used"
            )

    fraction, exact = fraction_processed(uses, unseen)
    said_sums = [f.sum_of_weights for f in facts]
    total: float | None
    if said_sums and all(_plausible(s) for s in said_sums):
        sw_source = "file"
        sums = [s for s in said_sums if s is not None]
        if len(set(sums)) == 1:
            total = sums[0]
        else:
            # each file counts its own events only: what was not opened does not matter
            total = sum(sums)
            used = [u for u in opened if u.facts is not None and u.facts.entries > 0]
            effective = sum(s * _share(u) for s, u in zip(sums, used, strict=True))
            fraction, exact = effective / total, not any(u.estimated for u in uses)
    else:
        total, sw_source = published.sum_of_weights, "catalogue"
        if facts and total is not None:
            notes.append(_replaced(dsid, said_sums, total))
    if not exact:
        why, how = "not all its files were opened", " from their sizes"
        if any(u.estimated for u in uses):
            why, how = "of a skim of it only a part was read", ""
        notes.append(
            f"dataset {dsid}: {why}; the fraction of events processed, {fraction:.4g}, is estimated{how}"
        )

    factor: float | None = None
    effective_sum: float | None = None
    if cross_section is None or total is None:
        what = "cross-section" if cross_section is None else "sum of weights"
        notes.append(f"dataset {dsid}: its {what} is not known, so it cannot be scaled to a luminosity")
        source = "unknown"
    else:
        source = sw_source if sw_source == xs_source else f"{xs_source} (σ), {sw_source} (Σw)"
        effective_sum = total * fraction
        factor = cross_section / effective_sum if effective_sum else None
    return Normalisation(
        dataset=dsid,
        process=uses[0].file.process,
        factor=factor,
        cross_section=cross_section,
        sum_of_weights=effective_sum,
        fraction=fraction,
        source=source,
        note="; ".join(notes),
    )


def _share(use: FileUse) -> float:
    return use.processed / use.facts.entries if use.facts is not None and use.facts.entries else 0.0


def _plausible(sum_of_weights: float | None) -> bool:
    return sum_of_weights is not None and sum_of_weights > 0 and sum_of_weights != 1


def _agreed(values: Sequence[float | None]) -> float | None:
    """Return the value that all files state, or None if they do not agree or one is silent."""
    return values[0] if values and all(v == values[0] for v in values) else None


def _replaced(dsid: int, said: Sequence[float | None], total: float) -> str:
    worst = next(s for s in said if not _plausible(s))
    if worst is None:
        words = "does not say the sum of weights"
    else:
        words = f"says the sum of weights is {worst:.9g} (a placeholder)"
    return f"dataset {dsid}: the file {words}; {total:.9g} of the catalogue is used"


def _published(spec: AnalysisSpec, dsid: int) -> _Published:
    from femtobarn.data import catalogue

    try:
        dataset = catalogue.release(spec.release).dataset(dsid, spec.inputs.skim)
    except UnknownNameError:
        return _Published(None, None)
    cross_section = dataset.cross_section_pb * _FB_PER_PB
    weights = dataset.sum_of_weights
    return _Published(
        cross_section if cross_section > 0 else None,
        weights if weights is not None and weights > 0 else None,
    )


def luminosity(
    spec: AnalysisSpec,
    uses: Sequence[FileUse],
    unseen: Sequence[UnseenFile],
    given: float | None = None,
) -> Luminosity:
    """Return the luminosity of the processed data, to which simulation is scaled.

    Parameters
    ----------
    spec
        the analysis, with its wanted periods and nominal luminosity
    uses, unseen
        what was processed of which file
    given
        what the user says, which wins over everything
    """
    nominal = spec.inputs.luminosity
    if given is not None:
        return Luminosity(value=given, nominal=nominal, source="given")
    data = [u for u in uses if u.file.kind == "data"]
    if not data:
        source = "unknown" if nominal is None else "analysis"
        return Luminosity(value=nominal, nominal=nominal, source=source, note="no data were processed")
    touched = [u for u in data if u.processed or u.whole]
    value, note = _of_data(spec, touched)
    if value is None:
        return Luminosity(value=None, nominal=nominal, source="unknown", note=note)
    periods = {u.file.period for u in touched}
    fraction, exact = fraction_processed(
        [u for u in data if u.file.period in periods], [u for u in unseen if u.period in periods]
    )
    if fraction < 1:
        how = "" if any(u.estimated for u in data) else " from file sizes"
        about = "" if exact else f" (estimated{how})"
        note = f"{value:g} fb^-1 times the fraction of events processed, {fraction:.4g}{about}"
        value *= fraction
    return Luminosity(value=value, nominal=nominal, source="data", note=note)


def _of_data(spec: AnalysisSpec, touched: Sequence[FileUse]) -> tuple[float | None, str]:
    """Return the luminosity of the periods of ``touched``, as if all their events were processed."""
    periods = {u.file.period for u in touched}
    if not touched:
        return None, "none of the data could be processed"
    if None in periods:
        names = ", ".join(sorted(u.file.name for u in touched if u.file.period is None)[:3])
        return None, f"the data-taking period of {names} is not known; give the luminosity"
    known = {p for p in periods if p is not None}
    wanted = {p for process in spec.inputs.processes if process.role == "data" for p in process.periods}
    if wanted and known == wanted and spec.inputs.luminosity is not None:
        return spec.inputs.luminosity, ""
    listed = ", ".join(sorted(known))
    if any(u.facts is not None and u.facts.simulated for u in touched):
        return None, f"simulated demo data of {listed} alone have no luminosity; give the luminosity"
    from femtobarn.data import catalogue

    try:
        value = catalogue.release(spec.release).luminosities.luminosity(known)
    except UnknownNameError:
        value = None
    if value is None:
        return None, f"no luminosity is published for {listed} together; give the luminosity"
    return value, ""
