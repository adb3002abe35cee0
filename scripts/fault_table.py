"""Try every fault and write the table of what came of it: `python scripts/fault_table.py [--write]`.

Without `--write` the table is printed. The cells are those of the tests (`tests/faults/cells.py`), and
each is checked as there: a cell that does not end as it must ends the script.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # the tests are no package that is installed

from tests.faults.cells import WAYS, Cell, cells  # noqa: E402 - needs the path
from tests.faults.samples import LARGE, make_samples  # noqa: E402
from tests.faults.trial import Tried, attempt  # noqa: E402

PAGE = ROOT / "docs" / "faults.md"
BEGIN, END = "<!-- faults: begin -->", "<!-- faults: end -->"
TITLES = {
    "http": "By http, from a server whose faults are scripted",
    "https": "By https",
    "XRootD root": "By root://, from XRootD",
    "XRootD http": "By http, from XRootD",
}
COLUMNS = {
    "stream": "streamed",
    "cache": "cache, checksum known",
    "cache address": "cache, checksum not known",
}


def tried(folder: Path) -> list[Tried]:
    """Return what came of each cell, in their order."""
    small, large = make_samples(folder / "small"), make_samples(folder / "large", events=LARGE)
    found = []
    for number, cell in enumerate(cells()):
        found.append(attempt(cell, large if cell.large else small, folder / str(number)))
        print(f"{cell.name}: {outcome(found[-1])}", file=sys.stderr)
    return found


def tables(found: list[Tried]) -> str:
    """Return the tables as Markdown: one for each server, a row for each fault, a column for each way."""
    lines: list[str] = []
    for server, title in TITLES.items():
        here = [one for one in found if one.cell.server == server]
        ways = [way for way in WAYS if any(one.cell.way == way for one in here)]
        lines += ["", f"### {title}", "", f"| fault | {' | '.join(COLUMNS[way] for way in ways)} |"]
        lines.append(f"|{'---|' * (1 + len(ways))}")
        for fault in dict.fromkeys(one.cell.fault for one in here):
            row = {one.cell.way: outcome(one) for one in here if one.cell.fault == fault}
            lines.append(f"| {fault} | {' | '.join(row.get(way, '') for way in ways)} |")
    return "\n".join([*lines, ""])


def outcome(one: Tried) -> str:
    """Return what came of a cell, in words."""
    words = "same bits" if not one.reason else f"this file failed: {said(one.cell, one.reason)}"
    again = f", {one.retries} {'retry' if one.retries == 1 else 'retries'}" if one.retries else ""
    return f"{words}; {one.seconds:.1f} s{again}"


def said(cell: Cell, reason: str) -> str:
    """Return the part of a reason that tells the cause."""
    match = re.search(cell.reason, reason)
    assert match is not None
    return match[0]


def updated(page: str, table: str) -> str:
    """Return the text of the page with another table."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def main() -> None:
    """Try all cells; print or write the table."""
    with tempfile.TemporaryDirectory() as folder:
        table = tables(tried(Path(folder)))
    if "--write" in sys.argv[1:]:
        PAGE.write_text(updated(PAGE.read_text(encoding="utf-8"), table), encoding="utf-8")
    else:
        print(table)


if __name__ == "__main__":
    main()
