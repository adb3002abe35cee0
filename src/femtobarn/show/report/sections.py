"""The sections of the page, one function each: results in, HTML out."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING

from femtobarn.base.records import LedgerRow, RunInfo
from femtobarn.running.results.metrics import Metrics
from femtobarn.running.results.yields import (
    VariedYields,
    YieldWithErrors,
    in_total,
    systematic_errors,
    varied_yields,
)
from femtobarn.show.report.cutflow import ProcessCutflow
from femtobarn.show.report.html import Html, details, join, section, table, tag
from femtobarn.show.report.numbers import NONE, amount, duration, measured, share
from femtobarn.show.results_like import Results
from femtobarn.show.spectra.words import mode_of
from femtobarn.show.statistics import Estimate, SignificanceResult
from femtobarn.show.wording import completeness, event_source, mode_words, plain_label, size

if TYPE_CHECKING:
    from femtobarn.show.figures import FigureData

_OF_LUMINOSITY = "luminosity: "  # how notes of a run about it begin
_MOST_ROWS = 500  # of a table; more are in the csv files


def labels(results: Results) -> dict[str, str]:
    """Return what processes are called, without mathtext."""
    return {p.name: plain_label(p.label or p.name) for p in results.spec.inputs.processes}


def luminosity_used(results: Results) -> float | None:
    """Return the fb^-1 at which yields are stated: that of the data, else the analysis' own."""
    known = results.luminosity
    return known.value if known.value is not None else known.nominal


def headline(results: Results, cost: Metrics) -> Html:
    """Title, what the events are, whether the result is complete, and the few numbers that matter."""
    info, spec = results.info, results.spec
    incomplete = completeness(info)
    badges = [tag("span", event_source(info), class_="badge warn" if info.simulated else "badge plain")]
    badges.append(
        tag("span", incomplete[0], class_="badge bad")
        if incomplete
        else tag("span", "complete", class_="badge ok")
    )
    if info.files_failed:
        badges.append(tag("span", f"{info.files_failed} failed", class_="badge bad"))
    mode = "badge warn" if info.mode == "notebook" else "badge plain"
    badges.append(
        tag("span", f"{info.mode} mode" if spec.spectra is None else mode_of(spec.spectra), class_=mode)
    )
    known = results.luminosity
    tiles = [
        (f"{info.events_processed:,}", "events processed"),
        (f"{info.files_processed:,}", f"files of {max(info.files_wanted, info.files_processed):,} wanted"),
        (duration(cost.seconds), "wall time"),
        (f"{cost.events_per_second:,.0f}", "events per second"),
    ]
    if known.value is not None or _scaled(results):
        value = NONE if known.value is None else f"{known.value:.4g} fb⁻¹"
        tiles.insert(2, (value, "luminosity of the data shown"))
    return tag(
        "header",
        tag("h1", plain_label(spec.title) or spec.name),
        tag("p", f"{spec.name} · release {info.release} · {info.finished}", class_="sub"),
        tag("div", *badges),
        tag(
            "div",
            *(tag("div", tag("b", n), tag("span", words), class_="tile") for n, words in tiles),
            class_="tiles",
        ),
        _warnings(results),
    )


def _scaled(results: Results) -> bool:
    """Tell whether a luminosity matters: simulation of a scan may be left as it is."""
    scan = results.spec.spectra
    return scan is None or scan.output.scale == "luminosity"


def _warnings(results: Results) -> Html:
    info = results.info
    lines = [*mode_words(info)]
    scaled = _scaled(results)
    if results.luminosity.value is None and scaled:
        lines.append(
            "The luminosity of these data is not known: simulation is not overlaid. Give --luminosity."
        )
    if results.luminosity.note and scaled:
        lines.append(results.luminosity.note)
    if info.mixed_environments:
        lines.append(
            "Parts of this result come from different package versions or instruction sets; "
            "its last bits may differ from those of a uniform run."
        )
    lines += [note for note in info.notes if scaled or not note.startswith(_OF_LUMINOSITY)]
    parts = []
    if info.missing:
        listed = ", ".join(info.missing[:40]) + (", …" if len(info.missing) > 40 else "")
        parts.append(
            tag(
                "div", tag("p", tag("b", f"Without a file ({len(info.missing)}): "), listed), class_="box bad"
            )
        )
    if lines:
        parts.append(tag("div", tag("ul", *(tag("li", line) for line in lines)), class_="box"))
    return join(parts)


