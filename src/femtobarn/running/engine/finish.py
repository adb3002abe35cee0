"""The end of a run: what there is of each file, merged, scaled and written."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from femtobarn.base.canonical import digest
from femtobarn.base.records import AnalysisSpec, InputRow, Outcome, RunInfo, Settings, UnseenFile
from femtobarn.data.catalogue import recognise
from femtobarn.data.catalogue.inuse import in_words
from femtobarn.data.storage.urls import shown
from femtobarn.running.engine.inputs import Inputs
from femtobarn.running.engine.ledger import ledger
from femtobarn.running.engine.plan import Plan
from femtobarn.running.results.directory import Contents, RunDirectory, write_directory
from femtobarn.running.results.merge import FileParts, collect, merge
from femtobarn.running.results.metrics import summarise
from femtobarn.running.results.normalise import FileUse, luminosity, normalisations
from femtobarn.running.results.skims import processed_of_origin, write_skims
from femtobarn.running.results.spectra.values import values_of
from femtobarn.running.results.store import FolderStore
from femtobarn.running.results.tables import cutflow_rows, yield_rows
from femtobarn.running.results.version import environment, package_version, results_version

_UTC = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Clock:
    """When a run began."""

    started: datetime
    tick: float

    @classmethod
    def start(cls) -> Clock:
        """Return the clock of a run that begins now."""
        return cls(datetime.now(UTC), time.perf_counter())

    @classmethod
    def since(cls, when: str) -> Clock:
        """Return the clock of a run that began at ``when``, a time that `utc` gave."""
        started = datetime.strptime(when, _UTC).replace(tzinfo=UTC)
        elapsed = (datetime.now(UTC) - started).total_seconds()
        return cls(started, time.perf_counter() - max(0.0, elapsed))

    @property
    def seconds(self) -> float:
        """Wall time since then."""
        return time.perf_counter() - self.tick


def load() -> None:
    """Load what writing a run directory needs, which takes as long as reading some hundred thousand events."""
    with suppress(Exception):  # who needs it will say so
        import hist  # noqa: F401 - histograms.json
        import uhi.io.json  # noqa: F401

        from femtobarn.running.results import export_root  # noqa: F401 - uproot


def finish(
    spec: AnalysisSpec,
    inputs: Inputs,
    settings: Settings,
    plan: Plan,
    outcomes: dict[str, Outcome],
    directory: RunDirectory,
    clock: Clock,
    command: str,
) -> RunInfo:
    """Merge what there is, scale it and write the run directory; return what run.json says.

    Raises
    ------
    MergeError
        if partial results are damaged or do not fit together
    """
    store = FolderStore(directory.tasks)
    by_file: dict[str, list[str]] = {f.name: [] for f in plan.files}
    for task in plan.tasks:
        if task.id not in outcomes or outcomes[task.id].processed:
            by_file[task.file.name].append(task.id)
    parts = [collect(store, file, by_file[file.name]) for file in plan.files]
    own = [FileUse(p.file, p.facts, p.processed) for p in parts]
    planned = {f.name for f in plan.files}
    own += [FileUse(f, None, 0) for f in inputs.files if f.name not in planned]
    uses = [_of_origin(use) for use in own]  # what counts for normalisation
    scaled = normalisations(spec, uses, inputs.unseen)
    factors = {n.dataset: n.factor for n in scaled}
    with values_of(spec.spectra, directory.spectra) as on_values:
        merged = merge(
            spec,
            parts,
            store,
            lambda f: factors.get(f.dataset) if f.dataset is not None else None,
            on_values=on_values,
        )
    cutflow = cutflow_rows(spec, plan.files, merged, factors)
    rows = ledger(plan, settings, outcomes, {p.file.name: p for p in parts})
    lumi = luminosity(spec, uses, inputs.unseen, settings.luminosity)
    failed = {row.file for row in rows if row.status == "failed"}
    waiting = [row.file for row in rows if row.status == "pending"]
    whole = (
        not failed and not waiting and all(u.whole for u in uses) and not inputs.missing and not inputs.unseen
    )
    limited = (settings.max_files, settings.max_events, settings.fraction) != (None, None, None)
    complete = whole and not limited and bool(uses)
    environments = {h.environment for p in parts for h in p.headers}
    notes = [*_about_inputs(parts), *(n.note for n in scaled if n.note)]
    notes += [f"luminosity: {lumi.note}"] if lumi.note else []
    if len(environments) > 1:
        notes.append(
            "parts were computed with different instruction sets or package versions: sums may differ in "
            "their last bits from those of one machine"
        )
    if waiting:
        notes.append(f"{len(waiting)} of {len(plan.tasks)} tasks have no result yet")
    statuses = _file_statuses(uses, failed, set(waiting) - failed, planned)
    info = RunInfo(
        femtobarn=package_version(),
        results_version=results_version(),
        analysis=spec,
        identity=spec.identity,
        plan=plan_digest(plan),
        mode=spec.mode,
        release=spec.release,
        complete=complete,
        simulated=any(u.facts is not None and u.facts.simulated for u in uses),
        files_wanted=inputs.wanted,
        files_given=inputs.given,
        files_processed=sum(s == "processed" for s in statuses.values()),
        files_failed=len(failed),
        files_skipped=sum(f.status == "skipped" for f in plan.skipped),
        files_pending=len(set(waiting) - failed),
        tasks_pending=len(waiting),
        missing=inputs.missing,
        events_processed=sum(u.processed for u in own),
        catalogue=in_words(spec.release),
        luminosity=lumi,
        normalisations=scaled,
        notes=tuple(notes),
        settings=settings,
        inputs=tuple(_input_row(u, statuses[u.file.name]) for u in own),
        environment=environment(),
        mixed_environments=len(environments) > 1,
        started=utc(clock.started),
        finished=utc(datetime.now(UTC)),
        seconds=clock.seconds,
        command=command,
    )
    headers = [h for p in parts for h in p.headers]
    contents = Contents(
        info=info,
        merged=merged,
        ledger=rows,
        cutflow=cutflow,
        yields=yield_rows(spec, cutflow, lumi, complete=complete),
        metrics=summarise(headers, clock.seconds, len(plan.tasks) - len(outcomes), outcomes.values()),
    )
    if spec.skim is not None:
        directory.info.unlink(missing_ok=True)  # written last: where it is, the rest belongs to it
        write_skims(spec, parts, store, directory.skim, _absent(inputs, own))
    write_directory(directory, contents)
    return info


def _about_inputs(parts: Sequence[FileParts]) -> list[str]:
    """Return what a reader must know of the files: skims, and values that they lack."""
    steps = {p.facts.origin.steps for p in parts if p.facts is not None and p.facts.origin is not None}
    notes = [f"the inputs are skims: only events that pass {', then '.join(step)}" for step in sorted(steps)]
    lacking: dict[tuple[str, ...], list[str]] = {}
    for part in parts:
        words = tuple(dict.fromkeys(word for header in part.headers for word in header.filled))
        if words:
            lacking.setdefault(words, []).append(part.file.name)
    for words, names in lacking.items():
        more = f" and {len(names) - 1} more files" if len(names) > 1 else ""
        notes.append(f"{names[0]}{more}: {'; '.join(words)}")
    return notes


def _absent(inputs: Inputs, uses: Sequence[FileUse]) -> tuple[UnseenFile, ...]:
    """Return the files that would belong to a complete result and were not opened, for a reader of its skims."""
    unread = [u.file for u in uses if u.facts is None]
    absent = {f.name: f for f in inputs.unseen}
    for file in unread:
        absent[file.name] = UnseenFile(
            name=file.name, size=file.size, dataset=file.dataset, period=file.period
        )
    for name in inputs.lost:
        known = recognise(name)
        dataset, period = (None, None) if known is None else (known.dsid, known.period)
        absent[name] = UnseenFile(name=name, size=0, dataset=dataset, period=period)
    return tuple(absent.values())


def _of_origin(use: FileUse) -> FileUse:
    """Return ``use`` in events of the file from which a skim has them; as it is if it is no skim."""
    if use.facts is None or use.facts.origin is None:
        return use
    origin = use.facts.origin
    return FileUse(
        use.file.model_copy(update={"size": origin.size}),
        use.facts.model_copy(update={"entries": origin.entries}),
        processed_of_origin(use.facts, use.processed),
        estimated=use.processed not in {0, use.facts.entries},
    )


def _file_statuses(
    uses: Sequence[FileUse], failed: set[str], waiting: set[str], planned: set[str]
) -> dict[str, str]:
    named = {use.file.name: "processed" if use.file.name in planned else "skipped" for use in uses}
    return {**named, **dict.fromkeys(waiting, "pending"), **dict.fromkeys(failed & set(named), "failed")}


def _input_row(use: FileUse, state: str) -> InputRow:
    file = use.file
    return InputRow.model_validate(
        {
            "name": file.name,
            "url": shown(file.url),
            "size": file.size,
            "identity": file.identity,
            "process": file.process,
            "dataset": file.dataset,
            "period": file.period,
            "entries": None if use.facts is None else use.facts.entries,
            "events_processed": use.processed,
            "status": state,
        }
    )


def plan_digest(plan: Plan) -> str:
    """Return what tells this plan from another: its tasks, what is skipped and what is missing."""
    skipped = [[f.name, f.reason, f.status] for f in plan.skipped]
    return digest([plan.id, skipped, plan.missing])


def utc(when: datetime) -> str:
    """Return a time as run directories write it."""
    return when.strftime(_UTC)
