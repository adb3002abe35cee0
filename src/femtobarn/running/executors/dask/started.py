"""A Dask cluster of this run: started in a process of its own, and ended with all its workers and jobs.

Scheduler and nannies do not live in the driver. Dask starts local workers by `multiprocessing`, which runs the
main module of whoever asks once more in each of them: a script without a main guard would start itself again
and again. And jobs of a batch system are cancelled also if the driver is killed: the other process sees its
input end.
"""

from __future__ import annotations

import os
import secrets
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from pydantic import ValidationError

from femtobarn.base.errors import ExecutorError
from femtobarn.base.records import Notice
from femtobarn.base.text import visible, without_secrets
from femtobarn.running.executors.dask.messages import About, Wanted
from femtobarn.running.executors.dask.options import DaskOptions
from femtobarn.running.executors.dask.queues import in_queue, what_waits
from femtobarn.running.executors.dask.site import Site, connected
from femtobarn.running.executors.nursery import environment

_START = {"local": 60.0, "kubernetes": 600.0}  # seconds until the scheduler must run
_START_OTHERS = 120.0
_END = 60.0  # seconds until what does not end is killed
_GONE = 2.0  # seconds for killed processes to vanish


@contextmanager
def started(options: DaskOptions, workers: int, folder: Path) -> Iterator[Site]:
    """Start a cluster, and end it.

    Parameters
    ----------
    workers
        processes of a local cluster, or pods
    folder
        for logs and keys of jobs

    Raises
    ------
    ExecutorError
        if it cannot be started
    """
    from distributed import Security

    wanted = _wanted(options, workers, folder)
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "femtobarn.running.executors.dask.cluster"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment(),
            cwd=wanted.folder or None,
            start_new_session=True,  # Ctrl-C is for the driver, which ends this in order
        )
        try:
            about = _begin(process, wanted, errors)
            security = about.ca and Security(
                tls_ca_file=about.ca,
                tls_client_cert=about.cert,
                tls_client_key=about.key,
                require_encryption=True,
            )
            with connected(about.address, security or None) as client:
                yield Site(
                    client,
                    _what(wanted),
                    words=about.words,
                    state=lambda: _state(wanted, errors),
                    news=lambda: _news(process),
                    queued=lambda: (
                        options.system is not None and in_queue(options.system, wanted.name) != set()
                    ),
                )
        finally:
            _end(process)


def _wanted(options: DaskOptions, workers: int, folder: Path) -> Wanted:
    """Return what to start; the folder is made if there are jobs, which write into where they are submitted."""
    name = f"femtobarn-{secrets.token_hex(4)}"
    if options.system is None:
        return Wanted(options=options, workers=workers, name=name)
    folder = folder.absolute()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if "/" in options.python:
        options = options.model_copy(update={"python": str(Path(options.python).absolute())})
    return Wanted(options=options, workers=workers, folder=str(folder), name=name)


def _what(wanted: Wanted) -> str:
    kind = wanted.options.cluster
    if kind == "local":
        return f"the Dask cluster of {wanted.workers} workers on this machine"
    jobs = wanted.workers if kind == "kubernetes" else wanted.options.jobs
    return f"the Dask cluster {wanted.name} ({jobs} {'pods' if kind == 'kubernetes' else 'jobs'}, {kind})"


def _state(wanted: Wanted, errors: IO[bytes]) -> str:
    queued = what_waits(wanted.options.cluster, wanted.name, Path(wanted.folder))
    last = _last_line(errors)
    return " ".join(filter(None, (queued, f"Dask says: {last}." if last else "")))


def _news(process: subprocess.Popen[bytes]) -> tuple[Notice, ...]:
    """Return what the process has told since; its lines are short, so that each comes whole."""
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        data = os.read(process.stdout.fileno(), 1 << 16) if selector.select(0) else b""
    return tuple(Notice.model_validate_json(line) for line in data.splitlines())


def _begin(process: subprocess.Popen[bytes], wanted: Wanted, errors: IO[bytes]) -> About:
    """Tell the process what to start; wait until it tells where that is."""
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(BrokenPipeError):
        process.stdin.write(wanted.model_dump_json().encode() + b"\n")
        process.stdin.flush()
    seconds = _START.get(wanted.options.cluster, _START_OTHERS)
    deadline, data = time.monotonic() + seconds, b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while not data.endswith(b"\n") and selector.select(max(0.0, deadline - time.monotonic())):
            more = os.read(process.stdout.fileno(), 1 << 16)
            if not more:
                break
            data += more
    with suppress(ValidationError):
        return About.model_validate_json(data)
    why = _last_line(errors) or f"it said nothing for {seconds:.0f} s"
    msg = f"Expected to start {_what(wanted)}, but: {why}. Check the options of executor dask."
    raise ExecutorError(msg)


def _last_line(errors: IO[bytes]) -> str:
    """Return the last line that the process wrote to standard error, fit to be shown."""
    size = os.fstat(errors.fileno()).st_size
    text = os.pread(errors.fileno(), 4096, max(0, size - 4096)).decode(errors="replace")
    lines = text.strip().splitlines()
    return visible(without_secrets(lines[-1].strip().rstrip("."))) if lines else ""


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(BrokenPipeError):
        process.stdin.close()
    try:
        with suppress(subprocess.TimeoutExpired):
            process.wait(_END)
    finally:
        _kill(process.pid)
        process.wait()
        process.stdout.close()


def _kill(group: int) -> None:
    """Kill what is left of a process group, and wait until it is gone, but not for long."""
    deadline = time.monotonic() + _GONE
    with suppress(ProcessLookupError, PermissionError):
        while time.monotonic() < deadline:
            os.killpg(group, signal.SIGKILL)
            time.sleep(0.01)
