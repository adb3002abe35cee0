"""``releases`` and ``datasets``: what is published, from the tables in use; ``--json`` for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from femtobarn.base.errors import SettingsError, UnknownNameError
from femtobarn.cli import output
from femtobarn.cli.refresh import JsonOption, catalogue_commands, print_json

if TYPE_CHECKING:
    from femtobarn.data.catalogue import CatalogueFile, Dataset

datasets = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Search and show datasets.")
__all__ = ["catalogue_commands", "datasets", "releases"]

ReleaseOption = Annotated[str | None, typer.Option(help="Only this release.")]
DsidArgument = Annotated[int, typer.Argument(metavar="DSID", help="Dataset id, for instance 700600.")]


def releases(as_json: JsonOption = False) -> None:
    """List the releases: those with tables of files, and those known by their portal records."""
    from femtobarn.data.catalogue import records, release
    from femtobarn.data.catalogue import releases as names

    rows: list[dict[str, Any]] = []
    for name in names():
        known = release(name)
        row: dict[str, Any] = {
            "release": name,
            "energy": known.sqrt_s,
            "records": [r.record for r in records() if r.release == name],
        }
        if known.skims:
            files = [f for skim in known.skims for f in known.files(skim)]
            row |= {
                "skims": list(known.skims),
                "datasets": len(known.datasets),
                "files": len(files),
                "bytes": sum(f.size for f in files),
            }
        rows.append(row)
    if as_json:
        print_json(rows)
        return
    output.table(
        ("release", "energy", "skims", "datasets", "files", "size", "portal records"),
        [
            (
                row["release"],
                row["energy"],
                str(len(row["skims"])) if "skims" in row else "-",
                str(row.get("datasets", "-")),
                str(row.get("files", "-")),
                output.size(row["bytes"]) if "bytes" in row else "portal only",
                str(len(row["records"])),
            )
            for row in rows
        ],
        right=("skims", "datasets", "files", "size", "portal records"),
    )


@datasets.command("search")
def search(
    words: Annotated[list[str], typer.Argument(metavar="WORDS...", help="All must occur, in any case.")],
    release: ReleaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find datasets by id, name, process or keyword."""
    from femtobarn.data.catalogue import search as find

    found = find(" ".join(words), release)
    if as_json:
        print_json([{"release": name, **asdict(d)} for name, d in found])
        return
    if not found:
        output.line(f"no dataset has all of: {' '.join(words)}")
        raise typer.Exit(1)
    output.table(
        ("dataset", "release", "name", "process", "pb"),
        [(str(d.dsid), name, d.name, d.process, f"{d.cross_section_pb:.4g}") for name, d in found],
        right=("pb",),
    )


@datasets.command("show")
def show(dsid: DsidArgument, release: ReleaseOption = None, as_json: JsonOption = False) -> None:
    """Show the numbers of a dataset, and in which skims it is."""
    found = _find(dsid, release)
    if as_json:
        print_json([{"release": name, **asdict(d), "skims": _skims(name, dsid)} for name, d in found])
        return
    for name, d in found:
        output.line(f"{d.dsid} {d.name} ({name})")
        output.line(f"  process         {d.process}")
        output.line(f"  cross-section   {d.cross_section_pb:.6g} pb, with k-factor and filter efficiency")
        weights = "not published" if d.sum_of_weights is None else f"{d.sum_of_weights:.10g}"
        output.line(f"  sum of weights  {weights}")
        output.line(f"  events          {'not published' if d.n_events is None else f'{d.n_events:,}'}")
        output.line(f"  keywords        {', '.join(d.keywords) or '-'}")
        output.line(f"  skims           {', '.join(_skims(name, dsid)) or 'no file'}")
        output.line(f"  source          {d.source}")


@datasets.command("files")
def files(
    dsid: DsidArgument,
    skim: Annotated[str | None, typer.Option(help="Only this skim.")] = None,
    release: ReleaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the files of a dataset: address, size, checksum."""
    rows: list[CatalogueFile] = []
    for name, _ in _find(dsid, release):
        known = _release(name)
        if skim is not None and skim not in known.skims:
            continue
        chosen = known.skims if skim is None else (skim,)
        rows += [f for s in chosen for f in known.files(s) if f.dsid == dsid]
    if not rows:
        skims = sorted({s for name, _ in _find(dsid, release) for s in _skims(name, dsid)})
        raise UnknownNameError(f"skim with dataset {dsid}", skim or "", skims)
    if as_json:
        print_json([asdict(f) for f in rows])
        return
    for f in rows:
        output.line(f"{f.skim}  {f.size}  adler32:{f.adler32}  {f.url}")


def _release(name: str) -> Any:
    from femtobarn.data.catalogue import release

    return release(name)


def _skims(name: str, dsid: int) -> list[str]:
    known = _release(name)
    return [s for s in known.skims if any(f.dsid == dsid for f in known.files(s))]


def _find(dsid: int, release: str | None) -> list[tuple[str, Dataset]]:
    """Return the dataset in every release that has it."""
    from femtobarn.data.catalogue import releases as names

    wanted = names() if release is None else (release,)
    found = [(name, _release(name).dataset(dsid)) for name in wanted if dsid in _release(name).datasets]
    if not found:
        msg = f"No release has a dataset {dsid}. Find one with `femtobarn datasets search WORDS`."
        raise SettingsError(msg)
    return found
