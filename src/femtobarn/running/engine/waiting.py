"""Tasks that were handed to others: asking for their results, and removing what is left of them elsewhere."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence

from femtobarn.base.errors import FemtobarnError, GoneError, SettingsError
from femtobarn.base.records import Notice, Outcome, Settings, Task, Ticket
from femtobarn.running.engine.executor import Detached, executor
from femtobarn.running.results.store import FolderStore


def gathered(store: FolderStore, tasks: Sequence[Task], settings: Settings) -> Generator[Outcome | Notice]:
    """Put the results that are there now into ``store``; give the outcomes that became known.

    What others say of a task that failed is kept; an executor that cannot be reached is told as a notice.
    """
    for ticket in store.tickets():
        try:
            for event in detached(ticket, settings).gather(ticket, tasks, store):
                if isinstance(event, Outcome):
                    keep(store, event)
                yield event
        except GoneError as error:
            store.drop(ticket)
            yield Notice(words=str(error))
        except FemtobarnError as error:
            yield Notice(words=f"Results of {ticket.executor} could not be fetched: {error}")


def keep(store: FolderStore, outcome: Outcome) -> None:
    """Keep how a task ended, for processes that come later."""
    if outcome.processed:
        store.forgive(outcome.task)
    elif not outcome.pending:
        store.fail(outcome)


def released(store: FolderStore, settings: Settings) -> Iterator[Notice]:
    """Remove what is left elsewhere of all tickets; those that cannot be reached are kept, and told."""
    for ticket in store.tickets():
        try:
            detached(ticket, settings).release(ticket)
        except FemtobarnError as error:
            yield Notice(words=f"What is left of this run at {ticket.executor} could not be removed: {error}")
        else:
            store.drop(ticket)


def detached(ticket: Ticket, settings: Settings) -> Detached:
    """Return the executor of a ticket, with the options it had."""
    own = settings.model_copy(update={"executor": ticket.executor, "executor_options": ticket.details})
    made = executor(own)
    if not isinstance(made, Detached):
        msg = f"Expected an executor that takes tickets back, but {ticket.executor} does not. Run the command again."
        raise SettingsError(msg)
    return made


def state_of(store: FolderStore, groups: Iterable[Sequence[Task]]) -> tuple[set[str], dict[str, Outcome]]:
    """Return the ids of tasks that have a result, and what is known of those that failed.

    Parameters
    ----------
    groups
        the tasks of each file, in their order
    """
    done: set[str] = set()
    planned: set[str] = set()
    for group in groups:
        ids = [task.id for task in group]
        planned.update(ids)
        done |= store.present(ids)
    undone = planned - done
    return done, {task: outcome for task, outcome in store.failures().items() if task in undone}
