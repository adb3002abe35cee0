"""How often workers begin the same task: one that takes longer than workers live would be begun for ever."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from femtobarn.base.records import Notice
from femtobarn.base.text import visible

if TYPE_CHECKING:
    from distributed import Future

MOST = 5
"""How often a task may be begun under one key; Dask itself gives up when as many workers died of it."""

_WORTH_TELLING = 3


class Begun:
    """Counts, from what workers say when they begin, how often that was; cancels what is begun too often.

    A worker that ends in order, at the end of its lifetime, gives the task it runs to another, and Dask does not
    count that.

    Parameters
    ----------
    tell
        is given what whoever waits should know
    """

    def __init__(self, client: Any, topic: str, tell: Callable[[Notice], None]) -> None:
        self._client = client
        self._topic = topic
        self._tell = tell
        self._told = False
        self._futures: dict[str, Future] = {}
        self._counts: Counter[str] = Counter()

    def listen(self) -> None:
        """Hear from now on what workers say."""
        self._client.subscribe_topic(self._topic, self.heard)

    def watch(self, task: str, future: Future) -> None:
        """Count the beginnings of ``task``, whose result ``future`` will be, from 0."""
        self._futures[task] = future
        self._counts.pop(task, None)

    def forget(self, task: str) -> None:
        """Count no more: the task is over."""
        self._futures.pop(task, None)
        self._counts.pop(task, None)

    def too_often(self, task: str) -> str:
        """Return why nothing becomes of ``task``, if it was begun too often."""
        if self._counts[task] <= MOST:
            return ""
        return f"begun {MOST} times, and each time its worker ended before it did: it may take longer than workers live (options lifetime and walltime of executor dask); raise these, or make parts smaller with --part-bytes"

    async def heard(self, event: tuple[float, object]) -> None:
        """Take what a worker said: the id of the task that it begins."""
        task = event[1]
        future = self._futures.get(task) if isinstance(task, str) else None
        if not isinstance(task, str) or future is None:
            return
        self._counts[task] += 1
        if self._counts[task] == _WORTH_TELLING and not self._told:
            self._told = True
            words = f"{visible(str(future.key[2]))} part {future.key[3]} is begun for the {_WORTH_TELLING}rd time, for its workers ended before it did. If it takes longer than workers live, raise options lifetime and walltime, or make parts smaller."
            self._tell(Notice(words=words))
        if self._counts[task] == MOST + 1:
            await self._client.cancel([future])
