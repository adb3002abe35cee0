"""Files that are either complete or not there, and archives whose bytes depend on their content only."""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

TEMPORARY = ".tmp"
"""Ending of files that are being written; what is found of them later is of no use."""

_EPOCH = (1980, 1, 1, 0, 0, 0)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path in the folder of ``path``; at the end it takes the place of ``path``.

    The content is on disk before the name is: a crash at any moment leaves the old file or the new.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=TEMPORARY)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` in one step."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def archive(path: Path, *, compress: bool) -> Iterator[zipfile.ZipFile]:
    """Open a new zip archive at ``path``; it appears complete, when the block ends."""
    kind = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    with (
        replacing(path) as temporary,
        zipfile.ZipFile(temporary, "w", kind, compresslevel=1 if compress else None) as target,
    ):
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
    array: NDArray[Any] = np.lib.format.read_array(io.BytesIO(source.read(f"{name}.npy")), allow_pickle=False)
    return array


def remove_temporaries(folders: Iterable[Path]) -> None:
    """Remove what interrupted writers left in ``folders``."""
    for folder in folders:
        for path in folder.glob(f".*{TEMPORARY}"):
            with suppress(FileNotFoundError):
                path.unlink()


@contextmanager
def _member(target: zipfile.ZipFile, name: str) -> Iterator[IO[bytes]]:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.compress_type = target.compression
    info.external_attr = 0o644 << 16
    with target.open(info, "w", force_zip64=True) as member:
        yield member


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
