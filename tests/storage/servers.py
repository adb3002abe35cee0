"""A server on loopback by http(s) whose faults are scripted; beside it the real XRootD."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import ssl
import struct
import subprocess
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal, Self

import pytest

from .servers_xrootd import XRootDServer, free_port, xrootd_program

__all__ = [
    "Fault",
    "FaultServer",
    "Hold",
    "Request",
    "XRootDServer",
    "always",
    "certificate",
    "free_port",
    "once",
    "xrootd_program",
]

Kind = Literal[
    "status",  # answers with `status`, and `headers`
    "reset",  # resets the connection in mid-answer
    "dropped",  # closes the connection without an answer
    "truncated",  # says the right length, sends half, closes
    "short",  # a well-formed 206 with half of what was asked
    "flipped",  # one bit of the content is wrong
    "zeroed",  # the content is zeros
    "whole",  # ignores the range
    "slow",  # sends the content in `pieces`, with a pause between
    "drip",  # sends a byte now and then, for ever
    "drip headers",  # the same with the headers
    "hang",  # takes the request and answers nothing until the server stops
    "hold",  # sends half, and the rest after `hold.release` is set
    "redirect",  # to `target`
    "wrong range",  # a Content-Range that begins elsewhere than what was asked
    "no range",  # a 206 without Content-Range
    "resized",  # the file is one byte longer
    "changed",  # the file has another ETag
    "encoded",  # says that the content is gzip
    "long",  # sends more than it says
    "nonsense",  # what it sends is not http
    "bare",  # says neither ranges nor length
]


@dataclass
class Hold:
    """A request that stops half way: ``reached`` is set by the server, ``release`` by the test."""

    reached: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Fault:
    kind: Kind
    status: int = 503
    headers: tuple[tuple[str, str], ...] = ()
    target: str = ""
    pieces: int = 4
    pause: float = 0.01
    hold: Hold | None = None


@dataclass(frozen=True)
class Request:
    """What the server was asked; ``start`` and ``stop`` (exclusive) if for a part."""

    number: int
    method: str
    path: str
    start: int | None
    stop: int | None
    headers: dict[str, str]


Script = Callable[[Request], Fault | None]


def once(fault: Fault, *, at: int = 2) -> Script:
    """The fault at request ``at`` to a path, counted from 1 (the first one opens the file)."""
    return lambda request: fault if request.number == at else None


def always(fault: Fault, *, since: int = 1) -> Script:
    """The fault at each request from ``since`` on."""
    return lambda request: fault if request.number >= since else None


class FaultServer:
    """A range-capable server of files in memory.

    ``files`` are by path; ``script`` sets what goes wrong for a path; ``log`` holds all requests.
    """

    def __init__(
        self, files: dict[str, bytes] | None = None, *, tls: tuple[Path, Path] | None = None
    ) -> None:
        self.files = dict(files or {})
        self.log: list[Request] = []
        self.peak = 0
        self.sent = 0
        self.stopping = threading.Event()
        self._scripts: dict[str, Script] = {}
        self._counts: Counter[str] = Counter()
        self._now = 0
        self._lock = threading.Lock()
        self._tls = tls
        self._server = _Server(self, _tls_server(tls) if tls else None)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def base(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def url(self, path: str) -> str:
        return self.base + path

    def script(self, path: str, script: Script | None) -> None:
        """Set what goes wrong for ``path``; counting of its requests starts anew."""
        with self._lock:
            self._counts[path] = 0
            if script is None:
                self._scripts.pop(path, None)
            else:
                self._scripts[path] = script

    def requests(self, path: str) -> list[Request]:
        with self._lock:
            return [request for request in self.log if request.path == path]

    def stop(self) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._server.close_connections()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def arrived(self, method: str, path: str, headers: dict[str, str]) -> tuple[Request, Fault | None]:
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", headers.get("range", ""))
        start = int(found[1]) if found else None
        stop = int(found[2]) + 1 if found and found[2] else None
        with self._lock:
            self._counts[path] += 1
            self._now += 1
            self.peak = max(self.peak, self._now)
            request = Request(self._counts[path], method, path, start, stop, headers)
            self.log.append(request)
            script = self._scripts.get(path)
        return request, script(request) if script else None

    def left(self) -> None:
        with self._lock:
            self._now -= 1

    def count(self, number: int) -> None:
        with self._lock:
            self.sent += number


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, owner: FaultServer, tls: ssl.SSLContext | None) -> None:
        self.owner = owner
        self.tls = tls
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request_thread(self, request: socket.socket, client_address: object) -> None:
        with self._lock:
            self._open.add(request)
        try:
            if self.tls is not None:
                try:
                    request = self.tls.wrap_socket(request, server_side=True)
                except OSError:
                    return
                with self._lock:
                    self._open.add(request)
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._open.discard(request)
            request.close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Connections that break are meant to."""

    def close_connections(self) -> None:
        with self._lock:
            sockets = list(self._open)
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        request, fault = self.server.owner.arrived(self.command, self.path.partition("?")[0], headers)
        try:
            self._answer(request, fault)
        except OSError:
            self.close_connection = True
        finally:
            self.server.owner.left()

    def do_HEAD(self) -> None:
        self.do_GET()

    def _answer(self, request: Request, fault: Fault | None) -> None:
        kind = fault.kind if fault else ""
        if fault and kind in {"status", "redirect"}:
            extra = (("Location", fault.target),) if kind == "redirect" else ()
            self._plain(302 if kind == "redirect" else fault.status, (*fault.headers, *extra))
            return
        if kind in {"dropped", "hang", "nonsense", "drip headers"}:
            self._rude(kind)
            return
        content = self.server.owner.files.get(request.path)
        if content is None:
            self._plain(404, ())
            return
        if kind == "resized":
            content += b"!"
        self._file(request, fault, content)

    def _plain(self, status: int, headers: tuple[tuple[str, str], ...]) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _rude(self, kind: str) -> None:
        self.close_connection = True
        if kind == "hang":
            self.server.owner.stopping.wait(60)
        elif kind == "nonsense":
            self.wfile.write(b"220 this is not http\r\n" * 3)
        elif kind == "drip headers":
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while not self.server.owner.stopping.wait(0.02):
                self.wfile.write(b"X: y\r\n")
        self.connection.shutdown(socket.SHUT_RDWR)

    def _file(self, request: Request, fault: Fault | None, content: bytes) -> None:
        kind = fault.kind if fault else ""
        start, stop, partly = 0, len(content), request.start is not None and kind not in {"whole", "bare"}
        if partly:
            start, stop = request.start or 0, min(request.stop or len(content), len(content))
            if start >= len(content):
                self._plain(416, (("Content-Range", f"bytes */{len(content)}"),))
                return
        if kind == "short":
            stop = start + (stop - start) // 2
        body = content[start:stop]
        if kind == "zeroed":
            body = bytes(len(body))
        if kind == "flipped":
            middle = len(body) // 2
            body = body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]
        self.send_response(206 if partly else 200)
        if partly and kind != "no range":
            shift = 7 if kind == "wrong range" else 0
            self.send_header("Content-Range", f"bytes {start + shift}-{stop - 1}/{len(content)}")
        if kind != "bare":
            self.send_header("Content-Length", str(len(body)))
        else:
            self.close_connection = True
            self.send_header("Connection", "close")
        self.send_header("ETag", '"another"' if kind == "changed" else '"first"')
        if kind == "encoded":
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        if self.command != "HEAD":
            self._send(fault, body)

    def _send(self, fault: Fault | None, body: bytes) -> None:
        owner, kind = self.server.owner, fault.kind if fault else ""
        half = len(body) // 2
        if kind in {"truncated", "reset", "hold"}:
            self._write(body[:half])
        if kind == "truncated":
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        elif kind == "reset":
            self.close_connection = True
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        elif fault and fault.hold and kind == "hold":
            fault.hold.reached.set()
            while not (fault.hold.release.wait(0.02) or owner.stopping.is_set()):
                pass
            self._write(body[half:])
        elif fault and kind == "slow":
            size = max(1, -(-len(body) // fault.pieces))
            for first in range(0, len(body), size):
                self._write(body[first : first + size])
                owner.stopping.wait(fault.pause)
        elif fault and kind == "drip":
            for one in body:
                self._write(bytes([one]))
                if owner.stopping.wait(fault.pause):
                    break
        else:
            self._write(body + b"more" if kind == "long" else body)
            self.close_connection = self.close_connection or kind == "long"

    def _write(self, data: bytes) -> None:
        self.wfile.write(data)
        self.server.owner.count(len(data))


def certificate(folder: Path) -> tuple[Path, Path]:
    """Make a self-signed certificate for 127.0.0.1 and localhost; certificate and key."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip(
            "NO OPENSSL: encrypted connections were NOT tried; install openssl (apt-get install openssl)"
        )
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = [program, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=localhost", "-keyout", str(key), "-out", str(cert)]
    command += ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:data.example"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return cert, key


def _tls_server(files: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    return context
