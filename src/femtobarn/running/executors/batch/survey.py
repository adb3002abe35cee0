"""How far the slices of a run are: what is there of their tasks, and what the batch system says of their jobs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from femtobarn.base.errors import ExecutorError
from femtobarn.base.record import Record
from femtobarn.base.records import Outcome, Settings, Task, Ticket
from femtobarn.running.engine.waiting import detached
from femtobarn.running.executors.batch.executor import BatchExecutor
from femtobarn.running.executors.batch.layout import BatchFolder
from femtobarn.running.executors.batch.request import UNKNOWN, JobState, Phase, States
from femtobarn.running.executors.batch.submitting import NAME
from femtobarn.running.executors.batch.watch import words
from femtobarn.running.results.folding import fold_name
from femtobarn.running.results.store import FolderStore


class SliceReport(Record):
    """One slice of one submission.

    Parameters
    ----------
    batch
        token of the submission
    index
        number of the slice
    tasks, done, failed, missing
        of the slice; ``missing`` have neither a result nor a failure of their own
    phase
        ``waiting``, ``running``, ``ended``, or ``unknown`` if the batch system does not answer
    state
        what it says, and why the slice waits or ended so
    """

    batch: str
    index: int
    tasks: int
    done: int
    failed: int
    missing: int
    phase: Phase
    state: str = ""


class MergeReport(Record):
    """The job that merges after the slices of one submission; see `SliceReport`."""

    batch: str
    phase: Phase
    state: str = ""


class BatchReport(Record):
    """All slices of a run, oldest submission first.

    Parameters
    ----------
    slices
        of all submissions
    merges
        jobs that merge and are not over
    notes
        why something could not be asked
    """

    slices: tuple[SliceReport, ...]
    merges: tuple[MergeReport, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the tasks of a run without asking anybody: ids of those with a result, and of failed ones."""

    done: Collection[str]
    failed: Collection[str]

    def missing(self, tasks: Sequence[Task]) -> list[Task]:
        """Return the tasks that have neither a result nor a failure of their own."""
        return [task for task in tasks if task.id not in self.done and task.id not in self.failed]


def known(
    store: FolderStore, groups: Sequence[Sequence[Task]], *, elsewhere: bool, verify: bool = False
) -> Known:
    """Return what is known of the tasks of a run.

    A task that was lost with its slice has not failed: it was never tried to its end.

    Parameters
    ----------
    groups
        the tasks of each file, in their order
    elsewhere
        whether slices leave results in another place than ``store``: what they note counts then
    verify
        whether results are read: a damaged one is none
    """
    done: set[str] = set()
    for group in groups:
        ids = [task.id for task in group]
        if verify:
            done |= store.present(ids)
            continue
        whole = len(ids) > 1 and store.path(fold_name(ids)).is_file()
        done.update(ids if whole else (task for task in ids if store.path(task).is_file()))
    if elsewhere:
        done.update(o.task for o in _noted(store.folder.parent) if o.processed)
    failed = {task for task, outcome in store.failures().items() if outcome.attempts and task not in done}
    return Known(done, failed)


def _noted(out: Path) -> Iterator[Outcome]:
    for folder in BatchFolder.all(out):
        for index in folder.slices:
            yield from folder.told(index)[0]


def asked(store: FolderStore, settings: Settings) -> tuple[dict[str, States], list[str]]:
    """Return what batch systems say of the submissions that may be under way, by token, and who did not answer."""
    found: dict[str, States] = {}
    notes = []
    for ticket in tickets(store):
        try:
            found[ticket.token] = of_ticket(ticket, settings).states(ticket)
        except ExecutorError as error:
            found[ticket.token] = UNKNOWN
            notes.append(str(error))
    return found, notes


def tickets(store: FolderStore) -> list[Ticket]:
    """Return the tickets of batch systems."""
    return [ticket for ticket in store.tickets() if ticket.executor == NAME]


def of_ticket(ticket: Ticket, settings: Settings) -> BatchExecutor:
    """Return the executor that submitted."""
    made = detached(ticket, settings)
    assert isinstance(made, BatchExecutor), "whoever names another executor batch keeps its tickets"
    return made


def report(out: Path, now: Known, states: Mapping[str, States]) -> Iterator[SliceReport]:
    """Give the slices of all submissions of the run in ``out``."""
    for folder in BatchFolder.all(out):
        said = states.get(folder.token)
        for index in folder.slices:
            tasks = folder.tasks(index)
            missing = now.missing(tasks)
            state = JobState(phase="ended") if said is None else said.of(index)
            over = state.phase == "ended"
            yield SliceReport(
                batch=folder.token,
                index=index,
                tasks=len(tasks),
                done=sum(task.id in now.done for task in tasks),
                failed=sum(task.id in now.failed for task in tasks),
                missing=len(missing),
                phase=state.phase,
                state=words(folder, index, state) if over and missing else state.words,
            )
