"""Inflating compressed blocks by the supported interfaces of libraries.

The compiled kernel inflates zlib by itself if it finds libdeflate; everything else comes here. Each
call releases the interpreter lock. Checksums are verified where the format has one: zlib (Adler-32), LZ4
in ROOT's framing (xxHash), LZMA (what the writer chose, CRC32 by default).
"""

from __future__ import annotations

import lzma
import zlib
from collections.abc import Callable

import numpy as np
import xxhash
from numpy.typing import NDArray

from femtobarn.data.columns.layout import BLOCK_HEADER

_LZ4_CHECKSUM = 8
_LZMA_MEMORY = 256 << 20


class BlockError(Exception):
    """A block cannot be inflated, or is not what its header tells."""


def inflate(data: memoryview, length: int, out: NDArray[np.uint8]) -> None:
    """Inflate the blocks that fill ``data`` into the first ``length`` bytes of ``out``.

    Raises
    ------
    BlockError
        if they do not give so many bytes, are damaged, or of a kind that is not known
    """
    at = filled = 0
    while at < len(data):
        head = bytes(data[at : at + BLOCK_HEADER])
        algorithm = _ALGORITHMS.get(head[:2])
        packed, unpacked = int.from_bytes(head[3:6], "little"), int.from_bytes(head[6:9], "little")
        at += BLOCK_HEADER
        if algorithm is None or at + packed > len(data) or filled + unpacked > length:
            msg = "no compressed block that is known"
            raise BlockError(msg)
        try:
            algorithm(data[at : at + packed], out[filled : filled + unpacked].data)
        except BlockError:
            raise
        except Exception as error:  # each library has errors of its own
            msg = f"{type(error).__name__}: {error}"
            raise BlockError(msg) from error
        at, filled = at + packed, filled + unpacked
    if filled != length:
        msg = f"blocks of {filled} bytes instead of {length}"
        raise BlockError(msg)


def _zlib(data: memoryview, out: memoryview) -> None:
    _fill(out, _zlib_function()(data, len(out)))


def _zlib_function() -> Callable[[memoryview, int], bytes]:
    try:
        from deflate import zlib_decompress
    except ImportError:
        return _slow_zlib
    return zlib_decompress  # type: ignore[no-any-return]


def _slow_zlib(data: memoryview, length: int) -> bytes:
    inflater = zlib.decompressobj()
    content = inflater.decompress(data, length + 1)
    if not inflater.eof:
        msg = "a block that is longer than its header tells, or not whole"
        raise BlockError(msg)
    return content


def _lz4(data: memoryview, out: memoryview) -> None:
    import cramjam

    stored = int.from_bytes(data[:_LZ4_CHECKSUM], "big")
    packed = data[_LZ4_CHECKSUM:]
    if xxhash.xxh64_intdigest(packed) != stored:
        msg = "another checksum"
        raise BlockError(msg)
    _fill(out, bytes(cramjam.lz4.decompress_block(packed, output_len=len(out))))


def _zstd(data: memoryview, out: memoryview) -> None:
    import cramjam

    if cramjam.zstd.decompress_into(data, out) != len(out):
        msg = "a block that is shorter than its header tells"
        raise BlockError(msg)


def _lzma(data: memoryview, out: memoryview) -> None:
    inflater = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_LZMA_MEMORY)
    content = inflater.decompress(data, len(out) + 1)
    if not inflater.eof:
        msg = "a block that is longer than its header tells, or not whole"
        raise BlockError(msg)
    _fill(out, content)


def _fill(out: memoryview, content: bytes) -> None:
    if len(content) != len(out):
        msg = f"a block of {len(content)} bytes instead of {len(out)}"
        raise BlockError(msg)
    out[:] = content


_ALGORITHMS: dict[bytes, Callable[[memoryview, memoryview], None]] = {
    b"ZL": _zlib,
    b"L4": _lz4,
    b"ZS": _zstd,
    b"XZ": _lzma,
}
