"""Files that are either complete or not there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from femtobarn.base.errors import UnwritableError

TEMPORARY = ".tmp"
"""Ending of files that are being written; what is found of them later is of no use."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path in the folder of ``path``; at the end it takes the place of ``path``.

    The content is on disk before the name is: a crash at any moment leaves the old file or the new.
    The folder is made if needed.

    Raises
    ------
    UnwritableError
        if the folder or the file cannot be written
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=TEMPORARY)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except BaseException as error:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink()
        if isinstance(error, OSError):
            msg = f"Expected to write {path}, but: {error.strerror or str(error) or type(error).__name__}. Choose a folder with write permission and enough free space."
            raise UnwritableError(msg) from error
        raise


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` in one step."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` in one step."""
    write_bytes(path, text.encode())


def remove_temporaries(folders: Iterable[Path]) -> None:
    """Remove what interrupted writers left in ``folders``."""
    for folder in folders:
        for path in folder.glob(f".*{TEMPORARY}"):
            with suppress(FileNotFoundError):
                path.unlink()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
