# ruff: noqa: INP001 - a script beside the pages it writes
"""Write the tables of spectra-config.md from the configuration itself: `python docs/spectra_config.py`.

A test compares the page with what this script would write.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from femtobarn.physics.spectra.config import ScanConfig
from femtobarn.physics.spectra.presets import KINDS, TAGGERS, WINDOWS, recommended

PAGE = Path(__file__).parent / "spectra-config.md"


def tables() -> dict[str, str]:
    """Return the tables as Markdown, by the names of their places in the page."""
    return {
        "keys": "\n".join(_sections(ScanConfig, "")),
        "windows": "\n".join(_windows()),
        "taggers": "\n".join(_taggers()),
        "overlap": "\n".join(_overlap()),
    }


def updated(page: str) -> str:
    """Return the text of the page with the tables as they should be."""
    for name, table in tables().items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        page = f"{before}{begin}\n\n{table}\n\n{end}{after}"
    return page


def _sections(model: type[BaseModel], where: str) -> Iterator[str]:
    """Give the table of a record, then those of the records in it."""
    if where:
        yield f"### `{where}`"
        yield ""
    yield "| key | type | default | unit | meaning |"
    yield "|---|---|---|---|---|"
    below = []
    for name, field in model.model_fields.items():
        yield f"| `{name}` | {_type(field)} | {_default(field)} | {_unit(field)} | {field.description} |"
        inside = _inside(field.annotation)
        # kinds of objects have the same keys
        path = f"{where}.{name}" if where else name
        if inside is not None and not (where == "objects" and name != "electron"):
            path = "objects.<kind>" if where == "objects" else path
            below.append((inside, f"{path}[]" if _is_list(field.annotation) else path))
    for inside, path in below:
        yield ""
        yield from _sections(inside, path)


def _type(field: FieldInfo) -> str:
    return _words(field.annotation, tuple(field.metadata))


def _words(kind: Any, limits: tuple[Any, ...]) -> str:
    """Return a type in words."""
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _words(args[0], (*limits, *args[1:]))
    if origin in {Union, UnionType}:
        words = (_words(a, limits) for a in args if a is not type(None))
        return ", or ".join(dict.fromkeys(words))
    if origin is Literal:
        return ", ".join(f"`{a}`" for a in args)
    if origin is tuple:
        inner = _words(args[0], ())
        return f"list of {inner}" if args[-1] is Ellipsis else f"{len(args)} × {inner}"
    if origin is dict:
        return "names and values"
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return "keys"
    plain = {str: "text", bool: "`true`, `false`", int: "whole number", float: "number"}[kind]
    return plain + _range(limits)


def _range(limits: tuple[Any, ...]) -> str:
    found: dict[str, Any] = {}
    for limit in limits:
        for one in (limit, *getattr(limit, "metadata", ())):
            for side in ("ge", "gt", "le"):
                if getattr(one, side, None) is not None:
                    found[side] = getattr(one, side)
    if "ge" in found and "le" in found:
        return f", {found['ge']} to {found['le']}"
    if "gt" in found:
        return f", above {found['gt']}" + (f", to {found['le']}" if "le" in found else "")
    return f", from {found['ge']} on" if found.get("ge") is not None else ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    value = field.default
    if value is None or isinstance(value, BaseModel) or value in ((), {}):
        return ""
    if isinstance(value, tuple):
        return f"`[{', '.join(map(str, value))}]`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`" if value != "" else ""


def _unit(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    return str(extra["unit"]) if isinstance(extra, dict) else ""


def _inside(kind: Any) -> type[BaseModel] | None:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind
    return next((m for a in get_args(kind) if (m := _inside(a)) is not None), None)


def _is_list(kind: Any) -> bool:
    return get_origin(kind) is tuple or any(_is_list(a) for a in get_args(kind))


def _windows() -> Iterator[str]:
    yield "| name | centre in GeV | half width in GeV | particles |"
    yield "|---|---|---|---|"
    for one in WINDOWS.values():
        yield f"| `{one.name}` | {one.centre:g} | {one.half_width:g} | {', '.join(f'`{p}`' for p in one.particles)} |"


def _taggers() -> Iterator[str]:
    yield "| `tagger` | field | `working_point` | threshold |"
    yield "|---|---|---|---|"
    for name, tagger in TAGGERS.items():
        for point, value in tagger.points.items():
            yield f"| `{name}` | `{tagger.discriminant}` | `{point}` | {value:g} |"


def _overlap() -> Iterator[str]:
    names = {letter: name for name, letter in KINDS.items()}
    yield "| `remove` | `near` | `delta_r` |"
    yield "|---|---|---|"
    for step in recommended(("e", "m", "j", "g", "t")):
        yield f"| `{names[step.remove]}` | `{names[step.near]}` | {step.delta_r:g} |"


if __name__ == "__main__":
    written = updated(PAGE.read_text(encoding="utf-8"))
    PAGE.write_text(written, encoding="utf-8")
    sys.stdout.write(f"{PAGE}: {written.count(chr(10))} lines\n")
