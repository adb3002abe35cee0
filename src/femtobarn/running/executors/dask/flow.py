"""Tasks as futures, a few at a time: submitted, watched, folded, fetched.

Everything here runs in the event loop of the Dask client, in a thread of its own; the driver takes what comes of
it from a queue.
"""

from __future__ import annotations

import asyncio
import queue
import secrets
from collections.abc import Sequence
from concurrent.futures import Future as ThreadFuture
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from femtobarn.base.records import Notice, Outcome, Task
from femtobarn.base.text import visible, without_secrets
from femtobarn.running.engine.executor import ATTEMPTS
from femtobarn.running.executors.dask import remote
from femtobarn.running.executors.dask.begun import MOST, Begun
from femtobarn.running.executors.dask.killed import Killed, told
from femtobarn.running.executors.dask.messages import Order
from femtobarn.running.executors.dask.options import DaskOptions
from femtobarn.running.executors.dask.site import Site
from femtobarn.running.executors.dask.slots import Slots
from femtobarn.running.executors.dask.watch import Watch

if TYPE_CHECKING:
    from distributed import Future

_LOST = ("cancelled", "error", "lost")
_ROOM = 32  # results that may wait here until the driver has stored them


@dataclass(frozen=True, slots=True)
class Arrived:
    """What came back for ``tasks``, of one file: `remote.Answer`, or `remote.Whole` if they were folded."""

    tasks: tuple[Task, ...]
    data: object
    folded: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """Nothing more will come; ``error`` is what went wrong, if the tasks were not all tried."""

    error: BaseException | None = None


Event: TypeAlias = Arrived | Outcome | Notice | Ended


