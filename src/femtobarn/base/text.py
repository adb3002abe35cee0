"""Text that came from files, servers and users, made fit for a terminal."""

from __future__ import annotations


def visible(text: str, *, most: int = 300) -> str:
    """Return ``text`` with what is no visible character as an escape, and at most so many characters."""
    cut = text if len(text) <= most else f"{text[:most]}..."
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)
