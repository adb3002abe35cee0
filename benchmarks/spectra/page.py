"""Write ``results.md`` from the numbers, and the part of the documentation that holds them."""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.scale.extrapolation import LINK, MissingError
from benchmarks.scale.results import read_results as read_scale
from benchmarks.scale.tables import markdown
from benchmarks.spectra.fits import costs
from benchmarks.spectra.plan import Plan, plan
from benchmarks.spectra.results import Chain, Growth, Memory, Results, Setting
from benchmarks.spectra.tables import (
    chain_table,
    commands_table,
    costs_table,
    events_table,
    memory_table,
    plan_table,
    slow,
    stages_table,
    states_table,
    walls,
)
from benchmarks.spectra.targets import against_numpy, cheaper, targets

FIGURE = "growth.png"
WORKERS = (10, 100, 1000)
_MARKED = re.compile(r"(<!-- from results\.json -->\n).*?(<!-- end -->)", re.DOTALL)
_NONE = "No results are kept here yet: `make bench-spectra` measures them.\n"


def page(results: Results, scale: Path) -> str:
    """Return the page of results.

    Parameters
    ----------
    scale
        results of ``make bench-scale``, for what a task costs
    """
    small = any(setting.small for setting in _settings(results))
    note = "\n\n**A quick look: small inputs, nothing is judged.**" if small else ""
    head = (
        "# Results of the benchmark of mass spectra\n\n"
        "Written by `make bench-spectra`; how it measures is told in "
        "[the documentation](../../docs/spectra-speed.md). Values of several rounds are medians, with "
        f"quartiles.{note}\n"
    )
    parts = [
        head,
        _section("Targets", _targets(results, judged=not small)),
        _section("Machine", _machine(results)),
        _section("The whole chain", "" if results.chain is None else _chain(results.chain)),
        _section("What an event and a value cost", _costs(results.growth)),
        _section("Events and combinations", "" if results.growth is None else events_table(results.growth)),
        _section("Final states", "" if results.growth is None else _states(results.growth)),
        _section("Memory", "" if results.memory is None else _memory(results.memory)),
        _section("A whole release", _prospect(results, scale)),
        f"![time and memory]({FIGURE})\n",
    ]
    return "\n".join(parts)


def documented(text: str, results: Results, scale: Path) -> str:
    """Return the text of a page of the documentation with what was found in its marked part."""
    found = _found(results, scale) if _complete(results) else _NONE
    return _MARKED.sub(lambda match: f"{match[1]}{found}{match[2]}", text)


def _found(results: Results, scale: Path) -> str:
    assert results.chain is not None
    parts = (
        _targets(results, judged=True),
        _chain_words(results.chain),
        f"{chain_table(results.chain)}\n",
        _costs(results.growth),
        _prospect(results, scale),
    )
    return "\n".join(parts)


def _section(title: str, body: str) -> str:
    return f"## {title}\n\n{body.rstrip() or 'Not measured.'}\n"


def _settings(results: Results) -> list[Setting]:
    steps = (results.chain, results.growth, results.memory)
    return [step.setting for step in steps if step is not None]


def _complete(results: Results) -> bool:
    found = _settings(results)
    return len(found) == len(type(results).model_fields) and not any(setting.small for setting in found)


def _targets(results: Results, *, judged: bool) -> str:
    rows = []
    for target in targets(results):
        sign = "≥" if target.at_least else "≤"
        verdict = ("met" if target.met else "missed") if judged else "not judged"
        rows.append(
            [target.name, f"{sign} {target.limit:g} {target.unit}".strip(), f"{target.value:.2f}", verdict]
        )
    return markdown(("target", "limit", "measured", "verdict"), rows) + "\n"


def _machine(results: Results) -> str:
    found = _settings(results)
    if not found:
        return ""
    tables = "\n\n".join(
        markdown(("", ""), machine) for machine in dict.fromkeys(setting.machine for setting in found)
    )
    return f"{tables}\n\nMeasured {', '.join(sorted({setting.date for setting in found}))}.\n"


def _chain_words(step: Chain) -> str:
    return (
        f"{step.events:,} events in {step.files} files of {step.branches} branches, {step.size / 1e6:.0f} MB (zlib, written "
        f"by ROOT {step.root}); {step.branches_read} branches are read, {step.bytes_read / 1e6:.0f} MB. "
        f"{step.combinations} combinations in {step.states} final states: {step.histograms:,} histograms with "
        f"{step.values:,} values. All programs of the table filled the same histograms, bin for bin, in every round; "
        f"only the one with windows as in today's program has others. The awkward program takes {slow(step)} for each "
        f"final state and combination, {cheaper(step):.0f} times the CPU time of the whole chain; one worker of the chain "
        f"takes {against_numpy(step):.2f} times that of plain NumPy, which writes no ROOT file, makes no run directory and "
        "holds all events in memory.\n"
    )


def _chain(step: Chain) -> str:
    return (
        f"{_chain_words(step)}\n{chain_table(step)}\n\nWith plots and gallery, by stage:\n\n{stages_table(step)}\n\n"
        f"{commands_table(step)}\n"
    )


def _costs(step: Growth | None) -> str:
    if step is None:
        return ""
    try:
        found = costs(step)
    except ValueError as error:
        return f"Not told apart: {error}.\n"
    return (
        "CPU time of whole processes with one worker, files read for the first time, is a constant and parts that are "
        f"proportional to events, values and histograms, to {100 * found.residual:.0f} % of the largest of "
        f"{len(step.rows)} runs:\n\n{costs_table(found)}\n"
    )


def _states(step: Growth) -> str:
    return (
        "The same events, with final states limited by their numbers of objects. Today's program pays for each final "
        f"state and combination; here they cost what is written of them.\n\n{states_table(step)}\n"
    )


def _memory(step: Memory) -> str:
    return f"Two workers; each copy counts as another file.\n\n{memory_table(step)}\n"


def _prospect(results: Results, scale: Path) -> str:
    if results.growth is None:
        return ""
    try:
        found = plan(results.growth, read_scale(scale))
    except (MissingError, ValueError) as error:
        return f"Not extrapolated: {error}.\n"
    return _plan(found)


def _plan(found: Plan) -> str:
    what = found.columns.release
    return (
        f"{what.title}: {what.files:,} files, {what.events:,} events, {what.size / 1e12:.1f} TB, in "
        f"{found.columns.tasks:,} tasks.\n\n{plan_table(found)}\n\nWall time, if only the needed columns are read, and if "
        f"files are read whole (a link of {LINK * 8 / 1e9:.0f} Gbit/s is assumed):\n\n{walls(found, WORKERS)}\n"
    )