def figures(drawn: Sequence[tuple[FigureData, bytes]], declared: int) -> Html:
    """Every figure, inside the page; without any, why: ``declared`` is how many the analysis has."""
    if not drawn:
        why = "This analysis declares no figure."
        if declared:
            why = f"Not drawn; femtobarn figures draws the {declared} of this analysis, when they are wanted."
        return section("figures", "Figures", tag("p", why, class_="soft"))
    blocks = []
    for data, image in drawn:
        words = [data.name, *data.notes]
        if data.luminosity is not None:
            words.insert(1, f"{data.luminosity:.4g} fb⁻¹")
        big = data.data is not None and bool(data.layers)
        source = "data:image/png;base64," + base64.b64encode(image).decode("ascii")
        alternative = f"{data.name}: {plain_label(data.y_label)} against {plain_label(data.x_label)}"
        blocks.append(
            tag(
                "figure",
                tag("img", src=source, alt=alternative),
                tag("figcaption", " · ".join(words)),
                class_="big" if big else False,
            )
        )
    return section("figures", "Figures", tag("div", *blocks, class_="figures"))


def yields(results: Results) -> Html:
    """Events after each selection, by process, with the sum of backgrounds and of everything simulated."""
    names = labels(results)
    lumi = luminosity_used(results)
    rows = results.yields()
    varied = varied_yields(results.spec, results.short_cutflow(), lumi)
    parts: list[Html] = []
    for selection in dict.fromkeys(row.selection for row in rows):
        here = [row for row in rows if row.selection == selection]
        body: list[tuple[str, str, str, str]] = [
            (names.get(r.process, r.process), r.role, f"{r.raw:,}", _yield(r)) for r in here
        ]
        classes = [""] * len(body)
        simulated = [r for r in here if r.role != "data"]
        if len(simulated) > 1:
            total = total_yield(simulated, systematic_of_total(results, varied, selection))
            body.append(("all simulation", "", f"{sum(r.raw for r in simulated):,}", total))
            classes.append("total")
        parts.append(tag("h3", f"Selection {selection}"))
        parts.append(
            table(("process", "role", "raw events", "yield"), body, numeric=(2, 3), row_classes=classes)
        )
    also = ", in brackets systematic: up and down" if results.spec.variations else ""
    scale = "" if lumi is None else f" Simulation is scaled to {lumi:.4g} fb⁻¹; errors are statistical{also}."
    if results.luminosity.value is None and _scaled(results):
        scale += " The luminosity of the data is not known: do not compare them with it."
    partial = "" if results.info.complete else " The inputs are incomplete."
    intro = tag("p", f"Events that pass each selection.{scale}{partial}", class_="soft")
    return section("yields", "Yields", intro, *parts)


def _yield(row: YieldWithErrors) -> str:
    if row.role == "data":
        return f"{row.raw:,}"
    return f"{row.raw:,} unscaled" if row.yield_ is None else yield_words(row)


def yield_words(row: YieldWithErrors) -> str:
    """Return a scaled yield with its errors."""
    if row.syst_down is None or row.syst_up is None:
        return measured(row.yield_, row.stat_error)
    return measured(row.yield_, row.stat_error, (row.syst_down, row.syst_up))


def systematic_of_total(results: Results, varied: VariedYields, selection: str) -> tuple[float, float] | None:
    """Return the systematic error of all simulation: a variation acts on all processes at once."""
    return systematic_errors(results.spec.variations, in_total(varied, selection))


def total_yield(rows: Sequence[YieldWithErrors], systematic: tuple[float, float] | None = None) -> str:
    """Return the sum of ``rows`` with its errors; a dash if one of them is not normalised."""
    values = [(r.yield_, r.stat_error) for r in rows]
    if any(v is None or e is None for v, e in values):
        return NONE
    value = sum(v for v, _ in values if v is not None)
    return measured(value, sum(e**2 for _, e in values if e is not None) ** 0.5, systematic)


