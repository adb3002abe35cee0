"""Bringing a remote file into a cache: room for it, its bytes, their check, and only then its name."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from femtobarn.base.atomic import write_text
from femtobarn.data.storage.download import download
from femtobarn.data.storage.entries import INFO, Info, Started, Tree, file_name
from femtobarn.data.storage.local import identify
from femtobarn.data.storage.request import Progress, RemoteFile, Route
from femtobarn.data.storage.room import make_room
from femtobarn.data.storage.source import Transfer
from femtobarn.data.storage.urls import shown


def keep(
    tree: Tree,
    key: str,
    wanted: RemoteFile,
    route: Route,
    *,
    limit: int,
    progress: Progress | None = None,
    transfer: Transfer | None = None,
) -> Path:
    """Fetch a file and return its path in the cache; a damaged copy is replaced.

    Parameters
    ----------
    tree, key
        the cache, and the key of the file, whose lock the caller holds alone
    wanted, route, progress, transfer
        as for `download`
    limit
        bytes that the cache may hold

    Raises
    ------
    DataError, UnwritableError
        as `download` and `make_room`
    """
    assert wanted.size is not None
    name, partial = file_name(wanted.name), tree.unfinished_path(key)
    shutil.rmtree(tree.files / key, ignore_errors=True)  # a damaged copy, or the start of one
    started = Started(name=name, url=shown(wanted.url), size=wanted.size, identity=wanted.identity)
    make_room(tree, key, started, limit)
    found = download(
        replace(wanted, name=name),
        partial,
        tree.started_path(key),
        route,
        progress=progress,
        transfer=transfer,
    )
    info = Info(
        name=name,
        url=shown(wanted.url),
        size=wanted.size,
        adler32=found,
        identity=wanted.identity,
        mark=identify(partial).identity,
        fetched=datetime.now(UTC),
    )
    write_text(tree.files / key / INFO, info.model_dump_json(indent=1))
    path = tree.files / key / name
    partial.replace(path)
    path.chmod(0o444)  # not before: whoever is killed here leaves a partial that can be continued
    for folder in (path.parent, tree.files):
        _sync(folder)
    tree.started_path(key).unlink(missing_ok=True)
    return path


def _sync(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
