"""``inspect``: what a ROOT file is, what it is made of, and what the event model finds in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from femtobarn.base.errors import SettingsError, UnknownNameError, UnwritableError
from femtobarn.base.text import visible
from femtobarn.cli import output

if TYPE_CHECKING:
    from femtobarn.api.inspection import Inspection
    from femtobarn.data.formats import Format

_NAME = "my-ntuple"


def inspect(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A ROOT file: a path or an address.")],
    branches: Annotated[
        str | None, typer.Option(metavar="PATTERN", help="List all branches of these names: 'lep_*'.")
    ] = None,
    whole: Annotated[bool, typer.Option("--all", help="List all branches and objects.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with all branches.")] = False,
    draft: Annotated[
        Path | None,
        typer.Option(metavar="OUT.toml", help="Draft a format file for an unknown ntuple, to be completed."),
    ] = None,
) -> None:
    """Show what a ROOT file is: format, release, trees, branches, compression, fields of the event model."""
    if draft is not None and draft.exists():
        msg = f"{draft}: expected a place where there is nothing, since a draft replaces no file. Choose another name."
        raise UnwritableError(msg)
    if draft is not None and as_json:
        msg = "--draft and --json do not go together: give one of them."
        raise SettingsError(msg)
    from femtobarn.api.inspect import inspect as look
    from femtobarn.api.inspect_json import as_json as for_programs

    found = look(file)
    if branches is not None:
        found = _matching(found, branches)
    if as_json:
        # ASCII only: names from files reach no terminal as they are
        output.console().print(json.dumps(for_programs(found), indent=1), markup=False, soft_wrap=True)
    elif branches is not None:
        _tables(found)
    elif draft is None:
        _whole(found, whole=whole)
    if draft is not None:
        _draft(file, draft, found)


def _matching(found: Inspection, pattern: str) -> Inspection:
    chosen = found.matching(pattern)
    if not chosen.trees:
        names = [visible(branch.name) for tree in found.trees for branch in tree.branches]
        raise UnknownNameError(f"branch of {visible(found.name)}", visible(pattern), names)
    return chosen


def _whole(found: Inspection, *, whole: bool) -> None:
    from femtobarn.api.inspect_text import parts, plain

    out = output.console()
    if not out.is_terminal:
        output.line(plain(found, width=out.width, whole=whole))
        return
    for part in parts(found, width=out.width, whole=whole):
        out.print(part, soft_wrap=False)


def _tables(found: Inspection) -> None:
    from femtobarn.api.inspect_tables import branch_table

    out = output.console()
    for tree in found.trees:
        output.line(f"tree {visible(tree.name)}, matching branches: {len(tree.branches):,}")
        for part in branch_table(tree, width=out.width, most=len(tree.branches)):
            out.print(part, soft_wrap=False)


def _draft(file: str, place: Path, found: Inspection) -> None:
    """Write a draft, make sure that it can be read, and say what is to be done with it."""
    from femtobarn.api.inspect import draft
    from femtobarn.base.atomic import replacing
    from femtobarn.data.formats.userfile import load_format

    text = draft(file, release=_release(place.stem))
    with replacing(place) as temporary:
        temporary.write_text(text, encoding="utf-8")
        fmt = load_format(temporary)
    if found.format is not None:
        output.line(f"This file is of the known format {found.format}: it can be used without a format file.")
    for line in _advice(place, text.splitlines(), fmt):
        output.line(line)


def _advice(place: Path, lines: Sequence[str], fmt: Format) -> Iterator[str]:
    from femtobarn.api.inspect_text import by_collection

    doubtful = sum(not line.startswith("#") and "?" in line.partition("  # ")[2] for line in lines)
    wanted = [line.split()[1] for line in lines if line.startswith("# ") and 'branch = "?"' in line]
    where = visible(str(place))
    yield f"{where}: a draft with {len(fmt.fields)} fields of the event model, guessed for tree {visible(repr(fmt.tree))}"
    yield "Complete it:"
    yield f"  check every line; {doubtful} of the units are guessed, from the first values or by habit"
    yield from (f"  {line.removeprefix('# ')}" for line in lines if " needs a branch " in line)
    if wanted:
        yield f"  fill in what the file has of {'; '.join(by_collection(wanted))}"
    yield "  branches that are not used are listed at its end"
    yield f"Then: femtobarn run ANALYSIS --data FILE --format {where}"


def _release(stem: str) -> str:
    """Return a name for the format: that of its file, if it can be one and is not taken."""
    from femtobarn.data.formats import formats

    usable = stem.isascii() and stem[:1].isalnum() and all(c.isalnum() or c in "._-" for c in stem)
    return stem if usable and stem not in formats() else _NAME
