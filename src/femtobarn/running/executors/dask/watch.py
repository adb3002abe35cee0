"""Who works, whether anything ends, and what to say when not: never a silent 0 %."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from femtobarn.base.errors import ExecutorError
from femtobarn.base.records import Notice
from femtobarn.base.text import visible
from femtobarn.running.executors.dask.inspection import compare_versions
from femtobarn.running.executors.dask.options import PATIENCE, DaskOptions
from femtobarn.running.executors.dask.site import CONNECT, Site
from femtobarn.running.executors.dask.slots import Slots

if TYPE_CHECKING:
    from distributed import Future

Key: TypeAlias = tuple[str | int, ...]

_TICK = 1.0  # seconds between two looks
_GRACE = 5.0  # seconds in which nobody wonders that there is no worker
_REMIND = 10.0  # seconds between two notices that there is none
_SHOWN = 4  # tasks that are named when nothing ends


class Watch:
    """Looks at workers and futures about once a second, sets the number of slots, and tells what is wrong.

    Parameters
    ----------
    versions
        ours
    tell
        is given what whoever waits should know
    """

    def __init__(
        self,
        site: Site,
        options: DaskOptions,
        versions: Mapping[str, str],
        slots: Slots,
        tell: Callable[[Notice], None],
    ) -> None:
        self._site = site
        self._client: Any = site.client
        self._options = options
        self._versions = versions
        self._slots = slots
        self._tell = tell
        self._workers: tuple[str, ...] = ()
        self._most_threads = 0
        self._unfit: dict[str, str] = {}
        self._restricted: dict[Future, list[str]] = {}
        self._first, self._online = asyncio.Event(), asyncio.Event()
        self._computed: set[Key] = set()
        self._travelling: set[Key] = set()
        self._progress = self._seen = self._hoped = time.monotonic()
        self._reminded = -_REMIND

    async def ready(self) -> None:
        """Wait for a first worker, and compare versions.

        Raises
        ------
        ExecutorError
            if scheduler or workers have versions with which nothing can be done
        """
        await self._first.wait()
        found = await compare_versions(self._client, self._versions)
        for words in found.notes:
            self._tell(Notice(words=words))
        if self._most_threads > 1:
            words = f"Workers of {self._site.what} have up to {self._most_threads} threads, and each runs one task at a time. Start them with --nthreads 1, and more of them."
            self._tell(Notice(words=words))
        if found.unfit:
            msg = f"Nothing was sent to {self._site.what}: {'; '.join(found.unfit.values())}. Install the same versions everywhere."
            raise ExecutorError(msg)

    async def look_at_versions(self) -> None:
        """Find workers that came later and cannot take part; they get no more tasks."""
        found = await compare_versions(self._client, self._versions)
        for address, words in found.unfit.items():
            if address not in self._unfit:
                self._tell(Notice(words=f"{words}; it gets no tasks. Install the same versions everywhere."))
                self._unfit[address] = words
        await self._look()

    def fit_only(self) -> list[str] | None:
        """Return the workers that may get tasks; None if all may."""
        return list(self._fit()) if self._unfit else None

    async def connected(self) -> None:
        """Wait until the scheduler is there again."""
        await self._online.wait()

    async def over(self, future: Future) -> Exception | None:
        """Watch over a future until it is done; return the error it ended with, if any."""
        if self._unfit:
            self._restricted[future] = list(self._fit())
        try:
            error: Exception | None = await self._during(self._computed, future, future.exception())
        finally:
            self._restricted.pop(future, None)
        return error

    async def brought(self, future: Future) -> object:
        """Watch over the way of a result from its worker to here; return it."""
        return await self._during(self._travelling, future, future)

    async def _during(self, group: set[Key], future: Future, what: Awaitable[Any]) -> Any:
        key: Key = future.key
        group.add(key)
        try:
            return await what
        finally:
            group.discard(key)
            self._progress = time.monotonic()

    async def run(self) -> None:
        """Look, again and again.

        Raises
        ------
        ExecutorError
            if there was no worker for too long, or the scheduler is gone
        """
        while True:
            await self._look()
            for notice in self._site.news():
                self._tell(notice)
            now = time.monotonic()
            if self._fit():
                self._seen = self._hoped = now
                self._first.set()
                if (self._computed or self._travelling) and now - self._progress > self._options.stall:
                    self._tell(Notice(words=await self._what_is_stuck(now - self._progress)))
                    self._progress = now
            elif now - self._seen > _GRACE and now - self._reminded > _REMIND:
                self._tell(Notice(words=await self._nobody(now - self._seen)))
                self._reminded = now
                if await asyncio.to_thread(self._site.queued):
                    self._hoped = now
            hopeless = self._options.no_workers_timeout is None and now - self._hoped > PATIENCE
            if hopeless or now - self._seen > self._options.patience:
                words = await self._nobody(now - self._seen)
                msg = f"{words} Finished tasks are kept: give the same command again once there are workers (option no_workers_timeout: {self._options.patience:g} s)."
                raise ExecutorError(msg)
            if not self._computed and not self._travelling:
                self._progress = now
            await asyncio.sleep(_TICK)

    async def _look(self) -> None:
        """See who is there."""
        if self._client.status == "closed":
            msg = f"The connection to {self._site.what} was lost and did not come back within {CONNECT:.0f} s. Finished tasks are kept: give the same command again once it runs."
            raise ExecutorError(msg)
        try:
            async with asyncio.timeout(CONNECT):
                threads: dict[str, int] = await self._client.nthreads()
            self._workers, self._most_threads = tuple(threads), max(threads.values(), default=0)
        except (OSError, TimeoutError):
            self._workers = ()
        if self._client.status == "running":
            self._online.set()
        else:
            if self._online.is_set():
                self._tell(Notice(words=f"The connection to {self._site.what} was lost; trying again."))
            self._online.clear()
        here = self._fit()
        self._slots.resize(self._options.window * len(here))
        for future, allowed in list(self._restricted.items()):
            if not set(allowed) & set(here):
                await self._client.cancel([future])

    def _fit(self) -> tuple[str, ...]:
        return tuple(address for address in self._workers if address not in self._unfit)

    async def _nobody(self, seconds: float) -> str:
        state = await asyncio.to_thread(self._site.state)
        refused = f" {'; '.join(self._unfit.values())}." if self._unfit else ""
        return f"No worker for {seconds:.0f} s at {self._site.what}.{refused} {state}".rstrip()

    async def _what_is_stuck(self, seconds: float) -> str:
        try:
            async with asyncio.timeout(CONNECT):
                processing = await self._client.processing()
        except (OSError, TimeoutError):
            processing = {}
        found = [
            f"{_name(tuple(key))} at {address}"
            for address, keys in processing.items()
            for key in keys
            if isinstance(key, tuple | list) and tuple(key) in self._computed
        ]
        found += [f"{_name(key)} on its way here" for key in sorted(self._travelling)]
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        what = (
            f"Under way: {', '.join(found[:_SHOWN])}{more}."
            if found
            else f"{len(self._computed)} tasks wait, and no worker has taken one."
        )
        return f"No task has finished for {seconds:.0f} s at {self._site.what}. {what}"


def _name(key: Key) -> str:
    """Return what is computed under a key, as `femtobarn.running.executors.dask.flow` makes them, in words."""
    _, _, file, *part = key
    return f"{visible(str(file))} part {part[0]}" if part else f"the fold of {visible(str(file))}"
