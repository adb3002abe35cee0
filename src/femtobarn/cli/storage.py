"""``get``, ``verify``, ``cache``, ``doctor``: files of the portal on this machine; ``--json`` for programs."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from femtobarn.base.errors import SettingsError
from femtobarn.cli import output

if TYPE_CHECKING:
    from femtobarn.api.doctor import Check
    from femtobarn.api.storage import Got, Progress, Survey, Wanted
    from femtobarn.api.verification import Verified

cache = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Look at the cache, and clear it.")

_FAILURES = 3  # exit code: finished with failures
_DAY = 86_400.0
_EVICTED = (
    "it had to go for the others. Get the files into a folder (--to DIR), or raise FEMTOBARN_CACHE_BYTES."
)
_MARKS = {"good": "ok", "note": "note", "bad": "BAD"}

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def get_files(wanted: Sequence[Wanted], *, to: Path | None, dry_run: bool, as_json: bool = False) -> None:
    """Say what there is to get, get it, and list what failed; exit with 3 if something did.

    Parameters
    ----------
    wanted
        the files
    to
        a folder; by default the cache
    dry_run
        only say what there is
    as_json
        print JSON
    """
    from femtobarn.api.storage import get, survey

    what = survey(wanted)
    if not as_json:
        output.line(_words(what))
    if to is None:
        what.require_room()
    if dry_run:
        _dry(what, wanted, as_json=as_json)
        return
    with _bars(what.bytes) as progress:
        got = sorted(get(wanted, to=to, progress=progress), key=lambda g: wanted.index(g.wanted))
    got = [g if g.path is None or g.path.exists() else replace(g, path=None, reason=_EVICTED) for g in got]
    failed = [g for g in got if g.path is None]
    if as_json:
        _json([_got(g) for g in got])
    else:
        place = to if to is not None else "the cache"
        output.line(f"{len(got) - len(failed)} of {_count(len(got))} are in {place}")
        for one in failed:
            output.error(f"{one.wanted.name}: {one.reason}")
    if failed:
        raise typer.Exit(_FAILURES)


def verify(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="[PATHS]...", help="Files or folders.  [the cache]")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare files with the catalogue, by their names: same, another edition, truncated, damaged.

    Exits with 3 if a file is not whole or not in the catalogue; another edition is no fault.
    """
    from femtobarn.api.verification import verify as check

    with output.steps("verifying") as step:
        found = check(paths or (), progress=step)
    if as_json:
        _json([{"path": str(v.path), "state": v.state, "words": v.words} for v in found])
    else:
        _verdicts(found)
    if not all(v.right for v in found):
        raise typer.Exit(_FAILURES)


@cache.command("ls")
def cache_ls(as_json: JsonOption = False) -> None:
    """List what the cache holds, the last used first; and how many columns are kept."""
    from femtobarn.api.storage import cached, kept_columns

    found, columns = cached(), kept_columns()
    if as_json:
        _json(
            {
                "folder": str(found.folder),
                "limit": found.limit,
                "bytes": found.bytes,
                "shared": [str(path) for path in found.shared],
                "entries": [
                    {**e.info.model_dump(mode="json"), "path": str(e.path), "used": e.used.isoformat()}
                    for e in found.entries
                ],
                "unfinished": [
                    {"name": u.name, "url": u.url, "size": u.size, "done": u.done, "active": active}
                    for u, active in found.unfinished
                ],
                **(
                    {} if columns is None else {"columns": {**asdict(columns), "folder": str(columns.folder)}}
                ),
            }
        )
        return
    if found.entries:
        output.table(
            ("file", "size", "checksum", "last use"),
            [(e.info.name, output.size(e.info.size), e.info.adler32, _ago(e.used)) for e in found.entries],
            right=("size",),
        )
    for part, active in found.unfinished:
        state = "being fetched" if active else "unfinished"
        output.line(f"{state}: {part.name}, {output.size(part.done)} of {output.size(part.size)}")
    used = f"{output.size(found.bytes)} of at most {output.size(found.limit)}"
    output.line(f"{_count(len(found.entries))}, {used}, in {found.folder}")
    if columns is not None:
        used = f"{output.size(columns.bytes)} of at most {output.size(columns.limit)}"
        output.line(
            f"columns: {_pieces(columns.pieces)} of {_trees(columns.trees)}, {used}, in {columns.folder}"
        )
    for path in found.shared:
        output.line(f"searched first, only read: {path}")


