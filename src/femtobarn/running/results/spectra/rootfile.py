"""ROOT files of many small objects, written front to back.

uproot takes a quarter of a millisecond for each object and keeps what it knows of it; a scan has up to a
hundred thousand. Here an object costs what its bytes cost, and the lists of a directory are written when it
ends. Files hold no time: equal objects give equal bytes. What objects look like inside is left to uproot
(`femtobarn.running.results.spectra.histogram`).
"""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Self

from femtobarn.base.errors import SettingsError

_BEGIN = 100  # the header of the file is before
_BIG = 2_000_000_000  # places from here on need 64 bits
_VERSION = 62_400  # of the ROOT whose layout this is
_WHEN = (1 << 22) | (1 << 17)  # 1 January 1995, the first day that ROOT can write
_ZLIB = 101  # code of the compression: algorithm 1, level 1
_BLOCK = 0xFFFFFF  # bytes that are packed together
_RECORD = 42 + 18  # bytes of a directory's record, with 64-bit places


@dataclass(slots=True)
class _Directory:
    """A directory that is being written: where it is, and the keys of what is in it."""

    name: str
    kind: str
    seek: int
    parent: int
    record: int
    keys: list[bytes] = field(default_factory=list)


class RootFile:
    """A new ROOT file; it is complete when the block that it opens ends without an error.

    Parameters
    ----------
    path
        where it is written
    name
        under which it will be found
    streamers
        what `streamers_of` returns for its objects
    """

    def __init__(self, path: Path, name: str, streamers: tuple[bytes, int]) -> None:
        self._path, self._name, self._streamers = path, name, streamers
        self._content = hashlib.blake2b(digest_size=16)
        self._at = 0

    def __enter__(self) -> Self:
        """Write the beginning."""
        self._target: BinaryIO = self._path.open("wb")
        self._write(bytes(_BEGIN))
        title = root_string(self._name) + root_string("")
        size = len(title) + _RECORD
        key = self._key("TFile", self._name, "", size, size, 0)
        self._write(key + title)
        self._names = len(key) + len(title)
        self._top = _Directory(self._name, "TFile", _BEGIN, 0, self._at)
        self._write(bytes(_RECORD))
        self._current = self._top
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Write the end, if nothing failed."""
        with self._target:
            if kind is None:
                self._end()

    def enter(self, name: str) -> None:
        """Begin a directory of this name at the top; what is added from now on is in it."""
        self._leave()
        seek = self._at
        key = self._key("TDirectory", name, name, _RECORD, _RECORD, _BEGIN)
        self._top.keys.append(key)
        self._write(key)
        self._current = _Directory(name, "TDirectory", seek, _BEGIN, self._at)
        self._write(bytes(_RECORD))

    def add(self, classname: str, name: str, title: str, data: bytes) -> None:
        """Add an object that is already in ROOT's form; names of a directory are all different."""
        packed = _packed(data)
        key = self._key(classname, name, title, len(data), len(packed), self._current.seek)
        self._current.keys.append(key)
        self._content.update(name.encode())
        self._content.update(packed)
        self._write(key + packed)

    def _leave(self) -> None:
        """End the directory that was entered."""
        if self._current is not self._top:
            self._finish(self._current, len(self._top.keys[-1]))
            self._current = self._top

    def _finish(self, directory: _Directory, names: int) -> None:
        """Write the list of keys of a directory, and where it is."""
        keys = struct.pack(">i", len(directory.keys)) + b"".join(directory.keys)
        seek = self._at
        title = "" if directory is self._top else directory.name
        head = self._key(directory.kind, directory.name, title, len(keys), len(keys), directory.seek)
        self._write(head + keys)
        big = seek >= _BIG
        form, version = (">hIIiiqqq", 1005) if big else (">hIIiiiii", 5)
        size = len(head) + len(keys)
        places = (size, names, directory.seek, directory.parent, seek)
        record = struct.pack(form, version, _WHEN, _WHEN, *places) + self._identity()
        self._overwrite(directory.record, record.ljust(_RECORD, b"\0"))

    def _end(self) -> None:
        self._leave()
        payload, length = self._streamers
        info = self._at
        key = self._key("TList", "StreamerInfo", "Doubly linked list", length, len(payload), _BEGIN)
        self._write(key + payload)
        info_size = self._at - info
        self._finish(self._top, self._names)
        free = self._at
        size = 10 if free + 1024 < _BIG else 18
        key = self._key("TFile", self._name, "", size, size, _BEGIN)
        end = free + len(key) + size
        form, version = (">hii", 1) if size == 10 else (">hqq", 1001)
        self._write(key + struct.pack(form, version, end, max(_BIG, end + 1_000_000_000)))
        form, add, units = (">4siiqqiiiBiqi", 1_000_000, 8) if end >= _BIG else (">4siiiiiiiBiii", 0, 4)
        header = struct.pack(
            form, b"root", _VERSION + add, _BEGIN, end, free, len(key) + size, 1, self._names, units, _ZLIB,
            info, info_size,
        )  # fmt: skip
        self._overwrite(0, header + self._identity())

    def _identity(self) -> bytes:
        """Return the identifier of the file as it is: a digest of what it holds."""
        return struct.pack(">h", 1) + self._content.digest()

    def _key(self, classname: str, name: str, title: str, length: int, packed: int, parent: int) -> bytes:
        """Return the key of an object that is written next, of ``length`` bytes, ``packed`` as they are written."""
        words = root_string(classname) + root_string(name) + root_string(title)
        form, version = (">ihiIhhqq", 1004) if self._at >= _BIG else (">ihiIhhii", 4)
        size = struct.calcsize(form) + len(words)
        if max(length, size + packed) > 0x3FFFFFFF:
            msg = f"{name} takes {length:,} bytes, but an object of a ROOT file has at most a gigabyte. Use wider bins or a smaller maximum."
            raise SettingsError(msg)
        return struct.pack(form, size + packed, version, length, _WHEN, size, 1, self._at, parent) + words

    def _write(self, data: bytes) -> None:
        self._target.write(data)
        self._at += len(data)

    def _overwrite(self, place: int, data: bytes) -> None:
        self._target.seek(place)
        self._target.write(data)
        self._target.seek(0, io.SEEK_END)


