"""``catalogue``: bringing the tables of releases and records up to date; ``--json`` for programs."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from femtobarn.base.errors import FemtobarnError, SettingsError, UnknownNameError
from femtobarn.cli import output

if TYPE_CHECKING:
    from femtobarn.data.catalogue.refresh import Refreshed

catalogue_commands = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Bring the tables of releases and records up to date; see which are in use.",
)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def print_json(value: Any) -> None:
    """Print a value as JSON for programs."""
    output.line(json.dumps(value, indent=1, ensure_ascii=False))


@catalogue_commands.command()
def refresh(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RELEASE|record:N", help="What to fetch.  [the releases whose files are bundled]"
        ),
    ] = None,
    accept_fewer: Annotated[
        bool,
        typer.Option("--accept-fewer", help="Take a table also if it has far fewer files than the last."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Fetch tables from the metadata service and the CERN Open Data portal, and show what changed."""
    from femtobarn.data.catalogue import bundled
    from femtobarn.data.catalogue.refresh import refresh as fetch

    rows, failed = [], 0
    for name in dict.fromkeys(names or filter(bundled.has_files, bundled.settings())):
        try:
            with output.steps(f"refreshing {name}") as step:
                done = fetch(name, accept_fewer=accept_fewer, progress=step)
        except FemtobarnError as error:
            failed = max(failed, error.exit_code)
            rows.append({"name": name, "error": str(error)})
            output.error(str(error))
            continue
        rows.append(_summary(done))
        if not as_json:
            _show_refreshed(done)
    if as_json:
        print_json(rows)
    raise typer.Exit(failed)


@catalogue_commands.command()
def status(as_json: JsonOption = False) -> None:
    """Show which tables are in use, since when and from where."""
    from femtobarn.data.catalogue.inuse import status as found

    rows = found()
    if as_json:
        print_json([asdict(row) for row in rows])
        return
    origins = {"refreshed": "refreshed", "bundled": "comes with the package", "none": "portal records only"}
    output.table(
        ("table", "in use", "since (UTC)", "files", "datasets", "from"),
        [
            (
                row.name,
                origins[row.origin],
                (row.since or "-")[:16].replace("T", " "),
                str(row.files) if row.files else "-",
                str(row.datasets) if row.datasets else "-",
                ", ".join(row.sources) or "-",
            )
            for row in rows
        ],
        right=("files", "datasets"),
    )
    for row in rows:
        if row.ignored is not None:
            output.line(f"{row.name}: a refreshed table is there and not used: {row.ignored}")


@catalogue_commands.command()
def forget(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="RELEASE|record:N", help="What to remove.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Remove all refreshed tables.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove refreshed tables; those that come with the package are used again."""
    from femtobarn.data.catalogue import inuse, stored

    if bool(names) == everything:
        msg = "Expected names of tables or --all, not both. `femtobarn catalogue status` lists them."
        raise SettingsError(msg)
    known = stored.names()
    for name in names or ():
        if name not in known:
            raise UnknownNameError("refreshed table", name, known)
    removed = [name for name in names or known if inuse.forget(name)]
    if as_json:
        print_json(removed)
        return
    output.line(f"removed: {', '.join(removed) or 'nothing, there is no refreshed table'}")


def _show_refreshed(done: Refreshed) -> None:
    from femtobarn.data.catalogue.changes import described

    table = done.table
    datasets = f", {len({d.dsid for d in table.datasets})} datasets" if table.datasets else ""
    output.line(f"{table.name}: {len(table.files)} files{datasets}, from {', '.join(table.sources)}")
    for words in (*described(done.changes), *done.notes):
        output.line(f"  {words}")


def _summary(done: Refreshed) -> dict[str, Any]:
    changes = done.changes
    return {
        "name": done.table.name,
        "fetched": done.table.fetched,
        "sources": list(done.table.sources),
        "files": len(done.table.files),
        "datasets": len({d.dsid for d in done.table.datasets}),
        "added": [f.name for f in changes.added],
        "removed": [f.name for f in changes.removed],
        "changed": [
            {
                "name": c.new.name,
                "old": {"size": c.old.size, "adler32": c.old.adler32},
                "new": {"size": c.new.size, "adler32": c.new.adler32},
            }
            for c in changes.changed
        ],
        "moved": [{"name": c.new.name, "old": c.old.url, "new": c.new.url} for c in changes.moved],
        "datasets_added": list(changes.datasets_added),
        "datasets_removed": list(changes.datasets_removed),
        "numbers": [asdict(n) for n in changes.numbers],
        "notes": list(done.notes),
    }
