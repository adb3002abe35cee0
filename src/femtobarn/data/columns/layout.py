"""The parts of ROOT's file format that are checked before a library decodes them.

Sources: ROOT's reference of ``TFile``, ``TDirectory``, ``TKey`` and ``TBasket``; `core/zip/src/RZip.cxx`
for the headers of compressed blocks.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

BLOCK_HEADER = 9
"""Bytes before each compressed block: algorithm (2), method (1), compressed and uncompressed size (3 each)."""

ALGORITHMS = {b"ZL": "zlib", b"XZ": "lzma", b"L4": "lz4", b"ZS": "zstd", b"CS": "old"}
"""What the first two bytes of a compressed block name."""

CHECKED = frozenset({"zlib", "lzma", "lz4"})
"""Algorithms whose data carry a checksum that is verified when they are decoded."""

_FILE_SMALL = struct.Struct(">4siiiiiiiBiii")
_FILE_BIG = struct.Struct(">4siiqqiiiBiqi")
_DIRECTORY_SMALL = struct.Struct(">hIIiiiii")
_DIRECTORY_BIG = struct.Struct(">hIIiiqqq")
_KEY_SMALL = struct.Struct(">ihiIhhii")
_KEY_BIG = struct.Struct(">ihiIhhqq")
_LONG = struct.Struct(">i")
_BIG_FILE = 1_000_000  # added to the version of a file with positions of 64 bits
_BIG_RECORD = 1000  # the same for keys and directories


@dataclass(frozen=True, slots=True)
class Top:
    """Where a file's description is.

    Parameters
    ----------
    directory
        position of the top directory's own record
    info, info_size
        position and bytes of the streamer information; 0 if there is none
    """

    directory: int
    info: int
    info_size: int


@dataclass(frozen=True, slots=True)
class Key:
    """The header of a record.

    Parameters
    ----------
    size
        bytes of the record, with this header
    length
        bytes of its content, uncompressed
    header
        bytes of this header
    cycle
        version of an object among those of one name
    position
        where the record is in the file
    class_name, name, title
        what it holds
    """

    size: int
    length: int
    header: int
    cycle: int
    position: int
    class_name: str
    name: str
    title: str


def read_top(head: bytes) -> Top:
    """Return where the description is, from the file's first bytes.

    Raises
    ------
    struct.error
        if there are too few bytes
    """
    (version,) = _LONG.unpack_from(head, 4)
    fields = (_FILE_SMALL if version < _BIG_FILE else _FILE_BIG).unpack_from(head)
    return Top(directory=fields[2] + fields[7], info=fields[10], info_size=fields[11])


def read_directory(data: bytes, at: int) -> tuple[int, int, int]:
    """Return position and bytes of the list of keys, and where the directory's record ends in ``data``."""
    fields = _DIRECTORY_SMALL.unpack_from(data, at)
    if fields[0] <= _BIG_RECORD:
        return fields[7], fields[3], at + _DIRECTORY_SMALL.size
    fields = _DIRECTORY_BIG.unpack_from(data, at)
    return fields[7], fields[3], at + _DIRECTORY_BIG.size


def read_key(data: bytes, at: int) -> tuple[Key, int]:
    """Return the header of a record at ``at``, and where its strings end.

    Raises
    ------
    struct.error, IndexError, ValueError
        if that is no header
    """
    version = int.from_bytes(data[at + 4 : at + 6], "big", signed=True)
    form = _KEY_SMALL if version <= _BIG_RECORD else _KEY_BIG
    size, _, length, _, header, cycle, position, _ = form.unpack_from(data, at)
    at += form.size
    texts = []
    for _ in range(3):
        count = data[at]
        at += 1
        if count == 255:
            (count,) = _LONG.unpack_from(data, at)
            at += _LONG.size
        if not 0 <= count <= len(data) - at:
            msg = f"a text of {count} bytes"
            raise ValueError(msg)
        texts.append(data[at : at + count].decode(errors="surrogateescape"))
        at += count
    return Key(size, length, header, cycle, position, *texts), at


def read_keys(data: bytes) -> list[Key]:
    """Return the keys of a directory's list of keys.

    Raises
    ------
    struct.error, IndexError, ValueError
        if that is no list of keys
    """
    head, _ = read_key(data, 0)
    (count,) = _LONG.unpack_from(data, head.header)
    at = head.header + _LONG.size
    keys = []
    for _ in range(count):
        key, at = read_key(data, at)
        keys.append(key)
    return keys


def read_blocks(data: bytes, at: int, length: int) -> frozenset[str]:
    """Return the algorithms of the compressed blocks that fill ``data`` from ``at`` on.

    Parameters
    ----------
    data
        a record
    at
        where its content begins
    length
        bytes of the content, uncompressed

    Returns
    -------
    algorithms
        empty if the content is not compressed

    Raises
    ------
    ValueError
        if the blocks do not fill the record or do not hold ``length`` bytes
    """
    if len(data) - at == length:
        return frozenset()
    found = set()
    total = 0
    while at < len(data):
        algorithm = ALGORITHMS.get(data[at : at + 2])
        if algorithm is None or at + BLOCK_HEADER > len(data):
            msg = f"has no compressed block at its byte {at}"
            raise ValueError(msg)
        found.add(algorithm)
        total += int.from_bytes(data[at + 6 : at + BLOCK_HEADER], "little")
        at += BLOCK_HEADER + int.from_bytes(data[at + 3 : at + 6], "little")
    if at != len(data):
        msg = f"has compressed blocks of {at} bytes in {len(data)}"
        raise ValueError(msg)
    if total != length:
        msg = f"has compressed blocks for {total} bytes instead of {length}"
        raise ValueError(msg)
    return frozenset(found)
