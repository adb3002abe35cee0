"""Opening a file of a run, wherever it is: here, by way of the cache, or in parts over the network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from femtobarn.base import settings
from femtobarn.base.errors import (
    DamagedError,
    NotRootError,
    TransientDataError,
    UnavailableError,
    UnwritableError,
)
from femtobarn.base.records import Access, InputFile
from femtobarn.data.storage.local import FileIdentity, local_path
from femtobarn.data.storage.policy import decide
from femtobarn.data.storage.source import Source, Transfer
from femtobarn.data.storage.urls import is_remote, permitted, shown

if TYPE_CHECKING:
    from femtobarn.data.storage.cache import Cache
    from femtobarn.data.storage.network import Network
    from femtobarn.data.storage.request import RemoteFile, Route

_damaged: dict[str, str] = {}  # checksums of removed copies by key: what comes a second time is no accident


@dataclass(frozen=True, slots=True)
class Opened:
    """A file that can be read now.

    Parameters
    ----------
    place
        a path, or a remote file that gives ranges of its bytes
    transfer
        counts what comes over the network for it
    how
        ``local``: it is a file of this machine; ``cache``: a verified copy; ``stream``: remote
    """

    place: Path | Source
    transfer: Transfer
    how: Literal["local", "cache", "stream"]


@contextmanager
def opened(file: InputFile, access: Access, *, share: float | None = None) -> Iterator[Opened]:
    """Give the file in the way that suits it, and keep it while it is used.

    Parameters
    ----------
    file
        a file of a run; a remote one is fetched or read only if it has the planned size and, where it
        is fetched, the planned checksum or identifier
    access
        what may be opened, and whether remote files are cached
    share
        which part of the file's bytes is needed (0 to 1); None if that is not known yet

    Raises
    ------
    AddressError
        if it is not below the permitted places
    DataError
        if it cannot be had, as `Cache.use` and `open_source` say
    TransientDataError
        if what reads the place finds a copy damaged whose checksum is not known; it is removed
    UnwritableError
        if the policy is ``cache`` and the cache cannot take it
    """
    permitted(file.url, access.prefixes)
    if not is_remote(file.url):
        yield Opened(local_path(file.url), Transfer(), "local")
        return
    from femtobarn.data.storage.entries import checksum_of

    with ExitStack() as stack:
        got = _remote(file, access, share, stack)
        try:
            yield got
        except (DamagedError, NotRootError) as error:
            if got.how != "cache" or checksum_of(file.identity) is not None:
                raise
            stack.close()  # what is in use is not removed
            if not _forgotten(got.place):
                raise
            msg = (
                f"{error} It came from {shown(file.url)}, whose checksum is not known, and is fetched again."
            )
            raise TransientDataError(msg) from error


def _remote(file: InputFile, access: Access, share: float | None, stack: ExitStack) -> Opened:
    from femtobarn.data.storage.cache import Cache
    from femtobarn.data.storage.network import Network
    from femtobarn.data.storage.remote import open_source
    from femtobarn.data.storage.request import RemoteFile, Route

    route = Route(access.prefixes, Network.from_environment())
    wanted = RemoteFile(file.url, file.name, file.size, file.identity)
    cache = Cache.from_environment()
    auto = access.policy == "auto"
    how = decide(
        access.policy,
        size=file.size,
        cached=auto and cache.has(wanted),
        seen=auto and cache.seen(wanted),
        share=share,
    )
    if how == "cache":
        try:
            return _cached(cache, wanted, route, stack)
        except UnwritableError:
            if not auto:
                raise
    source = stack.enter_context(
        closing(open_source(file.url, size=file.size, prefixes=route.prefixes, network=route.network))
    )
    if not source.ranges:
        if auto and how == "stream" and file.size <= settings.cache_largest():
            return _cached(cache, wanted, route, stack)
        msg = (
            f"{file.name}: expected {source.name} to give parts of the file, but the server gives only the whole "
            "of it. Read it by way of the cache."
        )
        raise UnavailableError(msg)
    if auto:
        cache.remember(wanted)
    return Opened(source, source.transfer, "stream")


def _cached(cache: Cache, wanted: RemoteFile, route: Route, stack: ExitStack) -> Opened:
    transfer = Transfer()
    path = stack.enter_context(cache.use(wanted, route, transfer=transfer))
    return Opened(path, transfer, "cache")


def _forgotten(place: Path | Source) -> bool:
    """Remove a copy that no checksum has verified and that is damaged; False if the server's own is so."""
    from femtobarn.data.storage.cache import Cache

    cache = Cache.from_environment()
    found = next((entry for entry in cache.entries() if entry.path == place), None)
    if found is None or not cache.forget(found):
        return False
    again = _damaged.get(found.key) == found.info.adler32
    _damaged[found.key] = found.info.adler32
    return not again


def identify_remote(url: str, prefixes: tuple[str, ...], network: Network | None = None) -> FileIdentity:
    """Return the size of a remote ROOT file and its identifier as ``uuid:...``, from its first bytes.

    Raises
    ------
    NotRootError, DamagedError
        if it is no ROOT file, or one that is shorter than its header says
    UnreadableError, UnavailableError, AddressError
        if it cannot be had
    """
    from femtobarn.data.storage.header import parse_header
    from femtobarn.data.storage.network import Network
    from femtobarn.data.storage.remote import open_source

    permitted(url, prefixes)
    chosen = network or Network.from_environment()
    with closing(open_source(url, size=None, prefixes=prefixes, network=chosen)) as source:
        try:
            header = parse_header(_beginning(source), source.size, source.name)
        except (DamagedError, NotRootError):  # of the file, or of this answer only
            header = parse_header(_beginning(source), source.size, source.name)
        return FileIdentity(source.size, f"uuid:{header.uuid}")


def _beginning(source: Source) -> bytes:
    from femtobarn.data.storage.header import HEADER_BYTES

    head = source.read(0, HEADER_BYTES) if source.ranges else next(iter(source.body()), b"")
    return head[:HEADER_BYTES]
