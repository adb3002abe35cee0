"""Words of the command line that several commands have."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from femtobarn.base.errors import SettingsError

AnalysisArgument = Annotated[
    str,
    typer.Argument(
        metavar="ANALYSIS",
        help="Name of an analysis (see `femtobarn analyses`), a Python file, or the YAML file of a scan.",
    ),
]
DeclaredArgument = Annotated[
    str,
    typer.Argument(
        metavar="ANALYSIS", help="Name of an analysis (see `femtobarn analyses`), or a Python file."
    ),
]
"""Of commands that take no scan."""

OutArgument = Annotated[Path, typer.Argument(metavar="OUT", help="A run directory.")]
DataOption = Annotated[
    list[str] | None,
    typer.Option(
        "--data",
        metavar="PLACE",
        help="Folder, file, glob, http(s) or root address, record:N, or a .txt file that lists such; may be given "
        "several times.  [the published files that the analysis wants]",
    ),
]
OutOption = Annotated[
    str | None,
    typer.Option(metavar="DIR", help="Run directory; giving the same one continues a run.  [runs/NAME-TIME]"),
]
WorkersOption = Annotated[
    int | None, typer.Option(help="Worker processes; 0 runs in this process.  [one per core]")
]
AccessOption = Annotated[
    str | None,
    typer.Option(
        help="How remote files are read: cache fetches, verifies and keeps them, stream reads only what is needed, "
        "auto takes what suits each file.  [auto]"
    ),
]
ReleaseOption = Annotated[
    str | None, typer.Option(help="Release the files are of; recognised from the files by default.")
]
FormatOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE.toml", help="Format file for ntuples that femtobarn does not know."),
]
KindOption = Annotated[
    str | None,
    typer.Option(metavar="data|mc", help="What files hold that do not say whether they are data or mc."),
]
ModeOption = Annotated[
    str, typer.Option(help="physics, or notebook for the quirks of the published notebook.")
]
OptionOption = Annotated[
    list[str] | None,
    typer.Option("--option", metavar="NAME=VALUE", help="Value of an option of the analysis."),
]
MaxFilesOption = Annotated[int | None, typer.Option(help="Read at most this many files of each process.")]
MaxEventsOption = Annotated[int | None, typer.Option(help="Read at most this many events of each file.")]
FractionOption = Annotated[float | None, typer.Option(help="Read this fraction of the events of each file.")]
PartBytesOption = Annotated[int | None, typer.Option(help="Size of the part of a file that makes a task.")]
ChunkEntriesOption = Annotated[int | None, typer.Option(help="Events in memory at once.")]
ColumnCacheOption = Annotated[
    bool | None,
    typer.Option(
        "--column-cache/--no-column-cache",
        help="Keep the columns that are read, and use those kept before.",
        show_default="as FEMTOBARN_COLUMN_CACHE says",
    ),
]
StrictOption = Annotated[
    bool, typer.Option("--strict", help="Exit with 3 also when wanted datasets are absent.")
]
ExecutorOption = Annotated[
    str | None,
    typer.Option(
        help="Where tasks run: local, rabbitmq, dask, batch, or several at once (rabbitmq+batch).  [local]"
    ),
]
ExecutorOptionOption = Annotated[
    list[str] | None,
    typer.Option(
        "--executor-option",
        "-x",
        metavar="NAME=VALUE",
        help="Option of the executor; of several, with its name before it (batch.jobs=8).",
    ),
]
ExecutorFileOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.toml", help="Options of executors, a table each; --executor-option goes first."
    ),
]
StoreOption = Annotated[
    str | None,
    typer.Option(
        metavar="URL", help="Where workers leave results: an http(s) or root address that takes writing."
    ),
]
LuminosityOption = Annotated[float | None, typer.Option(help="Scale simulation to this luminosity in fb^-1.")]


def values(given: Sequence[str] | None, option: str = "--option") -> dict[str, str]:
    """Return what ``--option NAME=VALUE``, or another option of this form, gives.

    Raises
    ------
    SettingsError
        for words without a name
    """
    pairs = {}
    for item in given or ():
        name, equals, value = item.partition("=")
        if not equals or not name:
            msg = f"{option} takes NAME=VALUE, not {item!r}."
            raise SettingsError(msg)
        pairs[name] = value
    return pairs


def command() -> str:
    """Return the command line as it was given, without secrets, for the record."""
    return shlex.join([Path(sys.argv[0]).name, *(_without_secrets(word) for word in sys.argv[1:])])


def _without_secrets(word: str) -> str:
    """Return a word of the command line without user names, passwords and queries of an address in it."""
    from femtobarn.base.text import without_secrets
    from femtobarn.data.storage.urls import shown

    option, equals, value = word.partition("=") if word.startswith("--") else ("", "", word)
    return without_secrets(f"{option}{equals}{shown(value)}")
