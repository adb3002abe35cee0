"""Reading ROOT's serialised objects from bytes.

Sources: ROOT's reference of ``TBufferFile``, ``TObject``, ``TNamed``, ``TObjArray``.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TypeVar

Parsed = TypeVar("Parsed")

_BYTE_COUNT = 0x40000000
_NEW_CLASS = 0xFFFFFFFF
_CLASS_MASK = 0x80000000
_TAG_OFFSET = 2  # references count from here
_REFERENCED = 1 << 4
_MOST_DEPTH = 64  # of objects within objects: branches in branches, mostly
_COUNT, _VERSION, _SHORT = struct.Struct(">I"), struct.Struct(">IH"), struct.Struct(">H")
_OBJECT = struct.Struct(">HII")


class UnknownLayoutError(Exception):
    """What is here is nothing that this package knows; a library may."""


class Cursor:
    """A position in an object's bytes.

    Parameters
    ----------
    data
        the object, without the header of its record
    origin
        bytes of that header, from whose start references count

    Attributes
    ----------
    at
        the position
    end
        where the object ends that is being read; nothing within it ends later
    """

    __slots__ = ("_depth", "at", "classes", "data", "end", "origin")

    def __init__(self, data: bytes, origin: int) -> None:
        self.data, self.origin, self.at, self.end = data, origin, 0, len(data)
        self._depth = 0
        self.classes: dict[int, str] = {}

    def take(self, form: struct.Struct) -> tuple[int, ...]:
        """Return the next numbers."""
        at = self.pass_over(form.size)
        return form.unpack_from(self.data, at)

    def pass_over(self, count: int) -> int:
        """Go on by so many bytes of the object that is being read; return where they begin."""
        at = self.at
        if not 0 <= count <= self.end - at:
            msg = "an object that is longer than what it is in"
            raise UnknownLayoutError(msg)
        self.at = at + count
        return at

    def text(self) -> str:
        """Return the next text."""
        length = self.data[self.pass_over(1)]
        if length == 255:
            (length,) = self.take(_COUNT)
        at = self.pass_over(length)
        return self.data[at : self.at].decode()

    def header(self) -> tuple[int, int]:
        """Return the version of the next object, and where it ends."""
        begin = self.at
        count, version = self.take(_VERSION)
        if not count & _BYTE_COUNT:
            msg = "an object without its length"
            raise UnknownLayoutError(msg)
        end = begin + _COUNT.size + (count & ~_BYTE_COUNT)
        if not self.at <= end <= self.end:
            msg = "an object that does not end"
            raise UnknownLayoutError(msg)
        return version, end

    def skip(self) -> None:
        """Skip the next object."""
        _, self.at = self.header()

    def base(self) -> None:
        """Skip the ``TObject`` of the next object."""
        version, _, bits = self.take(_OBJECT)
        if version & (_BYTE_COUNT >> 16):
            msg = "an object of an unknown kind"
            raise UnknownLayoutError(msg)
        if bits & _REFERENCED:
            self.pass_over(_SHORT.size)

    def named(self) -> tuple[str, str]:
        """Return name and title of the next ``TNamed``."""
        _, end = self.header()
        self.base()
        name, title = self.text(), self.text()
        self.at = end
        return name, title

    def pointer(self, parse: Callable[[Cursor, str, int], Parsed]) -> Parsed | None:
        """Return what ``parse`` makes of the next object by its class and end; None if it is none.

        None also if it is one that was met before.
        """
        (count,) = self.take(_COUNT)
        if not count & _BYTE_COUNT:
            return None
        tag_at = self.at
        end = tag_at + (count & ~_BYTE_COUNT)
        (tag,) = self.take(_COUNT)
        if not tag & _CLASS_MASK:
            return None
        if not self.at <= end <= self.end:
            msg = "an object that does not end"
            raise UnknownLayoutError(msg)
        if tag == _NEW_CLASS:
            stop = self.data.index(b"\0", self.at, end)
            name = self.data[self.at : stop].decode()
            self.at = stop + 1
            self.classes[tag_at + self.origin + _TAG_OFFSET] = name
        else:
            known = self.classes.get(tag & ~_CLASS_MASK)
            if known is None:
                msg = "an object of a class that was not named"
                raise UnknownLayoutError(msg)
            name = known
        # what an object holds ends within it: else the same bytes could be read again at each depth
        around, self.end = self.end, end
        self._depth += 1
        if self._depth > _MOST_DEPTH:
            msg = f"objects within objects, more than {_MOST_DEPTH} deep"
            raise UnknownLayoutError(msg)
        value = parse(self, name, end)
        self._depth -= 1
        self.at, self.end = end, around
        return value

    def array(self, parse: Callable[[Cursor, str, int], Parsed]) -> list[Parsed]:
        """Return what ``parse`` makes of the objects of the next ``TObjArray``; those that are none left out."""
        version, end = self.header()
        if version != 3:
            msg = f"an array of version {version}"
            raise UnknownLayoutError(msg)
        around, self.end = self.end, end
        self.base()
        self.text()
        count, _ = self.take(_VERSION_LESS)
        found = [self.pointer(parse) for _ in range(count)]
        self.at, self.end = end, around
        return [one for one in found if one is not None]


_VERSION_LESS = struct.Struct(">II")
