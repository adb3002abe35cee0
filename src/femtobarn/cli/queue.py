"""``worker`` and ``queue``: taking tasks from a work queue, and looking after it."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from femtobarn.base.errors import SettingsError
from femtobarn.cli import metrics, output

if TYPE_CHECKING:
    from femtobarn.running.executors.rabbitmq.management import QueueKeeper

queue = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Look at a work queue on RabbitMQ, and clear it."
)

_SIGNALS = (signal.SIGTERM, signal.SIGINT)

QueueOption = Annotated[
    str, typer.Option(metavar="NAME", help="Workers and runs of one name find each other.")
]
BrokerOption = Annotated[
    str,
    typer.Option(metavar="ADDRESSES", help="Addresses of the broker without passwords.  [FEMTOBARN_BROKER]"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def worker(
    queue: QueueOption = "femtobarn",
    broker: BrokerOption = "",
    allow: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PREFIX",
            help="Folder or beginning of addresses below which files may be opened, and results left; may be given "
            "several times, and adds to FEMTOBARN_PREFIXES.  [where the published files are]",
        ),
    ] = None,
    trust: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DIGEST",
            help="Run the @function or @columnar code that has this digest; may be given several times.",
        ),
    ] = None,
    name: Annotated[str, typer.Option(help="How it is called in the ledger.  [host and process]")] = "",
    max_tasks: Annotated[int, typer.Option(metavar="N", help="End after so many tasks; 0: never.")] = 0,
    idle_exit: Annotated[
        float, typer.Option(metavar="SECONDS", help="End after so long without a task; 0: never.")
    ] = 0.0,
    recycle: Annotated[
        int, typer.Option(metavar="N", help="Make the process that runs tasks anew after so many.")
    ] = 100,
    heartbeat: Annotated[
        int, typer.Option(metavar="SECONDS", help="How soon broker and worker notice that the other is gone.")
    ] = 60,
    metrics_port: metrics.PortOption = None,
    metrics_host: metrics.HostOption = metrics.LOOPBACK,
) -> None:
    """Take tasks from a work queue on RabbitMQ and run them, one at a time, until it is ended.

    SIGTERM and Ctrl-C let the task that is under way end; a second signal ends it at once, and another worker gets the task.
    """
    from pydantic import ValidationError

    from femtobarn.base.record import first_fault
    from femtobarn.base.settings import prefixes
    from femtobarn.running.executors.rabbitmq.intake import PUBLISHED
    from femtobarn.running.executors.rabbitmq.options import WorkerOptions
    from femtobarn.running.executors.rabbitmq.worker import QueueWorker
    from femtobarn.running.executors.telemetry import Telemetry

    own = f"{socket.gethostname()}-{os.getpid()}"
    try:
        options = WorkerOptions(
            queue=queue,
            broker=broker,
            name=name or own,
            prefixes=(*PUBLISHED, *prefixes(), *(allow or ())),
            trust=tuple(trust or ()),
            max_tasks=max_tasks,
            idle_exit=idle_exit,
            recycle=recycle,
            heartbeat=heartbeat,
        )
    except ValidationError as error:
        fault = first_fault(error)
        msg = f"--{fault.where.replace('_', '-')}: {fault.what}, not {fault.given!r}."
        raise SettingsError(msg) from error
    telemetry = Telemetry(options.name)
    made = QueueWorker(options, tell=output.note, telemetry=telemetry)
    _hide_passwords()
    _end_in_order(made.stop)
    output.note(f"Worker {options.name} takes tasks from the queue {options.queue!r}.")
    with closing(telemetry):
        if metrics_port is not None:
            telemetry.serve(metrics_host, metrics_port)
            output.note(f"metrics: {telemetry.address}")
        made.run()


def _hide_passwords() -> None:
    """Take the password out of the environment: the processes that run tasks need none."""
    os.environ.pop("FEMTOBARN_BROKER_PASSWORD", None)
    os.environ.pop("FEMTOBARN_BROKER", None)


def _end_in_order(stop: Callable[[], None]) -> None:
    """Let the first signal end what runs in order, and the second one at once."""

    def on_signal(_number: int, _frame: object) -> None:
        for number in _SIGNALS:
            signal.signal(number, _at_once)
        stop()

    for number in _SIGNALS:
        signal.signal(number, on_signal)


def _at_once(_number: int, _frame: object) -> None:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


@queue.command()
def status(queue: QueueOption = "femtobarn", broker: BrokerOption = "", as_json: JsonOption = False) -> None:
    """Show the tasks, workers and runs of a queue."""
    found = _keeper(queue, broker).status()
    if as_json:
        _json(found.model_dump(mode="json"))
        return
    output.line(
        f"queue {found.queue}: {found.ready} tasks wait, {found.working} are worked on, "
        f"{found.consumers} workers, {found.dead} put away"
    )
    silent = found.consumers - len(found.workers)
    if silent > 0:
        output.line(f"{silent} workers do not answer")
    if found.workers:
        rows = [
            (
                w.worker,
                f"{w.file} part {w.part}" if w.task else "waits",
                f"{w.since:.0f}",
                str(w.done),
                str(w.failed),
            )
            for w in found.workers
        ]
        output.table(
            ("worker", "task", "seconds", "done", "failed"), rows, right=("seconds", "done", "failed")
        )
    if found.runs:
        runs = [
            (r.token[:8], r.analysis, r.host, _time(r.started), str(r.tasks), str(r.results), _yes(r.watched))
            for r in found.runs
        ]
        output.table(
            ("run", "analysis", "begun on", "at (UTC)", "tasks", "results waiting", "watched"),
            runs,
            right=("tasks", "results waiting"),
        )
    if found.older:
        output.line(f"{_messages(found.older, 'older run')} not looked at")


@queue.command()
def drain(
    queue: QueueOption = "femtobarn",
    broker: BrokerOption = "",
    run: Annotated[
        str,
        typer.Option(metavar="TOKEN", help="Only this run, with its results (see `femtobarn queue status`)."),
    ] = "",
    dead: Annotated[bool, typer.Option("--dead", help="Only what was put away.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove tasks that wait for a worker; runs that wait for them are told."""
    keeper = _keeper(queue, broker)
    if run and dead:
        msg = "--run and --dead exclude each other. Give one of them."
        raise SettingsError(msg)
    what = (
        f"the run {run} with its results"
        if run
        else "all that was put away"
        if dead
        else "all tasks that wait"
    )
    if not yes and not typer.confirm(f"Remove {what} from the queue {queue!r}?"):
        raise typer.Exit(1)
    removed = keeper.drain_dead() if dead else keeper.drain(run)
    output.line(f"{_messages(removed, 'result' if run else 'message' if dead else 'task')} removed")


