"""Tasks as an array of jobs of a batch system, on machines that share the run directory."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import suppress

from femtobarn.base.errors import ExecutorError
from femtobarn.base.records import Job, Notice, Outcome, Settings, Task, Ticket
from femtobarn.running.engine.executor import parse_options
from femtobarn.running.executors.batch import submitting, systems
from femtobarn.running.executors.batch.layout import BatchFolder
from femtobarn.running.executors.batch.notes import Notes
from femtobarn.running.executors.batch.options import BatchOptions
from femtobarn.running.executors.batch.request import UNKNOWN, States
from femtobarn.running.executors.batch.shell import MERGING
from femtobarn.running.executors.batch.watch import Lost, Watch, failure, later_tasks
from femtobarn.running.results.store import FolderStore

_TICK = 1.0  # seconds between two looks at the notes of slices
_TOLD_AGAIN = 30.0  # seconds between two notices of what slices wait for

_answers: dict[str, tuple[float, States, ExecutorError | None]] = {}


class BatchExecutor:
    """Runs tasks as an array of jobs, each with one slice of them.

    Parameters
    ----------
    options
        what is asked for
    store
        where slices leave results; empty: in the run directory
    pause
        waits the seconds between two looks
    clock
        seconds, as `time.monotonic`
    """

    def __init__(
        self,
        options: BatchOptions,
        *,
        store: str = "",
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        options.check()
        self.options = options
        self.system = systems.SYSTEMS[options.system]
        self._store, self._pause, self._clock = store, pause, clock

    @classmethod
    def from_settings(cls, settings: Settings) -> BatchExecutor:
        """Return an executor with the options of ``settings``, or of the details of a ticket.

        Raises
        ------
        UnknownNameError, SettingsError
            for options that it does not have, or values that are not allowed
        """
        own = tuple((n, v) for n, v in settings.executor_options if n not in submitting.OF_TICKETS)
        options = parse_options(BatchOptions, settings.model_copy(update={"executor_options": own}))
        return cls(options, store=settings.store)

    def run(self, job: Job, tasks: Sequence[Task], store: FolderStore) -> Generator[Outcome | Notice | None]:
        """Submit ``tasks`` and give their outcomes as they end; closing the generator removes all jobs.

        A slice that ends without all its tasks is submitted again, ``retries`` times.
        """
        tickets: list[tuple[Ticket, Watch]] = []
        try:
            yield from self._follow(job, tasks, store, tickets)
        finally:
            for ticket, watch in tickets:
                with suppress(ExecutorError):  # what cannot be removed now keeps its ticket for later
                    if watch.open or self.system.keeps:
                        self.system.cancel([submitting.jobs_of(ticket)[0]])
                    store.drop(ticket)

    def submit(self, job: Job, tasks: Sequence[Task], store: FolderStore) -> Ticket:
        """Submit ``tasks`` and a job after them that merges."""
        return self.hand_over(job, tasks, store)

    def hand_over(
        self,
        job: Job,
        tasks: Sequence[Task],
        store: FolderStore,
        *,
        merge: bool = True,
        after: Sequence[str] = (),
    ) -> Ticket:
        """Submit ``tasks``; with ``merge`` a job that merges when they, and the arrays in ``after``, have ended."""
        made = submitting.rendered(
            self.options,
            job.analysis.name,
            tasks,
            store.folder.parent,
            store=self._store,
            merge=merge,
            after=after,
        )
        return submitting.submit(made, job, store)

    def gather(self, ticket: Ticket, tasks: Sequence[Task], store: FolderStore) -> Iterator[Outcome | Notice]:
        """Give the outcomes that are known now; tasks of a slice that ended without them have failed."""
        out = store.folder.parent
        later = later_tasks(out, ticket.token)
        wanted = {task.id: task for task in tasks if task.id not in later}
        notes = Notes.of(BatchFolder.of(out, ticket.token))
        own = {index: {t: wanted[t] for t in ids if t in wanted} for index, ids in notes.ids().items()}
        watch = self._watch(ticket, store, set(wanted), own, notes.told)
        if not watch.open:
            return
        states, error = self._asked_lately(ticket)
        watch.look(states)
        yield from watch.take()
        yield from watch.present()
        for lost in watch.lost(states):
            yield from (failure(task, lost.index, lost.words) for task in lost.tasks)
        if error is not None:
            raise error

    def release(self, ticket: Ticket) -> None:
        """Remove the jobs of a submission, but not the one in which this happens."""
        array, merge = submitting.jobs_of(ticket)
        if os.environ.get(MERGING) == ticket.token:
            if not merge:
                return  # it is a part of the array
            merge = ""
        self.system.cancel([job for job in (array, merge) if job])

    def states(self, ticket: Ticket) -> States:
        """Return what the batch system says of a submission.

        Raises
        ------
        ExecutorError
            if it does not answer
        """
        return self.system.states(*submitting.jobs_of(ticket))

    def _asked(self, ticket: Ticket) -> tuple[States, ExecutorError | None]:
        try:
            return self.states(ticket), None
        except ExecutorError as error:
            return UNKNOWN, error

    def _asked_lately(self, ticket: Ticket) -> tuple[States, ExecutorError | None]:
        """Return what was said not long ago, if it was: who collects and waits looks each second."""
        said = _answers.get(ticket.token)
        if said is None or self._clock() - said[0] >= self.options.poll:
            said = _answers[ticket.token] = (self._clock(), *self._asked(ticket))
        return said[1:]

    def _watch(
        self,
        ticket: Ticket,
        store: FolderStore,
        wanted: set[str],
        tasks: Mapping[int, Mapping[str, Task]] | None = None,
        told: Callable[[int], Sequence[Outcome]] | None = None,
    ) -> Watch:
        folder = BatchFolder.of(store.folder.parent, ticket.token)
        elsewhere = bool(self._store)
        return Watch(folder, wanted, store, elsewhere=elsewhere, tasks=tasks, told=told, clock=self._clock)

    def _follow(
        self, job: Job, tasks: Sequence[Task], store: FolderStore, tickets: list[tuple[Ticket, Watch]]
    ) -> Generator[Outcome | Notice | None]:
        """Submit, look, submit again; ``tickets`` are added to."""
        if not tasks:
            return
        tries: Counter[str] = Counter()
        told = _Told(self._clock)
        asked = self._clock()

        def begin(some: Sequence[Task]) -> None:
            tries.update(task.id for task in some)
            ticket = self.hand_over(job, some, store, merge=False)
            tickets.append((ticket, self._watch(ticket, store, {task.id for task in some})))

        begin(tasks)
        while any(watch.open for _, watch in tickets):
            self._pause(_TICK)
            states: dict[str, States] = {}
            if self._clock() - asked >= self.options.poll:
                asked = self._clock()
                yield from self._ask(tickets, states, told)
            gone: list[Lost] = []
            for ticket, watch in tickets:
                yield from watch.take()
                if ticket.token in states:
                    yield from watch.present()
                    gone += watch.lost(states[ticket.token])
            again = [task for lost in gone for task in lost.tasks if tries[task.id] <= self.options.retries]
            last = {task.id for task in again}
            for lost in gone:
                yield from (
                    failure(task, lost.index, lost.words) for task in lost.tasks if task.id not in last
                )
            if again:
                yield Notice(words=_again(gone, len(again)))
                try:
                    begin(again)
                except ExecutorError as error:  # what the others do is not lost
                    yield from (
                        failure(task, lost.index, f"{lost.words}; {error}")
                        for lost in gone
                        for task in lost.tasks
                        if task.id in last
                    )
            yield None

    def _ask(
        self, tickets: Sequence[tuple[Ticket, Watch]], states: dict[str, States], told: _Told
    ) -> Iterator[Notice]:
        """Ask the batch system about submissions that are not over; ``states`` are filled in."""
        waiting: Counter[str] = Counter()
        total = 0
        for ticket, watch in tickets:
            if not watch.open:
                continue
            found, error = self._asked(ticket)
            if error is not None:
                yield from told.once(f"What slices do is not known now: {error}")
                continue
            states[ticket.token] = found
            watch.look(found)
            total += len(watch.slices)
            now = [found.of(index) for index in watch.slices]
            waiting.update(state.reason or state.word for state in now if state.phase == "waiting")
        if waiting:
            reasons = ", ".join(f"{count} {reason}".strip() for reason, count in waiting.most_common())
            yield from told.once(f"{waiting.total()} of {total} slices wait: {reasons}")


class _Told:
    """Notices: each once, and not too many."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last, self._when = "", -_TOLD_AGAIN

    def once(self, words: str) -> Iterator[Notice]:
        now = self._clock()
        if words != self._last and now - self._when >= _TOLD_AGAIN:
            self._last, self._when = words, now
            yield Notice(words=words)


def _again(gone: Sequence[Lost], count: int) -> str:
    which = "; ".join(f"slice {lost.index} ended without {len(lost.tasks)} ({lost.words})" for lost in gone)
    return f"{count} tasks are submitted again: {which}"
