"""Where a fault is played: the samples on servers, one of which holds the faulty file alone."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.processes import group_is_empty
from tests.storage.servers import FaultServer, XRootDServer

from .driver import Given, Run, perform
from .gate import Gate
from .samples import Samples, remote

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT, ATTEMPTS = 2.0, 2
"""What FEMTOBARN_TIMEOUT and FEMTOBARN_ATTEMPTS are while faults are played."""

HELD = 60.0
"""Seconds after which a server that was never asked for the held bytes is a failure of the test."""


@dataclass
class Stage:
    """One run of the samples with a fault.

    Parameters
    ----------
    samples, folder
        the files, and where results and cache go
    way
        ``stream`` and ``cache address`` by the address alone; ``cache`` with size and checksum known
    program, workers
        whether the run is a program of its own, and with how many worker processes
    healthy, server
        of two of the other files (two more are read here), and of the faulty one
    url
        the address of the faulty file
    environment
        settings of the run
    meanwhile
        done in a thread while the run goes on
    heal
        ends the fault
    """

    samples: Samples
    folder: Path
    way: str
    program: bool
    workers: int
    healthy: FaultServer
    server: FaultServer
    resources: ExitStack
    url: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    meanwhile: Callable[[], None] | None = None
    heal: Callable[[], object] | None = None
    xrootd: XRootDServer | None = None
    gate: Gate | None = None

    @property
    def path(self) -> str:
        return f"/{self.samples.faulty}"

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def real(self, scheme: str, *, after: int | None = None) -> None:
        """Put the faulty file on an XRootD server behind a gate that opens after so many bytes."""
        samples, server = self.samples, self.resources.enter_context(XRootDServer(self.folder / "xrootd"))
        server.put(samples.faulty, samples.content(samples.faulty))
        port = server.port if scheme == "root" else server.http_port
        self.xrootd = server
        self.gate = self.resources.enter_context(Gate(port, after=after, silence=0.75 * TIMEOUT))
        slash = "/" if scheme == "root" else ""
        self.url = f"{scheme}://127.0.0.1:{self.gate.port}/{slash}data/{samples.faulty}"

    def files(self) -> tuple[Given, ...]:
        """Two healthy files on this machine, two on a server, and the faulty one."""
        found = []
        for number, name in enumerate(self.samples.names):
            url = str(self.samples.folder / name)
            if name == self.samples.faulty:
                url = self.url or self.server.url(self.path)
            elif number % 2:
                url = self.healthy.url(f"/{name}")
            known = remote(name, url, self.samples.content(name))
            told = (known.size, known.adler32) if self.way == "cache" else (None, None)
            found.append(Given(name, url, *told))
        return tuple(found)

    def run(self, limit: float) -> tuple[int, float]:
        """Run; return the exit code and the seconds. ``meanwhile`` is over when this returns."""
        access = "stream" if self.way == "stream" else "cache"
        wanted = Run(self.files(), self.out, access, self.workers, self.samples.chunk)
        failures: list[BaseException] = []
        thread = threading.Thread(target=_noted, args=(self.meanwhile, failures), daemon=True)
        if self.meanwhile is not None:
            thread.start()
        begin = time.monotonic()
        try:
            with environment(settings(self.cache) | self.environment):
                code = _program(wanted, limit) if self.program else perform(wanted)
        finally:
            seconds = time.monotonic() - begin
            if self.gate is not None:
                self.gate.asked.set()  # nobody asks any more
        if self.meanwhile is not None:
            thread.join(HELD)
            assert not thread.is_alive(), "what was to be done meanwhile is not over"
        assert not failures, failures
        return code, seconds


def settings(cache: Path) -> dict[str, str]:
    """The settings of the network, and the folder of the cache, while faults are played."""
    return {
        "FEMTOBARN_TIMEOUT": str(TIMEOUT),
        "FEMTOBARN_ATTEMPTS": str(ATTEMPTS),
        "FEMTOBARN_CACHE": str(cache),
    }


@functools.cache
def streamed(samples: Samples) -> int:
    """Bytes that come for the faulty file when it is streamed and nothing fails."""
    with tempfile.TemporaryDirectory() as folder, staged(samples, Path(folder), "stream") as stage:
        stage.run(HELD)
        return stage.server.sent


@contextmanager
def staged(
    samples: Samples, folder: Path, way: str, *, program: bool = False, workers: int = 0
) -> Iterator[Stage]:
    """Give a stage whose faulty file is on a server that does everything right."""
    content = {f"/{name}": samples.content(name) for name in samples.names}
    with ExitStack() as resources:
        healthy = resources.enter_context(FaultServer(content))
        server = resources.enter_context(FaultServer(dict(content)))
        stage = Stage(samples, folder, way, program, workers, healthy, server, resources)
        stage.heal = lambda: server.script(stage.path, None)
        yield stage


def _noted(action: Callable[[], None], failures: list[BaseException]) -> None:
    try:
        action()
    except BaseException as error:  # noqa: BLE001 - raised again by who waits for it
        failures.append(error)


@contextmanager
def environment(given: dict[str, str]) -> Iterator[None]:
    """Only these settings of ours, and none of what others left for the XRootD client."""
    before = dict(os.environ)
    for name in before:
        if name.startswith(("FEMTOBARN_", "XRD_")):
            del os.environ[name]
    os.environ.update(given)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _program(wanted: Run, limit: float) -> int:
    """Run as a program of its own; no process of it may be left."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.driver", wanted.text()],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        _, errors = process.communicate(timeout=limit + HELD)
        assert process.returncode in {0, 1, 3}, errors.decode()[-2000:]
        _wait_for_empty(process.pid)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return process.returncode


def _wait_for_empty(group: int) -> None:
    deadline = time.monotonic() + 5
    while not group_is_empty(group):
        assert time.monotonic() < deadline, "processes of a run that has ended live on"
        os.sched_yield()
