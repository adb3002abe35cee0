"""Text that came from files, servers and users, made fit for a terminal."""

from __future__ import annotations

import re

_LOGIN = re.compile(r"(?<=://)[^/\s'\"]*@")
_QUERY = re.compile(r"(\w://[^\s?'\"]*)\?[^\s'\"]*")


def without_secrets(text: str) -> str:
    """Return ``text`` without user names, passwords and queries of addresses in it."""
    return _QUERY.sub(r"\1", _LOGIN.sub("", text))


def visible(text: str, *, most: int = 300) -> str:
    """Return ``text`` with what is no visible character as an escape, and at most so many characters."""
    cut = text if len(text) <= most else f"{text[:most]}..."
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)
