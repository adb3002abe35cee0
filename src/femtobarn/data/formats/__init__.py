"""One file per ntuple format: the names, types and units of a release made into the event model.

`EventReader` and `detect_format` are in modules of their own, `reader` and `detect`: they load the
reader of columns, which the formats themselves do not need.
"""

from __future__ import annotations

from femtobarn.data.formats.facts import FileFacts
from femtobarn.data.formats.model import COLLECTIONS, FIELDS, Field
from femtobarn.data.formats.registry import format_of, formats
from femtobarn.data.formats.spec import FieldSource, Format

__all__ = ["COLLECTIONS", "FIELDS", "Field", "FieldSource", "FileFacts", "Format", "format_of", "formats"]