def significances(found: Sequence[SignificanceResult]) -> Html:
    """Every counting experiment, with the numbers behind it and each way to state it."""
    if not found:
        return Html("")
    parts = []
    for r in found:
        f = f"{r.background_uncertainty:g}"
        counts = [
            ("signal S", NONE if r.luminosity is None else measured(r.signal, r.signal_error)),
            ("background B", NONE if r.luminosity is None else measured(r.background, r.background_error)),
            ("stack S + B", NONE if r.luminosity is None else amount(r.notebook_signal)),
            ("observed", NONE if r.observed is None else f"{r.observed:,}"),
        ]
        ways = [
            ("S / √B", r.simple),
            (f"S / √(B + {f} B²)", r.with_uncertainty),
            ("Asimov, background known", r.asimov),
            (f"Asimov, background known to {100 * r.background_uncertainty:g} %", r.asimov_with_uncertainty),
            (f"published notebook: (S + B) / √(B + {f} B²)", r.notebook),
        ]
        unit = f" {r.unit}" if r.unit else ""
        scale = "" if r.luminosity is None else f", {r.luminosity:.4g} fb⁻¹"
        parts.append(
            tag("h3", f"{r.name}: {r.low:g} to {r.high:g}{unit} of {r.histogram} in {r.selection}{scale}")
        )
        parts.append(
            tag(
                "div",
                table(("in this range", "events"), counts, numeric=(1,)),
                table(("expected significance", "σ"), [(w, estimate(e)) for w, e in ways], numeric=(1,)),
                class_="pair",
            )
        )
        reasons = dict.fromkeys(e.reason for _, e in ways if e.reason)
        parts += [tag("p", f"{NONE} not defined: {reason}.", class_="soft") for reason in reasons]
    note = tag(
        "p",
        "The notebook's N_sig is the height of the stack, signal and background together; "
        "it is given for comparison, and is not a significance of the signal.",
        class_="soft",
    )
    return section("significance", "Significance", *parts, note)


def estimate(e: Estimate) -> str:
    """Return a significance with two decimals, or a dash."""
    return NONE if e.value is None else f"{e.value:.2f}"


def cutflows(results: Results, flows: Sequence[ProcessCutflow]) -> Html:
    """Show what every cut leaves, for each process and selection."""
    names = labels(results)
    lumi = luminosity_used(results)
    parts: list[Html] = []
    for selection in dict.fromkeys(flow.selection for flow in flows):
        parts.append(tag("h3", f"Selection {selection}"))
        parts.append(
            tag(
                "div",
                *(
                    _cutflow(flow, names.get(flow.process, flow.process))
                    for flow in flows
                    if flow.selection == selection
                ),
                class_="pair",
            )
        )
    scale = "where the luminosity is known" if lumi is None else f"to {lumi:.4g} fb⁻¹"
    intro = (
        f"Events left after each cut, nominal: raw, and weighted {scale}. Percentages are of the weighted "
        "events (of the raw ones where weights are not known): of the step before, and of the first step."
    )
    return section("cutflow", "Cutflow", tag("p", intro, class_="soft"), *parts)


def _cutflow(flow: ProcessCutflow, label: str) -> Html:
    known = all(step.weighted is not None for step in flow.steps)
    rows = []
    first = before = None
    for step in flow.steps:
        value = step.weighted if known else float(step.raw)
        first = value if first is None else first
        rows.append(
            (step.cut, f"{step.raw:,}", amount(step.weighted), share(value, before), share(value, first))
        )
        before = value
    return table(("cut", "raw", "weighted", "of step", "of all"), rows, numeric=(1, 2, 3, 4), caption=label)


def ledger(results: Results) -> Html:
    """How many tasks were processed, skipped or failed, and why each that was not processed was not."""
    rows = results.ledger()
    count = {status: sum(r.status == status for r in rows) for status in ("processed", "skipped", "failed")}
    lost = sorted((r for r in rows if r.status != "processed"), key=lambda r: r.status)
    words = (
        f"{count['processed']:,} tasks processed, {count['skipped']:,} skipped, {count['failed']:,} failed; "
        f"{results.info.events_processed:,} events."
    )
    parts = [tag("p", words)]
    if lost:
        parts.append(
            table(
                ("status", "file", "part", "attempts", "reason"),
                [
                    (r.status, r.file, r.part, r.attempts, r.reason or "no reason recorded")
                    for r in lost[:_MOST_ROWS]
                ],
                numeric=(2, 3),
                row_classes=[r.status for r in lost],
            )
        )
    if len(lost) > _MOST_ROWS:
        parts.append(tag("p", f"{len(lost) - _MOST_ROWS:,} more are in ledger.csv.", class_="soft"))
    return section("ledger", "Ledger", *parts)


