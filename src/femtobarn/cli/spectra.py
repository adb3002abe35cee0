"""``femtobarn spectra``: mass spectra of every final state, from a configuration to histograms and a gallery."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from femtobarn.base.errors import SettingsError
from femtobarn.cli import execution, metrics, options, output
from femtobarn.cli.options import (
    AccessOption,
    ChunkEntriesOption,
    ColumnCacheOption,
    DataOption,
    ExecutorFileOption,
    ExecutorOption,
    ExecutorOptionOption,
    FormatOption,
    FractionOption,
    KindOption,
    LuminosityOption,
    MaxEventsOption,
    MaxFilesOption,
    OutOption,
    PartBytesOption,
    StoreOption,
    StrictOption,
    WorkersOption,
)
from femtobarn.cli.storage import JsonOption

if TYPE_CHECKING:
    from femtobarn.api.spectra_plan import Extent
    from femtobarn.api.spectra_stages import StageEnd

spectra = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Scan files for mass spectra: every combination of objects in every final state.",
)

_QUANTITIES = {
    "mass": "masses",
    "os": "of opposite-sign leptons",
    "ss": "of same-sign leptons",
    "met": "transverse masses with missing momentum",
}

ConfigArgument = Annotated[
    Path,
    typer.Argument(
        metavar="CONFIG", help="Configuration of a scan, a YAML file; `femtobarn spectra init` writes one."
    ),
]
ToOption = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="Where the configuration is written.  [printed]")
]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace the file if there is one.")]


@spectra.command()
def init(
    release: Annotated[
        str, typer.Argument(metavar="RELEASE", help="Release of the files, see `femtobarn releases`.")
    ],
    to: ToOption = None,
    force: ForceOption = False,
) -> None:
    """Write a commented configuration for the files of a release."""
    from femtobarn.api import spectra as api

    _write(api.init(release), to, force=force)


@spectra.command("import-config")
def import_config(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="Configuration of atlas-utilization, with sections such as run_metadata and mass_calculation_task_config.",
        ),
    ],
    release: Annotated[
        str | None, typer.Option(metavar="RELEASE", help="Release of its inputs, if it does not say.")
    ] = None,
    to: ToOption = None,
    force: ForceOption = False,
) -> None:
    """Make a configuration of one of another program, and tell what became of each of its keys."""
    from femtobarn.api import spectra as api

    found = api.import_config(file, release=release)
    rows = [(note.key, note.became, note.words) for note in found.notes]
    output.table(("key", "became", "note"), rows, stderr=to is None)
    _write(found.text, to, force=force)


@spectra.command()
def plan(
    config: ConfigArgument,
    data: DataOption = None,
    format: FormatOption = None,  # noqa: A002 - the name of the option
    kind: KindOption = None,
    max_files: MaxFilesOption = None,
    max_events: MaxEventsOption = None,
    fraction: FractionOption = None,
    luminosity: LuminosityOption = None,
    part_bytes: PartBytesOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a scan would do: files, branches, combinations, final states, sizes of what it writes."""
    from femtobarn.api import spectra as api

    made = api.plan(
        config,
        data,
        kind=kind,  # type: ignore[arg-type] # checked there
        format=format,
        max_files=max_files,
        max_events=max_events,
        fraction=fraction,
        luminosity=luminosity,
        part_bytes=part_bytes,
    )
    if as_json:
        output.line(made.extent.model_dump_json(indent=1))
        return
    output.plan(made.plan)
    _extent(made.extent)


@spectra.command()
def run(
    config: ConfigArgument,
    data: DataOption = None,
    out: OutOption = None,
    stages: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,...",
            help="What is done: files, fill, process, export, show. Of what is done already and has not changed nothing is repeated.  [all]",
        ),
    ] = None,
    again: Annotated[
        bool,
        typer.Option(
            "--again", help="Repeat stages also if nothing has changed; fill reads all events again."
        ),
    ] = False,
    format: FormatOption = None,  # noqa: A002 - the name of the option
    kind: KindOption = None,
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
            "--detach",
            help="Hand the tasks over and leave; `femtobarn collect OUT` does what comes after them.",
        ),
    ] = False,
    column_cache: ColumnCacheOption = None,
    no_figures: Annotated[bool, typer.Option("--no-figures", help="Draw no figures.")] = False,
    strict: StrictOption = False,
    metrics_port: metrics.PortOption = None,
    metrics_host: metrics.HostOption = metrics.LOOPBACK,
) -> None:
    """Scan files for mass spectra, or continue; what is done and has not changed is not repeated."""
    from femtobarn.api import spectra as api
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
    with Progress() as progress, metrics.observed(progress, metrics_port, metrics_host) as observer:
        done = api.run(
            config,
            data,
            out=out,
            stages=None if stages is None else [word.strip() for word in stages.split(",") if word.strip()],
            again=again,
            detach=detach,
            kind=kind,  # type: ignore[arg-type] # checked there
            format=format,
            observer=observer,
            on_stage=lambda end: progress.notice(_ended(end)),
            command=options.command() if out is not None else None,
            **settings,
        )
    if done.results is not None:
        from femtobarn.show.report.summary import problems

        for words in problems(done.results):
            output.line(words)
    last = done.stages[-1]
    if last.handed_over:
        output.line(f"results are gathered by: femtobarn collect {done.out}")
    else:
        output.line(str(done.out / "report.html" if last.stage == "show" else done.out))
    raise typer.Exit(done.exit_code)


def _write(text: str, to: Path | None, *, force: bool) -> None:
    if to is None:
        output.line(text.rstrip("\n"))
        return
    if to.exists() and not force:
        msg = f"{to} is there already, and is not replaced. Choose another name, or give --force."
        raise SettingsError(msg)
    from femtobarn.base.atomic import write_text

    write_text(to, text)
    output.line(f"written: {to}")


def _ended(end: StageEnd) -> str:
    """Return one line about a stage."""
    if not end.repeated:
        return f"{end.stage}: nothing has changed, not repeated ({end.words})"
    spent = f", {end.record.seconds:.1f} s" if end.record is not None else ""
    return f"{end.stage}: {end.words}{spent}"


def _extent(found: Extent) -> None:
    """Print how much a scan could find."""
    numbers = dict(found.combinations)
    kinds = ", ".join(f"{number:,} {_QUANTITIES[quantity]}" for quantity, number in numbers.items())
    output.line(f"combinations: {sum(numbers.values()):,} ({kinds})")
    if found.spectra is None:
        states = "more than could occur; final_states.most_count limits them"
    else:
        states = f"{found.final_states:,}; if all of them occur: {found.spectra:,} spectra"
    output.line(f"final states that the limits allow: {states}")
    columns = ("1,000 spectra", "all of them")[: 1 if found.spectra is None else 2]
    rows = [
        (s.file, output.size(1000 * s.each), *(() if s.most is None else (output.size(s.most),)))
        for s in found.sizes
    ]
    output.line("sizes of what is written, roughly:")
    output.table(("file", *columns), rows, right=columns)
