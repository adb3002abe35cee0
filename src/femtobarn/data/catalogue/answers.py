"""Taking values out of JSON that somebody else made: the expected type, or an error that says where."""

from __future__ import annotations

from typing import Any, NoReturn, TypeVar

from femtobarn.base.errors import CatalogueError

T = TypeVar("T")
_WORDS = {dict: "an object", list: "a list", str: "a text", int: "a whole number", float: "a number"}


class Answer:
    """A JSON object of a server, with words for where it is.

    Parameters
    ----------
    value
        what the server said
    where
        for messages: which server, which object

    Raises
    ------
    CatalogueError
        if it is no object
    """

    def __init__(self, value: object, where: str) -> None:
        self.where = where
        self._value: dict[str, Any] = checked(value, dict, where)

    def get(self, name: str, kind: type[T]) -> T:
        """Return the field ``name``, which must be there and of type ``kind``.

        Raises
        ------
        CatalogueError
            if it is absent or of another type
        """
        if name not in self._value:
            wrong(
                f"{self.where}: expected a field {name!r}, got only {', '.join(list(self._value)[:12]) or 'none'}"
            )
        return checked(self._value[name], kind, f"{self.where}, field {name!r}")

    def optional(self, name: str, kind: type[T]) -> T | None:
        """Return the field ``name``; None if it is absent or null.

        Raises
        ------
        CatalogueError
            if it is of another type
        """
        if self._value.get(name) is None:
            return None
        return self.get(name, kind)


def checked(value: object, kind: type[T], where: str) -> T:
    """Return ``value`` if it is of type ``kind``; a whole number will do for a float, no bool for a number.

    Raises
    ------
    CatalogueError
        if it is of another type
    """
    if kind is float and isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1e300:
        value = float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        wrong(f"{where}: expected {_WORDS[kind]}, got {repr(value)[:80]}")
    return value


def wrong(what: str) -> NoReturn:
    """Raise the error for an answer that cannot be right.

    Raises
    ------
    CatalogueError
        always
    """
    msg = f"{what}. The tables stay as they are. Try again later, and report it to who keeps that server."
    raise CatalogueError(msg)
