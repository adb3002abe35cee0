"""What is fetched, how it is reached, and who is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from femtobarn.data.storage.network import Network

Progress = Callable[[int, int], None]
"""Told the bytes that are there, and those of the whole file."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A remote file.

    Parameters
    ----------
    url, name
        where it is, and what it is called
    size
        bytes; None if not known
    identity
        ``adler32:`` and 8 digits, ``uuid:`` and ROOT's identifier, or empty if neither is known
    """

    url: str
    name: str
    size: int | None = None
    identity: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """How remote files are reached: what may be opened, and the settings of the network."""

    prefixes: tuple[str, ...]
    network: Network
