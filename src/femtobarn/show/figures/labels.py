"""Labels that always can be drawn: foreign names may hold broken mathtext, control characters or no end."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from matplotlib import cbook
from matplotlib.font_manager import findfont, get_font
from matplotlib.mathtext import MathTextParser

_MISSING = "\N{WHITE SQUARE}"
MOST = 60  # characters of a label; longer ones end in an ellipsis


def safe_label(text: str, most: int = MOST) -> str:
    """Return ``text`` such that matplotlib can draw it.

    Valid mathtext stays; dollars of invalid mathtext are shown as dollars. Control characters become
    spaces, characters that no bundled font has become squares, and what is longer than ``most``
    characters is cut.
    """
    cleaned = "".join(_drawable(c) for c in text)
    cleaned = " ".join(cleaned.split())
    if cbook.is_math_text(cleaned) and len(cleaned) <= 4 * most and _parses(cleaned):
        return cleaned
    if len(cleaned) > most:
        cleaned = cleaned[: most - 1].rstrip() + "…"
    return cleaned.replace("\\$", "$").replace("$", r"\$")


def _drawable(character: str) -> str:
    if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}:
        return " "
    return character if ord(character) in _glyphs() else _MISSING


@lru_cache(maxsize=1)
def _glyphs() -> frozenset[int]:
    return frozenset(get_font(findfont("DejaVu Sans")).get_charmap())


@lru_cache(maxsize=1024)
def _parses(text: str) -> bool:
    try:
        MathTextParser("agg").parse(text)
    except (ValueError, RuntimeError, RecursionError):
        return False
    return True
