"""How many futures may be under way at once."""

from __future__ import annotations

import asyncio


class Slots:
    """Places that are taken and given back, in one event loop; their number changes as workers come and go."""

    def __init__(self) -> None:
        self._limit = 0
        self._taken = 0
        self._waiting = 0
        self._changed = asyncio.Event()

    @property
    def limit(self) -> int:
        """How many may be taken at once."""
        return self._limit

    def resize(self, limit: int) -> None:
        """Allow ``limit`` at once from now on; those that are taken stay taken."""
        self._limit = limit
        self._changed.set()

    async def take(self) -> None:
        """Wait for a free place, and take it."""
        self._waiting += 1
        try:
            while self._taken >= self._limit:
                await self._change()
            self._taken += 1
        finally:
            self._waiting -= 1

    def give(self) -> None:
        """Give a place back."""
        self._taken -= 1
        self._changed.set()

    async def some_free(self) -> None:
        """Wait until a place is free that nobody waits for."""
        while self._waiting or self._taken >= self._limit:
            await self._change()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()