def normalisation(results: Results) -> Html:
    """How each simulated dataset is scaled."""
    info = results.info
    if not info.normalisations:
        return Html("")
    names = labels(results)
    rows = [
        (
            n.dataset,
            names.get(n.process, n.process),
            NONE if n.cross_section is None else f"{n.cross_section:.5g}",
            NONE if n.sum_of_weights is None else f"{n.sum_of_weights:.6g}",
            f"{100 * n.fraction:.4g} %",
            NONE if n.factor is None else f"{n.factor:.5g}",
            n.source,
            n.note,
        )
        for n in info.normalisations
    ]
    head = ("dataset", "process", "σ [fb]", "sum of weights", "used", "factor to 1 fb⁻¹", "source", "note")
    intro = "Simulation is scaled by luminosity × cross-section / sum of weights, when results are read."
    return section(
        "normalisation",
        "Normalisation",
        tag("p", intro, class_="soft"),
        table(head, rows, numeric=(2, 3, 4, 5)),
    )


def _network(cost: Metrics) -> list[tuple[str, str]]:
    if not cost.network_requests:
        return []
    words = f"{size(cost.network_bytes)} in {cost.network_requests:,} requests, {cost.network_retries:,} of them repeats"
    return [("over the network", words)]


def throughput(cost: Metrics) -> Html:
    """Events per second, bytes and processor time of the whole run."""
    steps = cost.steps
    facts = [
        ("events per second", f"{cost.events_per_second:,.0f}"),
        ("wall time", duration(cost.seconds)),
        ("time with tasks at work", duration(cost.busy_seconds)),
        ("tasks", f"{cost.tasks:,}, of which {cost.reused_tasks:,} were there before"),
        ("compressed bytes read", size(cost.bytes_read)),
        *_network(cost),
        ("processor time", duration(steps.cpu)),
        (
            "steps, summed over tasks",
            (
                f"reading {duration(steps.read)}, evaluating and filling {duration(steps.evaluate)}, "
                f"other {duration(steps.other)}"
            ),
        ),
        ("peak memory of a worker", size(cost.peak_rss)),
    ]
    return section("throughput", "Throughput", _facts(facts))


def provenance(info: RunInfo) -> Html:
    """Versions, identities and every input with its size and checksum."""
    facts = [
        ("femtobarn", f"{info.femtobarn}, results version {info.results_version}"),
        ("analysis identity", info.identity),
        ("plan", info.plan),
        ("release", info.release),
        ("mode", info.mode if info.analysis.spectra is None else mode_of(info.analysis.spectra)),
        ("options", ", ".join(f"{o.name} = {o.value}" for o in info.analysis.options) or "none"),
        ("started, finished", f"{info.started} to {info.finished}"),
        ("executor", f"{info.settings.executor}, {info.settings.workers} workers"),
        ("instruction set", info.environment.instruction_set),
        ("packages", ", ".join(f"{name} {version}" for name, version in info.environment.versions)),
    ]
    rows = [
        (
            i.name,
            i.process,
            i.status,
            NONE if i.entries is None else f"{i.entries:,}",
            f"{i.events_processed:,}",
            f"{i.size:,}",
            i.identity,
        )
        for i in info.inputs[:_MOST_ROWS]
    ]
    head = ("file", "process", "status", "entries", "events", "bytes", "checksum")
    more = len(info.inputs) - _MOST_ROWS
    rest = tag("p", f"{more:,} more are in run.json.", class_="soft") if more > 0 else Html("")
    return section(
        "provenance",
        "Provenance",
        _facts(facts),
        details(f"Inputs ({len(info.inputs):,})", table(head, rows, numeric=(3, 4, 5)), rest),
    )


def repeat(info: RunInfo) -> Html:
    """Give the command that makes the same result."""
    return section(
        "repeat",
        "How to repeat",
        tag("pre", tag("code", info.command)),
        tag(
            "p",
            "Equal plans give equal bits on machines with this instruction set and these package versions.",
            class_="soft",
        ),
    )


def _facts(pairs: Sequence[tuple[str, str]]) -> Html:
    return tag("dl", *(join((tag("dt", name), tag("dd", value))) for name, value in pairs))


def lost_rows(rows: Sequence[LedgerRow]) -> tuple[LedgerRow, ...]:
    """Return what was given and not processed, failures first."""
    return tuple(sorted((r for r in rows if r.status != "processed"), key=lambda r: r.status))
