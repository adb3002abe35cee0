"""``femtobarn``: from words on a command line to calls of `femtobarn.api`, and from errors to exit codes."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from femtobarn.base.errors import FemtobarnError
from femtobarn.cli import batch, catalogue, execution, metrics, output, queue, spectra, status, storage
from femtobarn.cli import inspect as inspection
from femtobarn.cli import options as words
from femtobarn.cli.options import (
    AccessOption,
    AnalysisArgument,
    ChunkEntriesOption,
    ColumnCacheOption,
    DataOption,
    DeclaredArgument,
    ExecutorFileOption,
    ExecutorOption,
    ExecutorOptionOption,
    FormatOption,
    FractionOption,
    KindOption,
    LuminosityOption,
    MaxEventsOption,
    MaxFilesOption,
    ModeOption,
    OptionOption,
    OutArgument,
    OutOption,
    PartBytesOption,
    ReleaseOption,
    StoreOption,
    StrictOption,
    WorkersOption,
)

if TYPE_CHECKING:
    from femtobarn.running.results.reader import RunResults

app = typer.Typer(
    name="femtobarn",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Run declared analyses of open collider data: from files to figures and a report.",
    epilog="Exit codes: 0 all inputs done, 1 nothing done or an internal error, 2 wrong usage, 3 finished with failures.",
)

_INTERRUPTED = 130  # what typer makes of Ctrl-C


def _version(wanted: bool) -> None:
    if wanted:
        from femtobarn import __version__

        output.line(f"femtobarn {__version__}")
        raise typer.Exit


@app.callback()
def _all(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Run declared analyses of open collider data: from files to figures and a report."""


@app.command()
def run(
    analysis: AnalysisArgument,
    data: DataOption = None,
    out: OutOption = None,
    release: ReleaseOption = None,
    format: FormatOption = None,  # noqa: A002 - the name of the option
    kind: KindOption = None,
    mode: ModeOption = "physics",
    option: OptionOption = None,
    workers: WorkersOption = None,
    max_files: MaxFilesOption = None,
    max_events: MaxEventsOption = None,
    fraction: FractionOption = None,
    luminosity: LuminosityOption = None,
    part_bytes: PartBytesOption = None,
    chunk_entries: ChunkEntriesOption = None,
    access: AccessOption = None,
    executor: ExecutorOption = None,
    executor_option: ExecutorOptionOption = None,
    executor_file: ExecutorFileOption = None,
    store: StoreOption = None,
    detach: Annotated[
        bool,
        typer.Option(
            "--detach", help="Hand the tasks over and leave; `femtobarn collect OUT` gathers results."
        ),
    ] = False,
    column_cache: ColumnCacheOption = None,
    no_figures: Annotated[
        bool,
        typer.Option("--no-figures", help="Draw no figures; `femtobarn figures OUT` draws them later."),
    ] = False,
    strict: StrictOption = False,
    metrics_port: metrics.PortOption = None,
    metrics_host: metrics.HostOption = metrics.LOOPBACK,
) -> None:
    """Run an analysis, or continue it, and write histograms, yields, figures and report."""
    from femtobarn import api
    from femtobarn.cli.progress import Progress

    settings: dict[str, Any] = {
        "workers": workers,
        "max_files": max_files,
        "max_events": max_events,
        "fraction": fraction,
        "luminosity": luminosity,
        "part_bytes": part_bytes,
        "chunk_entries": chunk_entries,
        "executor": executor,
        "executor_options": execution.options(executor_option, executor_file) or None,
        "store": store,
        "access": access,
        "figures": False if no_figures else None,
        "column_cache": column_cache,
        "strict": strict or None,
    }
    command = words.command()
    with Progress() as progress, metrics.observed(progress, metrics_port, metrics_host) as observer:
        results = (api.submit if detach else api.run)(
            analysis,
            data,
            release=release,
            out=out,
            mode=mode,
            options=words.values(option),
            kind=kind,  # type: ignore[arg-type] # checked there
            format=format,
            observer=observer,
            command=command if out is not None else None,
            **settings,
        )
    if isinstance(results, Path):
        output.line(f"Handed over; results are gathered by: femtobarn collect {results}")
        raise typer.Exit
    _ended(results)


