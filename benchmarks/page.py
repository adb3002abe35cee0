"""Write ``results.md`` and ``results.json``."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import programs
from arithmetic import spread
from cumulative import Curve
from rounds import Row
from tables import curves_table, markdown, pairs, steady_state, targets_table, whole_process
from targets import Rows, Target

FULL = 2_000_000
"""How many events the targets are for."""


@dataclass(frozen=True, slots=True)
class Setting:
    """When, on what and with what was measured."""

    date: str
    machine: list[tuple[str, str]]
    facts: dict[str, Any]
    rounds: int
    skipped: list[str]


def write_page(
    folder: Path,
    setting: Setting,
    rows: list[Row],
    curves: list[Curve],
    judged: list[Target],
    tools: programs.Tools,
) -> None:
    """Write the page, and the numbers of each round beside it."""
    rows = [dataclasses.replace(row, command=_public(row.command, tools)) for row in rows]
    numbers = {
        "setting": dataclasses.asdict(setting),
        "rows": [dataclasses.asdict(row) for row in rows],
        "curves": [dataclasses.asdict(curve) for curve in curves],
        "targets": [dataclasses.asdict(target) | {"verdict": target.verdict()} for target in judged],
    }
    (folder / "results.json").write_text(json.dumps(numbers, indent=1) + "\n")
    (folder / "results.md").write_text(page(setting, rows, curves, judged))


def _public(command: str, tools: programs.Tools) -> str:
    """Return a command without the places of this machine."""
    places = {
        tools.femtobarn: "femtobarn",
        tools.python: "python",
        str(tools.compiled): "rdf",
        f"{programs.HERE}/": "benchmarks/",
        f"{tools.work}/": "",
    }
    for place, name in places.items():
        command = command.replace(place, name)
    return command


def page(setting: Setting, rows: list[Row], curves: list[Curve], judged: list[Target]) -> str:
    """Return the page as Markdown."""
    table = Rows(rows)
    hzz = [r.name for r in rows if r.question == f"hzz, {table.many} events"]
    base = programs.FB2
    column_names = (programs.FILLS2, programs.COLUMNS2, programs.COLUMNS1)
    state_names = (
        programs.UNVERIFIED2,
        programs.UNVERIFIED1,
        programs.FINAL_ALONE,
        programs.EDITED,
        programs.FIRST_EVER,
    )
    nominal = "hzz, 0 variations: femtobarn, 1 worker"
    peer_names = [n for n in hzz if n not in {*column_names, *state_names, nominal}]
    facts = setting.facts
    count = next(r.count for r in rows if r.name == base and r.events == table.many)
    users = [
        (f"{n}: femtobarn, {w}", f"{n}: notebook, 1 process")
        for n in programs.USERS
        for w in ("1 worker", "2 workers")
    ]
    varied = [
        (r.name, r.name.replace("femtobarn, 1 worker", "compiled Vary, 1 thread"))
        for r in rows
        if "variations: femtobarn" in r.name and r.name != nominal and r.events == table.few
    ]
    commands = list(dict.fromkeys((r.name, f"`{r.command}`") for r in rows))
    machine = markdown(("", ""), setting.machine)
    full = table.many >= FULL
    note = "" if full else f"For {FULL:,} events; this input is smaller, so nothing is judged.\n\n"
    skipped = "".join(f"\n**Skipped:** {reason}.\n" for reason in setting.skipped)
    parts = [
        f"""# Results of the benchmark

Written by `make bench` on {setting.date}; how it measures is told in
[the documentation](../docs/benchmarks.md). All programs counted the same events ({count:,} of {table.many:,} pass) and
filled the same histograms, in every round.
Median (quartiles) of {setting.rounds} interleaved rounds; whole processes; input in the page cache.
{skipped}
## Targets

{note}{targets_table(judged, judged=full)}

## Machine and input

{machine}

{facts["files"]} files with {facts["events"]:,} events each, {facts["branches"]} branches, {facts["bytes"] / facts["files"] / 1e6:.0f} MB a file,
zlib level 1, written by ROOT {facts["root"]}.
""",
        f"## Peers, {table.many:,} events\n\nfemtobarn reads files whose baskets were checked by an earlier run.\n",
        whole_process(rows, peer_names, base),
        f"\n## Start-up and steady state\n\nFrom {table.few:,} and {table.many:,} events.\n",
        steady_state(rows, [*peer_names, *state_names, *column_names]),
        "\n## femtobarn in other states\n",
        whole_process(rows, [base, *state_names], base),
        "\n## Column cache\n",
        whole_process(rows, [base, *column_names], base),
        f"\n## Analyses of a user, {table.many:,} events\n",
        pairs(rows, users, table.many),
        f"\n## Variations, {table.few:,} events\n",
        _nominal(rows, nominal),
        pairs(rows, varied, table.few),
        "\n## Time against the number of variations\n\n![time against the number of variations](variations.png)\n",
        curves_table(curves),
        "\n## Commands\n",
        markdown(("program", "command"), commands).replace("---:", "---"),
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _nominal(rows: list[Row], name: str) -> str:
    lines = [
        f"* {name}, {row.events:,} events: {spread(row.wall).shown()} s wall, {spread(row.cpu).shown()} s CPU"
        for row in rows
        if row.name == name
    ]
    return "\n".join(lines) + "\n"
