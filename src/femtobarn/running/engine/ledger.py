"""The ledger: what became of every task and of every given file, so that nothing is lost in silence."""

from __future__ import annotations

from collections.abc import Mapping

from femtobarn.base.records import LedgerRow, Outcome, Settings, Task
from femtobarn.running.engine.parts import limit
from femtobarn.running.engine.plan import Plan
from femtobarn.running.results.merge import FileParts
from femtobarn.running.results.partial import PartialHeader


def row_of(task: Task, outcome: Outcome) -> LedgerRow:
    """Return the line of a task that was run."""
    return LedgerRow(
        task=task.id,
        file=task.file.name,
        part=task.part,
        start=outcome.start,
        stop=outcome.stop,
        status="processed" if outcome.processed else "pending" if outcome.pending else "failed",
        reason=outcome.reason,
        attempts=outcome.attempts,
        seconds=round(outcome.seconds, 6),
        worker=outcome.worker,
    )


def ledger(
    plan: Plan,
    settings: Settings,
    outcomes: Mapping[str, Outcome],
    parts: Mapping[str, FileParts],
) -> tuple[LedgerRow, ...]:
    """Return one line per task, per stretch of a file that a limit left out, and per file not read.

    A task whose result was there already has 0 attempts.

    Parameters
    ----------
    outcomes
        of the tasks that were run now, by id
    parts
        the results there are, by logical file name
    """
    rows: list[LedgerRow] = []
    headers = {h.task: h for p in parts.values() for h in p.headers}
    for task in plan.tasks:
        if task.id in outcomes:
            rows.append(row_of(task, outcomes[task.id]))
        else:
            rows.append(_reused(task, headers[task.id]))
        if task.part == task.parts - 1:
            _fill_ranges(rows, task, settings, parts[task.file.name])
        if task.part == task.parts - 1 and (left := _left_out(task, settings, parts[task.file.name])):
            rows.append(left)
    rows += [
        LedgerRow(
            task="", file=file.name, part=0, start=None, stop=None, status=file.status, reason=file.reason
        )
        for file in plan.skipped
    ]
    return tuple(rows)


def _reused(task: Task, header: PartialHeader) -> LedgerRow:
    return LedgerRow(
        task=task.id,
        file=task.file.name,
        part=task.part,
        start=header.start,
        stop=header.stop,
        status="processed",
        seconds=round(header.metrics.seconds, 6),
        worker=header.metrics.worker,
    )


def _fill_ranges(rows: list[LedgerRow], last: Task, settings: Settings, parts: FileParts) -> None:
    """Give entries to the parts of an opened file whose worker died before it could tell them.

    The ends of such a stretch are those of its neighbours; between several parts of one stretch the
    ideal boundaries are taken.
    """
    if parts.facts is None:
        return
    entries = limit(parts.facts.entries, settings.max_events, settings.fraction)
    first = len(rows) - last.parts
    for i in range(first, len(rows)):
        if rows[i].start is not None:
            continue
        begin = rows[i - 1].stop if i > first else 0
        assert begin is not None
        after = next((r.start for r in rows[i + 1 :] if r.start is not None), entries)
        if i + 1 < len(rows) and rows[i + 1].start is None:
            after = min(max(entries * (i + 1 - first) // last.parts, begin), after)
        rows[i] = rows[i].model_copy(update={"start": begin, "stop": after})


def _left_out(task: Task, settings: Settings, parts: FileParts) -> LedgerRow | None:
    """Return the line for the events beyond a limit, if the file was opened and there are any."""
    if parts.facts is None:
        return None
    entries = parts.facts.entries
    read = limit(entries, settings.max_events, settings.fraction)
    if read == entries:
        return None
    limits = {"--max-events": settings.max_events, "--fraction": settings.fraction}
    words = " and ".join(f"{name} {value}" for name, value in limits.items() if value is not None)
    return LedgerRow(
        task="",
        file=task.file.name,
        part=task.parts,
        start=read,
        stop=entries,
        status="skipped",
        reason=f"beyond {words}",
    )
