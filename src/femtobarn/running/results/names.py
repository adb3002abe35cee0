"""Names of users mapped to names that are safe as components of a path."""

from __future__ import annotations

import re
from collections.abc import Iterable

_UNSAFE = re.compile(r"[^A-Za-z0-9_+.-]+")


def safe_names(names: Iterable[str]) -> dict[str, str]:
    """Return a distinct component of a path for every name; most names map to themselves."""
    taken: set[str] = set()
    safe: dict[str, str] = {}
    for name in dict.fromkeys(names):
        base = _UNSAFE.sub("_", name).strip(".") or "_"
        candidate, n = base, 1
        while candidate in taken:
            n += 1
            candidate = f"{base}_{n}"
        taken.add(candidate)
        safe[name] = candidate
    return safe
