"""Remote files fetched into a folder of the user's choice, by the rules of the cache."""

from __future__ import annotations

import shutil
from pathlib import Path

from femtobarn.base.atomic import replacing
from femtobarn.base.errors import ChecksumError, DataError, TransientDataError, UnwritableError
from femtobarn.data.storage.cache import Cache
from femtobarn.data.storage.download import discard, download
from femtobarn.data.storage.entries import checksum_of
from femtobarn.data.storage.header import read_header
from femtobarn.data.storage.locks import locked
from femtobarn.data.storage.private import writing
from femtobarn.data.storage.request import Progress, RemoteFile, Route
from femtobarn.data.storage.room import require_free
from femtobarn.data.storage.source import Transfer
from femtobarn.data.storage.urls import safe_name
from femtobarn.data.storage.verify import checksum, verify_file

_PATIENCE = 24 * 3600.0


def fetch_to(
    folder: str | Path,
    wanted: RemoteFile,
    route: Route,
    *,
    cache: Cache | None = None,
    progress: Progress | None = None,
    transfer: Transfer | None = None,
) -> Path:
    """Return the path of the wanted file in ``folder``, fetched and verified if it is not there.

    An interrupted fetch leaves ``.NAME.part``, which the next one completes. A file of this name with
    other content stays as it is.

    Parameters
    ----------
    folder
        made if needed
    wanted
        the file; size and identity must be known
    route
        how to reach it
    cache
        from which it is copied if it is there
    progress, transfer
        as for `Cache.fetch`

    Raises
    ------
    UnwritableError
        if the folder cannot be written, has no room, or holds another file of this name
    DataError
        if it cannot be fetched, as `download` says
    """
    assert wanted.size is not None
    top, name = Path(folder), safe_name(wanted.name)
    target, partial = top / name, top / f".{name}.part"
    started, lock = top / f".{name}.part.json", top / f".{name}.lock"
    with writing(top):
        top.mkdir(parents=True, exist_ok=True)
        with locked(lock, waiting=_at_most):
            try:
                if not _there(target, wanted):
                    _fetch(target, partial, started, wanted, route, cache, progress, transfer)
            finally:
                lock.unlink(missing_ok=True)
    return target


def _fetch(
    target: Path,
    partial: Path,
    started: Path,
    wanted: RemoteFile,
    route: Route,
    cache: Cache | None,
    progress: Progress | None,
    transfer: Transfer | None,
) -> None:
    assert wanted.size is not None
    require_free(target.parent, wanted.size - (partial.stat().st_size if partial.exists() else 0))
    kept = None if cache is None else cache.find(wanted.identity, wanted.size, wanted.url)
    if kept is not None:
        with replacing(target) as temporary:
            shutil.copyfile(kept, temporary)
            if checksum_of(wanted.identity) not in {None, checksum(temporary)[1]}:
                msg = f"{wanted.name}: expected {wanted.identity}, but its copy in the cache, {kept}, is damaged. Remove it: femtobarn cache clear"
                raise ChecksumError(msg)
        discard(partial, started)
    else:
        download(wanted, partial, started, route, progress=progress, transfer=transfer)
        partial.replace(target)
        started.unlink(missing_ok=True)
    if progress is not None:
        progress(wanted.size, wanted.size)


def _there(target: Path, wanted: RemoteFile) -> bool:
    """Whether the target is the wanted file; an error if it is another."""
    assert wanted.size is not None
    if not (target.exists() or target.is_symlink()):
        return False
    found = "it holds something else"
    try:
        expected = checksum_of(wanted.identity)
        if expected is not None:
            verdict = verify_file(target, wanted.size, expected)
            if verdict.state == "same":
                return True
            found = str(verdict)
        elif target.stat().st_size == wanted.size:
            with target.open("rb") as file:
                if f"uuid:{read_header(file, str(target)).uuid}" == wanted.identity:
                    return True
    except DataError as error:
        found = str(error)
    msg = f"Expected to write {target}, but a file is there: {found}. Move it away, or choose another folder."
    raise UnwritableError(msg)


def _at_most(seconds: float) -> None:
    if seconds > _PATIENCE:
        msg = "Expected another process to finish the same fetch, but it did not within a day. Try again."
        raise TransientDataError(msg)
