"""HTML that is safe by construction: every string is escaped unless it is `Html` already."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable

_NAME = re.compile(r"[a-z][a-z0-9-]*\Z")
_LONG_WORD = 24
_VOID = frozenset({"br", "hr", "img", "meta", "link"})


class Html(str):
    """Text that is markup; only the functions of this module make it."""

    __slots__ = ()


def escape(value: str | int) -> Html:
    """Return ``value`` as HTML text; control characters and bidirectional overrides become �."""
    if isinstance(value, Html):
        return value
    text = str(value)
    if not text.isprintable():  # most are, and pictures are long
        text = "".join(
            "\N{REPLACEMENT CHARACTER}"
            if unicodedata.category(c) in {"Cc", "Cf", "Cs"} and c not in "\n\t"
            else c
            for c in text
        )
    return Html(html.escape(text, quote=True))


def join(parts: Iterable[str | int]) -> Html:
    """Return ``parts`` one after the other, each escaped unless it is markup."""
    return Html("".join(escape(part) for part in parts))


def tag(name: str, *children: str | int, **attributes: str | int | bool) -> Html:
    """Return an element; ``class_`` and ``http_equiv`` are spelt ``class`` and ``http-equiv``.

    An attribute that is True stands without a value, one that is False is left out.

    Raises
    ------
    ValueError
        if a name is not one of HTML, which only a mistake in this package can cause
    """
    opening = [name]
    for key, value in attributes.items():
        word = key.rstrip("_").replace("_", "-")
        if not _NAME.match(word):
            msg = f"An attribute name has lower-case letters, digits and dashes; {key!r} came."
            raise ValueError(msg)
        if value is True:
            opening.append(word)
        elif value is not False:
            opening.append(f'{word}="{escape(str(value))}"')
    if not _NAME.match(name):
        msg = f"An element name has lower-case letters and digits; {name!r} came."
        raise ValueError(msg)
    start = f"<{' '.join(opening)}>"
    if name in _VOID:
        return Html(start)
    return Html(f"{start}{join(children)}</{name}>")


def raw_style(css: str) -> Html:
    """Return a style element; ``css`` is this package's own and holds no foreign text."""
    return Html(f"<style>{css}</style>")


def table(
    head: Iterable[str],
    rows: Iterable[Iterable[str | int]],
    *,
    numeric: Iterable[int] = (),
    caption: str = "",
    row_classes: Iterable[str] = (),
) -> Html:
    """Return a table; columns ``numeric`` (from 0) are set right with aligned digits."""
    right = set(numeric)
    classes = list(row_classes)

    def cell(kind: str, column: int, value: str | int) -> Html:
        if column in right:
            return tag(kind, value, class_="n")
        # only what would not fit may break inside a word
        longest = max((len(word) for word in str(value).split()), default=0)
        return tag(kind, value, class_="long" if longest > _LONG_WORD else False)

    header = tag("tr", *(cell("th", i, h) for i, h in enumerate(head)))
    body = []
    for number, row in enumerate(rows):
        cells = [cell("td", i, value) for i, value in enumerate(row)]
        name = classes[number] if number < len(classes) else ""
        body.append(tag("tr", *cells, class_=name or False))
    title = tag("caption", caption) if caption else Html("")
    return tag("div", tag("table", title, tag("thead", header), tag("tbody", *body)), class_="wide")


def details(summary: str, *children: str | int) -> Html:
    """Return a block that is folded until it is wanted."""
    return tag("details", tag("summary", summary), *children)


def section(anchor: str, title: str, *children: str | int) -> Html:
    """Return a section with a heading that can be linked to."""
    return tag("section", tag("h2", title), *children, id=anchor)
