"""One file per ntuple format: the names, types and units of a release made into the event model.

`EventReader`, `detect_format` and `open_events` are in modules of their own, `reader`, `detect` and
`opening`: they load the reader of columns, which the formats themselves do not need.
"""

from __future__ import annotations

from femtobarn.data.formats.facts import FileFacts
from femtobarn.data.formats.model import COLLECTIONS, FIELDS, Field
from femtobarn.data.formats.registry import format_of, formats, register
from femtobarn.data.formats.spec import FieldSource, Format, Join, Part

__all__ = [
    "COLLECTIONS",
    "FIELDS",
    "Field",
    "FieldSource",
    "FileFacts",
    "Format",
    "Join",
    "Part",
    "format_of",
    "formats",
    "register",
]
