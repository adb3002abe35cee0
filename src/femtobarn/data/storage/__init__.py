"""Bytes on this machine: which files there are, what identifies them, what their header says."""

from __future__ import annotations

from femtobarn.data.storage.header import RootHeader, read_header
from femtobarn.data.storage.local import (
    FileIdentity,
    find_root_files,
    identify,
    local_path,
    require_regular,
    unusable,
)

__all__ = [
    "FileIdentity",
    "RootHeader",
    "find_root_files",
    "identify",
    "local_path",
    "read_header",
    "require_regular",
    "unusable",
]
