"""A proxy on loopback, as HTTPS_PROXY names one; every host leads to one port of this machine."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Self


class ProxyServer:
    """Forwards http requests and CONNECT tunnels; ``log`` holds the first lines and the logins."""

    def __init__(self, port: int) -> None:
        self.log: list[str] = []
        self.logins: list[str] = []
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        for one in self._open:
            one.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(client)
            self._start(self._serve, client)

    def _start(self, target: object, *arguments: socket.socket) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _serve(self, client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            more = client.recv(65536)
            if not more:
                return
            head += more
        lines = head.decode("latin-1").split("\r\n")
        self.log.append(lines[0])
        self.logins += [line for line in lines if line.lower().startswith("proxy-authorization:")]
        upstream = socket.create_connection(("127.0.0.1", self._target))
        self._open.append(upstream)
        if lines[0].startswith("CONNECT "):
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            method, url, protocol = lines[0].split(" ")
            path = "/" + url.split("/", 3)[3]
            # one request for each connection is enough here
            rest = [line for line in lines[1:-2] if not line.lower().startswith(("proxy-", "connection:"))]
            sent = [f"{method} {path} {protocol}", *rest, "Connection: close", "", ""]
            upstream.sendall("\r\n".join(sent).encode("latin-1"))
        self._start(self._pump, client, upstream)
        self._pump(upstream, client)

    @staticmethod
    def _pump(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)