class Flow:
    """The tasks of a run, on their way through a Dask cluster.

    Parameters
    ----------
    site
        the cluster
    order
        what all tasks need
    units
        tasks whose results are folded; a unit of one task is not
    """

    def __init__(
        self, site: Site, order: Order, units: Sequence[tuple[Task, ...]], options: DaskOptions
    ) -> None:
        self._client: Any = site.client
        self._text = order.model_dump_json()
        self._order: Future | None = None
        self._units = units
        self._token = secrets.token_hex(4)  # two runs on one scheduler never share a key
        self._submitted = 0
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._room = asyncio.Semaphore(_ROOM)
        self._slots = Slots()
        self._watch = Watch(site, options, dict(order.versions), self._slots, self._events.put)
        self._killed = Killed()
        self._begun = Begun(self._client, f"femtobarn-{self._token}", self._events.put)
        self._suspects: list[Task] = []
        self._loop: asyncio.AbstractEventLoop = self._client.loop.asyncio_loop
        self._running: ThreadFuture[None] | None = None

    def start(self) -> None:
        """Begin; `next` gives what comes."""
        self._running = asyncio.run_coroutine_threadsafe(self._main(), self._loop)

    def next(self, seconds: float) -> Event | None:
        """Return what came, or None if nothing did for so long."""
        try:
            return self._events.get(timeout=seconds)
        except queue.Empty:
            return None

    def stored(self) -> None:
        """Tell that what `next` gave last is safe: there is room for more."""
        self._loop.call_soon_threadsafe(self._room.release)

    def close(self) -> None:
        """Stop submitting; what is under way is forgotten by the scheduler when the connection is closed."""
        if self._running is not None:
            self._running.cancel()

    async def _main(self) -> None:
        error: BaseException | None = None
        work = asyncio.create_task(self._work())
        watch = asyncio.create_task(self._watch.run())
        try:
            done, _ = await asyncio.wait({work, watch}, return_when=asyncio.FIRST_COMPLETED)
            error = next(filter(None, (task.exception() for task in done)), None)
        finally:
            for task in (work, watch):
                task.cancel()
            self._events.put(Ended(error))

    async def _work(self) -> None:
        await self._watch.ready()
        self._begun.listen()
        open_units: set[asyncio.Task[None]] = set()
        try:
            for unit in self._units:
                await self._slots.some_free()
                open_units = await _below(_ROOM + self._slots.limit, open_units)
                open_units.add(asyncio.create_task(self._unit(unit)))
                await asyncio.sleep(0)  # it takes its first slot now
            while open_units:
                open_units = await _below(len(open_units), open_units)
        finally:
            for task in open_units:
                task.cancel()
        for suspect in self._suspects:
            await self._unit((suspect,), alone=True)

    async def _unit(self, tasks: tuple[Task, ...], *, alone: bool = False) -> None:
        """Compute the parts of one file, and send home their fold, or themselves if there is none."""
        parts = await asyncio.gather(*(self._computed(task, alone=alone) for task in tasks))
        if len(tasks) > 1 and None not in parts:
            folded = self._client.submit(remote.whole, *parts, **self._placed("fold", tasks[0].file.name))
            if await self._fetch(tasks, folded, folded=True):
                return
        for task, part in zip(tasks, parts, strict=True):
            if part is None or await self._fetch((task,), part, folded=False):
                continue
            if alone:
                self._fail(task, await _reason(part))
            else:  # it was there, and went with its worker, perhaps because of another task
                self._suspects.append(task)

    async def _computed(self, task: Task, *, alone: bool) -> Future | None:
        """Return the future of a task that has a result; None if it has failed, or is to be tried alone."""
        from distributed import KilledWorker

        reason = ""
        for _ in range(ATTEMPTS):
            await self._slots.take()
            try:
                future = self._client.submit(
                    remote.part,
                    self._told(),
                    task.model_dump_json(),
                    f"femtobarn-{self._token}",
                    **self._placed("part", task.file.name, str(task.part)),
                )
                self._begun.watch(task.id, future)
                error = await self._watch.over(future)
                reason = self._begun.too_often(task.id)
            finally:
                self._begun.forget(task.id)
                self._slots.give()
            if future.status == "finished":
                return future
            if isinstance(error, KilledWorker) and error.task == future.key:
                if alone or await self._killed.alone(error):
                    self._fail(task, *told(error))
                else:
                    self._suspects.append(task)
                return None
            if reason:
                self._fail(task, reason, attempts=MOST)
                return None
            reason = await _reason(future)  # not of the task: that would be told in its outcome
            if isinstance(error, ImportError):
                await self._watch.look_at_versions()
            elif future.cancelled():
                await self._watch.connected()
        self._fail(task, reason, attempts=ATTEMPTS)
        return None

    async def _fetch(self, tasks: tuple[Task, ...], future: Future, *, folded: bool) -> bool:
        """Bring a result home; return whether it came."""
        await self._watch.over(future)
        if future.status == "finished":
            await self._room.acquire()
            try:
                data = await self._watch.brought(future)
            except Exception:  # noqa: BLE001 - told by the status of the future
                self._room.release()
            else:
                self._events.put(Arrived(tasks, data, folded))
                return True
        return False

    def _told(self) -> Future:
        """Return the order as a future: workers fetch it once, and from each other."""
        if self._order is None or self._order.status in _LOST:
            self._order = self._client.submit(remote.order, self._text, **self._placed("order"))
        return self._order

    def _placed(self, kind: str, *about: str) -> dict[str, object]:
        """Return under which key a future is known, which is unique, and where it may run."""
        self._submitted += 1
        key = (f"femtobarn-{kind}-{self._token}", self._submitted, *about)
        return {"key": key, "pure": False, "workers": self._watch.fit_only()}

    def _fail(self, task: Task, reason: str, attempts: int = 1, worker: str = "") -> None:
        told = visible(without_secrets(reason), most=1000)
        self._events.put(
            Outcome(task=task.id, processed=False, reason=told, attempts=attempts, worker=worker)
        )


async def _below(limit: int, tasks: set[asyncio.Task[None]]) -> set[asyncio.Task[None]]:
    """Wait until fewer than ``limit`` of ``tasks`` are open; return these. An error in one of them is raised."""
    while tasks and len(tasks) >= limit:
        done, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    return tasks


async def _reason(future: Future) -> str:
    if future.cancelled():
        return "it was cancelled: the scheduler was restarted, or the connection to it was lost"
    error = await future.exception()
    return "its result was lost" if error is None else f"{type(error).__name__}: {error}"
