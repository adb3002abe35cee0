"""``femtobarn batch``: a run as an array of jobs of a batch system; ``--json`` for programs."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from femtobarn.cli import options, output
from femtobarn.cli.options import (
    AccessOption,
    AnalysisArgument,
    DataOption,
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
)
from femtobarn.cli.storage import JsonOption

if TYPE_CHECKING:
    from femtobarn.running.executors.batch.submitting import Rendered
    from femtobarn.running.executors.batch.survey import BatchReport

batch = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Run on a batch system: submit an array of jobs, look after it, merge.",
)

_NOT_WHOLE = 1  # exit code of a slice that ended before its tasks did

WalltimeOption = Annotated[str | None, typer.Option(metavar="HH:MM:SS", help="Time that one slice may take.")]
MemoryOption = Annotated[str | None, typer.Option(metavar="SIZE", help="Memory of one slice, such as 2GB.")]
JobsOption = Annotated[int | None, typer.Option(metavar="N", help="Slices: jobs of the array, at most.")]
CoresOption = Annotated[int | None, typer.Option(help="Cores and worker processes of one slice.  [1]")]
DiskOption = Annotated[str | None, typer.Option(metavar="SIZE", help="Local disk of one slice, such as 5GB.")]
QueueOption = Annotated[str | None, typer.Option(metavar="NAME", help="Queue or partition.")]
AccountOption = Annotated[str | None, typer.Option(metavar="NAME", help="Account or project.")]
ExtraOption = Annotated[
    list[str] | None,
    typer.Option(
        "--extra", metavar="LINE", help="Directive of the batch system; may be given several times."
    ),
]
SetupOption = Annotated[
    list[str] | None,
    typer.Option(
        "--setup",
        metavar="LINE",
        help="Line of shell that runs before femtobarn, such as 'module load python'; may be given several times.",
    ),
]


@batch.command()
def submit(
    analysis: AnalysisArgument,
    system: Annotated[str, typer.Option(metavar="NAME", help="slurm, pbs, torque, htcondor or k8s-job.")],
    jobs: Annotated[int, typer.Option(metavar="N", help="Slices: jobs of the array, at most.")],
    walltime: Annotated[str, typer.Option(metavar="HH:MM:SS", help="Time that one slice may take.")],
    memory: Annotated[str, typer.Option(metavar="SIZE", help="Memory of one slice, such as 2GB.")],
    cores: CoresOption = None,
    disk: DiskOption = None,
    queue: QueueOption = None,
    account: AccountOption = None,
    extra: ExtraOption = None,
    setup: SetupOption = None,
    python: Annotated[
        str | None, typer.Option(metavar="PATH", help="Python with femtobarn on the nodes.  [this one]")
    ] = None,
    image: Annotated[str | None, typer.Option(help="Container image, of k8s-job.")] = None,
    volume: Annotated[
        str | None, typer.Option(metavar="CLAIM", help="Claim of the volume that has the run, of k8s-job.")
    ] = None,
    mount: Annotated[
        str | None, typer.Option(metavar="DIR", help="Where that volume is mounted, of k8s-job.")
    ] = None,
    namespace: Annotated[str | None, typer.Option(metavar="NAME", help="Namespace, of k8s-job.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show the scripts; nothing is submitted or written.")
    ] = False,
    data: DataOption = None,
    out: OutOption = None,
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
    access: AccessOption = None,
    store: StoreOption = None,
    no_figures: Annotated[bool, typer.Option("--no-figures", help="The merge draws no figures.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="The merge exits with 3 also when wanted datasets are absent.")
    ] = False,
) -> None:
    """Submit a run as an array of jobs, and a job after it that merges; or show the scripts."""
    from femtobarn.api import batch as api

    asked = _given(
        system=system,
        jobs=jobs,
        walltime=walltime,
        memory=memory,
        cores=cores,
        disk=disk,
        queue=queue,
        account=account,
        extra="\n".join(extra or ()),
        setup="\n".join(setup or ()),
        python=python,
        image=image,
        volume=volume,
        mount=mount,
        namespace=namespace,
    )
    run: dict[str, Any] = {
        "out": out,
        "release": release,
        "format": format,
        "kind": kind,
        "mode": mode,
        "options": options.values(option),
        "max_files": max_files,
        "max_events": max_events,
        "fraction": fraction,
        "luminosity": luminosity,
        "part_bytes": part_bytes,
        "access": access,
        "store": store,
        "figures": False if no_figures else None,
        "strict": strict or None,
    }
    if dry_run:
        _show(api.render(analysis, data, batch=asked, **run))
        return
    command = options.command() if out is not None else None
    folder, found = api.submit(analysis, data, batch=asked, command=command, **run)
    if not found.slices or not any(one.missing for one in found.slices):
        output.line(f"Every task has a result already; merge them: femtobarn collect {folder}")
        return
    last = [one for one in found.slices if one.batch == found.slices[-1].batch]
    tasks = sum(one.tasks for one in last)
    output.line(f"{tasks} tasks in {len(last)} slices are submitted, with a job after them that merges.")
    output.line(f"See how far they are: femtobarn batch status {folder}")


@batch.command("slice")
def run_slice(
    out: OutArgument,
    token: Annotated[str, typer.Option(help="Which submission.")],
    index: Annotated[int, typer.Option(envvar="JOB_COMPLETION_INDEX", help="Which slice, from 0.")],
    ends: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="When to end in order, since the epoch.")
    ] = None,
) -> None:
    """Run one slice: what a job of the array does."""
    from femtobarn.api import batch as api

    end = api.run_slice(out, token, index, ends=ends)
    output.line(f"slice {index}: {end.done} tasks done, {end.failed} failed, {end.left} left")
    if end.left:
        output.error(f"{end.reason}. What is left is submitted again by: femtobarn batch resubmit {out}")
        raise typer.Exit(_NOT_WHOLE)


@batch.command()
def status(out: OutArgument, as_json: JsonOption = False) -> None:
    """Show how far each slice is, and what the batch system says of it: why it waits, or why it ended."""
    from femtobarn.api import batch as api

    found = api.status(out)
    if as_json:
        output.line(found.model_dump_json(indent=1))
        return
    _table(found)
    for note in found.notes:
        output.error(note)


@batch.command()
def resubmit(
    out: OutArgument,
    jobs: JobsOption = None,
    walltime: WalltimeOption = None,
    memory: MemoryOption = None,
    cores: CoresOption = None,
    disk: DiskOption = None,
    queue: QueueOption = None,
    account: AccountOption = None,
    failed: Annotated[bool, typer.Option("--failed", help="Also tasks that failed on their own.")] = False,
) -> None:
    """Submit again what is missing and not under way, as before or with other options."""
    from femtobarn.api import batch as api

    changes = _given(
        jobs=jobs, walltime=walltime, memory=memory, cores=cores, disk=disk, queue=queue, account=account
    )
    done = api.resubmit(out, changes, failed=failed)
    for one in done.left_alone:
        output.line(f"slice {one.index} of {one.batch} is left alone: {one.state or one.phase}")
    if done.tasks:
        output.line(f"{done.tasks} tasks are submitted again, with a job after them that merges.")
    elif not done.left_alone:
        output.line(f"No task is missing. Merge the results: femtobarn batch merge {out}")


@batch.command()
def cancel(out: OutArgument) -> None:
    """Remove every job of a run from the batch system; results that are there stay."""
    from femtobarn.api import batch as api

    removed = api.cancel(out)
    output.line(f"removed the jobs of {', '.join(removed)}" if removed else "no job was under way")


@batch.command()
def merge(
    out: OutArgument,
    wait: Annotated[bool, typer.Option("--wait", help="Wait as long as slices wait or run.")] = False,
) -> None:
    """Merge a run as `femtobarn collect` does; refuse, and name the slices, if tasks were lost."""
    from femtobarn.api import batch as api
    from femtobarn.cli.progress import Progress
    from femtobarn.running.engine.run import exit_code

    with Progress() as progress:
        results = api.merge(out, wait=wait, observer=progress, on_wait=progress.notice)
    output.results(results)
    raise typer.Exit(exit_code(results.info))


def _given(**values: str | int | None) -> Mapping[str, str]:
    return {name: str(value) for name, value in values.items() if value not in {None, ""}}


def _show(made: Rendered | None) -> None:
    """Print scripts, the commands that would submit them, and what is asked for."""
    if made is None:
        output.line("Every task has a result already: nothing would be submitted.")
        return
    for name, text in made.scripts.files:
        output.line(f"==> {made.request.folder}/{name} <==")
        output.line(text)
    for words in filter(None, (made.scripts.array, made.scripts.merge)):
        output.line(f"would run there: {shlex.join(words)}")
    asked = made.request.options
    sizes = [len(tasks) for tasks in made.slices]
    output.line(
        f"{sum(sizes)} tasks in {len(sizes)} slices of {min(sizes)} to {max(sizes)}, each with {asked.cores} core{'s' if asked.cores > 1 else ''}, "
        f"{asked.memory} of memory, {asked.disk or 'no'} disk asked for, and {asked.walltime} of time"
    )


def _table(found: BatchReport) -> None:
    rows = [
        (
            s.batch,
            str(s.index),
            str(s.tasks),
            str(s.done),
            str(s.failed),
            str(s.missing),
            _state(s.phase, s.state),
        )
        for s in found.slices
    ]
    rows += [(m.batch, "merge", "", "", "", "", _state(m.phase, m.state)) for m in found.merges]
    numbers = ("slice", "tasks", "done", "failed", "missing")
    output.table(("submission", *numbers, "state"), rows, right=numbers)


def _state(phase: str, state: str) -> str:
    return f"{phase}: {state}" if state else phase
