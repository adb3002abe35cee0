"""Results that workers left in a store elsewhere, brought into the run directory."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from typing import TypeVar

from femtobarn.base import settings
from femtobarn.base.errors import FemtobarnError, MergeError
from femtobarn.base.records import Notice, Outcome
from femtobarn.data.storage.local import local_path
from femtobarn.data.storage.urls import is_remote, shown
from femtobarn.running.results.partial import outcome_from
from femtobarn.running.results.remotestore import Shelf, shelf_of
from femtobarn.running.results.store import FolderStore

_ATTEMPTS = 5  # a result may be half of what a second worker is writing: it is whole soon
_BACKOFF = 0.2  # seconds before the second look at it; doubled for each further one
_TICK = 1.0  # seconds after which whoever waits may look up
_AHEAD = 4  # results that wait for each that is being fetched
_SAMPLE = 8  # names of a folder that are asked for though its list lacks them
_RESTING = 10.0  # looking takes at most a tenth of the time

Event = Outcome | Notice | None
A = TypeVar("A")
B = TypeVar("B")


def fetched(events: Generator[Event], store: FolderStore, url: str) -> Generator[Event]:
    """Give ``events``, each result in ``store`` before it is told of; what cannot be had has failed.

    Several are fetched at once, so that outcomes may come in another order. Closing this closes ``events``.

    Parameters
    ----------
    events
        of an executor whose workers leave results at ``url``
    store
        of the run
    url
        a folder or an address; nothing is fetched if it is empty, or the folder of ``store``
    """
    with closing(events):
        if is_here(store, url):
            yield from events
            return
        with _fetching(url) as (shelf, pool, most):
            under_way: set[Future[Outcome]] = set()
            for event in events:
                if isinstance(event, Outcome) and event.processed and not store.has(event.task):
                    under_way.add(pool.submit(_brought, shelf, store, event, url))
                else:
                    yield event
                while len(under_way) >= _AHEAD * most:
                    yield from _ended(under_way, _TICK) or (None,)
                yield from _ended(under_way, 0)
            while under_way:
                yield from _ended(under_way, _TICK) or (None,)


def fetch_present(store: FolderStore, url: str, tasks: Sequence[str]) -> set[str]:
    """Bring what is at ``url`` of the results of ``tasks`` into ``store``; return whose came.

    A result that is damaged, or being written, counts as absent.

    Raises
    ------
    StoreError
        if the server gives no answers
    """
    if is_here(store, url) or not tasks:
        return set()
    folders: dict[str, set[str]] = defaultdict(set)
    for task in tasks:
        folders[task[:2]].add(task)
    groups = [frozenset(names) for names in folders.values()]
    with _fetching(url) as (shelf, pool, _):

        def take(names: Iterable[str]) -> set[str]:
            return {name for name in _all(pool, lambda name: _taken(shelf, store, name), names) if name}

        listed = set().union(*_all(pool, shelf.among, groups))
        unlisted = [sorted(names - listed) for names in groups]
        came = take(sorted(listed))
        # a server that leads to others may not list what they have
        sample = take(name for names in unlisted for name in names[:_SAMPLE])
        if sample or shelf.led_on:
            came |= sample | take(name for names in unlisted for name in names[_SAMPLE:])
    return came


class Arrivals:
    """Looks again and again at a store elsewhere, but not all the time.

    Parameters
    ----------
    store, url
        as of `fetched`
    """

    def __init__(self, store: FolderStore, url: str) -> None:
        self._store, self._url = store, url
        self._next = 0.0

    def look(self, tasks: Sequence[str]) -> Iterator[Outcome | Notice]:
        """Bring what has come of ``tasks``; give their outcomes, or why nothing can be had."""
        began = time.monotonic()
        if is_here(self._store, self._url) or began < self._next:
            return
        try:
            came = fetch_present(self._store, self._url, tasks)
        except FemtobarnError as error:
            yield Notice(words=f"Results could not be fetched: {error}")
            return
        finally:
            ended = time.monotonic()
            self._next = ended + _RESTING * (ended - began)
        for task in sorted(came):
            yield outcome_of(self._store, task)


def outcome_of(store: FolderStore, task: str) -> Outcome:
    """Return how a task ended, as its result in ``store`` tells.

    Raises
    ------
    MergeError
        if there is no result, or it is damaged
    """
    return outcome_from(store.header(task), task)


def is_here(store: FolderStore, url: str) -> bool:
    """Return whether what workers leave at ``url`` is in ``store`` already; an empty one says that it is."""
    return not url or (not is_remote(url) and local_path(url).resolve() == store.folder.resolve())


@contextmanager
def _fetching(url: str) -> Iterator[tuple[Shelf, ThreadPoolExecutor, int]]:
    """Give the store, threads to fetch with, and their number; in the end nothing is under way any more."""
    most = settings.network_connections()
    with closing(shelf_of(url)) as shelf, ThreadPoolExecutor(most, "femtobarn-fetch") as pool:
        try:
            yield shelf, pool, most
        except BaseException:  # also when it is closed: who waits to ask again gives up
            shelf.close()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _ended(under_way: set[Future[Outcome]], seconds: float) -> list[Outcome]:
    """Take what has ended, after waiting at most so long for it."""
    if not under_way:
        return []
    done, _ = wait(under_way, seconds, FIRST_COMPLETED)
    under_way -= done
    return [future.result() for future in done]


def _all(pool: ThreadPoolExecutor, do: Callable[[A], B], items: Iterable[A]) -> Iterator[B]:
    return pool.map(do, items)


def _taken(shelf: Shelf, store: FolderStore, task: str) -> str:
    """Bring the result of ``task`` if there is a whole one; return its name, or an empty one."""
    data = shelf.get(task)
    if data is None:
        return ""
    try:
        store.put(task, data)
    except MergeError:
        return ""
    return task


def _brought(shelf: Shelf, store: FolderStore, outcome: Outcome, url: str) -> Outcome:
    """Bring the result that ``outcome`` tells of; return that, or that it failed."""
    reason = ""
    for number in range(_ATTEMPTS):
        if number:
            threading.Event().wait(_BACKOFF * 2 ** (number - 1))
        try:
            data = shelf.get(outcome.task)
            if data is not None:
                store.put(outcome.task, data)
                return outcome
            reason = "there is none"
        except MergeError as error:
            reason = str(error)
        except FemtobarnError as error:
            return outcome.model_copy(update={"processed": False, "reason": str(error)})
    words = f"{outcome.worker or 'a worker'} left its result in {shown(url)}, but: {reason}"
    return outcome.model_copy(update={"processed": False, "reason": words})
