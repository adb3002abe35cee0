# ruff: noqa: INP001 - a script beside the pages it writes
"""Write the tables of fields in data.md from the formats themselves: `python docs/fields.py`.

A test compares the page with what this script would write.
"""

from __future__ import annotations

import sys
from pathlib import Path

from femtobarn.data.formats import COLLECTIONS, FIELDS, Field, FieldSource, Format, format_of
from femtobarn.data.formats.spec import BOOLS, FLOATS, INTS

BEGIN, END = "<!-- fields: begin -->", "<!-- fields: end -->"
PAGE = Path(__file__).parent / "data.md"
RELEASES = {
    "2020": "2020e-13tev",
    "2025": "2025e-13tev-beta",
    "2016": "2016e-8tev",
    "PHYSLITE": "2024r-pp",
    "NanoAOD": "cms-nanoaod",
}
HEAD = (
    f"| field | type | unit | meaning | {' | '.join(f'branch in {name}' for name in RELEASES)} |",
    f"|{'---|' * (4 + len(RELEASES))}",
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
    counters = {name: format_of(r).counters.get(collection) for name, r in RELEASES.items()}
    named = ", ".join(f"`{c}` ({name})" for name, c in counters.items() if c)
    return [f"Number of objects: {named}.", ""] if named else []


def _row(field: Field) -> str:
    branches = " | ".join(_cell(format_of(r), field) for r in RELEASES.values())
    return f"| `{field.path}` | {field.kind} | {field.unit} | {field.doc} | {branches} |"


def _cell(fmt: Format, field: Field) -> str:
    """Return where a release has a field: in a branch, in a part of a collection, or in several."""
    if not fmt.offers(field.path):
        return ""
    if field.path in fmt.fields:
        return _branch(fmt.fields[field.path], field)
    if field.collection in fmt.parts:
        part = fmt.parts[field.collection]
        return f"of `{part.of}`"
    members = [name for name, _ in fmt.joins[str(field.collection)].members]
    return "of " + " and ".join(f"`{name}`" for name in members)


def _branch(source: FieldSource, field: Field) -> str:
    """Return the accepted names with what differs from the event model: unit, type, optional."""
    # the same branch in an RNTuple has : for .
    names = " or ".join(f"`{name}`" for name in source.branches if ":" not in name)
    usual = {"float": FLOATS, "int": INTS, "bool": BOOLS}.get(field.kind, source.kinds)
    remarks = ["mass"] if source.from_mass else []
    remarks += [source.unit] if source.unit != field.unit and names else []
    if source.at_least is not None:
        remarks.append(f"at least {source.at_least}")
    elif field.kind == "bool" and set(source.kinds) > set(usual):
        remarks.append("not 0")
    elif set(source.kinds) > set(usual):
        remarks.append("any number")
    remarks += ["first of the list"] if source.first else []
    remarks += [f"else {source.fill:g} {field.unit}".rstrip()] if source.fill is not None and names else []
    remarks += ["optional"] if source.optional else []
    remarks += ["simulation only"] if source.simulation_only else []
    if not names:
        return f"mass {source.fill:g} {field.unit}" if source.from_mass else f"{source.fill:g}"
    return f"{names} ({', '.join(remarks)})" if remarks else names


if __name__ == "__main__":
    written = updated(PAGE.read_text(encoding="utf-8"))
    PAGE.write_text(written, encoding="utf-8")
    sys.stdout.write(f"{PAGE}: {len(FIELDS)} fields\n")
