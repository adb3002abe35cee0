"""Archives of arrays whose bytes depend on their content only."""

from __future__ import annotations

import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from femtobarn.base.atomic import replacing
from femtobarn.base.settings import HISTOGRAM_LIMIT

_EPOCH = (1980, 1, 1, 0, 0, 0)

# ValueError is also what json, pydantic and NumPy say; RuntimeError is also NotImplementedError
DAMAGE = (OSError, EOFError, LookupError, ValueError, OverflowError, RuntimeError, zipfile.BadZipFile, zlib.error, lzma.LZMAError)  # fmt: skip
"""What reading damaged bytes raises."""


@contextmanager
def archive(path: Path, *, compress: bool) -> Iterator[zipfile.ZipFile]:
    """Open a new zip archive at ``path``; it appears complete, when the block ends."""
    with replacing(path) as temporary, _zip(temporary, compress=compress) as target:
        yield target


@contextmanager
def archive_in_memory(buffer: io.BytesIO, *, compress: bool) -> Iterator[zipfile.ZipFile]:
    """Open a new zip archive in ``buffer``, which holds it when the block ends."""
    with _zip(buffer, compress=compress) as target:
        yield target


def add_bytes(target: zipfile.ZipFile, name: str, data: bytes) -> None:
    """Add a member with a fixed date, so that equal content gives equal bytes."""
    with _member(target, name) as member:
        member.write(data)


def add_array(target: zipfile.ZipFile, name: str, array: NDArray[Any]) -> None:
    """Add ``array`` as ``name`` + ``.npy``; object arrays (pickles) are refused."""
    with _member(target, f"{name}.npy") as member:
        np.lib.format.write_array(member, np.ascontiguousarray(array), allow_pickle=False)


def get_array(source: zipfile.ZipFile, name: str) -> NDArray[Any]:
    """Return the array ``name`` of an archive; never unpickles. The member's checksum is verified."""
    data = get_bytes(source, f"{name}.npy", most=HISTOGRAM_LIMIT)
    array: NDArray[Any] = np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
    return array


def get_bytes(source: zipfile.ZipFile, name: str, *, most: int) -> bytes:
    """Return a member of an archive; ValueError if it unpacks to more than ``most`` bytes, before it does."""
    size = source.getinfo(name).file_size
    if size > most:
        msg = f"{name} would have {size:,} bytes, more than {most:,}"
        raise ValueError(msg)
    return source.read(name)


def _zip(place: Path | io.BytesIO, *, compress: bool) -> zipfile.ZipFile:
    kind = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    return zipfile.ZipFile(place, "w", kind, compresslevel=1 if compress else None)


@contextmanager
def _member(target: zipfile.ZipFile, name: str) -> Iterator[IO[bytes]]:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.compress_type = target.compression
    info._compresslevel = target.compresslevel  # type: ignore[attr-defined] # noqa: SLF001 - else it is zlib's own, which is slow
    info.external_attr = 0o644 << 16
    with target.open(info, "w", force_zip64=True) as member:
        yield member
