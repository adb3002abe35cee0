"""Servers in memory: what `open_source` gives, without a network, with faults when a test wants them."""

from __future__ import annotations

import struct
import uuid
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import pytest

from femtobarn.base.errors import FileChangedError, UnreadableError
from femtobarn.data.storage import Cache, Network, RemoteFile, Route, download, permitted
from femtobarn.data.storage.source import Transfer

URL = "https://one.example/data/file.root"
MIRROR = "https://two.example/data/file.root"
NETWORK = Network(mirrors=(("https://one.example/data/", "https://two.example/data/"),))
ROUTE = Route(("https://one.example/data/",), NETWORK)


def bytes_of(size: int, seed: int = 0) -> bytes:
    """Content without repetition."""
    return b"".join(struct.pack(">II", seed, n) for n in range(size // 8 + 1))[:size]


def root_bytes(size: int, label: uuid.UUID, end: int | None = None) -> bytes:
    """What begins as a small ROOT file does; its body is numbers."""
    last = size if end is None else end
    head = struct.pack(
        ">4siiiiiiiBiiiH16s", b"root", 62_400, 100, last, last, 60, 1, 60, 4, 101, last, 400, 1, label.bytes
    )
    return head + bytes_of(size - len(head))


def wanted(content: bytes, url: str = URL, name: str = "file.root") -> RemoteFile:
    return RemoteFile(url, name, len(content), f"adler32:{zlib.adler32(content):08x}")


Answer = Callable[[int, bytes], bytes]


@dataclass
class Stored:
    """A file on a server; ``answer`` is given offset and right bytes of a read, and may fail."""

    content: bytes
    validator: str = '"1"'
    ranges: bool = True
    answer: Answer | None = None


@dataclass
class Servers:
    """Files by address, and what was asked of them."""

    files: dict[str, Stored] = field(default_factory=dict)
    opened: list[str] = field(default_factory=list)
    reads: list[tuple[str, int, int]] = field(default_factory=list)

    def put(self, url: str, content: bytes, **more: object) -> None:
        self.files[url] = replace(Stored(content), **more)  # type: ignore[arg-type]

    def open_source(
        self, url: str, *, size: int | None, prefixes: tuple[str, ...], network: Network | None = None
    ) -> MemorySource:
        permitted(url, prefixes)
        self.opened.append(url)
        if url not in self.files:
            msg = f"{url}: there is no such file"
            raise UnreadableError(msg)
        stored = self.files[url]
        if size is not None and size != len(stored.content):
            msg = f"{url}: expected {size} bytes, found {len(stored.content)}"
            raise FileChangedError(msg)
        return MemorySource(self, url, stored)


class MemorySource:
    """One open file."""

    def __init__(self, servers: Servers, url: str, stored: Stored) -> None:
        self._servers, self._stored = servers, stored
        self.name, self.size, self.validator = url, len(stored.content), stored.validator
        self.ranges, self.transfer, self.closed = stored.ranges, Transfer(), False

    def read(self, offset: int, count: int) -> bytes:
        assert self.ranges
        self._servers.reads.append((self.name, offset, count))
        block = self._stored.content[offset : offset + count]
        if self._stored.answer is not None:
            block = self._stored.answer(offset, block)
        self.transfer.requests += 1
        self.transfer.bytes += len(block)
        return block

    def read_many(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        return [self.read(offset, count) for offset, count in ranges]

    def body(self) -> Iterator[bytes]:
        self.transfer.requests += 1
        for start in range(0, self.size, 1000):
            block = self._stored.content[start : start + 1000]
            if self._stored.answer is not None:
                block = self._stored.answer(start, block)
            self.transfer.bytes += len(block)
            yield block

    def close(self) -> None:
        self.closed = True


def serve(monkeypatch: pytest.MonkeyPatch, block: int = 1000) -> Servers:
    """Return servers from which everything is opened from now on, in blocks of ``block`` bytes."""
    servers = Servers()
    monkeypatch.setattr("femtobarn.data.storage.remote.open_source", servers.open_source)
    monkeypatch.setattr(download, "BLOCK", block)
    return servers


def leftovers(cache: Cache) -> list[str]:
    """Return what a cache holds besides whole files."""
    return sorted(p.name for p in (cache.folder / "partial").rglob("*")) if cache.folder.is_dir() else []


def inside(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class Usage(NamedTuple):
    """What `shutil.disk_usage` gives."""

    total: int
    used: int
    free: int


def disk_with(free: int) -> Callable[[object], Usage]:
    return lambda _: Usage(0, 0, free)
