"""The process from which worker processes are copied; see `femtobarn.running.executors.nursery`.

It has one thread and opens nothing, so that copying it is safe, and ends when its link does.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys

from femtobarn.running.executors import worker
from femtobarn.running.executors.nursery import ANSWER, REQUEST, START, UNKNOWN


def main() -> None:
    """Load what tasks need, then start workers and tell how they ended, until the link ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started this process ends it in order
    with socket.socket(fileno=int(sys.argv[1])) as link:
        worker.load()
        gc.freeze()  # what is there stays shared with the workers
        while True:
            request, files, _, _ = socket.recv_fds(link, REQUEST.size, 3)
            if len(request) < REQUEST.size:
                os._exit(0)
            what, number = REQUEST.unpack(request)
            answer = _start(number, files, link) if what == START else _status(number)
            link.sendall(ANSWER.pack(answer))


def _start(number: int, files: list[int], link: socket.socket) -> int:
    """Copy this process into worker ``number`` with its three standard files; return the process id."""
    pid = os.fork()
    if pid == 0:
        link.close()
        for target, file in enumerate(files):
            os.dup2(file, target)
            os.close(file)
        worker.main(f"local-{number}")
    for file in files:
        os.close(file)
    return pid


def _status(pid: int) -> int:
    try:
        return os.waitpid(pid, 0)[1]
    except ChildProcessError:
        return UNKNOWN


if __name__ == "__main__":
    main()
