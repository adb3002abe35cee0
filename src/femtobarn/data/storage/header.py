"""The first bytes of a ROOT file: enough to tell a ROOT file from another, and a whole one from a part."""

from __future__ import annotations

import struct
import uuid
from dataclasses import dataclass
from typing import BinaryIO

from femtobarn.base.errors import DamagedError, NotRootError

MAGIC = b"root"
_BIG_FILE = 1_000_000  # added by ROOT to the version of a file above 2 GB, whose positions have 64 bits
_SMALL = struct.Struct(">4siiiiiiiBiiiH16s")
_BIG = struct.Struct(">4siiqqiiiBiqiH16s")
HEADER_BYTES = _BIG.size
"""How much of the beginning of a file tells all that its header says."""


@dataclass(frozen=True, slots=True)
class RootHeader:
    """The header of a ROOT file (ROOT's reference of ``TFile``).

    Parameters
    ----------
    version
        ROOT's version that wrote the file
    begin, end
        where the first record begins and the last one ends, in bytes
    uuid
        the file's own identifier
    size
        bytes of the file as found
    """

    version: int
    begin: int
    end: int
    uuid: str
    size: int


def read_header(file: BinaryIO, name: str) -> RootHeader:
    """Return the header of the open ``file``.

    Parameters
    ----------
    file
        opened for reading binary; its position changes
    name
        what messages call it

    Raises
    ------
    NotRootError
        if the file is empty or does not begin as ROOT files do
    DamagedError
        if the header is cut off, senseless, or tells of more bytes than there are
    """
    file.seek(0)
    head = file.read(HEADER_BYTES)
    return parse_header(head, file.seek(0, 2), name)


def parse_header(head: bytes, size: int, name: str) -> RootHeader:
    """Return the header of a file of ``size`` bytes that begins with ``head``.

    Parameters
    ----------
    head
        the first `HEADER_BYTES` bytes of the file, or all of a shorter one
    size
        bytes of the file
    name
        what messages call it

    Raises
    ------
    NotRootError, DamagedError
        as `read_header`
    """
    if not head:
        msg = f"{name}: expected a ROOT file, found 0 bytes. Fetch or write it again."
        raise NotRootError(msg)
    if not head.startswith(MAGIC):
        msg = f"{name}: expected a ROOT file, which begins with b'root', but it begins with {head[:8]!r}."
        raise NotRootError(msg)
    if len(head) < _SMALL.size:
        msg = f"{name}: damaged ROOT file, it ends within its header ({size} bytes). Fetch it again."
        raise DamagedError(msg)
    version: int = _SMALL.unpack_from(head)[1]
    layout = _SMALL if version < _BIG_FILE else _BIG
    if len(head) < layout.size:
        msg = f"{name}: damaged ROOT file, it ends within its header ({size} bytes). Fetch it again."
        raise DamagedError(msg)
    fields = layout.unpack_from(head)
    begin, end = fields[2], fields[3]
    if end > size:
        msg = (
            f"{name}: truncated ROOT file, its header tells of {end} bytes but {size} are there. "
            "Fetch it again."
        )
        raise DamagedError(msg)
    if not 0 < begin < end:
        msg = (
            f"{name}: damaged ROOT file, its header says that it goes from {begin} to {end}. Fetch it again."
        )
        raise DamagedError(msg)
    return RootHeader(version % _BIG_FILE, begin, end, str(uuid.UUID(bytes=fields[-1])), size)
