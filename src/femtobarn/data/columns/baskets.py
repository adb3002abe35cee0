"""Baskets and pages of a remote file: fetched by one request, checked before they are decoded.

The header of a basket repeats what the tree's description says of it, so that a changed header is
found by comparison. The content is safe if its compression carries a checksum, as zlib (Adler-32),
LZ4 in ROOT's framing (xxHash) and LZMA (CRC) do, or if it is a page with a checksum of its own. What
carries none, because it is stored by ZSTD or uncompressed, is fetched a second time and compared. So a
passing fault is found whatever is stored. What cannot be found is a change that is the same in every
answer, within content without a checksum: only the checksum of the whole file would tell.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import xxhash

from femtobarn.data.columns.boundary import damaged
from femtobarn.data.columns.layout import CHECKED, read_blocks, read_key
from femtobarn.data.columns.streamed import StreamedFile

_COUNTS = struct.Struct(">Hiiii")  # version, size of the buffer, entries or their size, entries, last byte
CHECKSUM_SIZE = 8
"""Bytes of the checksum after a page."""


class Piece(Protocol):
    """A part of a file that can be checked.

    Attributes
    ----------
    start, size
        position and bytes
    what
        what messages call it
    """

    @property
    def start(self) -> int:
        """Position in the file."""
        ...

    @property
    def size(self) -> int:
        """Number of bytes."""
        ...

    @property
    def what(self) -> str:
        """What messages call it."""
        ...

    def check(self, data: bytes) -> bool:
        """Return whether ``data`` carries a checksum; raise ValueError if it cannot be right."""
        ...


@dataclass(frozen=True, slots=True)
class Basket:
    """A basket of a branch, as the tree's description tells of it.

    Parameters
    ----------
    branch, number
        of which branch, counted from 0
    start, size
        position and bytes, with its header
    entries
        number of entries in it
    """

    branch: str
    number: int
    start: int
    size: int
    entries: int

    @property
    def what(self) -> str:
        """What messages call it."""
        return f"basket {self.number} of branch {self.branch!r}"

    def check(self, data: bytes) -> bool:
        """Return whether the content carries a checksum.

        Raises
        ------
        ValueError
            if the header is not the one of this basket, or its parts do not fit together
        """
        try:
            key, end = read_key(data, 0)
            _, _, _, entries, last = _COUNTS.unpack_from(data, key.header - _COUNTS.size - 1)
        except (struct.error, IndexError, ValueError) as error:
            msg = "has no header"
            raise ValueError(msg) from error
        told = (key.class_name, key.size, key.position, entries)
        if told != ("TBasket", self.size, self.start, self.entries):
            msg = f"has the header of another ({key.class_name!r}, {key.size} bytes at {key.position}, {entries} entries)"
            raise ValueError(msg)
        if key.header != end + _COUNTS.size + 1 or key.header >= self.size or key.length < 0:
            msg = f"has a header of {key.header} bytes that does not fit"
            raise ValueError(msg)
        algorithms = read_blocks(data, key.header, key.length)
        offsets = key.header + key.length - last  # bytes after the content: a count, and where entries begin
        if offsets and (offsets < 4 * (entries + 1) or last < key.header):
            msg = f"has {offsets} bytes of offsets for {entries} entries"
            raise ValueError(msg)
        if offsets and not algorithms:
            _check_offsets(data[last:], key.header, entries, last)
        return bool(algorithms) and algorithms <= CHECKED


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a field of an RNTuple.

    Parameters
    ----------
    branch, number
        of which field, counted over what is read
    start, size
        position and bytes, with the checksum that follows
    length
        bytes of the content, uncompressed
    checksum
        whether an XXH3 checksum follows
    """

    branch: str
    number: int
    start: int
    size: int
    length: int
    checksum: bool

    @property
    def what(self) -> str:
        """What messages call it."""
        return f"page {self.number} of field {self.branch!r}"

    def check(self, data: bytes) -> bool:
        """Return whether the content carries a checksum.

        Raises
        ------
        ValueError
            if the checksum is another, or the page's parts do not fit together
        """
        content = data
        if self.checksum:
            content = data[:-CHECKSUM_SIZE]
            if not has_checksum(data):
                msg = "has another checksum"
                raise ValueError(msg)
        algorithms = read_blocks(content, 0, self.length)
        return self.checksum or (bool(algorithms) and algorithms <= CHECKED)


def has_checksum(data: bytes) -> bool:
    """Return whether ``data`` end with the XXH3 checksum of what is before it, as in RNTuples."""
    digest = xxhash.xxh3_64_intdigest(data[:-CHECKSUM_SIZE])
    return digest == int.from_bytes(data[-CHECKSUM_SIZE:], "little")


def fetch_checked(file: StreamedFile, pieces: Sequence[Piece]) -> None:
    """Fetch ``pieces`` by one request and keep them in ``file``; a second request for doubtful ones.

    Raises
    ------
    DamagedError
        if a piece is not right, in the same way each time; names file, branch and basket
    TransientDataError
        if the same part came in different versions, and none can be told to be right
    DataError
        as `StreamedFile.fetch`
    """
    unique = list({(piece.start, piece.size): piece for piece in pieces if piece.size}.values())
    doubtful: list[tuple[Piece, bytes, str]] = []
    for piece, data in zip(unique, file.fetch([(p.start, p.size) for p in unique]), strict=True):
        safe, fault = _verdict(piece, data)
        if safe:
            file.keep(piece.start, data)
        else:
            doubtful.append((piece, data, fault))
    again = file.fetch([(piece.start, piece.size) for piece, _, _ in doubtful])
    for (piece, before, fault), now in zip(doubtful, again, strict=True):
        if before == now:
            if fault:
                raise damaged(file.name, f"{piece.what} {fault}")
        elif not (fault and _verdict(piece, now)[0]):
            raise file.differs(piece.start, piece.size)
        file.keep(piece.start, now)


def _verdict(piece: Piece, data: bytes) -> tuple[bool, str]:
    try:
        return piece.check(data), ""
    except ValueError as error:
        return False, str(error)


def _check_offsets(data: bytes, header: int, entries: int, last: int) -> None:
    values = np.frombuffer(data, dtype=">i4", count=entries + 1)[1:].astype(np.int64)
    if entries and (values[0] != header or values[-1] > last or np.any(np.diff(values) < 0)):
        msg = f"has offsets that do not ascend from {header} to {last}"
        raise ValueError(msg)
