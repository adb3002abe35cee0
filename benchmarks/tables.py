"""The page of results: Markdown from rows, curves and targets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from arithmetic import line, ratios, spread
from cumulative import Curve
from rounds import Row
from targets import Rows, Target


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; numbers stand to the right, names to the left."""
    lines = [f"| {' | '.join(head)} |", f"|{'|'.join(['---', *['---:'] * (len(head) - 1)])}|"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines)


def whole_process(rows: list[Row], names: Sequence[str], reference: str) -> str:
    """Return wall, CPU, memory, rate and ratio to ``reference`` on the large input."""
    table = Rows(rows)
    base = table.get(reference)
    if base is None:
        return ""
    lines = []
    for name in names:
        row = table.get(name)
        if row is None:
            lines.append([name, *["not measured"] * 6])
            continue
        wall = spread(row.wall)
        lines.append(
            [
                name,
                wall.shown(),
                spread(row.cpu).shown(),
                f"{row.peak / 2**20:.0f}",
                f"{row.events / wall.median / 1e6:.2f}",
                ratios(row.wall, base.wall).shown(),
                ratios(row.cpu, base.cpu).shown(),
            ]
        )
    head = (
        "program",
        "wall s",
        "CPU s",
        "peak MiB",
        "million events/s",
        f"wall / that of {reference}",
        "CPU / the same",
    )
    return markdown(head, lines)


def steady_state(rows: list[Row], names: Sequence[str]) -> str:
    """Return start-up and cost per million events, from the two inputs."""
    table = Rows(rows)
    lines = []
    for name in names:
        small, large = table.get(name, table.few), table.get(name)
        if small is None or large is None:
            continue
        cpu = line(small.cpu, large.cpu, (table.few, table.many))
        wall = line(small.wall, large.wall, (table.few, table.many))
        lines.append([name, *(s.shown() for s in (cpu.per_million, wall.per_million, cpu.start, wall.start))])
    head = (
        "program",
        "CPU s per million events",
        "wall s per million events",
        "start-up CPU s",
        "start-up wall s",
    )
    return markdown(head, lines)


def pairs(rows: list[Row], wanted: Sequence[tuple[str, str]], events: int) -> str:
    """Return pairs of programs, and how much faster the first is."""
    table = Rows(rows)
    lines = []
    for one, other in wanted:
        a, b = table.get(one, events), table.get(other, events)
        if a is None:
            continue
        lines.append([one, spread(a.wall).shown(), spread(a.cpu).shown(), f"{a.peak / 2**20:.0f}", ""])
        if b is None:
            lines.append([other, *["not measured"] * 4])
            continue
        faster = ratios(b.wall, a.wall).shown(1)
        lines.append([other, spread(b.wall).shown(), spread(b.cpu).shown(), f"{b.peak / 2**20:.0f}", faster])
    return markdown(("program", "wall s", "CPU s", "peak MiB", "slower than the row above, wall"), lines)


def curves_table(curves: list[Curve]) -> str:
    """Return seconds against the number of variations, at the numbers of the passes."""
    numbers = sorted({n for curve in curves for n in curve.numbers if n in _marks(curves)})
    lines = []
    for curve in curves:
        at = dict(zip(curve.numbers, curve.seconds, strict=True))
        lines.append([curve.name, *(f"{at[n]:.2f}" if n in at else "–" for n in numbers)])
    return markdown(("seconds after variations:", *map(str, numbers)), lines)


def _marks(curves: list[Curve]) -> set[int]:
    marks = {1, *(curve.numbers[-1] for curve in curves)}
    return marks | {n for curve in curves if "pass" in curve.name for n in curve.numbers}


def targets_table(found: list[Target], *, judged: bool) -> str:
    """Return targets, what was measured, and, if the input allows to judge, whether they are met."""
    lines = []
    for target in found:
        verdict = target.verdict() if judged else "not judged"
        sign = "≥" if target.at_least else "≤"
        limit = f"{sign} {target.limit:g} {target.unit}"
        lines.append([target.name, limit, f"{target.value:.2f}", verdict])
    return markdown(("target", "limit", "measured", "verdict"), lines)
