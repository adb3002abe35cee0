"""Tasks on Dask."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, closing
from importlib.util import find_spec
from pathlib import Path

from femtobarn.base.errors import ExecutorError, MissingExtraError
from femtobarn.base.records import Job, Notice, Outcome, Settings, Task
from femtobarn.running.engine.executor import parse_options
from femtobarn.running.engine.plan import by_file
from femtobarn.running.executors.dask.arrival import outcomes_of
from femtobarn.running.executors.dask.flow import Arrived, Ended, Flow
from femtobarn.running.executors.dask.messages import Order
from femtobarn.running.executors.dask.options import DaskOptions, check
from femtobarn.running.executors.dask.site import Site, quiet, running
from femtobarn.running.executors.dask.started import started
from femtobarn.running.executors.dask.versions import own_versions
from femtobarn.running.results.store import FolderStore

_TICK = 1.0  # seconds after which whoever waits may look up


class DaskExecutor:
    """Runs tasks on a Dask cluster: one that runs already, or one that is started for them.

    Parameters
    ----------
    options
        which cluster, and how long to be patient
    workers
        of a local cluster, if the options do not say it
    store
        URL of a store to which workers write results; empty: results come back through Dask
    """

    def __init__(self, options: DaskOptions, *, workers: int = 1, store: str = "") -> None:
        check(options)
        self._options = options
        self._workers = options.workers or workers
        self._store = store

    @classmethod
    def from_settings(cls, settings: Settings) -> DaskExecutor:
        """Return an executor with the options that ``settings`` hold.

        Raises
        ------
        MissingExtraError
            if Dask is not installed
        UnknownNameError, SettingsError
            for options that it does not have, or that do not fit together
        """
        if find_spec("distributed") is None:
            raise MissingExtraError("running on Dask", "dask")
        options = parse_options(DaskOptions, settings)
        return cls(options, workers=max(1, settings.workers), store=settings.store)

    def run(self, job: Job, tasks: Sequence[Task], store: FolderStore) -> Generator[Outcome | Notice | None]:
        """Run ``tasks`` and give one outcome for each as they end.

        Closing the generator ends all that was started for them.

        Raises
        ------
        ExecutorError
            if nothing at all could be done
        """
        if not tasks:
            return
        order = Order(job=job, versions=own_versions(), store=self._store)
        units = units_of(tasks, fold=not self._store and job.analysis.skim is None)
        with quiet(), self._site(store.folder.parent / "dask") as site:
            yield from (Notice(words=words) for words in site.words)
            with closing(Flow(site, order, units, self._options)) as flow:
                flow.start()
                yield from _outcomes(flow, tasks, store, elsewhere=bool(self._store))

    def _site(self, folder: Path) -> AbstractContextManager[Site]:
        """Return the cluster; ``folder`` is for its job logs and keys."""
        if self._options.running:
            return running(self._options)
        return started(self._options, self._workers, folder)


def units_of(tasks: Sequence[Task], *, fold: bool) -> list[tuple[Task, ...]]:
    """Return ``tasks`` file by file if all parts of the file are there and may be folded, else one by one."""
    units: list[tuple[Task, ...]] = []
    for group in by_file(tasks):
        whole = [t.part for t in group] == list(range(group[0].parts))
        units += [group] if fold and whole else [(task,) for task in group]
    return units


def _outcomes(
    flow: Flow, tasks: Sequence[Task], store: FolderStore, *, elsewhere: bool
) -> Generator[Outcome | Notice | None]:
    """Store what arrives, and give one outcome for each task."""
    waiting = {task.id: task for task in tasks}
    while (event := flow.next(_TICK)) is None or not isinstance(event, Ended):
        if isinstance(event, Arrived):
            done = list(outcomes_of(event.tasks, event.data, store, folded=event.folded, elsewhere=elsewhere))
            flow.stored()
            for outcome in done:
                waiting.pop(outcome.task, None)
            yield from done
        else:
            if isinstance(event, Outcome):
                waiting.pop(event.task, None)
            yield event
    if event.error is None or (isinstance(event.error, ExecutorError) and len(waiting) < len(tasks)):
        reason = str(event.error or "the Dask cluster ended without it")
        for task in waiting.values():
            yield Outcome(task=task.id, processed=False, reason=reason, attempts=0)
        return
    raise event.error
