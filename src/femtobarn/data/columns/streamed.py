"""A remote file as the seekable file that a ROOT library reads; nothing unverified gets through.

What is streamed has no checksum of the whole file. So every byte handed on was either checked by the
one who put it here with `StreamedFile.keep`, or asked for twice, with the same answer.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from femtobarn.base.errors import DamagedError, NotRootError, TransientDataError, UnreadableError
from femtobarn.data.columns.boundary import damaged
from femtobarn.data.storage.source import Source

BLOCK = 64 * 1024
"""Least number of bytes that are asked for when something was not foreseen."""

_LARGEST = 1 << 30  # ROOT's own limit for a record; a greater length is a damaged one
_RECORDS = 4096  # ranges in one request of a confirmation


class StreamedFile:
    """Bytes of a `Source` (see the module). The source stays open; who opened it closes it.

    Parameters
    ----------
    source
        a remote file that is open for reading

    Raises
    ------
    UnreadableError
        if parts of the file cannot be read
    """

    closed = False

    def __init__(self, source: Source) -> None:
        if not source.ranges:
            msg = f"{source.name}: expected a server that gives parts of a file, it gives whole files only. Fetch the file first."
            raise UnreadableError(msg)
        self.name, self.size = source.name, source.size
        self._source = source
        self._position = 0
        self._kept: dict[int, bytes] = {}
        self._starts: list[int] = []
        self._seen: dict[tuple[int, int], bytes] = {}

    def __repr__(self) -> str:
        """Return the name, by which a library calls this file in its messages."""
        return self.name

    def fetch(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return the bytes of each (offset, count) as they came, unverified, by one request.

        Until the next `release`, `blaming` can tell whether they come again.

        Raises
        ------
        DamagedError
            if a range is not within the file
        TransientDataError
            if an answer has another length
        DataError
            as `Source`
        """
        for start, count in ranges:
            if start < 0 or not 0 <= count <= _LARGEST or start + count > self.size:
                raise damaged(
                    self.name,
                    f"it tells of {count} bytes at {start}, expected parts of its {self.size} bytes",
                )
        if not ranges:
            return []
        parts = [self._source.read(*ranges[0])] if len(ranges) == 1 else self._source.read_many(ranges)
        if [len(part) for part in parts] != [count for _, count in ranges]:
            msg = f"{self.name}: expected answers of the lengths that were asked for, got others. Try again."
            raise TransientDataError(msg)
        self._seen.update(zip(ranges, parts, strict=True))
        return parts

    def head(self) -> bytes:
        """Return the first bytes, unverified."""
        place = (0, min(BLOCK, self.size))
        if place not in self._seen:
            self.fetch([place])
        return self._seen[place]

    def fetch_twice(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return the bytes of each (offset, count), asked for twice.

        Raises
        ------
        TransientDataError
            if the answers differ
        DataError
            as `fetch`
        """
        parts = self.fetch(ranges)
        for (start, count), first, second in zip(ranges, parts, self.fetch(ranges), strict=True):
            if first != second:
                raise self.differs(start, count)
        return parts

    def differs(self, start: int, count: int) -> TransientDataError:
        """Return the error for a part that came in two versions."""
        return TransientDataError(
            f"{self.name}: expected the same {count} bytes at {start} each time, got different ones. "
            "The network or the server changes bytes: try again."
        )

    def keep(self, start: int, data: bytes) -> None:
        """Hold verified bytes for `read`."""
        if start not in self._kept:
            insort(self._starts, start)
        elif len(self._kept[start]) >= len(data):
            return
        self._kept[start] = data

    def release(self) -> None:
        """Forget all bytes."""
        self._kept.clear()
        self._starts.clear()
        self._seen.clear()

    @contextmanager
    def blaming(self) -> Iterator[None]:
        """Tell a damaged file from a damaged answer: when something is wrong, ask for all of it again.

        Raises
        ------
        TransientDataError
            instead of `DamagedError` or `NotRootError`, if an answer differs from the one before
        """
        try:
            yield
        except (DamagedError, NotRootError) as error:
            seen = list(self._seen.items())
            for first in range(0, len(seen), _RECORDS):
                chosen = seen[first : first + _RECORDS]
                again = self.fetch([place for place, _ in chosen])
                for ((start, count), before), now in zip(chosen, again, strict=True):
                    if before != now:
                        raise self.differs(start, count) from error
            raise

    def seek(self, position: int) -> int:
        """Set the position of the next `read`."""
        self._position = position
        return position

    def read(self, count: int) -> bytes:
        """Return up to ``count`` verified bytes from the position on; fewer at the end of the file.

        Raises
        ------
        DataError
            as `fetch_twice`
        """
        start, stop = self._position, min(self._position + count, self.size)
        self._position = stop
        if start >= stop:
            return b""
        at = bisect_right(self._starts, start) - 1
        if at >= 0:
            first = self._starts[at]
            data = self._kept[first]
            if stop <= first + len(data):
                return data[start - first : stop - first]
        end = min(max(stop, start + BLOCK), self.size)
        (data,) = self.fetch_twice([(start, end - start)])
        self.keep(start, data)
        return data[: stop - start]
