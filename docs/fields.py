# ruff: noqa: INP001 - a script beside the pages it writes
"""Write the tables of fields in data.md from the formats themselves: `python docs/fields.py`.

A test compares the page with what this script would write.
"""

from __future__ import annotations

import sys
from pathlib import Path

from femtobarn.data.formats import COLLECTIONS, FIELDS, Field, FieldSource, format_of
from femtobarn.data.formats.spec import BOOLS, FLOATS, INTS

BEGIN, END = "<!-- fields: begin -->", "<!-- fields: end -->"
PAGE = Path(__file__).parent / "data.md"
R2020, R2025 = "2020e-13tev", "2025e-13tev-beta"
HEAD = (
    "| field | type | unit | meaning | branch in 2020 | branch in 2025 |",
    "|---|---|---|---|---|---|",
)


def tables() -> str:
    """Return all tables as Markdown: the fields of the event, then those of each collection."""
    lines: list[str] = []
    groups: list[tuple[str, str | None]] = [("The event", None)]
    groups += [(f"Collection `{name}`", name) for name in COLLECTIONS]
    for title, collection in groups:
        lines += ["", f"### {title}", "", *_counted(collection), *HEAD]
        lines += [_row(f) for f in FIELDS.values() if f.collection == collection]
    return "\n".join([*lines, ""])


def updated(page: str) -> str:
    """Return the text of the page with the tables as they should be."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{tables()}\n{END}{after}"


def _counted(collection: str | None) -> list[str]:
    """Return the line that names the branches with the number of objects."""
    if collection is None:
        return []
    counters = {r[:4]: format_of(r).counters.get(collection) for r in (R2020, R2025)}
    named = ", ".join(f"`{c}` ({year})" for year, c in counters.items() if c)
    return [f"Number of objects: {named}.", ""]


def _row(field: Field) -> str:
    branches = " | ".join(_branch(format_of(r).fields.get(field.path), field) for r in (R2020, R2025))
    return f"| `{field.path}` | {field.kind} | {field.unit} | {field.doc} | {branches} |"


def _branch(source: FieldSource | None, field: Field) -> str:
    """Return the accepted names with what differs from the event model: unit, type, optional."""
    if source is None:
        return ""
    names = " or ".join(f"`{name}`" for name in source.branches)
    usual = {"float": FLOATS, "int": INTS, "bool": BOOLS}.get(field.kind, source.kinds)
    remarks = [source.unit] if source.unit != field.unit else []
    remarks += ["any number"] if set(source.kinds) > set(usual) else []
    remarks += ["optional"] if source.optional else []
    remarks += ["simulation only"] if source.simulation_only else []
    return f"{names} ({', '.join(remarks)})" if remarks else names


if __name__ == "__main__":
    written = updated(PAGE.read_text(encoding="utf-8"))
    PAGE.write_text(written, encoding="utf-8")
    sys.stdout.write(f"{PAGE}: {len(FIELDS)} fields\n")
