"""The last lines of a run in the terminal, as rich renderables; plain text where it is not a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from femtobarn.base.records import RunInfo
from femtobarn.running.results.yields import varied_yields
from femtobarn.show.report.numbers import NONE
from femtobarn.show.report.sections import (
    estimate,
    labels,
    lost_rows,
    luminosity_used,
    systematic_of_total,
    total_yield,
    yield_words,
)
from femtobarn.show.results_like import Results
from femtobarn.show.statistics import SignificanceResult, significances
from femtobarn.show.wording import completeness, event_source, mode_words, plain, plain_label

_MOST_NOTES = 3
_MOST_NAME = 72  # characters of a foreign name on one line


def summary(results: Results, paths: Sequence[Path] = ()) -> Group:
    """Return everything a run says at its end: headline, yields, significances, problems, ``paths``."""
    info = results.info
    words = [plain_label(results.spec.title) or results.spec.name, event_source(info), *completeness(info)]
    words += mode_words(info)
    parts: list[RenderableType] = [Text(" · ".join(plain(w) for w in words), style="bold")]
    parts += [Text(_yields_title(results)), yields_table(results)]
    parts += [Text(line) for line in significance_lines(significances(results))]
    parts += [Text(line, style="yellow") for line in (*problems(results), *_notes(info))]
    parts += [Text(plain(str(path)), style="cyan", overflow="fold") for path in paths]
    return Group(*parts)


def print_summary(console: Console, results: Results, paths: Sequence[Path] = ()) -> None:
    """Print `summary` on ``console``, each path on one line however narrow it is, so that it can be copied."""
    console.print(summary(results))
    for path in paths:
        console.print(Text(plain(str(path)), style="cyan"), soft_wrap=True)


def _notes(info: RunInfo) -> tuple[str, ...]:
    """Return the first notes of a run; all of them are in the report and in run.json."""
    shown = [f"note: {_short(note, 2 * _MOST_NAME)}" for note in info.notes[:_MOST_NOTES]]
    if len(info.notes) > _MOST_NOTES:
        shown.append(f"and {len(info.notes) - _MOST_NOTES} more notes in the report")
    return tuple(shown)


def _yields_title(results: Results) -> str:
    lumi = luminosity_used(results)
    title = "Events" if lumi is None else f"Events, simulation at {lumi:.4g} fb⁻¹"
    if results.spec.variations:
        title += " ± stat. (syst.)"
    if results.luminosity.value is not None:
        return title
    if not any(row.role == "data" for row in results.yields()):
        return f"{title}; simulation is not scaled, since no luminosity is given"
    return f"{title}; the luminosity of the data is not known"


def yields_table(results: Results) -> Table:
    """Return events by process (rows) and selection (columns), simulation at the luminosity of the results."""
    rows = results.yields()
    names = labels(results)
    chosen = list(dict.fromkeys(row.selection for row in rows))
    table = Table(show_edge=False, pad_edge=False)
    table.add_column("process")
    for selection in chosen:
        table.add_column(Text(_short(selection)), justify="right")
    cells = {(row.process, row.selection): row for row in rows}
    processes = list(dict.fromkeys(row.process for row in rows))
    for process in processes:
        line = []
        for selection in chosen:
            row = cells.get((process, selection))
            if row is None:
                line.append(NONE)
            elif row.role == "data":
                line.append(f"{row.raw:,}")
            else:
                line.append(f"{row.raw:,} unscaled" if row.yield_ is None else yield_words(row))
        table.add_row(Text(_short(names.get(process, process))), *(Text(cell) for cell in line))
    simulated = [row for row in rows if row.role != "data"]
    if len({row.process for row in simulated}) > 1:
        varied = varied_yields(results.spec, results.short_cutflow(), luminosity_used(results))
        sums = [
            total_yield(
                [row for row in simulated if row.selection == s], systematic_of_total(results, varied, s)
            )
            for s in chosen
        ]
        table.add_section()
        table.add_row(Text("all simulation"), *(Text(cell) for cell in sums))
    return table


def significance_lines(found: Sequence[SignificanceResult]) -> tuple[str, ...]:
    """Return one line for each counting experiment."""
    lines = []
    for r in found:
        unit = f" {r.unit}" if r.unit else ""
        if r.luminosity is None:
            lines.append(f"significance {_short(r.name)}: not defined: {r.asimov.reason}")
            continue
        f = f"{r.background_uncertainty:g}"
        reasons = dict.fromkeys(e.reason for e in (r.with_uncertainty, r.asimov, r.notebook) if e.reason)
        why = f" ({'; '.join(reasons)})" if reasons else ""
        lines.append(
            f"significance {_short(r.name)}, {r.low:g} to {r.high:g}{unit}: "
            f"S = {r.signal:.2f}, B = {r.background:.2f}; "
            f"S/√(B+{f}B²) = {estimate(r.with_uncertainty)}, Asimov = {estimate(r.asimov)}, "
            f"notebook (S+B)/√(B+{f}B²) = {estimate(r.notebook)}{why}"
        )
    return tuple(lines)


def problems(results: Results) -> tuple[str, ...]:
    """Return what went wrong in at most four lines; none if nothing did."""
    info = results.info
    lost = lost_rows(results.ledger())
    failed = [row for row in lost if row.status == "failed"]
    skipped = [row for row in lost if row.status == "skipped" and row.start is None]
    partly = [row for row in lost if row.status == "skipped" and row.start is not None]
    lines = []
    for word, rows in (("failed", failed), ("skipped", skipped), ("read in part", partly)):
        if rows:
            reason = _short(rows[0].reason, 3 * _MOST_NAME)
            # many reasons begin with the path, which ends in the name
            where = "" if rows[0].file in reason else f"{_short(rows[0].file)}: "
            lines.append(f"{len(rows)} {word}, first: {where}{reason}")
    absent = []
    if info.missing:
        more = ", ..." if len(info.missing) > 3 else ""
        absent.append(
            f"no file for {len(info.missing)}: {', '.join(_short(m) for m in info.missing[:3])}{more}"
        )
    if failed or skipped or partly:
        absent.append("every reason is in ledger.csv")
    if absent:
        lines.append("; ".join(absent))
    return tuple(lines)


def _short(text: str, most: int = _MOST_NAME) -> str:
    text = plain(text)
    return text if len(text) <= most else text[: most - 1] + "…"
