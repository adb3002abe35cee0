"""Several executors that share the tasks of one run, each in a thread of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from femtobarn.base.errors import ExecutorError, FemtobarnError, SettingsError, UnknownNameError
from femtobarn.base.records import Job, Notice, Outcome, Settings, Task
from femtobarn.running.engine.executor import Executor, executor, settings_for
from femtobarn.running.executors.sharing import Shares
from femtobarn.running.results.store import FolderStore

if TYPE_CHECKING:
    from collections.abc import Iterator

_TICK = 1.0  # seconds after which whoever waits may look up
_AHEAD = 1000  # events that wait to be looked at


class SeveralExecutor:
    """Shares tasks among executors; what one does not do, the others do.

    Each begins with an equal share of whole files; who has finished takes half of the open files of the
    slowest. An executor that gives up is told as a notice, and its tasks go to the others.

    Parameters
    ----------
    engines
        executors by name
    """

    def __init__(self, engines: Mapping[str, Executor]) -> None:
        self._engines = dict(engines)

    @classmethod
    def from_settings(cls, settings: Settings) -> SeveralExecutor:
        """Return the executors whose names are joined by ``+``, each with its own options.

        Raises
        ------
        SettingsError
            for a name that comes twice or is empty, and for an option that does not say whose it is
        UnknownNameError
            for an executor that does not exist
        """
        names = [name.strip() for name in settings.executor.split("+")]
        if not all(names) or len(set(names)) != len(names):
            msg = f"Several executors are different names joined by +, such as rabbitmq+batch, not {settings.executor!r}."
            raise SettingsError(msg)
        for key, _ in settings.executor_options:
            if "." not in key:
                msg = f"The option {key!r} must say which of {', '.join(names)} it is for: {names[0]}.{key}."
                raise SettingsError(msg)
        return cls({name: executor(_own(settings, name)) for name in names})

    def run(self, job: Job, tasks: Sequence[Task], store: FolderStore) -> Generator[Outcome | Notice | None]:
        """Run ``tasks`` and give one outcome for each; closing this closes all executors.

        Raises
        ------
        ExecutorError
            if all of them gave up; it says why
        """
        shares = Shares(list(self._engines), tasks)
        reasons: dict[str, str] = {}
        with self._started(job, store) as (threads, events):
            for name, share in shares.first().items():
                threads[name].give(share)
            while not shares.settled:
                try:
                    name, event = events.get(timeout=_TICK)
                except queue.Empty:
                    yield None
                    continue
                if isinstance(event, Notice):
                    yield Notice(words=f"{name}: {event.words}")
                elif isinstance(event, Outcome):
                    decided = _ended(shares, name, event)
                    if decided is not None:
                        yield decided
                elif isinstance(event, _Over):
                    if event.reason:
                        reasons[name] = event.reason
                        yield Notice(words=f"{name} gave up, the others take its tasks: {event.reason}")
                    yield from shares.over(name, alive=not event.reason)
                    if not shares.living and not shares.settled:
                        why = "; ".join(f"{one}: {words}" for one, words in sorted(reasons.items()))
                        msg = f"None of the executors can go on. {why}"
                        raise ExecutorError(msg)
                    threads[name].idle = True
                    for other in shares.living:
                        if threads[other].idle and (share := shares.more(other)):
                            threads[other].give(share)

    @contextmanager
    def _started(
        self, job: Job, store: FolderStore
    ) -> Iterator[tuple[dict[str, _Thread], queue.Queue[tuple[str, _Event]]]]:
        """Give a thread for each executor, and what they tell; in the end all have closed what they ran."""
        events: queue.Queue[tuple[str, _Event]] = queue.Queue(_AHEAD)
        threads = {name: _Thread(name, engine, job, store, events) for name, engine in self._engines.items()}
        try:
            yield threads, events
        finally:
            for thread in threads.values():
                thread.stop()
            for thread in threads.values():
                thread.join()


@dataclass(frozen=True, slots=True)
class _Over:
    """An executor has no more to say of its share; ``reason`` says why, if it gave up."""

    reason: str = ""


_Event = Outcome | Notice | _Over


class _Thread:
    """Runs the shares of one executor, one after the other, and closes it where it was begun."""

    def __init__(
        self,
        name: str,
        engine: Executor,
        job: Job,
        store: FolderStore,
        events: queue.Queue[tuple[str, _Event]],
    ) -> None:
        self._name, self._engine, self._job, self._store, self._events = name, engine, job, store, events
        self._shares: queue.SimpleQueue[Sequence[Task] | None] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"femtobarn-{name}", daemon=True)
        self._thread.start()
        self.idle = True

    def give(self, share: Sequence[Task]) -> None:
        """Let it run ``share``; `_Over` comes when it has."""
        self.idle = False
        self._shares.put(share)

    def stop(self) -> None:
        """Let it end what it runs, at its next tick."""
        self._stopped.set()
        self._shares.put(None)

    def join(self) -> None:
        """Wait until it has."""
        self._thread.join()

    def _work(self) -> None:
        while (share := self._shares.get()) is not None:
            try:
                self._run(share)
            except FemtobarnError as error:
                over = _Over(str(error) or type(error).__name__)
            except Exception as error:  # noqa: BLE001 - a defect of one must not end the others
                over = _Over(f"{type(error).__name__}: {error}")
            else:
                over = _Over()
            self._tell(over)

    def _run(self, share: Sequence[Task]) -> None:
        if not share:
            return
        with closing(self._engine.run(self._job, share, self._store)) as events:
            for event in events:
                if self._stopped.is_set():
                    return
                if event is not None:
                    self._tell(event)

    def _tell(self, event: _Event) -> None:
        while not self._stopped.is_set():
            try:
                self._events.put((self._name, event), timeout=_TICK)
            except queue.Full:
                continue
            return


def _ended(shares: Shares, name: str, outcome: Outcome) -> Outcome | None:
    try:
        return shares.ended(name, outcome)
    except KeyError as error:
        raise UnknownNameError("task of this run", outcome.task, ()) from error


def _own(settings: Settings, name: str) -> Settings:
    own = settings_for(settings, name)
    # what runs here keeps results in the run directory
    return own.model_copy(update={"store": ""}) if name == "local" else own
