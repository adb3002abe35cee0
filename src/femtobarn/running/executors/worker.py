"""A worker process: reads tasks from standard input, runs them, writes how they ended to standard output.

It ends when its input does, which is also when the process that started it dies: also in the middle of
a task, whose partial result then never appears.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
from pathlib import Path
from typing import BinaryIO

from femtobarn.running.executors.messages import Setup, Work, encode, receive


def main() -> None:
    """Work until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started this process ends it in order
    source, target = _private_pipes()
    messages: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(source, messages), daemon=True).start()
    setup = Setup.model_validate_json(messages.get())

    from femtobarn.running.engine.executor import attempt
    from femtobarn.running.results.store import FolderStore

    store = FolderStore(Path(setup.store))
    name = f"local-{sys.argv[1] if len(sys.argv) > 1 else os.getpid()}"
    while True:
        work = Work.model_validate_json(messages.get())
        target.write(encode(attempt(setup.job, work.task, store, worker=name)))
        target.flush()


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


if __name__ == "__main__":
    main()
