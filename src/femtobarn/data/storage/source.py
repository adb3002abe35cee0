"""What a remote file looks like to its readers: ranges of bytes, right or an error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(slots=True)
class Transfer:
    """What came over the network so far.

    Parameters
    ----------
    bytes
        bytes of content received, also those of answers that were thrown away
    requests
        requests that were sent, retries included
    retries
        requests that were sent again because one before had failed
    """

    bytes: int = 0
    requests: int = 0
    retries: int = 0


class Source(Protocol):
    """A remote file that is open for reading. Whatever it returns has the length asked for.

    Retries, other addresses of the same file, timeouts and limits are inside; what comes out is an
    error of `femtobarn.base.errors`: `UnreadableError` (absent, not permitted), `UnavailableError`,
    `AddressError`, `FileChangedError` (another size than before).

    Attributes
    ----------
    name
        the address without user information and query, for messages
    size
        bytes of the file
    validator
        what the server says changes with the content (ETag, modification time); empty if nothing
    ranges
        whether parts can be read; if not, only `body` works
    transfer
        what came over the network
    """

    name: str
    size: int
    validator: str
    ranges: bool
    transfer: Transfer

    def read(self, offset: int, count: int) -> bytes:
        """Return ``count`` bytes from ``offset``; fewer only at the end of the file."""
        ...

    def read_many(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return the bytes of each (offset, count), in few requests: near ranges are read as one."""
        ...

    def body(self) -> Iterator[bytes]:
        """Give the whole content in order, from a server that cannot give parts."""
        ...

    def close(self) -> None:
        """Release connections."""
        ...
