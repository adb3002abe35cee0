"""A gate before a real server: it lets so many bytes of the answers through, and holds the next ones."""

from __future__ import annotations

import contextlib
import math
import socket
import threading
import time
from collections.abc import Callable
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
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = int(self._listener.getsockname()[1])
        self._start(self._accept)

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
            pairs = list(self._pairs)
        for pair in pairs:
            _end(*pair)
        for thread in self._threads:
            thread.join()

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
            self._start(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        """Hand bytes on in both directions until one side has ended."""
        with client, socket.socket() as server:
            # little room here, so that a server that stops does so with most of its answer unsent
            server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BLOCK)
            with contextlib.suppress(OSError):
                server.connect(("127.0.0.1", self._behind))
                with self._lock:
                    self._pairs.append((client, server))
                questions = threading.Thread(target=self._hand_on, args=(client, server, False), daemon=True)
                questions.start()
                self._hand_on(server, client, True)
                questions.join()

    def _hand_on(self, source: socket.socket, target: socket.socket, answers: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_BLOCK):
                if answers:
                    self._wait(len(data))
                elif time.monotonic() >= self._since + self._silence:
                    self.asked.set()
                target.sendall(data)
        _end(source, target)

    def _wait(self, count: int) -> None:
        with self._lock:
            self._passed += count
            held = self._after is not None and self._passed > self._after
        if held:
            self.reached.set()
            self._opened.wait(120)

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()


def _end(*sockets: socket.socket) -> None:
    for one in sockets:
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
