"""What is wrong with a configuration, in words: the key, what was expected, what came, what was likely meant."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from femtobarn.base.errors import SettingsError, suggestion
from femtobarn.base.text import visible, without_secrets
from femtobarn.physics.spectra.config import EXECUTOR, NAME, RESONANCE

_Model = TypeVar("_Model", bound=BaseModel)
_RULES = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "a mapping of names to values",
    "model_type": "a mapping of keys to values, {} for all defaults",
    "too_long": "a shorter list",
    "string_too_short": "a text that is not empty",
    "string_too_long": "a shorter text",
}
_PATTERNS = {
    NAME: "letters, digits, '-', '_' and '.', not beginning with '-' or '.'",
    RESONANCE: "letters, digits, '-', '_' and '+'",
    EXECUTOR: "the name of an executor, or several joined by '+'",
}


def checked(model: type[_Model], content: Mapping[str, Any], name: str) -> _Model:
    """Return ``content`` as a record of ``model``.

    Parameters
    ----------
    content
        texts, finite numbers, true and false, None, lists and mappings
    name
        what messages call the file

    Raises
    ------
    SettingsError
        for the first thing that is wrong
    """
    given = _given(model, content, name, ())
    try:
        # as JSON: lists are tuples there, and nothing else is taken for what it is not
        return model.model_validate_json(json.dumps(given), strict=True)
    except ValidationError as error:
        raise SettingsError(f"{name}: {_words(model, error)}") from error


def _given(
    model: type[BaseModel], content: Mapping[str, Any], name: str, above: tuple[str, ...]
) -> dict[str, Any]:
    """Return ``content`` without keys that have no value: they are left out, and have their defaults."""
    found: dict[str, Any] = {}
    for key, value in content.items():
        field, below = model.model_fields.get(key), _model(model, [key])
        if isinstance(value, Mapping) and below is not None:
            found[key] = _given(below, value, name, (*above, key))
        elif value is not None or field is None:
            found[key] = value
        elif field.default is None and below in get_args(field.annotation):
            # without it there would be none of what it describes: was that meant?
            msg = f"{name}: {dotted((*above, key))}: expected a mapping of keys to values, got nothing. Write {{}} if its defaults are meant, or leave {key} out."
            raise SettingsError(msg)
    return found


def _words(model: type[BaseModel], error: ValidationError) -> str:
    first = error.errors()[0]
    # forms of a key (`<word>`) are no part of its path
    path = [part for part in first["loc"] if not str(part).startswith("<")]
    where, given = dotted(path), first["input"]
    if first["type"] == "extra_forbidden":
        known = _keys(model, path[:-1])
        return f"{where}: there is no such key; expected one of {', '.join(known)}. {suggestion(str(path[-1]), known)}"
    if first["type"] == "missing":
        meaning = _meaning(model, path)
        return f"{where}: expected this key{f' ({meaning})' if meaning else ''}, but it is missing. Add it."
    context = first.get("ctx", {})
    wanted = _RULES.get(first["type"]) or _PATTERNS.get(context.get("pattern", "")) or _plain(first["msg"])
    hint = ""
    if first["type"] == "literal_error" and isinstance(given, str):
        names = [
            word.strip("'") for word in str(context.get("expected", "")).replace(" or ", ", ").split(", ")
        ]
        hint = f" {suggestion(given, names)}"
    return f"{where}: expected {wanted}, got {shown(given)}.{hint or ' Correct the file.'}"


def wrong(where: str, wanted: str, came: str, advice: str) -> NoReturn:
    """Raise `SettingsError` for the key ``where``: what was expected, what came, what to do."""
    msg = f"{where}: expected {wanted}, got {came}. {advice}"
    raise SettingsError(msg)


def ordered(where: str, low: str, least: int, high: str, most: int | None) -> None:
    """Raise `SettingsError` if the key ``low`` is above the key ``high``; None is no limit."""
    if most is not None and least > most:
        wrong(f"{where}.{low}", f"at most {high} ({most})", str(least), "Correct one of them.")


def shown(value: Any) -> str:
    """Return a value as messages show it: short, and without passwords in addresses."""
    if value is None:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else repr(value)
    return visible(without_secrets(text), most=80)


def dotted(path: list[Any] | tuple[Any, ...]) -> str:
    """Return the path of a key: ``objects.jet.pt_min``, ``overlap_removal[2].near``."""
    words = ""
    for part in path:
        words += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if words else str(part)
    return visible(words, most=120)


def _plain(message: str) -> str:
    words = message.removeprefix("Input should be ")
    return f"a value {words}" if words.startswith(("greater", "less")) else words[:1].lower() + words[1:]


def _keys(model: type[BaseModel], path: list[Any]) -> list[str]:
    found = _model(model, path)
    return list(found.model_fields) if found is not None else []


def _meaning(model: type[BaseModel], path: list[Any]) -> str:
    found = _model(model, path[:-1])
    field = None if found is None else found.model_fields.get(str(path[-1]))
    return "" if field is None or field.description is None else field.description


def _model(model: type[BaseModel], path: list[Any]) -> type[BaseModel] | None:
    """Return the record below a path of keys and places in lists."""
    found: type[BaseModel] | None = model
    for part in path:
        if isinstance(part, int) or found is None:
            continue
        field = found.model_fields.get(str(part))
        found = None if field is None else _inside(field.annotation)
    return found


def _inside(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((m for a in get_args(annotation) if (m := _inside(a)) is not None), None)
