"""The description of a remote file, fetched in few requests before a library asks for it in many.

The first bytes give the header and the top directory; these the list of keys and the streamer
information, mostly one piece at the end; the keys the records of the trees. What is compressed with a
checksum is taken as it is; all else is asked for a second time, in one request for all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from femtobarn.data.columns.boundary import boundary, damaged
from femtobarn.data.columns.layout import (
    CHECKED,
    Key,
    read_blocks,
    read_directory,
    read_key,
    read_keys,
    read_top,
)
from femtobarn.data.columns.streamed import BLOCK, StreamedFile

_APART = 1 << 20  # pieces that lie nearer to each other come as one
_BEGINNING = 512  # ROOT's libraries read at least so much first
_DIRECTORY = 64  # more than a directory's record has


def preload(file: StreamedFile, wanted: Callable[[Sequence[Key]], Iterable[Key]]) -> None:
    """Fetch the description of a file and keep it in ``file``.

    Parameters
    ----------
    file
        a remote file whose header has been checked
    wanted
        gives those of the top directory's keys whose records will be read

    Raises
    ------
    DamagedError
        if the description is not whole
    TransientDataError
        if parts of it came in different versions
    DataError
        as `StreamedFile.fetch`
    """
    with file.blaming(), boundary(file.name, "reading its directory"):
        _preload(file, wanted)


def _preload(file: StreamedFile, wanted: Callable[[Sequence[Key]], Iterable[Key]]) -> None:
    head = file.head()
    pieces = _Pieces(file, head)
    top = read_top(head)
    if top.directory + _DIRECTORY > len(head):
        (head,) = pieces.get([(0, min(top.directory + _DIRECTORY, file.size))])
    keys_at, keys_size, end = read_directory(head, top.directory)
    places = [(keys_at, keys_size)] + ([(top.info, top.info_size)] if top.info else [])
    keys = read_keys(pieces.get(places)[0])
    doubtful = [(0, head[: min(len(head), max(end + _DIRECTORY, _BEGINNING))])]
    # a library reads a few bytes more than the list has
    doubtful.append((keys_at, pieces.around(keys_at, keys_size + 8)))
    chosen = list(wanted(keys))
    told = [None] * (len(places) - 1) + [*chosen]
    places = places[1:] + [(key.position, key.size) for key in chosen]
    for (start, size), listed, data in zip(places, told, pieces.get(places), strict=True):
        key, _ = read_key(data, 0)
        if (key.position, key.size) != (start, size) or listed not in {None, key} or key.header <= 0:
            raise damaged(file.name, f"the record at {start} has the header of another")
        algorithms = read_blocks(data, key.header, key.length)
        if algorithms and algorithms <= CHECKED:
            file.keep(start, data)
        else:
            doubtful.append((start, data))
    again = file.fetch([(start, len(data)) for start, data in doubtful])
    for (start, data), now in zip(doubtful, again, strict=True):
        if data != now:
            raise file.differs(start, len(data))
        file.keep(start, data)


class _Pieces:
    """What has been fetched of a file so far, unverified."""

    def __init__(self, file: StreamedFile, head: bytes) -> None:
        self._file = file
        self._there = [(0, head)]

    def get(self, places: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return the bytes of each (start, size); what is not there is fetched by one request."""
        missing = [place for place in places if self._find(*place) is None]
        if missing:
            joined = self._joined(missing)
            self._there += zip((start for start, _ in joined), self._file.fetch(joined), strict=True)
        found = [self._find(*place) for place in places]
        return [data for data in found if data is not None]

    def around(self, start: int, size: int) -> bytes:
        """Return what is there from ``start`` on, up to ``size`` bytes."""
        return max((data[start - at :][:size] for at, data in self._there if at <= start), key=len)

    def _find(self, start: int, size: int) -> bytes | None:
        for at, data in self._there:
            if at <= start and start + size <= at + len(data):
                return data[start - at : start - at + size]
        return None

    def _joined(self, places: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        start, stop = min(s for s, _ in places), max(s + n for s, n in places)
        near_end = self._file.size - stop < BLOCK
        stop = self._file.size if near_end else stop
        if stop - start > _APART:
            return list(places)
        return [(start, stop - start)]
