"""summary.json: what a scan read, kept, found and cost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from femtobarn.base.atomic import write_text
from femtobarn.base.errors import RunDirectoryError
from femtobarn.base.records import NOMINAL, CutflowRow, Kind, LedgerRow, RunInfo
from femtobarn.physics.spectra import states
from femtobarn.physics.spectra.combinations import combinations
from femtobarn.physics.spectra.sums import COMBINATION_SHIFT, LAST_BIN, STATE_SHIFT
from femtobarn.running.results.metrics import Metrics
from femtobarn.running.results.spectra.dense import Binning
from femtobarn.running.results.spectra.processed import ProcessingSummary
from femtobarn.running.results.spectra.reader import Spectra
from femtobarn.running.results.spectra.root import inexact
from femtobarn.running.results.spectra.stages import Stages
from femtobarn.running.results.spectra.summary_records import (
    CutSummary,
    Failure,
    FilesSummary,
    GroupSummary,
    ScanSummary,
    StageSummary,
    StateSummary,
)

__all__ = ["SUMMARY", "ScanSummary", "read_summary", "summarise_scan", "write_summary"]

SUMMARY = "summary.json"


def summarise_scan(
    info: RunInfo,
    spectra: Spectra,
    metrics: Metrics,
    ledger: Sequence[LedgerRow],
    stages: Stages | None = None,
    *,
    cutflow: Sequence[CutflowRow] = (),
    processing: ProcessingSummary | None = None,
) -> ScanSummary:
    """Return what a scan read, kept, found and cost.

    Parameters
    ----------
    info, metrics, ledger, cutflow
        of its run
    spectra
        what was found
    stages
        those that are done
    processing
        what was made of the spectra
    """
    return ScanSummary(
        name=info.analysis.name,
        release=info.release,
        complete=info.complete,
        files=FilesSummary(
            wanted=info.files_wanted,
            given=info.files_given,
            processed=info.files_processed,
            failed=info.files_failed,
            skipped=info.files_skipped,
            pending=info.files_pending,
            failures=_failures(ledger),
        ),
        events=metrics.events,
        tasks=metrics.tasks,
        bytes_read=metrics.bytes_read,
        cuts=_cuts(info, cutflow),
        combinations=len(combinations(spectra.record)),
        groups=tuple(_group(spectra, group) for group in spectra.groups),
        steps=metrics.steps,
        peak_rss=metrics.peak_rss,
        stages=() if stages is None else _costs(stages),
        processing=processing,
        notes=_notes(info, spectra),
    )


def with_costs(summary: ScanSummary, stages: Stages) -> ScanSummary:
    """Return ``summary`` with what the stages cost that are done by now."""
    return summary.model_copy(update={"stages": _costs(stages)})


def _costs(stages: Stages) -> tuple[StageSummary, ...]:
    return tuple(
        StageSummary(stage=s.stage, seconds=s.seconds, cpu_seconds=s.cpu_seconds, peak_rss=s.peak_rss)
        for s in stages.stages
    )


def write_summary(summary: ScanSummary, folder: Path) -> Path:
    """Write summary.json to the folder of a scan and return its path."""
    path = folder / SUMMARY
    write_text(path, summary.model_dump_json(indent=2) + "\n")
    return path


def read_summary(folder: Path) -> ScanSummary:
    """Return what `write_summary` wrote.

    Raises
    ------
    RunDirectoryError
        if there is none, or it cannot be read
    """
    path = folder / SUMMARY
    try:
        return ScanSummary.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        msg = f"Expected the summary of a scan in {path}, but it cannot be read ({type(error).__name__}). Run the stage export again."
        raise RunDirectoryError(msg) from error


def _failures(ledger: Sequence[LedgerRow]) -> tuple[Failure, ...]:
    rows = dict.fromkeys((row.file, row.reason) for row in ledger if row.status == "failed")
    return tuple(Failure(file=file, reason=reason) for file, reason in rows)


def _cuts(info: RunInfo, cutflow: Sequence[CutflowRow]) -> tuple[CutSummary, ...]:
    data = {p.name for p in info.analysis.inputs.processes if p.role == "data"}
    sums: dict[tuple[Kind, int, str], list[float]] = {}
    for row in cutflow:
        if row.variation == NOMINAL:
            kind: Kind = "data" if row.process in data else "mc"
            total = sums.setdefault((kind, row.step, row.cut), [0, 0.0])
            total[0] += row.raw
            total[1] += row.sumw
    ordered = sorted(sums.items(), key=lambda item: item[0][:2])
    return tuple(
        CutSummary(kind=kind, step=step, cut=cut, events=int(events), sumw=sumw)
        for (kind, step, cut), (events, sumw) in ordered
    )


def _group(spectra: Spectra, name: str) -> GroupSummary:
    group, sums, kept = spectra.group(name), spectra.sums[name], spectra.kept(name)
    rows = spectra.states(name)
    own = kept[(sums.cells >> np.uint64(STATE_SHIFT)).astype(np.intp)]
    cells, entries = sums.cells[own], sums.sums[own, 0]
    found = np.unique(cells >> np.uint64(COMBINATION_SHIFT))
    bins = cells & np.uint64(LAST_BIN)
    above = bins > np.uint64(Binning.of(spectra.record).bins)
    places = found & np.uint64((1 << (STATE_SHIFT - COMBINATION_SHIFT)) - 1)
    return GroupSummary(
        name=name,
        kind=group.kind,
        processes=group.processes,
        factors=group.factors,
        states_found=len(rows),
        states_kept=int(kept.sum()),
        states_dropped=int((~kept).sum()),
        combinations=len(np.unique(places)),
        spectra=len(found),
        bins=len(cells),
        values=round(float(entries.sum())),
        below=round(float(entries[bins == 0].sum())),
        above=round(float(entries[above].sum())),
        states=tuple(
            StateSummary(
                final_state=states.name(row.state),
                events=row.events,
                sumw=row.sumw,
                kept=row.kept,
                reason=row.reason,
            )
            for row in rows
        ),
    )


def _notes(info: RunInfo, spectra: Spectra) -> tuple[str, ...]:
    words = list(inexact(spectra))
    if not info.complete:
        words.append(f"incomplete: {info.files_processed} of {info.files_wanted} files")
    for name in spectra.groups:
        group = spectra.group(name)
        if group.kind == "mc" and len(group.processes) > 1 and spectra.record.output.scale == "none":
            words.append(
                f"{name}: the plain sum of the event weights of {len(group.processes)} processes, which have different cross-sections: set scale: luminosity, or files: process"
            )
    return tuple(words)
