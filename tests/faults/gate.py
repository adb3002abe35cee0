"""A gate before a real server: it lets so many bytes of the answers through, and holds the next ones."""

from __future__ import annotations

import contextlib
import math
import socket
import threading
import time
from typing import Self

_BLOCK = 1 << 16


class Gate:
    """Takes connections on a port of its own and hands all bytes on to another port of this machine.

    ``reached`` is set when ``after`` bytes of answers have passed; what follows waits until the gate is
    opened. ``asked`` is set by the first bytes that a client sends ``silence`` seconds or more after that:
    it has given up waiting, and asks again.
    """

    def __init__(self, behind: int, *, after: int | None = None, silence: float = 0.0) -> None:
        self.reached, self.asked = threading.Event(), threading.Event()
        self._opened, self._closed = threading.Event(), threading.Event()
        self._behind, self._after, self._passed = behind, after, 0
        self._silence, self._since = silence, math.inf
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def open(self) -> None:
        """Let everything through."""
        self._since = time.monotonic()
        self._opened.set()

    def close(self) -> None:
        """Refuse connections, and end those there are."""
        self._closed.set()
        self._opened.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            sockets = list(self._sockets)
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._behind))
            except OSError:
                client.close()
                continue
            with self._lock:
                self._sockets |= {client, server}
            for source, target, answers in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._hand_on, args=(source, target, answers), daemon=True).start()

    def _hand_on(self, source: socket.socket, target: socket.socket, answers: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_BLOCK):
                if answers:
                    self._wait(len(data))
                elif time.monotonic() >= self._since + self._silence:
                    self.asked.set()
                target.sendall(data)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._sockets.discard(source)

    def _wait(self, count: int) -> None:
        with self._lock:
            self._passed += count
            held = self._after is not None and self._passed > self._after
        if held:
            self.reached.set()
            self._opened.wait(120)
