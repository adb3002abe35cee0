"""The cache against a model of it: any order of fetching, using, damaging, clearing."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from femtobarn.base.errors import UnavailableError, UnwritableError
from femtobarn.data.storage import Cache, RemoteFile

from .sources import ROUTE, bytes_of, serve, wanted

LIMIT = 1000
SIZES = (0, 1, 150, 300, 450, 700, 1000, 1001)
FILES = st.integers(0, len(SIZES) - 1)
BASE = "https://one.example/data/"


class CacheMachine(RuleBasedStateMachine):
    """``held`` are files in use; ``broken`` those whose server fails half way."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.patch = pytest.MonkeyPatch()
        self.servers = serve(self.patch, block=50)
        self.cache = Cache(self.folder / "cache", limit_bytes=LIMIT)
        self.contents = [bytes_of(size, seed=number) for number, size in enumerate(SIZES)]
        self.broken: set[int] = set()
        self.held: list[tuple[int, Path, AbstractContextManager[Path]]] = []
        for number, content in enumerate(self.contents):
            self.servers.put(f"{BASE}{number}", content, answer=self._answer(number))

    def teardown(self) -> None:
        for _, _, context in self.held:
            context.__exit__(None, None, None)
        self.patch.undo()
        shutil.rmtree(self.folder)

    def _answer(self, number: int):
        def answer(start: int, block: bytes) -> bytes:
            if number in self.broken and start >= 100:
                msg = "gone"
                raise UnavailableError(msg)
            return block

        return answer

    def _file(self, number: int) -> RemoteFile:
        return wanted(self.contents[number], f"{BASE}{number}", f"{number}.root")

    def _fits(self, number: int) -> bool:
        in_use = {n for n, _, _ in self.held} - {number}
        return SIZES[number] + sum(SIZES[n] for n in in_use) <= LIMIT

    @rule(number=FILES)
    def fetch(self, number: int) -> None:
        there = self.cache.find(self._file(number).identity, SIZES[number], "") is not None
        try:
            path = self.cache.fetch(self._file(number), ROUTE)
        except UnwritableError:
            assert not there
            assert not self._fits(number)
        except UnavailableError:
            assert number in self.broken
            assert not there
        else:
            assert path.read_bytes() == self.contents[number]

    @rule(number=FILES)
    def use(self, number: int) -> None:
        context = self.cache.use(self._file(number), ROUTE)
        try:
            path = context.__enter__()
        except (UnwritableError, UnavailableError):
            return
        self.held.append((number, path, context))

    @precondition(lambda self: self.held)
    @rule(which=st.integers(0, 20))
    def release(self, which: int) -> None:
        _, _, context = self.held.pop(which % len(self.held))
        context.__exit__(None, None, None)

    @rule(number=FILES)
    def breaks(self, number: int) -> None:
        self.broken.add(number)

    @rule(number=FILES)
    def works_again(self, number: int) -> None:
        self.broken.discard(number)

    @rule(which=st.integers(0, 20), wrong=st.binary(max_size=20))
    def damage(self, which: int, wrong: bytes) -> None:
        in_use = {path for _, path, _ in self.held}
        paths = [entry.path for entry in self.cache.entries() if entry.path not in in_use]
        if paths:
            path = paths[which % len(paths)]
            path.chmod(0o600)
            path.write_bytes(wrong[: path.stat().st_size])

    @rule(unfinished=st.booleans())
    def clear(self, unfinished: bool) -> None:
        self.cache.clear(unfinished_only=unfinished)
        assert self.cache.unfinished() == ()

    @invariant()
    def within_the_limit(self) -> None:
        kept = sum(path.stat().st_size for path in self.cache.folder.glob("files/*/*.root"))
        assert kept + sum(part.done for part in self.cache.unfinished()) <= LIMIT

    @invariant()
    def what_is_in_use_is_right(self) -> None:
        for number, path, _ in self.held:
            assert path.read_bytes() == self.contents[number]

    @invariant()
    def what_is_found_is_right(self) -> None:
        for number, content in enumerate(self.contents):
            path = self.cache.find(self._file(number).identity, len(content), "")
            assert path is None or path.read_bytes() == content


CacheMachine.TestCase.settings = settings(
    max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestCacheModel = CacheMachine.TestCase
