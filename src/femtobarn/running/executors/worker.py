"""A worker process: reads tasks from standard input, runs them, writes how they ended to standard output.

It ends when its input does, which is also when the process that started it dies: also in the middle of
a task, whose partial result then never appears.
"""

from __future__ import annotations

import os
import queue
import signal
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from femtobarn.base.errors import RunError
from femtobarn.running.executors.messages import Setup, Work, encode, receive

if TYPE_CHECKING:
    from femtobarn.running.results.store import Sink


def load() -> None:
    """Load what tasks need; `main` does it too, but what was loaded before a process is copied is shared."""
    from femtobarn.base.records import Outcome
    from femtobarn.data.columns.fast import native
    from femtobarn.data.columns.fast import reader as fast  # noqa: F401 - used by tasks
    from femtobarn.data.formats import opening, reader  # noqa: F401 - used by tasks
    from femtobarn.running.results.partial import PartialHeader

    for kind in (Setup, Work, Outcome, PartialHeader):
        kind.model_rebuild()
    with suppress(RunError):  # a task that needs it will say so
        native.kernel()


def main(name: str = "") -> None:
    """Work until the input ends, under the given name."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started this process ends it in order
    source, target = _private_pipes()
    messages: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(source, messages), daemon=True).start()
    setup = Setup.model_validate_json(messages.get())

    from femtobarn.running.engine.executor import attempt

    store = _sink(setup)
    name = setup.worker or f"{setup.place}{name or f'local-{os.getpid()}'}"
    while True:
        work = Work.model_validate_json(messages.get())
        target.write(encode(attempt(setup.job, work.task, store, worker=name)))
        target.flush()


def _sink(setup: Setup) -> Sink:
    """Return where results go: nearly always a folder, and then nothing is loaded to speak to servers."""
    if "://" in setup.store:
        from femtobarn.running.results.remotestore import sink_of

        return sink_of(setup.store, allowed=setup.job.access.prefixes)
    from femtobarn.running.results.store import FolderStore

    return FolderStore(Path(setup.store))


def _private_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Return input and output; what libraries print goes to standard error, and they read nothing."""
    source = os.fdopen(os.dup(0), "rb")
    target = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return source, target


def _listen(source: BinaryIO, messages: queue.SimpleQueue[bytes]) -> None:
    while (body := receive(source)) is not None:
        messages.put(body)
    os._exit(0)
