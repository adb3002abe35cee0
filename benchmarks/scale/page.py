"""Write ``results.md`` from the numbers, and the part of the documentation that holds them."""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.scale import extrapolation
from benchmarks.scale.prospect import prospect
from benchmarks.scale.results import Results, Setting
from benchmarks.scale.tables import (
    enough_cores,
    far_table,
    markdown,
    overhead_table,
    queueing_table,
    sizes_table,
    speed_table,
)
from benchmarks.scale.targets import flatness, targets

FIGURE = "scale.png"
_MARKED = re.compile(r"(<!-- from results\.json -->\n).*?(<!-- end -->)", re.DOTALL)
_NONE = "No results are kept here yet: `make bench-scale` measures them.\n"


def page(results: Results, million: Path) -> str:
    """Return the page of results.

    Parameters
    ----------
    million
        results of ``make bench``, for what an event costs
    """
    settings = [s for s in _settings(results).values() if s is not None]
    small = any(setting.small for setting in settings)
    note = "\n\n**A quick look: small inputs, nothing is judged.**" if small else ""
    head = (
        "# Results of the benchmark of executors\n\n"
        "Written by `make bench-scale`; how it measures is told in [the documentation](../../docs/scale.md). "
        f"Values of several rounds are medians, with quartiles.{note}\n"
    )
    parts = [
        head,
        _section("Targets", _targets(results, judged=not small)),
        _section("Machine", _machine(results)),
        _section("Overhead of a task", _overhead(results)),
        _section("Many tasks planned and queued", _queueing(results)),
        _section("One and two workers", _speed(results)),
        _section("Waiting for a far server", _far(results)),
        _section("Time against the size of the input", _sizes(results)),
        _section("A whole release", _prospect(results, million)),
        f"![efficiency, memory and time]({FIGURE})\n",
    ]
    return "\n".join(parts)


def documented(text: str, results: Results, million: Path) -> str:
    """Return the text of a page of the documentation with what follows from the results in its marked part."""
    found = _prospect(results, million) if _complete(results) else _NONE
    return _MARKED.sub(lambda match: f"{match[1]}{found}{match[2]}", text)


def _section(title: str, body: str) -> str:
    return f"## {title}\n\n{body.rstrip() or 'Not measured.'}\n"


def _settings(results: Results) -> dict[str, Setting | None]:
    return {
        name: None if step is None else step.setting
        for name in type(results).model_fields
        for step in [getattr(results, name)]
    }


def _complete(results: Results) -> bool:
    return all(setting is not None and not setting.small for setting in _settings(results).values())


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
    known = [(name, setting) for name, setting in _settings(results).items() if setting is not None]
    if not known:
        return ""
    dates = ", ".join(f"{name} {setting.date}" for name, setting in known)
    machines = {setting.machine for _, setting in known}
    tables = "\n\n".join(markdown(("", ""), machine) for machine in sorted(machines))
    return f"{tables}\n\nMeasured: {dates}.\n"


def _skipped(skipped: tuple[tuple[str, str], ...]) -> str:
    return "".join(f"\n**Skipped:** {name}: {reason.splitlines()[0]}\n" for name, reason in skipped)


def _overhead(results: Results) -> str:
    step = results.overhead
    if step is None:
        return ""
    return (
        f"Tasks of `hzz` over {step.events:.0f} events each. Merging {step.merged:,} of them and writing the run "
        f"directory took {step.merge_seconds:.2f} s after the last one; a result has {step.partial_bytes:,.0f} bytes.\n\n"
        f"{overhead_table(step)}\n{_skipped(step.skipped)}"
    )


def _queueing(results: Results) -> str:
    step = results.queueing
    if step is None:
        return ""
    growth, slope = flatness(step)
    return (
        f"{queueing_table(step)}\n\nWhile tasks were queued the driver grew by {growth / 1e6:.1f} MB "
        f"({slope / 1e6:.2f} MB/s).\n"
    )


def _speed(results: Results) -> str:
    step = results.speed
    if step is None:
        return ""
    return (
        f"`hzz` over {step.files} files of demo data, {step.events:,} events; whole runs, with merging. All histograms "
        f"were equal to the last bit (SHA-256 `{step.digest[:16]}`).\n\n{speed_table(step)}\n{_skipped(step.skipped)}"
    )


def _far(results: Results) -> str:
    step = results.far
    if step is None:
        return ""
    enough = ", ".join(f"{name} {number:.0f}" for name, number in enough_cores(step).items())
    return (
        f"Tasks of `hzz` over {step.events:.0f} events, read in {step.requests:.1f} requests and "
        f"{step.network_bytes / 1e3:.0f} kB over the network, each answer {step.round_trip * 1e3:.0f} ms away. Each worker "
        f"has the same number of tasks: with full efficiency the time would not depend on the number of workers.\n\n"
        f"{far_table(step)}\n\nSo many workers would keep all {step.setting.cores} cores busy, and more cannot help "
        f"here: {enough}.\n{_skipped(step.skipped)}"
    )


def _sizes(results: Results) -> str:
    step = results.sizes
    if step is None:
        return ""
    return (
        f"Seconds from the first task's begin to the last one's end; x1 are {step.files} files.\n\n"
        f"{sizes_table(step)}\n{_skipped(step.skipped)}"
    )


def _prospect(results: Results, million: Path) -> str:
    try:
        costs = extrapolation.costs_of(results, extrapolation.cpu_per_million(million))
    except extrapolation.MissingError as error:
        return f"Not extrapolated: {error}.\n"
    return prospect(extrapolation.release(), costs)
