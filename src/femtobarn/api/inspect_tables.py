"""The tables of an inspection, for a terminal of any width.

Names come from files of strangers: what is no visible character is written as an escape.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len
from rich.console import RenderableType
from rich.filesize import decimal as size
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from femtobarn.api.inspection import ratio_of
from femtobarn.base.text import visible
from femtobarn.data.columns.describe import BranchDescription, TreeDescription

UNITS = {"TTree": "baskets", "RNTuple": "pages"}
"""What the parts of a branch are called."""

_PROSE = 110  # columns; longer lines are hard to read
_UNREADABLE = "unreadable"


def pairs(rows: Iterable[tuple[str, str]], width: int) -> RenderableType:
    """Return names and texts beside each other; long texts go on below their beginning."""
    table = Table.grid(padding=(0, 2, 0, 0), expand=False)
    table.add_column(style="dim", no_wrap=True)
    shown = list(rows)
    longest = max((cell_len(name) for name, _ in shown), default=0)
    table.add_column(overflow="fold", max_width=max(min(width, _PROSE) - 4 - longest, 8))
    for name, words in shown:
        table.add_row(Text(name), Text(words))
    return Padding(table, (0, 0, 0, 2), expand=False)


def listing(rows: Sequence[tuple[str, str]], most: int) -> Iterator[RenderableType]:
    """Give a list of the first ``most`` names with what they are, and how many more there are."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(overflow="fold")
    table.add_column(overflow="fold", style="dim")
    for name, what in rows[:most]:
        table.add_row(Text(name), Text(what))
    yield Padding(table, (0, 0, 0, 2), expand=False)
    if len(rows) > most:
        yield Text(f"  ... and {len(rows) - most:,} more: --all lists them", style="dim")


def branch_table(tree: TreeDescription, *, width: int, most: int) -> Iterator[RenderableType]:
    """Give the table of the first ``most`` branches of a tree."""
    if not tree.branches:
        return
    rows = [_row(branch) for branch in tree.branches[:most]]
    names = ("branch", "type", "read as", "stored", "ratio", UNITS[tree.kind])
    columns = len(names) - (baskets_each(tree) is not None)  # a column of one number tells nothing
    longest = [max(cell_len(row[i]) for row in (names, *rows)) for i in range(columns)]
    space = width - 2 - 2 * (columns - 1) - sum(longest[2:])
    name = min(longest[0], max(space - min(longest[1], 10), 16))
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column(names[0], width=name, overflow="fold")
    table.add_column(names[1], width=min(longest[1], max(space - name, 8)), overflow="ellipsis", no_wrap=True)
    table.add_column(names[2], overflow="ellipsis", no_wrap=True)
    for number in names[3:columns]:
        table.add_column(number, justify="right", no_wrap=True)
    for row in rows:
        style = "dim" if row[2] == _UNREADABLE else ""
        table.add_row(*(Text(cell, style=style) for cell in row[:columns]))
    yield Padding(table, (0, 0, 0, 2), expand=False)
    if (more := len(tree.branches) - len(rows)) > 0:
        words = f"  ... and {more:,} more: --all lists them, --branches 'PATTERN' some of them"
        yield Text(words, style="dim")


def baskets_each(tree: TreeDescription) -> int | None:
    """Return the number of baskets (pages) of every branch that has any, if it is one number."""
    numbers = {branch.baskets for branch in tree.branches if branch.baskets}
    return numbers.pop() if len(numbers) == 1 else None


def _row(branch: BranchDescription) -> tuple[str, ...]:
    read = {
        "scalar": branch.dtype,
        "list": f"{branch.dtype}[]",
        "string": "string",
        "other": _UNREADABLE,
    }
    return (
        visible(branch.name),
        visible(branch.typename),
        read[branch.shape],
        size(branch.compressed),
        f"{ratio_of(branch):.1f}" if branch.compressed else "-",
        f"{branch.baskets:,}",
    )