@cache.command("clear")
def cache_clear(
    older_than: Annotated[
        float | None, typer.Option(metavar="DAYS", help="Only what was not used for so many days.")
    ] = None,
    unfinished: Annotated[bool, typer.Option("--unfinished", help="Only interrupted fetches.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove files from the cache, those in use stay; and columns, which stay for those who read them."""
    from femtobarn.api.storage import clear_columns
    from femtobarn.data.storage import Cache

    if older_than is not None and not 0 <= older_than < 1e6:
        msg = f"--older-than takes a number of days from 0, not {older_than:g}."
        raise SettingsError(msg)
    seconds = None if older_than is None else older_than * _DAY
    done = Cache.from_environment().clear(seconds, unfinished_only=unfinished)
    columns = None if unfinished else clear_columns(seconds)
    if as_json:
        _json({**asdict(done), **({} if columns is None else {"columns": asdict(columns)})})
        return
    left = f"; {done.in_use} in use were left" if done.in_use else ""
    output.line(f"removed {_count(done.files)}, {output.size(done.bytes)}{left}")
    if columns is not None:
        output.line(f"removed {_pieces(columns.pieces)} of columns, {output.size(columns.bytes)}")


def doctor(
    network: Annotated[bool, typer.Option("--network/--no-network", help="Try to reach servers.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Look at versions, cache, codecs, extras and network; exit with 3 if something essential is broken."""
    from femtobarn.api.doctor import doctor as look

    found = look(network=network)
    if as_json:
        _json([asdict(check) for check in found])
    else:
        _checks(found)
    if any(check.state == "bad" for check in found):
        raise typer.Exit(_FAILURES)


def _count(files: int) -> str:
    return "1 file" if files == 1 else f"{files} files"


def _pieces(number: int) -> str:
    return "1 piece" if number == 1 else f"{number} pieces"


def _trees(number: int) -> str:
    return "1 tree" if number == 1 else f"{number} trees"


def _words(what: Survey) -> str:
    unknown = f" and {what.unknown} of unknown size" if what.unknown else ""
    here = f"; {what.here} of them ({output.size(what.here_bytes)}) are here" if what.here else ""
    return f"{_count(what.files)}, {output.size(what.bytes)}{unknown}{here}"


def _dry(what: Survey, wanted: Sequence[Wanted], *, as_json: bool) -> None:
    from femtobarn.data.storage import shown

    if as_json:
        _json({**asdict(what), "wanted": [{**asdict(w), "url": shown(w.url)} for w in wanted]})
        return
    for file in wanted:
        output.line(f"{'?' if file.size is None else file.size}  {shown(file.url)}")


def _got(got: Got) -> dict[str, Any]:
    return {
        "name": got.wanted.name,
        "path": None if got.path is None else str(got.path),
        "reason": got.reason,
    }


def _verdicts(found: Sequence[Verified]) -> None:
    for one in found:
        if one.state != "same":
            output.line(
                f"{one.path}: {one.words if one.words.startswith(one.state) else f'{one.state}: {one.words}'}"
            )
    states = [one.state for one in found]
    counts = ", ".join(f"{states.count(s)} {s}" for s in dict.fromkeys(states))
    output.line(f"{_count(len(found))}: {counts}" if found else "the cache holds no files")


def _checks(found: Sequence[Check]) -> None:
    output.table(
        ("state", "what", "found"),
        [(_MARKS[c.state], f"{c.topic}: {c.name}" if c.name else c.topic, c.words) for c in found],
    )


def _ago(then: datetime) -> str:
    seconds = max((datetime.now(UTC) - then).total_seconds(), 0.0)
    for unit, length in (("days", _DAY), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit} ago"
    return "just now"


@contextmanager
def _bars(total: int) -> Iterator[Progress]:
    """Show bytes that came, rate and time left in a terminal; nothing elsewhere."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.progress import TransferSpeedColumn as Speed

    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        Speed(),
        TimeRemainingColumn(),
        console=output.console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    done: dict[str, int] = {}
    guard = threading.Lock()
    with bar:
        task = bar.add_task("fetching", total=total or None)

        def progress(name: str, count: int, _size: int) -> None:
            with guard:
                done[name] = count
                bar.update(task, description=name, completed=sum(done.values()))

        yield progress


def _json(value: Any) -> None:
    output.line(json.dumps(value, indent=1, ensure_ascii=False))