@queue.command("dead")
def list_dead(
    queue: QueueOption = "femtobarn", broker: BrokerOption = "", as_json: JsonOption = False
) -> None:
    """List what was put away, with the errors: tasks that workers died of, and messages that are no tasks."""
    found = _keeper(queue, broker).dead()
    if as_json:
        _json([one.model_dump(mode="json") for one in found])
        return
    for one in found:
        what = (
            f"{one.file} part {one.part} (run {one.token[:8]})"
            if one.task
            else f"a message of {one.size} bytes"
        )
        output.line(f"{what}: {one.error}")


@queue.command("retry-dead")
def retry_dead(queue: QueueOption = "femtobarn", broker: BrokerOption = "") -> None:
    """Give tasks that were put away to workers again, if their run was handed over (--detach) or its driver has died.

    A driver that runs has counted them as failed: its own command tries them again.
    """
    revived = _keeper(queue, broker).retry_dead()
    output.line(f"{_messages(revived.sent, 'task')} sent to workers again")
    if revived.left:
        output.line(
            f"{_messages(revived.left, 'message')} left: no task, or of a run that is over or has counted it as failed; the "
            "command of that run tries its failed tasks again. femtobarn queue drain --dead removes them."
        )


def _keeper(queue: str, broker: str) -> QueueKeeper:
    from femtobarn.running.executors.rabbitmq.management import QueueKeeper

    return QueueKeeper(queue, broker)


def _json(value: object) -> None:
    sys.stdout.write(json.dumps(value, indent=1) + "\n")


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _messages(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
