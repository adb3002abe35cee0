"""Finding a tree in a file: header, directory, keys, and the tree's record."""

from __future__ import annotations

import os
import struct
import uuid
from dataclasses import dataclass

import numpy as np

from femtobarn.data.columns.fast.codecs import inflate
from femtobarn.data.columns.fast.cursor import UnknownLayoutError
from femtobarn.data.columns.fast.metadata import Tree, parse_tree
from femtobarn.data.columns.layout import Key, read_directory, read_key, read_keys, read_top

_TREES = frozenset({"TTree", "ROOT::RNTuple"})
_FOLDERS = frozenset({"TDirectory", "TDirectoryFile"})
_HEAD = 4096
_UUID_AT = {False: 45, True: 57}  # by whether positions have 64 bits; after its version of 2 bytes
_VERSION = struct.Struct(">i")
_BIG_FILE = 1_000_000
_MOST_KEYS = 64 << 20
_MOST_RECORD = 1 << 30


@dataclass(frozen=True, slots=True)
class Found:
    """A tree of a file.

    Parameters
    ----------
    name
        of the tree
    key
        header of its record
    tree
        what it tells
    uuid
        of the file
    """

    name: str
    key: Key
    tree: Tree
    uuid: str


def find_tree(fd: int, wanted: str | None) -> Found:
    """Return the tree ``wanted``, or the only one for None, of an open file.

    Raises
    ------
    UnknownLayoutError
        if there is none, or it is one that another reader is for
    struct.error, IndexError, ValueError, BlockError, OSError
        if the file is damaged
    """
    keys, file_uuid = _keys(fd)
    name, key = _choose(keys, wanted)
    return Found(name, key, _tree(fd, key), file_uuid)


def titles(fd: int) -> dict[str, str]:
    """Return the title of every tree of an open file by its name, in the order of the file.

    Raises
    ------
    UnknownLayoutError
        if there are folders, in which there may be more, or several versions of an object
    struct.error, IndexError, ValueError, OSError
        if the file is damaged
    """
    keys, _ = _keys(fd)
    if len({key.name for key in keys}) != len(keys) or any(key.class_name in _FOLDERS for key in keys):
        msg = "folders, or several versions"
        raise UnknownLayoutError(msg)
    return {key.name: key.title for key in keys if key.class_name in _TREES}


def _keys(fd: int) -> tuple[list[Key], str]:
    """Return the keys of the top directory, and the UUID of the file."""
    head = os.pread(fd, _HEAD, 0)
    top = read_top(head)
    (version,) = _VERSION.unpack_from(head, 4)
    place = _UUID_AT[version >= _BIG_FILE] + 2
    file_uuid = str(uuid.UUID(bytes=head[place : place + 16]))
    if top.directory + 64 > len(head):
        head, offset = _read(fd, top.directory, 64), top.directory
    else:
        offset = 0
    seek, size, _ = read_directory(head, top.directory - offset)
    if not 0 < size <= _MOST_KEYS:
        msg = f"a list of keys of {size} bytes"
        raise UnknownLayoutError(msg)
    return read_keys(_read(fd, seek, size)), file_uuid


def _choose(keys: list[Key], wanted: str | None) -> tuple[str, Key]:
    if wanted is None and any(key.class_name in _FOLDERS for key in keys):
        msg = "folders, in which there may be more trees"
        raise UnknownLayoutError(msg)
    trees = [key for key in keys if key.class_name in _TREES and wanted in {None, key.name}]
    names = {key.name for key in trees}
    if len(names) != 1 or any(key.class_name != "TTree" for key in trees) or "/" in next(iter(names)):
        msg = "not exactly one tree"
        raise UnknownLayoutError(msg)
    newest = max(trees, key=lambda key: key.cycle)
    return newest.name, newest


def _tree(fd: int, key: Key) -> Tree:
    record = _read(fd, key.position, key.size)
    own, _ = read_key(record, 0)
    if (own.class_name, own.size, own.length, own.header) != (
        key.class_name,
        key.size,
        key.length,
        key.header,
    ):
        msg = "a tree whose record is not that of its key"
        raise UnknownLayoutError(msg)
    stored = memoryview(record)[key.header :]
    if not 0 < key.length <= _MOST_RECORD or not 0 < key.header < key.size:
        msg = f"a tree of {key.length} bytes"
        raise UnknownLayoutError(msg)
    if len(stored) == key.length:
        return parse_tree(bytes(stored), key.header)
    content = np.empty(key.length, dtype=np.uint8)
    inflate(stored, key.length, content)
    return parse_tree(content.tobytes(), key.header)


def _read(fd: int, at: int, size: int) -> bytes:
    if at < 0 or size < 0:
        msg = f"a record of {size} bytes at {at}"
        raise UnknownLayoutError(msg)
    data = os.pread(fd, size, at)
    if len(data) != size:
        msg = f"{len(data)} bytes at {at} instead of {size}"
        raise UnknownLayoutError(msg)
    return data
