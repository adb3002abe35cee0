"""A remote file made into a local one: resumed where it stopped, and checked before anyone sees it."""

from __future__ import annotations

import errno
import os
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from femtobarn.base.atomic import write_text
from femtobarn.base.errors import (
    ChecksumError,
    DamagedError,
    DataError,
    FemtobarnError,
    FileChangedError,
    NotRootError,
    UnwritableError,
)
from femtobarn.data.storage.entries import Started, checksum_of, read_record
from femtobarn.data.storage.header import HEADER_BYTES, MAGIC, parse_header
from femtobarn.data.storage.request import Progress, RemoteFile, Route
from femtobarn.data.storage.source import Source, Transfer
from femtobarn.data.storage.urls import alternatives, shown

BLOCK = 8 * 1024 * 1024
"""Bytes that are asked for at once."""


def download(
    wanted: RemoteFile,
    partial: Path,
    started: Path,
    route: Route,
    *,
    progress: Progress | None = None,
    transfer: Transfer | None = None,
) -> str:
    """Complete ``partial`` to the wanted file and return its checksum, 8 hexadecimal digits.

    What is already there is kept if the server still has the same file. A file that comes with the
    wrong content is discarded and fetched once more, from another address where there is one.

    Parameters
    ----------
    wanted
        the file; its size must be known
    partial
        where its bytes go; on disk when this returns
    started
        where it is noted what ``partial`` is a part of
    route
        how to reach it
    progress
        told how far it is
    transfer
        counts what comes over the network

    Raises
    ------
    ChecksumError
        if what comes has not the size or checksum that were expected
    DamagedError, NotRootError
        if no checksum is known, and what comes is not a whole ROOT file
    FileChangedError
        if it is another file, by ROOT's identifier or its size
    UnreadableError, UnavailableError, AddressError
        as the server's answer was
    UnwritableError
        if it cannot be written
    """
    try:
        return _download(wanted, partial, started, route, progress, transfer)
    except BaseException:
        if not (partial.exists() and partial.stat().st_size):
            discard(partial, started)
        raise


def discard(partial: Path, started: Path) -> None:
    """Remove an unfinished file."""
    for path in (partial, started):
        with suppress(FileNotFoundError):
            path.unlink()


def _download(
    wanted: RemoteFile,
    partial: Path,
    started: Path,
    route: Route,
    progress: Progress | None,
    transfer: Transfer | None,
) -> str:
    from femtobarn.data.storage.remote import open_source

    others = alternatives(wanted.url, route.network)[1:]
    resumed = partial.exists()
    failure: DataError | None = None
    # what was there before may be what is wrong: then the first address gets another chance
    for address in (wanted.url, *([wanted.url] if resumed else []), others[0] if others else wanted.url):
        allowed = (*route.prefixes, *others)  # mirrors are settings of this machine
        try:
            source = open_source(address, size=wanted.size, prefixes=allowed, network=route.network)
        except FemtobarnError as error:
            raise failure or error from error
        with closing(source):
            try:
                found = _fill(source, wanted, partial, started, progress)
                _check(wanted, source.size, found, partial)
            except (DamagedError, FileChangedError, NotRootError) as error:
                failure = error
            except OSError as error:
                raise _unwritable(error, partial, started) from error
            else:
                return found
            finally:
                _add(transfer, source.transfer)
        partial.unlink(missing_ok=True)
    assert failure is not None
    raise failure


def _fill(source: Source, wanted: RemoteFile, partial: Path, started: Path, progress: Progress | None) -> str:
    """Write what is missing, and return the checksum of the whole."""
    note = Started(
        name=wanted.name,
        url=shown(wanted.url),
        size=source.size,
        identity=wanted.identity,
        validator=source.validator,
    )
    if not (source.ranges and _continues(note, partial, started)):
        partial.unlink(missing_ok=True)  # the note stays: it reserves room
    write_text(started, note.model_dump_json())
    total = _checksum(partial)
    done = partial.stat().st_size if partial.exists() else 0
    with partial.open("ab") as file:
        for block in _blocks(source, done):
            file.write(block)
            file.flush()  # so that a kill loses no whole block, and who waits sees it
            done += len(block)
            if done > source.size:
                msg = f"{source.name}: expected {source.size} bytes, but the server sends more. Try again later."
                raise ChecksumError(msg)
            total = zlib.adler32(block, total)
            if progress is not None:
                progress(done, source.size)
        file.flush()
        os.fsync(file.fileno())
    return f"{total:08x}"


def _continues(note: Started, partial: Path, started: Path) -> bool:
    """Whether what is there is the beginning of the file that the server has now."""
    before = read_record(Started, started)
    if before is None or not partial.is_file() or before.size != note.size:
        return False
    if partial.stat().st_size > note.size or before.identity != note.identity:
        return False
    # without a checksum only the server's word tells that the rest belongs to the same content
    return checksum_of(note.identity) is not None or before.validator == note.validator != ""


def _blocks(source: Source, done: int) -> Iterator[bytes]:
    if not source.ranges:
        yield from source.body()
        return
    while done < source.size:
        block = source.read(done, min(BLOCK, source.size - done))
        done += len(block)
        yield block


def _checksum(path: Path) -> int:
    total = 1
    if path.exists():
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                total = zlib.adler32(block, total)
    return total


def _check(wanted: RemoteFile, size: int, found: str, partial: Path) -> None:
    """Raise if the whole file is not the wanted one."""
    done = partial.stat().st_size
    expected = checksum_of(wanted.identity)
    if done != size or (wanted.size is not None and done != wanted.size):
        msg = (
            f"{wanted.name}: expected {wanted.size or size} bytes from {shown(wanted.url)}, but {done} came. "
            "Try again later, or another address."
        )
        raise ChecksumError(msg)
    if expected is not None:
        if found != expected:
            msg = (
                f"{wanted.name}: expected the checksum adler32:{expected} of {shown(wanted.url)}, but what came "
                f"has adler32:{found}, fetched twice. The server's copy is damaged or of another edition: try "
                "another address, or bring the catalogue up to date."
            )
            raise ChecksumError(msg)
        return
    with partial.open("rb") as file:
        head = file.read(HEADER_BYTES)
    kind, _, label = wanted.identity.partition(":")
    if kind == "uuid" or head.startswith(MAGIC):
        header = parse_header(head, done, wanted.name)
        if kind == "uuid" and header.uuid != label:
            msg = (
                f"{wanted.name}: expected the file with ROOT's identifier {label}, but {shown(wanted.url)} now "
                f"has {header.uuid}. Plan again with the new one."
            )
            raise FileChangedError(msg)


def _unwritable(error: OSError, partial: Path, started: Path) -> UnwritableError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        discard(partial, started)  # a full disk is no place for what cannot be finished
    msg = (
        f"Expected to write {partial}, but: {error.strerror or error}. Free some space, or choose "
        "a folder on another disk (for the cache: FEMTOBARN_CACHE)."
    )
    return UnwritableError(msg)


def _add(total: Transfer | None, part: Transfer) -> None:
    if total is not None:
        total.bytes += part.bytes
        total.requests += part.requests
        total.retries += part.retries