@app.command()
def skim(
    analysis: DeclaredArgument,
    selection: Annotated[str, typer.Option(help="Which events: those that pass this selection.")],
    columns: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,...",
            help="Fields (lep.pt), collections (lep), names of histograms.  [all that the analysis reads]",
        ),
    ] = None,
    to: Annotated[str, typer.Option(help="root (an input like any other) or parquet.")] = "root",
    data: DataOption = None,
    out: OutOption = None,
    release: ReleaseOption = None,
    format: FormatOption = None,  # noqa: A002 - the name of the option
    kind: KindOption = None,
    mode: ModeOption = "physics",
    option: OptionOption = None,
    workers: WorkersOption = None,
    max_files: MaxFilesOption = None,
    max_events: MaxEventsOption = None,
    fraction: FractionOption = None,
    part_bytes: PartBytesOption = None,
    access: AccessOption = None,
) -> None:
    """Run an analysis and write the events that pass a selection, one file for each input."""
    from femtobarn import api
    from femtobarn.cli.progress import Progress

    with Progress() as progress:
        results = api.skim(
            analysis,
            selection,
            data,
            columns=columns,
            to=to,
            release=release,
            out=out,
            mode=mode,
            options=words.values(option),
            kind=kind,
            format=format,
            observer=progress,
            workers=workers,
            max_files=max_files,
            max_events=max_events,
            fraction=fraction,
            part_bytes=part_bytes,
            access=access,
        )
    _ended(results)


@app.command()
def collect(
    out: OutArgument,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until every task has ended.")] = False,
    metrics_port: metrics.PortOption = None,
    metrics_host: metrics.HostOption = metrics.LOOPBACK,
) -> None:
    """Gather what others have done of a run, and write histograms, yields, figures and report of it."""
    from femtobarn import api
    from femtobarn.cli.progress import Progress

    with Progress() as progress, metrics.observed(progress, metrics_port, metrics_host) as observer:
        results = api.collect(out, wait=wait, observer=observer)
    _ended(results)


def _ended(results: RunResults) -> None:
    """Show results and end with the code that tells how complete they are."""
    output.results(results)
    from femtobarn.running.engine.run import exit_code

    raise typer.Exit(exit_code(results.info))


@app.command()
def plan(
    analysis: AnalysisArgument,
    data: DataOption = None,
    release: ReleaseOption = None,
    format: FormatOption = None,  # noqa: A002 - the name of the option
    kind: KindOption = None,
    mode: ModeOption = "physics",
    option: OptionOption = None,
    max_files: MaxFilesOption = None,
    max_events: MaxEventsOption = None,
    fraction: FractionOption = None,
    luminosity: LuminosityOption = None,
    part_bytes: PartBytesOption = None,
) -> None:
    """Show what a run would do: files, parts, branches, bytes, and what is missing."""
    from femtobarn import api

    made = api.plan(
        analysis,
        data,
        release=release,
        mode=mode,
        options=words.values(option),
        kind=kind,  # type: ignore[arg-type] # checked there
        format=format,
        max_files=max_files,
        max_events=max_events,
        fraction=fraction,
        luminosity=luminosity,
        part_bytes=part_bytes,
    )
    output.plan(made)


@app.command()
def explain(
    analysis: DeclaredArgument,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A ROOT file: a path or an address.")],
    entry: Annotated[int, typer.Option(help="Which event, from 0.")],
    format: FormatOption = None,  # noqa: A002 - the name of the option
    mode: ModeOption = "physics",
    option: OptionOption = None,
) -> None:
    """Show every cut of one event: its value, pass or fail."""
    from femtobarn import api

    for explanation in api.explain(
        analysis, file, entry, mode=mode, options=words.values(option), format=format
    ):
        output.explanation(explanation)


