"""A server of files that is far away: ``python -m benchmarks.scale.far_server FOLDER --seconds 0.2``.

HTTP/1.1 with ranges. Each answer begins one round trip after its question, and a new connection costs one more, as
the handshake of TCP does. Bandwidth is that of this machine, and there is no slow start. The last component of a path
names the file; what stands before it tells tasks apart. Files below ``/gate-N/`` open for all when N of them were asked
for: so N workers are known to be ready, and begin together what comes next.

It prints its port, and ends when its input does.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
from collections.abc import Callable
from pathlib import Path

_RANGE = re.compile(rb"^range:\s*bytes=(\d+)-(\d+)\s*$", re.IGNORECASE | re.MULTILINE)
_GATE = re.compile(r"^/gate-(\d+)/")


class Files:
    """What is served, and the gates that are still closed."""

    def __init__(self, folder: Path, seconds: float) -> None:
        self.seconds = seconds
        self._content = {path.name: path.read_bytes() for path in folder.glob("*.root")}
        self._waiting: dict[str, list[Callable[[], None]]] = {}
        self._passed: set[str] = set()

    def content(self, path: str) -> bytes | None:
        """Return the bytes of a file; None if there is none of that name."""
        return self._content.get(path.rpartition("/")[2])

    def let_in(self, path: str, go: Callable[[], None]) -> None:
        """Call ``go`` when the gate before ``path`` is open; at once if there is none, or it was open before."""
        found = _GATE.match(path)
        if found is None or path in self._passed:
            go()
            return
        self._passed.add(path)
        waiting = self._waiting.setdefault(found[0], [])
        waiting.append(go)
        if len(waiting) == int(found[1]):
            for one in self._waiting.pop(found[0]):
                one()


class Connection(asyncio.Protocol):
    """One client; it asks again when it has its answer."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._loop = asyncio.get_running_loop()
        self._buffer = b""
        self._handshake = files.seconds

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return
        self._buffer = rest
        path = head.split(b" ", 2)[1].decode()
        answer = self._answer(path, head)
        seconds, self._handshake = self._handshake + self._files.seconds, 0.0
        self._files.let_in(path, lambda: self._later(seconds, answer))

    def _later(self, seconds: float, answer: tuple[bytes, memoryview]) -> None:
        self._loop.call_later(seconds, self._transport.writelines, answer)

    def _answer(self, path: str, head: bytes) -> tuple[bytes, memoryview]:
        content = self._files.content(path)
        if content is None:
            return _head("404 Not Found", 0), memoryview(b"")
        found = _RANGE.search(head)
        if found is None:
            return _head("200 OK", len(content)), memoryview(content)
        start, stop = int(found[1]), min(int(found[2]) + 1, len(content))
        if start >= stop:
            return _head("416 Range Not Satisfiable", 0, f"*/{len(content)}"), memoryview(b"")
        part = memoryview(content)[start:stop]
        return _head("206 Partial Content", len(part), f"{start}-{stop - 1}/{len(content)}"), part


def _head(status: str, length: int, part: str = "") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {length}", 'ETag: "1"', "Accept-Ranges: bytes"]
    lines += [f"Content-Range: bytes {part}"] if part else []
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def serve(folder: Path, seconds: float) -> None:
    """Serve the files of ``folder`` on loopback until standard input ends."""
    files = Files(folder, seconds)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(files), "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.buffer.read)
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=0.2)
    given = parser.parse_args()
    asyncio.run(serve(given.folder, given.seconds))


if __name__ == "__main__":
    main()
