"""Handing tasks to a batch system: slices, scripts, their folder, and the ticket that remembers it all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from femtobarn.base.errors import SettingsError
from femtobarn.base.records import Job, Task, Ticket
from femtobarn.data.storage.urls import shown
from femtobarn.running.executors.batch import systems
from femtobarn.running.executors.batch.layout import BatchFolder
from femtobarn.running.executors.batch.options import BatchOptions
from femtobarn.running.executors.batch.request import Request, Scripts
from femtobarn.running.executors.batch.slicing import sliced
from femtobarn.running.results.store import FolderStore

NAME = "batch"
_ARRAY, _MERGE = "array_job", "merge_job"
OF_TICKETS = (_ARRAY, _MERGE)
"""Names in the details of a ticket that are no options."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A submission before it happens."""

    request: Request
    slices: tuple[tuple[Task, ...], ...]
    scripts: Scripts


def rendered(
    options: BatchOptions,
    analysis: str,
    tasks: Sequence[Task],
    out: Path,
    *,
    store: str = "",
    merge: bool = True,
    after: Sequence[str] = (),
) -> Rendered:
    """Return what would be submitted; nothing is written.

    Parameters
    ----------
    analysis
        its name
    out
        the run directory
    store
        where results go; empty: to the run directory
    merge
        whether a job follows that merges
    after
        ids of earlier arrays that it waits for too

    Raises
    ------
    SettingsError
        for options and paths that the batch system cannot take
    """
    options.check()
    place, here = str(out.absolute()), str(Path.cwd())
    for path in (place, here):
        if not path.isprintable():
            msg = f"Expected folders with printable names, which scripts can hold, but got {path!r}. Choose another --out, or another working directory."
            raise SettingsError(msg)
    if options.mount and not PurePosixPath(place).is_relative_to(options.mount):
        msg = f"Expected the run directory below {options.mount}, where pods have their volume, but it is {place}. Choose --out there."
        raise SettingsError(msg)
    slices = sliced(tasks, options.jobs)
    request = Request(
        analysis=analysis,
        out=place,
        token=_token(),
        slices=len(slices),
        merge=merge,
        directory=here,
        options=options,
        store=shown(store) if store else "",
        after=tuple(after),
        user=os.getuid(),
        group=os.getgid(),
    )
    return Rendered(request, slices, systems.SYSTEMS[options.system].render(request))


def submit(made: Rendered, job: Job, store: FolderStore) -> Ticket:
    """Submit it; the ticket is kept in ``store`` from the moment on that jobs may exist.

    Raises
    ------
    ExecutorError
        if the batch system refuses; nothing is left of it then, unless jobs could not be removed: these keep
        their ticket and folder, so that a later command can
    """
    request = made.request
    folder = BatchFolder.of(Path(request.out), request.token)
    folder.write(request, job, made.slices, made.scripts)
    ticket = Ticket(executor=NAME, token=request.token, details=request.options.words())
    system = systems.SYSTEMS[request.options.system]

    def forget() -> None:
        store.drop(ticket)
        folder.remove()

    array, merge = systems.submit(
        system,
        folder,
        made.scripts,
        lambda array: store.keep(with_jobs(ticket, array, "")),
        lost=system.lost_id(request),
        on_nothing=forget,
    )
    whole = with_jobs(ticket, array, merge)
    store.keep(whole)
    return whole


def with_jobs(ticket: Ticket, array: str, merge: str) -> Ticket:
    """Return a ticket that remembers these ids of jobs."""
    details = tuple((name, value) for name, value in ticket.details if name not in OF_TICKETS)
    return ticket.model_copy(update={"details": (*details, (_ARRAY, array), (_MERGE, merge))})


def jobs_of(ticket: Ticket) -> tuple[str, str]:
    """Return the ids of the array and of the job that merges (or empty) of a ticket."""
    details = dict(ticket.details)
    return details.get(_ARRAY, ""), details.get(_MERGE, "")


def _token() -> str:
    """Return a name for a submission; later ones are sorted behind earlier ones."""
    now = datetime.now(UTC)
    return f"{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03}-{secrets.token_hex(2)}"