@app.command()
def analyses() -> None:
    """List the analyses, with the releases they are made for."""
    from femtobarn import api
    from femtobarn.api.runs import find

    output.analyses([(name, find(name)) for name in api.analyses()])


@app.command()
def figures(out: OutArgument, luminosity: LuminosityOption = None) -> None:
    """Draw the figures of a run again, perhaps at another luminosity."""
    from femtobarn import api

    for path in api.figures(out, luminosity=luminosity):
        output.line(str(path))


@app.command()
def report(out: OutArgument, luminosity: LuminosityOption = None) -> None:
    """Write the report of a run again, perhaps at another luminosity."""
    from femtobarn import api

    output.line(str(api.report(out, luminosity=luminosity)))


@app.command("demo-data")
def demo_data(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write; made if needed.")],
    seed: Annotated[int, typer.Option(help="Seed of the toy Monte Carlo.")] = 20251121,
) -> None:
    """Write simulated demo data for hzz: 40 files in the names and fields of the 2025 release."""
    from femtobarn import api

    with output.steps("simulating") as step:
        paths = api.demo_data(folder, seed=seed, progress=step)
    size = sum(p.stat().st_size for p in paths)
    output.line(f"{len(paths)} files of simulated demo data, {size / 1e6:.0f} MB, in {folder}")


@app.command()
def get(
    targets: Annotated[
        list[str],
        typer.Argument(
            metavar="TARGET...", help="Analyses, addresses, record:N, or .txt files that list addresses."
        ),
    ],
    to: Annotated[Path | None, typer.Option(metavar="DIR", help="A folder.  [the cache]")] = None,
    release: ReleaseOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how much there is to get.")] = False,
    as_json: storage.JsonOption = False,
) -> None:
    """Fetch files, verified, into the cache or a folder; what is there already is not fetched again."""
    from femtobarn.api.targets import wanted_files

    storage.get_files(wanted_files(targets, release=release), to=to, dry_run=dry_run, as_json=as_json)


app.command()(status.status)
app.command()(inspection.inspect)
app.command()(storage.verify)
app.command()(storage.doctor)
app.command()(catalogue.releases)
app.command()(queue.worker)
app.add_typer(batch.batch, name="batch")
app.add_typer(catalogue.datasets, name="datasets")
app.add_typer(catalogue.catalogue_commands, name="catalogue")
app.add_typer(storage.cache, name="cache")
app.add_typer(queue.queue, name="queue")
app.add_typer(spectra.spectra, name="spectra")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: an error is one paragraph; ``--debug`` shows where it came from."""
    # one thread: nothing here needs more, and NumPy would start them when it is imported
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault(
        "PYDANTIC_DISABLE_PLUGINS", "__all__"
    )  # else every installed package is asked for some
    given: list[str] = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given  # wherever it stands
    try:
        code = app([word for word in given if word != "--debug"], standalone_mode=False)
    except FemtobarnError as error:
        _stop(error, str(error), error.exit_code, debug=debug)
    except Exception as error:  # noqa: BLE001 - the last line of defence: no traceback unless asked for
        if hasattr(error, "show"):  # wrong words on the command line, told by the parser itself
            error.show()
            sys.exit(getattr(error, "exit_code", 2))
        words = f"Internal error: {type(error).__name__}: {error}. This is a defect of femtobarn; --debug shows where."
        _stop(error, words, 1, debug=debug)
    if code == _INTERRUPTED:
        output.error("Interrupted. The same command continues where it stopped (give --out).")
    sys.exit(code if isinstance(code, int) else 0)


def _stop(error: Exception, words: str, code: int, *, debug: bool) -> None:
    if debug:
        traceback.print_exception(error)
    output.error(words)
    sys.exit(code)
