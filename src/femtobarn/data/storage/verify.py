"""Whether a file is the published one, another edition of it, or damaged."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from femtobarn.base.errors import DataError
from femtobarn.data.storage.header import HEADER_BYTES, MAGIC, parse_header
from femtobarn.data.storage.local import local_path, require_regular, unusable

State = Literal["same", "another edition", "truncated", "damaged"]

_BLOCK = 4 * 1024 * 1024
_ANY_SIZE = 1 << 62


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a file is, compared with the published one.

    Parameters
    ----------
    state
        ``same``; ``another edition``: whole by its own header, of another size; ``truncated``: shorter
        than its own header says; ``damaged``: of the right size with another content, or no ROOT file
    size, adler32
        what it has
    wanted_size, wanted_adler32
        what the published file has
    """

    state: State
    size: int
    adler32: str
    wanted_size: int
    wanted_adler32: str

    @property
    def right(self) -> bool:
        """Whether nothing is wrong with it: another edition is a good file."""
        return self.state in {"same", "another edition"}

    def __str__(self) -> str:
        """Return the verdict with both sizes and checksums, where they differ."""
        if self.state == "same":
            return f"same ({self.size} bytes, adler32:{self.adler32})"
        return (
            f"{self.state}: expected {self.wanted_size} bytes with adler32:{self.wanted_adler32}, "
            f"found {self.size} with adler32:{self.adler32}"
        )


def verify_file(path: str | Path, size: int, adler32: str) -> Verdict:
    """Compare a file with the size and the checksum (8 hexadecimal digits) of the published one.

    Raises
    ------
    UnreadableError, TransientDataError
        if it cannot be read
    """
    found_size, found = checksum(path)
    wanted = adler32.lower().removeprefix("adler32:")
    same = (found_size, found) == (size, wanted)
    state: State = "same" if same else _state(local_path(path), found_size, size)
    return Verdict(state, found_size, found, size, wanted)


def checksum(path: str | Path, told: Callable[[int], None] | None = None) -> tuple[int, str]:
    """Return the bytes of a file and their adler32; ``told`` hears how many were read since before.

    Raises
    ------
    UnreadableError, TransientDataError
        if it cannot be read
    """
    place = local_path(path)
    size, total = 0, 1
    try:
        require_regular(place)
        with place.open("rb") as file:
            while block := file.read(_BLOCK):
                size, total = size + len(block), zlib.adler32(block, total)
                if told is not None:
                    told(len(block))
    except OSError as error:
        raise unusable(str(place), error) from error
    return size, f"{total:08x}"


def _state(place: Path, size: int, wanted: int) -> State:
    """Return what is wrong with a file that is not the published one."""
    if size == wanted:
        return "damaged"
    with place.open("rb") as file:
        head = file.read(HEADER_BYTES)
    try:
        header = parse_header(head, _ANY_SIZE, str(place))
    except DataError:
        return "truncated" if size < HEADER_BYTES and head.startswith(MAGIC[:size]) else "damaged"
    if header.end > size:
        return "truncated"
    return "another edition" if header.end == size else "damaged"