def root_string(text: str) -> bytes:
    """Return text as ROOT stores it."""
    data = text.encode()
    return bytes([len(data)]) + data if len(data) < 255 else b"\xff" + struct.pack(">i", len(data)) + data


def streamers_of(objects: Iterable[Any]) -> tuple[bytes, int]:
    """Return the record that says what the classes of ``objects`` look like, as uproot writes it.

    Returns
    -------
    tuple
        its payload, packed or not, and its length unpacked
    """
    import uproot

    buffer = io.BytesIO()
    with uproot.recreate(buffer) as file:
        file.update({f"object{i}": one for i, one in enumerate(objects)})
        data = buffer.getvalue()  # uproot closes the buffer
    (end, info, size) = struct.unpack_from(">i", data, 12)[0], *struct.unpack_from(">ii", data, 37)
    if not _BEGIN < info < info + size <= end:
        msg = f"Expected the record of classes of a ROOT file, but got {size} bytes at {info} of {end}. The installed uproot writes another layout: use the version of the lock file."
        raise SettingsError(msg)
    _, _, length, _, key = struct.unpack_from(">ihiIh", data, info)
    return data[info + key : info + size], length


def _packed(data: bytes) -> bytes:
    """Return data in ROOT's packed form, or as they are where that is not shorter."""
    blocks: list[bytes] = []
    for start in range(0, len(data), _BLOCK):
        block = data[start : start + _BLOCK]
        packed = zlib.compress(block, 1)  # of such short data faster than libdeflate
        if len(packed) > _BLOCK:
            return data
        sizes = len(packed).to_bytes(3, "little") + len(block).to_bytes(3, "little")
        blocks.append(b"ZL\x08" + sizes + packed)
    whole = b"".join(blocks)
    return whole if len(whole) < len(data) else data
