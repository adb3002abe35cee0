"""A server on loopback that takes results by PUT; how it is configured and what goes wrong are scripted."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


@dataclass(frozen=True)
class Request:
    """What the server was asked; ``number`` counts those with this method, from 1."""

    method: str
    path: str
    number: int
    headers: dict[str, str]


Answer = int | str
"""A status to answer with, or ``reset``, ``half`` (of the content), ``hang``, ``gzip`` or a place to send on to."""

Script = Callable[[Request], Answer | None]


class StoreServer:
    """Keeps what it is given in ``files``.

    Parameters
    ----------
    folders
        as WebDAV does: a PUT into a folder that is not there is refused with this status, MKCOL makes one
    lists
        whether PROPFIND tells what is in a folder
    heads
        whether HEAD tells sizes
    expects
        whether it asks for content, where a request says that it waits for that
    token
        what requests must bring
    tls
        it speaks https
    """

    def __init__(
        self,
        *,
        folders: int = 0,
        lists: bool = True,
        heads: bool = True,
        expects: bool = True,
        token: str = "",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.files: dict[str, bytes] = {}
        self.folders: set[str] | None = {"/"} if folders else None
        self.refused = folders
        self.lists, self.heads, self.expects, self.token = lists, heads, expects, token
        self.hidden: set[str] = set()
        self.log: list[Request] = []
        self.received = 0
        self.script: Script = lambda _: None
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._scheme = "http" if tls is None else "https"
        self._server = _Server(self)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def base(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}"

    def url(self, path: str) -> str:
        return self.base + path

    def methods(self) -> list[str]:
        with self.lock:
            return [request.method for request in self.log]

    def arrived(self, method: str, path: str, headers: dict[str, str]) -> Request:
        with self.lock:
            self._counts[method] += 1
            request = Request(method, path, self._counts[method], headers)
            self.log.append(request)
        return request

    def stop(self) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, owner: StoreServer) -> None:
        self.owner = owner
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Connections that break are meant to."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""

    def handle_expect_100(self) -> bool:
        """Do nothing: the request decides."""
        return True

    def _do(self) -> None:
        owner = self.server.owner
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = owner.arrived(self.command, self.path, headers)
        answer = owner.script(request)
        if owner.token and headers.get("authorization") != f"Bearer {owner.token}":
            answer = 401
        with contextlib.suppress(OSError):
            if isinstance(answer, int):
                self._plain(answer)
            elif answer == "reset":
                self._reset()
            elif answer == "hang":
                owner.stopping.wait(60)
                self.close_connection = True
            elif answer and "://" in answer:
                self._plain(307, ("Location", answer))
            else:
                {"PUT": self._put, "MKCOL": self._mkcol, "PROPFIND": self._propfind}.get(
                    self.command, self._get
                )(request, answer or "")

    do_GET = do_HEAD = do_PUT = do_MKCOL = do_PROPFIND = _do  # noqa: N815 - names of the base class

    def _put(self, request: Request, fault: str) -> None:
        owner = self.server.owner
        if owner.folders is not None and request.path.rpartition("/")[0] + "/" not in owner.folders:
            self._plain(owner.refused)
            return
        if "expect" in request.headers and owner.expects:
            self.send_response_only(100)
            self.end_headers()
        data = self.rfile.read(int(request.headers["content-length"]))
        if fault == "half":
            data = data[: len(data) // 2]
        with owner.lock:
            owner.files[request.path] = data
            owner.received += len(data)
        self._plain(201)

    def _mkcol(self, request: Request, _: str) -> None:
        owner = self.server.owner
        parent = request.path.rstrip("/").rpartition("/")[0] + "/"
        with owner.lock:
            if owner.folders is None or request.path in owner.folders:
                status = 405
            elif parent not in owner.folders:
                status = 409
            else:
                owner.folders.add(request.path)
                status = 201
        self._plain(status)

    def _propfind(self, request: Request, _: str) -> None:
        owner = self.server.owner
        if not owner.lists:
            self._plain(405)
            return
        names = [p for p in owner.files if p.startswith(request.path) and p not in owner.hidden]
        if not names:
            self._plain(404)
            return
        body = "".join(f"<D:href>{name}</D:href>\n" for name in names).encode()
        self._content(207, body)

    def _get(self, request: Request, fault: str) -> None:
        owner = self.server.owner
        data = owner.files.get(request.path)
        if data is None:
            self._plain(404)
        elif self.command == "HEAD" and not owner.heads:
            self._plain(405)
        elif fault == "half":
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[: len(data) // 2])
            self.close_connection = True
        else:
            self._content(200, data, *([("Content-Encoding", "gzip")] if fault == "gzip" else []))

    def _content(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _plain(self, status: int, *headers: tuple[str, str]) -> None:
        """Answer without content; what a refused PUT sends all the same is never read."""
        if self.command == "PUT" and status != 201:
            self.close_connection = True
        self._content(status, b"", *headers)

    def _reset(self) -> None:
        self.close_connection = True
        if self.command == "PUT":
            self.send_response_only(100)
            self.end_headers()
            self.rfile.read(100)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
