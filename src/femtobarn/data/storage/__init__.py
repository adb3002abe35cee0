"""Bytes on this machine: which files there are, what identifies them; remote ones by way of the cache or in parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from femtobarn.data.storage.access import Opened, identify_remote, opened
    from femtobarn.data.storage.cache import Cache, Cleared
    from femtobarn.data.storage.entries import Entry, Unfinished
    from femtobarn.data.storage.folder import fetch_to
    from femtobarn.data.storage.header import RootHeader, read_header
    from femtobarn.data.storage.local import (
        FileIdentity,
        find_root_files,
        identify,
        local_path,
        require_regular,
        unusable,
    )
    from femtobarn.data.storage.network import Network
    from femtobarn.data.storage.policy import decide
    from femtobarn.data.storage.request import RemoteFile, Route
    from femtobarn.data.storage.source import Source, Transfer
    from femtobarn.data.storage.urls import is_remote, permitted, shown
    from femtobarn.data.storage.verify import Verdict, verify_file

__all__ = [
    "Cache",
    "Cleared",
    "Entry",
    "FileIdentity",
    "Network",
    "Opened",
    "RemoteFile",
    "RootHeader",
    "Route",
    "Source",
    "Transfer",
    "Unfinished",
    "Verdict",
    "decide",
    "fetch_to",
    "find_root_files",
    "identify",
    "identify_remote",
    "is_remote",
    "local_path",
    "opened",
    "permitted",
    "read_header",
    "require_regular",
    "shown",
    "unusable",
    "verify_file",
]

_ROOMS = {
    "access": ("Opened", "identify_remote", "opened"),
    "cache": ("Cache", "Cleared"),
    "entries": ("Entry", "Unfinished"),
    "folder": ("fetch_to",),
    "header": ("RootHeader", "read_header"),
    "local": ("FileIdentity", "find_root_files", "identify", "local_path", "require_regular", "unusable"),
    "network": ("Network",),
    "policy": ("decide",),
    "request": ("RemoteFile", "Route"),
    "source": ("Source", "Transfer"),
    "urls": ("is_remote", "permitted", "shown"),
    "verify": ("Verdict", "verify_file"),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> Any:
    """Load what is asked for: a run on files of this machine needs nothing that talks to servers."""
    if name not in _ROOM_OF:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_ROOM_OF[name]}"), name)
